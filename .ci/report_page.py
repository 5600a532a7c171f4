"""The report page in a real browser, offline: it opens, hovers, filters, colours, and shows the boxes of a cell.

browser.py opens the page and calls `check_report`.
"""
import time
from pathlib import Path

OWN = ('file:', 'data:', 'blob:')
MODEL = 'name => Bokeh.documents[0].get_model_by_name(name)'
DRAWN = f"window.Bokeh && Bokeh.documents.length && ({MODEL})('number').text"
PLACE = '''([figure, x, y]) => {
  const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name(figure))
  const at = view.canvas_view.el.getBoundingClientRect()
  return [at.x + view.frame.x_scale.compute(x), at.y + view.frame.y_scale.compute(y)]
}'''
UNSURE = '''() => {
  const d = Bokeh.documents[0].get_model_by_name('crops').data, k = d.surplus.findIndex(s => s < 0)
  return [d.x[k], d.y[k]]
}'''
WORST_CELL = '''() => {
  const d = Bokeh.documents[0].get_model_by_name('cells').data
  const wrong = Array.from(d.count, (n, k) => d.truth[k] == d.named[k] ? 0 : n), k = wrong.indexOf(Math.max(...wrong))
  return [d.named[k], d.truth[k], wrong[k]]
}'''


def listen(page):
    "Cut the net off; what the page complains of and what it would fetch go into two lists"
    said, fetched = [], []
    page.on('console', lambda m: said.append(m.text) if m.type == 'error' else None)
    page.on('pageerror', lambda e: said.append(str(e)))
    page.on('request', lambda r: None if r.url.startswith(OWN) else fetched.append(r.url))
    page.route('**', lambda r: r.continue_() if r.request.url.startswith(OWN) else r.abort())
    page.context.set_offline(True)
    return said, fetched


def number_shown(page):
    "How many crops the map says it shows"
    return int(page.evaluate(f"({MODEL})('number').text.match(/<b>(\\d+)/)[1]"))


def legend(page):
    "The words of the map's legend"
    return page.evaluate(f"({MODEL})('legend').text.replace(/<[^>]*>/g, ' ')")


def check_hover(page, shots):
    "A point shows its picture; the time until it does, in milliseconds"
    page.locator('#map-here').scroll_into_view_if_needed()
    x, y = page.evaluate(PLACE, ['map', *page.evaluate(UNSURE)])
    start = time.perf_counter()
    page.mouse.move(x, y)
    picture = page.locator('img[src^="data:image/jpeg"][style*="120px"]').first
    picture.wait_for(timeout=5000)
    took = 1000*(time.perf_counter() - start)
    assert picture.evaluate('i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])') == [32, 48]
    page.screenshot(path=shots/'hover.png')
    page.mouse.move(2, 2)
    picture.wait_for(state='hidden', timeout=5000)
    return took


def check_filters(page, shots):
    "Each choice changes the number of crops that are shown; all of them, and those that are wrong"
    every = number_shown(page)
    page.get_by_label('answer').select_option('wrong')
    wrong = number_shown(page)
    page.get_by_label('view').select_option('side')
    assert 0 < number_shown(page) < wrong < every, (number_shown(page), wrong, every)
    page.get_by_label('colour').select_option('answer')
    assert 'wrong' in legend(page) and 'right' not in legend(page), legend(page)
    page.screenshot(path=shots/'filtered.png')
    for name in ('answer', 'view'):
        page.get_by_label(name).select_option('all')
    page.get_by_label('colour').select_option('label')
    assert number_shown(page) == every
    return every, wrong


def check_several(page, shots):
    "A facet of many names takes several: each shows more"
    every, part = number_shown(page), page.locator('.choices').first
    seen = []
    for name in ('test', 'val'):
        part.click()
        page.locator('.choices__list--dropdown .choices__item', has_text=name).first.click()
        seen.append(number_shown(page))
    page.screenshot(path=shots/'several.png')
    assert 0 < seen[0] < seen[1] < every, (seen, every)
    for _ in seen:
        page.locator('.choices__button').first.click()
    assert number_shown(page) == every
    page.keyboard.press('Escape')


def check_confusion(page, shots):
    "A click on a cell shows its boxes"
    page.locator('#confusion-here').scroll_into_view_if_needed()
    named, truth, count = page.evaluate(WORST_CELL)
    page.mouse.click(*page.evaluate(PLACE, ['confusion', named, truth]))
    found = page.locator('#confusion-here img')
    found.first.wait_for(timeout=5000)
    assert found.count() == min(count, 30), (found.count(), count)
    page.screenshot(path=shots/'confusion.png')


def check_sessions(page):
    "A clip unfolds"
    page.locator('details summary').first.click()
    assert page.locator('details[open] .strip img').first.is_visible()


def shoot_whole(page, shots):
    "The whole page, light and dark"
    before, height = page.viewport_size, page.evaluate('document.documentElement.scrollHeight')
    page.set_viewport_size(dict(before, height=height))
    for scheme in ('light', 'dark'):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        page.screenshot(path=shots/f'{scheme}.png')
    page.set_viewport_size(before)


def check_report(page, path, shots):
    "Open a report in a page of Playwright and do all that a reader does; figures of what was seen"
    shots.mkdir(parents=True, exist_ok=True)
    said, fetched = listen(page)
    start = time.perf_counter()
    page.goto(Path(path).absolute().as_uri())
    page.wait_for_function(DRAWN)
    opened = time.perf_counter() - start
    hover, (every, wrong) = check_hover(page, shots), check_filters(page, shots)
    check_several(page, shots)
    check_confusion(page, shots)
    check_sessions(page)
    wide = page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    assert wide <= 0, f'the page is {wide} pixels too wide'
    shoot_whole(page, shots)
    assert not said and not fetched, (said, fetched)
    mb = Path(path).stat().st_size/1e6
    return dict(opened_s=round(opened, 2), hover_ms=round(hover), crops=every, wrong=wrong, mb=round(mb, 2))
