"""Prepare the docs site as `nbdev_docs` does, check its pages, write README.md, and render where Quarto is installed.

What is checked of a page as nbdev prepares it stands in pages.py, of its HTML in rendered.py.

    python .ci/docs.py                 prepare, check, render
    python .ci/docs.py --report FILE   show this report of a run in 06_explore; else that of a tiny game, made now
    python .ci/docs.py --readme        write README.md from nbs/index.ipynb, nothing else
"""
import json
import re
import shutil
import subprocess
import sys

import yaml
from nbconvert import MarkdownExporter
from nbdev import quarto
from nbdev.config import get_config

from pages import NBS, PROC, ROOT, Anchors, click_faults, faults
from rendered import rendered_faults

NEED = (1, 7)
KINDS = ['Tutorial', 'How-to', 'Explanation', 'Reference']


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
    kinds = [c['section'] for c in website['sidebar']['contents'] if isinstance(c, dict)]
    if kinds != KINDS: yield f'_quarto.yml: the sections of the sidebar are {kinds}, expected {KINDS}'
    listed = json.dumps(website['sidebar'])
    yield from (f'_quarto.yml: {n} is in the sidebar but not in nbs/' for n in re.findall(r'"([\w]+\.ipynb)"', listed)
                if not (NBS/n).is_file())
    yield from (f'_quarto.yml: {p.name} is not in the sidebar' for p in NBS.glob('*.ipynb') if p.name not in listed)


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
    anchors = Anchors(pages)
    wrong = list(site_faults(yaml.safe_load((ROOT/'_quarto.yml').read_text(encoding='utf-8'))))
    wrong += anchors.twice + [f for p in pages for f in faults(p, anchors)] + list(click_faults(pages, anchors))
    print(f'{len(pages)} pages prepared: {", ".join(p.stem for p in pages)}')
    wrong += rendered_faults(pages)
    print(f'{len(pages)} pages rendered to HTML and read back')
    if wrong: sys.exit('\n'.join(wrong))
    render()


if __name__ == '__main__': main()
