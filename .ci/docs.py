"""Prepare the docs site as `nbdev_docs` does, check its pages, write README.md, and render where Quarto is installed.

    python .ci/docs.py                 prepare, check, render
    python .ci/docs.py --report FILE   show this report of a run in 06_explore; else that of a tiny game, made now
    python .ci/docs.py --readme        write README.md from nbs/index.ipynb, nothing else
"""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from nbconvert import MarkdownExporter
from nbdev import quarto
from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
NBS, PROC = ROOT/'nbs', ROOT/'_proc'
NEED = (1, 7)


def readme():
    "README.md from index.ipynb, its links to notebooks led to their source"
    text, _ = MarkdownExporter().from_filename(NBS/'index.ipynb')
    text = re.sub(r'\]\((\w+\.(?:ipynb|jpg))(#[\w-]+)?\)', r'](nbs/\1)', text.strip())
    note = '<!-- made from nbs/index.ipynb by .ci/docs.py: edit that -->\n\n'
    (ROOT/'README.md').write_text(note + text + '\n', encoding='utf-8')


def prepare():
    "What `nbdev_docs` does before Quarto is called; Quarto itself is not needed for it"
    quarto._ensure_quarto = lambda: None
    shutil.rmtree(PROC, ignore_errors=True)
    quarto.nbdev_proc_nbs.__wrapped__(n_workers=2)
    return sorted(PROC.glob('*.ipynb'))


def read_cells(path):
    "The cells of a notebook, each with its source as one text"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [dict(c, source=''.join(c['source'])) for c in cells]


def shown(output, kind):
    "What an output shows of a kind, as one text; '' for nothing"
    return ''.join(output.get('data', {}).get(kind, ''))


def site_faults(site):
    "What is wrong with _quarto.yml"
    formats, website = site['format'], site['website']
    html = formats['html']
    if 'commonmark' in formats and not html.get('keep-md'):
        yield '_quarto.yml: html needs `keep-md: true` beside commonmark, or Quarto ends without a site'
    if html.get('format-links') is not False: yield '_quarto.yml: html needs `format-links: false`'
    if not isinstance(html.get('theme'), dict) or 'dark' not in html['theme']: yield '_quarto.yml: no dark theme'
    if not website.get('page-navigation'): yield '_quarto.yml: website needs `page-navigation: true`'
    icon = website.get('favicon', '')
    if not icon or not (PROC/icon).is_file(): yield f'_quarto.yml: the favicon {icon!r} is not among the pages'
    listed = json.dumps(website['sidebar'])
    yield from (f'_quarto.yml: {p.name} is not in the sidebar' for p in NBS.glob('*.ipynb') if p.name not in listed)


def head_faults(name, cells):
    "No title, no description"
    for k in ('title', 'description'):
        if not re.search(rf'^{k}: *\S', cells[0]['source'], re.M): yield f'{name}: no {k}'


def opening_faults(name, cells):
    "The paragraph that opens a notebook, lost on its page: nbdev takes the whole first cell for front matter"
    first, second = read_cells(NBS/name)[:2]
    if len([p for p in first['source'].split('\n\n') if p.strip()]) != 2:
        yield f'{name}: its first cell must be the title and the one-line summary, nothing else'
    start = max(re.split(r'[`\[*\n]', second['source'][:200]), key=len).strip() # words that nbdev does not turn into links
    if second['cell_type'] != 'markdown' or second['source'].startswith('#') or len(start) < 10:
        yield f'{name}: its second cell must be the opening paragraph'
    elif not any(start in c['source'] for c in cells[1:] if c['cell_type'] == 'markdown'):
        yield f'{name}: its opening paragraph is not on the page'


def link_faults(name, text, names):
    "Links that lead nowhere"
    for link in re.findall(r'\]\(([^)#\s]+)[^)]*\)', text):
        if re.match(r'[a-z]+:', link) or link.startswith('data'): continue
        there = Path(link).name.replace('.html', '.ipynb') in names or (NBS/link).exists()
        if not there: yield f'{name}: link to {link} leads nowhere'


