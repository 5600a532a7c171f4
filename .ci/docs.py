"""Prepare the docs site as `nbdev_docs` does, check its pages, write README.md, and render where Quarto is installed.

    python .ci/docs.py            prepare, check, render
    python .ci/docs.py --readme   write README.md from nbs/index.ipynb, nothing else
"""
import json, re, shutil, subprocess, sys
from pathlib import Path

from nbconvert import MarkdownExporter
from nbdev import quarto
from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
NBS, PROC = ROOT/'nbs', ROOT/'_proc'
NEED = (1, 7)

def readme():
    "README.md from index.ipynb, its links to notebooks led to their source"
    text, _ = MarkdownExporter().from_filename(NBS/'index.ipynb')
    text = re.sub(r'\]\((\w+\.ipynb)\)', r'](nbs/\1)', text.strip())
    note = '<!-- made from nbs/index.ipynb by .ci/docs.py: edit that -->\n\n'
    (ROOT/'README.md').write_text(note + text + '\n', encoding='utf-8')

def prepare():
    "What `nbdev_docs` does before Quarto is called; Quarto itself is not needed for it"
    quarto._ensure_quarto = lambda: None
    shutil.rmtree(PROC, ignore_errors=True)
    quarto.nbdev_proc_nbs.__wrapped__(n_workers=2)
    return sorted(PROC.glob('*.ipynb'))

def faults(page, names):
    "What is wrong with one page: no title, no description, a link that leads nowhere, a block Quarto cannot draw offline"
    cells = json.loads(page.read_text(encoding='utf-8'))['cells']
    head = ''.join(cells[0]['source'])
    for k in ('title', 'description'):
        if not re.search(rf'^{k}: *\S', head, re.M): yield f'{page.name}: no {k}'
    text = '\n'.join(''.join(c['source']) for c in cells if c['cell_type'] == 'markdown')
    for link in re.findall(r'\]\(([^)#\s]+)[^)]*\)', text):
        if re.match(r'[a-z]+:', link) or link.startswith('data'): continue
        if Path(link).name.replace('.html', '.ipynb') not in names and not (NBS/link).exists(): yield f'{page.name}: link to {link} leads nowhere'
    for block in re.findall(r'^```\{(dot|mermaid)\}', text, re.M): yield f'{page.name}: a {block} block'

def render():
    "The site, where Quarto is there"
    exe = shutil.which('quarto')
    if not exe:
        print('Quarto is not installed: the pages are prepared in _proc/ but not rendered.\n'
              'Get Quarto 1.7 or later from https://quarto.org/docs/get-started/ and run this again (or nbdev_docs).')
        return
    version = subprocess.check_output([exe, '--version'], text=True).strip()
    if tuple(map(int, version.split('.')[:2])) < NEED: sys.exit(f'Quarto {version} is too old: 1.7 or later is needed, from https://quarto.org/docs/get-started/')
    subprocess.run([exe, 'render', '--no-cache'], cwd=PROC, check=True)
    docs = get_config().doc_path
    shutil.rmtree(docs, ignore_errors=True)
    shutil.move(PROC/docs.name, docs)
    print(f'site in {docs}')

if __name__ == '__main__':
    readme()
    if '--readme' in sys.argv: sys.exit()
    pages = prepare()
    wrong = [f for p in pages for f in faults(p, {q.name for q in pages})]
    print(f'{len(pages)} pages prepared: {", ".join(p.stem for p in pages)}')
    if wrong: sys.exit('\n'.join(wrong))
    render()
