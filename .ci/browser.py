"""Use the explorer as a person does: JupyterLab and the report page in a headless Chromium, driven by Playwright.

    python .ci/browser.py                              on a small demo game, trained for an epoch
    python .ci/browser.py --data DIR --out DIR         on a run there is; its review is left alone, a copy is marked
    python .ci/browser.py --shots DIR                  keep the screenshots there
    python .ci/browser.py --points 25000               also measure panning and zooming of so many points

Where there is no Chromium it says so and does nothing (CONTRIBUTING.md says how to get it).
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from report_page import check_report

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync']
SOFT_GL = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'] # WebGL without a GPU
WRONG = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]'


def find_chromium():
    "The browser's path, or None"
    names = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
    return next((p for n in names if (p := shutil.which(n))), None)


def free_port():
    "A port that nobody listens on"
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def lab_command(port, folder):
    "The command that starts JupyterLab over a folder, for this machine alone and without a password"
    words = ['no-browser', 'allow-root', f'port={port}', 'ServerApp.port_retries=0', 'IdentityProvider.token=']
    words += ['ServerApp.disable_check_xsrf=True', f'ServerApp.root_dir={folder}', 'LabApp.extension_manager=readonly']
    return [sys.executable, '-m', 'jupyterlab', *(f'--{w}' for w in words)]


def lab_settings(home):
    "Settings, runtime and workspaces of its own; nobody is asked about news over the page"
    quiet = home/'settings'/'@jupyterlab'/'apputils-extension'/'notification.jupyterlab-settings'
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    places = {f'JUPYTER_{k}_DIR': str(home/k.lower()) for k in ('CONFIG', 'RUNTIME')}
    places |= {f'JUPYTERLAB_{k}_DIR': str(home/k.lower()) for k in ('SETTINGS', 'WORKSPACES')}
    return os.environ | places


def wait_for(url, process, log, seconds=60):
    "Wait until a server answers"
    until = time.time() + seconds
    while True:
        try:
            return urlopen(url, timeout=2).read()
        except OSError:
            pass
        if process.poll() is not None or time.time() > until:
            raise RuntimeError(f'JupyterLab did not start:\n{log.read_text()[-2000:]}')
        time.sleep(.2)


@contextmanager
def start_lab(folder):
    "JupyterLab over `folder`; yields its address, and ends it with its kernels"
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        log = Path(home)/'lab.log'
        with open(log, 'w') as f:
            lab = subprocess.Popen(lab_command(port, folder), env=lab_settings(Path(home)), stdout=f, stderr=f,
                                   start_new_session=True)
        try:
            wait_for(f'http://127.0.0.1:{port}/api/status', lab, log)
            yield f'http://127.0.0.1:{port}'
        finally:
            lab.send_signal(signal.SIGTERM) # it shuts its kernels down
            try:
                lab.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(lab.pid, signal.SIGKILL)


def open_page(p, chromium, size=(1500, 1100)):
    "A page of a fresh browser; what goes wrong in it is collected in `page.faults`"
    page = p.chromium.launch(executable_path=chromium, args=FLAGS + SOFT_GL).new_page(
        viewport=dict(width=size[0], height=size[1]))
    page.set_default_timeout(20000)
    page.faults = []
    page.on('pageerror', lambda e: page.faults.append(str(e)))
    page.on('console', lambda m: page.faults.append(m.text) if m.type == 'error' else None)
    return page


def idle(page, seconds=60):
    "Wait until the kernel has nothing to do"
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', state='attached', timeout=1000*seconds)


def open_notebook(page, lab, name, seconds=60):
    "Open a notebook, and wait until its kernel has answered: the page drops what is run before it is connected"
    page.goto(f'{lab}/lab/tree/{name}?reset')
    page.locator('.jp-Notebook .jp-Cell').first.wait_for(timeout=1000*seconds)
    until = time.time() + seconds
    while True:
        with urlopen(f'{lab}/api/sessions') as r:
            kernels = [s['kernel'] for s in json.load(r) if s['path'] == name]
        if kernels and kernels[0]['execution_state'] == 'idle' and kernels[0]['connections'] > 0: break
        if time.time() > until: raise RuntimeError(f'no kernel for {name}: {kernels}')
        time.sleep(.1)
    idle(page, seconds)


def run_all(page, seconds=300):
    "Run all cells; fail with the first error"
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    page.wait_for_function(f"""() => document.querySelector('{WRONG}') ||
        [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every(p => /\\d/.test(p.textContent))""",
                           timeout=1000*seconds)
    idle(page, seconds)
    wrong = page.locator(WRONG)
    if wrong.count(): raise AssertionError(wrong.first.inner_text())


def make_run(folder):
    "A small demo game and one fold of a run of it, trained for an epoch with the least of nets"
    data = subprocess.run([sys.executable, '-c', 'import sys; from reid_nb.demo import draw_game; '
                           'print(draw_game(sys.argv[1], "small"))', folder/'inputs'], check=True, capture_output=True,
                          text=True).stdout.strip()
    words = ['--data', data, '--out', folder/'run', '--folds', '0', '-p', 'recipe=tiny', '-p', 'epochs=1',
             '-p', 'stage2_epochs=0']
    subprocess.run([sys.executable, '-c', 'from reid_nb.run import reid_run; reid_run()', *words], check=True)
    return Path(data), folder/'run'


def notebook_for(data, out, folder):
    "06_explore, its parameters set to a run, in a folder of its own, and the picture that it shows"
    shutil.copy(ROOT/'nbs'/'explorer.jpg', folder)
    book = json.loads((ROOT/'nbs'/'06_explore.ipynb').read_text(encoding='utf-8'))
    cell = next(c for c in book['cells'] if 'parameters' in c['metadata'].get('tags', []))
    text = ''.join(cell['source'])
    for name, value in dict(data=data, out=out).items():
        text = re.sub(rf"(?m)^{name} = ''", f'{name} = {str(value)!r}', text)
    cell['source'] = text
    (folder/'06_explore.ipynb').write_text(json.dumps(book), encoding='utf-8')


def make_report(data, out):
    "The report page of a run's first fold"
    code = 'import sys; from reid_nb.core import Game; from reid_nb.page import write_report; ' \
           'print(write_report(0, Game(*sys.argv[1:])))'
    done = subprocess.run([sys.executable, '-c', code, data, out], check=True, capture_output=True, text=True)
    return Path(done.stdout.split()[-1])


class Visit:
    "A visit to the explorer: what is done and what must come of it"
    def __init__(self, page, out, shots):
        self.page, self.out, self.shots, self.n = page, out, shots, 0

    def shot(self, name):
        "Keep a screenshot"
        self.n += 1
        self.page.screenshot(path=self.shots/f'{self.n:02d}-{name}.png')

    def count(self):
        "How many crops the pages hold"
        text = self.page.locator('.reid-explorer .reid-where').first.inner_text()
        return int(re.search(r'(\d+) crops', text)[1])

    def until(self, what, seconds=10):
        "Wait for something to become true"
        end = time.time() + seconds
        while time.time() < end:
            if (value := what()): return value
            self.page.wait_for_timeout(50)
        self.shot('failed')
        raise AssertionError(f'nothing came of it within {seconds} s')

    def hover(self):
        "Move over the map until a crop shows; how long the answers take, in ms"
        page, canvas = self.page, self.page.locator('.reid-explorer canvas').first
        canvas.scroll_into_view_if_needed()
        page.wait_for_timeout(1500)
        box, rng, taken = canvas.bounding_box(), random.Random(0), []
        page.evaluate("""() => { const c = document.querySelector('.reid-card-box'); window.reidSeen = [];
            window.addEventListener('mousemove', () => { window.reidMoved = performance.now(); }, true);
            new MutationObserver(() => window.reidSeen.push(performance.now() - window.reidMoved))
              .observe(c, {childList: true, subtree: true, characterData: true}); }""")
        for _ in range(80):
            page.mouse.move(box['x'] + box['width']*rng.uniform(.3, .7), box['y'] + box['height']*rng.uniform(.3, .7))
            page.wait_for_timeout(150)
        taken = sorted(page.evaluate('() => window.reidSeen'))
        assert page.locator('.reid-card img').count() == 1, 'no crop was shown on hover'
        page.wait_for_timeout(900)
        self.shot('hover')
        return taken

    def lasso(self):
        "Take the middle of the map with the lasso"
        page, before = self.page, self.count()
        box = page.locator('.reid-explorer canvas').first.bounding_box()
        x, y = box['x'] + box['width']/2, box['y'] + box['height']/2
        page.locator('button[title="Activate lasso selection"]').first.click()
        page.mouse.move(x - 150, y - 110)
        page.mouse.down()
        for dx, dy in ((150, -110), (150, 110), (-150, 110), (-140, -60)):
            page.mouse.move(x + dx, y + dy, steps=12)
        page.mouse.up()
        self.until(lambda: 1 < self.count() < before)
        self.shot('lasso')
        return self.count()

    def filter(self):
        "Only wrong boxes of the test, then only those of the side view"
        counts = [self.count()]
        for name, value in dict(part='test', right='wrong', angle='side').items():
            self.page.locator(f'.reid-filter-{name} select').select_option(value)
            self.until(lambda: self.count() < counts[-1])
            counts.append(self.count())
        assert counts[-1] > 0, 'no wrong box of the test in the side view to look at'
        self.shot('filter')
        return counts

    def click(self):
        "Click a crop: its moment, tracklet and gallery"
        page = self.page
        page.locator('.reid-explorer .reid-crop').first.click()
        self.until(lambda: page.locator('.reid-detail .reid-box').count() > 3)
        self.until(lambda: page.locator('.reid-detail .reid-crop').count() > 9) # tracklet and gallery
        assert 'named' in page.locator('.reid-detail').inner_text()
        page.locator('.reid-detail').scroll_into_view_if_needed()
        self.shot('detail')

    def review(self):
        "Mark the crop as nobody, then two as wrong boxes; take the last back; the csv is what was marked"
        page, csv = self.page, self.out/'review.csv'
        page.locator('.reid-nobody').click()
        self.until(csv.exists)
        first = csv.read_text()
        assert first.count('\n') == 2 and ',nobody,' in first, first
        self.until(lambda: page.locator('.reid-grid .reid-mark', has_text='nobody').count()) # the pages are filled anew
        crops = page.locator('.reid-explorer .reid-grid').first.locator('.reid-crop')
        for i in range(2):
            crops.nth(i).click(modifiers=['Control'])
        self.until(lambda: page.locator('.reid-grid .reid-chosen').count() == 2)
        page.locator('.reid-wrong-box').click()
        self.until(lambda: csv.read_text().count(',wrong box,') == 2)
        self.shot('marked')
        page.locator('.reid-undo').click()
        self.until(lambda: csv.read_text() == first)
        page.locator('.reid-write-csv').click()
        self.until((self.out/'selection.csv').exists)
        self.shot('undone')

    def session(self):
        "Step and play a session with the keys; hover a name"
        page = self.page
        page.locator('.reid-explorer .lm-TabBar-tabLabel', has_text='Test sessions').first.click()
        player, choose = page.locator('.reid-player:visible').last, page.locator('.reid-session:visible select')
        for name in choose.locator('option').all_inner_texts():
            choose.select_option(name)
            page.wait_for_timeout(500)
            if player.locator('figure').count() == 2: break
        assert player.locator('figure').count() == 2, 'no session of two views'
        where = player.locator('.reid-caption')
        first = self.until(lambda: where.inner_text())
        player.locator('.reid-step-forward').click()
        second = self.until(lambda: where.inner_text() != first and where.inner_text())
        player.press('ArrowLeft')
        self.until(lambda: where.inner_text() == first)
        player.press('ArrowRight')
        self.until(lambda: where.inner_text() == second)
        player.locator('.reid-name').first.hover()
        self.until(lambda: player.locator('.reid-box.reid-lit').count())
        player.scroll_into_view_if_needed()
        self.shot('session')
        player.locator('.reid-box').last.dispatch_event('click') # an edge alone can be hidden by another box


MANY = """import dataclasses
import ipywidgets, numpy as np, pandas as pd, psutil
from reid_nb.catalog import open_catalogue
from reid_nb.core import Game
from reid_nb.panels import CropBrowser, draw_map
cat, n = open_catalogue(0, Game(data, out)), points
boxes = pd.concat([cat.boxes]*(n//len(cat) + 1), ignore_index=True)[:n]
many = dataclasses.replace(cat, boxes=boxes)
box = ipywidgets.Box([draw_map(many, np.random.default_rng(0).normal(size=(n, 2)), height=600).show()])
box.layout.width = '900px'
box.add_class('reid-many')
box
---
pages, used = CropBrowser(many, 60), []
pages.show(boxes.index)
for page in range(-(-n//60)):
    pages.turn(page)
    used.append(psutil.Process().memory_info().rss/2**20)
print(f'memory while {len(used)} pages are turned, MB: {used[0]:.0f} at first, {used[len(used)//2]:.0f} half-way, '
      f'{used[-1]:.0f} at last')"""


def many_points(data, out, n, folder):
    "A notebook with a map of `n` points, and pages of as many crops"
    cells = MANY.replace('data, out)', f'{str(data)!r}, {str(out)!r})').replace('points\n', f'{n}\n').split('---\n')
    blank = dict(cell_type='code', metadata={}, outputs=[], execution_count=None)
    book = dict(cells=[blank | dict(source=c, id=f'cell{i}') for i, c in enumerate(cells)], nbformat=4, nbformat_minor=5,
                metadata=dict(kernelspec=dict(name='python3', display_name='Python 3', language='python')))
    (folder/'many.ipynb').write_text(json.dumps(book), encoding='utf-8')


def frames_per_second(page, kind, seconds=4):
    "Frames a second while the map is dragged ('pan') or zoomed ('zoom')"
    box = page.locator('.reid-many canvas').first.bounding_box()
    x, y, k = box['x'] + box['width']/2, box['y'] + box['height']/2, 0
    page.mouse.move(x, y)
    if kind == 'pan':
        page.mouse.down()
    start, before = time.time(), page.evaluate('() => window.reidFrames')
    while time.time() - start < seconds:
        k += 1
        if kind == 'pan':
            page.mouse.move(x + 6*((k % 20) - 10), y + 4*((k % 14) - 7))
        else:
            page.mouse.wheel(0, 30 if k % 20 < 10 else -30)
    figure = (page.evaluate('() => window.reidFrames') - before)/(time.time() - start)
    page.mouse.up()
    return figure


def measure(page, lab, shots):
    "Pan and zoom the map of many points, and say what the pages of as many crops took"
    open_notebook(page, lab, 'many.ipynb')
    run_all(page)
    page.locator('.reid-many canvas').first.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    page.evaluate("""() => { window.reidFrames = 0;
        const frame = () => { window.reidFrames++; requestAnimationFrame(frame); }; requestAnimationFrame(frame); }""")
    figures = {kind: round(frames_per_second(page, kind), 1) for kind in ('pan', 'zoom')}
    page.screenshot(path=shots/'many.png')
    print(f'frames a second: {figures}')
    print(page.locator('.jp-OutputArea-output', has_text='memory while').first.inner_text())


def main():
    "Make or take a run, visit it, say what was measured"
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('data', 'out', 'shots'):
        ap.add_argument(f'--{name}', type=Path)
    ap.add_argument('--points', type=int, default=0)
    args = ap.parse_args()
    chromium = find_chromium()
    if not chromium:
        print('browser test left out: there is no Chromium here (see CONTRIBUTING.md)')
        return
    from playwright.sync_api import sync_playwright
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        shots = args.shots or tmp/'shots'
        shots.mkdir(parents=True, exist_ok=True)
        data, run = (args.data.resolve(), args.out.resolve()) if args.out else make_run(tmp)
        out, lab_folder = tmp/'copy', tmp/'lab'
        shutil.copytree(run, out)
        (out/'review.csv').unlink(missing_ok=True)
        lab_folder.mkdir()
        report = make_report(data, out)
        notebook_for(data, out, lab_folder)
        with start_lab(lab_folder) as lab, sync_playwright() as p:
            page = open_page(p, chromium)
            open_notebook(page, lab, '06_explore.ipynb')
            run_all(page)
            visit = Visit(page, out, shots)
            taken = visit.hover()
            print(f'hover: {len(taken)} answers, median {taken[len(taken)//2]:.0f} ms, slowest {taken[-1]:.0f} ms')
            print(f'lasso: {visit.lasso()} crops; filters: {visit.filter()} crops')
            visit.click()
            visit.review()
            visit.session()
            assert not page.faults, page.faults
            for width in (1200, 800):
                sheet = page.context.browser.new_context(viewport=dict(width=width, height=900)).new_page()
                print(f'report, {width} pixels wide:', check_report(sheet, report, shots/f'report-{width}'))
            if args.points:
                many_points(data, out, args.points, lab_folder)
                measure(page, lab, shots)
        print(f'explorer: hover, lasso, filter, click, marks, undo, session: done, {visit.n} screenshots')


if __name__ == '__main__': main()