def block_faults(name, text):
    "Blocks that Quarto cannot draw offline"
    for block in re.findall(r'^```\{(dot|mermaid)\}', text, re.M): yield f'{name}: a {block} block'


def signature_faults(name, cells):
    "Markdown links in the code of a signature, where they are shown raw"
    for c in cells:
        for o in c.get('outputs', []):
            for block in re.findall(r'```python\n(.*?)```', shown(o, 'text/markdown'), re.S):
                for line in block.splitlines():
                    if '](' in line: yield f'{name}: a raw link in a signature, take the backticks off: {line.strip()[:90]}'


def picture_faults(name, cells):
    "Pictures without a text for those who cannot see them"
    for c in cells:
        picture = any(k.startswith('image/') for o in c.get('outputs', []) for k in o.get('data', {}))
        if picture and not re.search(r'^#\| *fig-alt: *\S', c['source'], re.M):
            yield f'{name}: a picture without `#| fig-alt:`, cell {c.get("id")}: {c["source"][:60]!r}'


def faults(page, names):
    "What is wrong with one page"
    cells, name = read_cells(page), page.name
    text = '\n'.join(c['source'] for c in cells if c['cell_type'] == 'markdown')
    yield from head_faults(name, cells)
    yield from opening_faults(name, cells)
    yield from link_faults(name, text, names)
    yield from block_faults(name, text)
    yield from signature_faults(name, cells)
    yield from picture_faults(name, cells)


TINY_REPORT = """import reid_nb.places as places
from reid_nb.before import make_before
from reid_nb.infer import infer_fold
from reid_nb.page import write_report
game = places.tiny_game()
make_before('infer', 0, game)
infer_fold(0, game)
shutil.copy(write_report(0, game), sys.argv[1])"""
FRAME = """## A report

The page that `reid_run` leaves of a run, here of a drawn game ([alone](report.html)).

<iframe src="report.html" width="100%" height="900" loading="lazy" title="Report of a run on the demo game"></iframe>
"""


def add_report(report):
    "Put a run's report beside the pages, and a frame that shows it below 06_explore"
    there = PROC/'report.html'
    if report:
        shutil.copy(report, there)
    else:
        code = f'import shutil, sys\n{TINY_REPORT}'
        subprocess.run([sys.executable, '-c', code, str(there)], check=True, stdout=subprocess.DEVNULL)
    page = PROC/'06_explore.ipynb'
    book = json.loads(page.read_text(encoding='utf-8'))
    book['cells'].append(dict(cell_type='markdown', id='report00', metadata={}, source=FRAME))
    page.write_text(json.dumps(book), encoding='utf-8')
    print(f'report of {there.stat().st_size/1e6:.1f} MB beside the pages')


def render():
    "The site, where Quarto is there"
    exe = shutil.which('quarto')
    if not exe:
        print('Quarto is not installed: the pages are prepared in _proc/ but not rendered.\n'
              'Get Quarto 1.7 or later from https://quarto.org/docs/get-started/ and run this again (or nbdev_docs).')
        return
    version = subprocess.check_output([exe, '--version'], text=True).strip()
    if tuple(map(int, version.split('.')[:2])) < NEED:
        sys.exit(f'Quarto {version} is too old: 1.7 or later is needed, from https://quarto.org/docs/get-started/')
    subprocess.run([exe, 'render', '--no-cache'], cwd=PROC, check=True)
    docs = get_config().doc_path
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(PROC/docs.name, docs)
    print(f'site in {docs}')


def main():
    "Prepare, check, render"
    readme()
    if '--readme' in sys.argv: return
    pages = prepare()
    report = sys.argv[sys.argv.index('--report') + 1] if '--report' in sys.argv else None
    add_report(report)
    names = {p.name for p in pages} | {'report.html', 'report.ipynb'}
    wrong = list(site_faults(yaml.safe_load((ROOT/'_quarto.yml').read_text(encoding='utf-8'))))
    wrong += [f for p in pages for f in faults(p, names)]
    print(f'{len(pages)} pages prepared: {", ".join(p.stem for p in pages)}')
    if wrong: sys.exit('\n'.join(wrong))
    render()


if __name__ == '__main__': main()
