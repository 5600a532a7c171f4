"""Saved outputs belong to the sources they stand under: note what a notebook was run with, find what changed, run it again.

    python .ci/outputs.py                  name the notebooks whose outputs are of other sources, and fail
    python .ci/outputs.py --run            run those again, and note what they were run with
    python .ci/outputs.py --run 05_infer   the same for the ones that are named, changed or not

A notebook's mark is a hash of its code cells and of the code (comments and docstrings left out) of all modules of the
package that it imports, directly or through others. It lies in the notebook's metadata as `ran_with`.
The outputs of a cell that begins with `# kept output` are measurements of a long run: they stay as they are. A cell that
`nbdev_test` runs only when asked to (`#| slow`, `#| gpu`) is not run either.
"""
import ast
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NBS, PACKAGE = ROOT/'nbs', ROOT/'reid_nb'
KEPT = re.compile(r'# kept output|#\| ?(slow|gpu|notest)\b')


def homes_of_commands():
    "The modules of the console scripts, and those to which 96_scripts leads"
    led = re.search(r'^_COMMANDS = dict\((.+?)\)', (PACKAGE/'__init__.py').read_text(encoding='utf-8'), re.M | re.S)
    return {*re.findall(r'=reid_nb\.(\w+):', (ROOT/'settings.ini').read_text(encoding='utf-8')), *re.findall(r"'(\w+)'", led[1])}


def imported(source):
    "The modules of the package that some code imports"
    try: tree = ast.parse('\n'.join(l for l in source.splitlines() if not l.lstrip().startswith(('%', '!'))))
    except SyntaxError: return set()
    found = set()
    for n in ast.walk(tree):
        if isinstance(n, ast.ImportFrom) and n.level: found |= {n.module} if n.module else {a.name for a in n.names}
        if isinstance(n, ast.ImportFrom) and (n.module or '').startswith('reid_nb.'): found.add(n.module.split('.')[1])
        if isinstance(n, ast.Import): found |= {a.name.split('.')[1] for a in n.names if a.name.startswith('reid_nb.')}
    if "['console_scripts']" in source: found |= homes_of_commands() # 77_commands
    return {m for m in found if (PACKAGE/f'{m}.py').is_file()}


def closure(names):
    "Modules with all that they import"
    seen, left = set(), set(names)
    while left:
        m = left.pop()
        seen.add(m)
        left |= imported((PACKAGE/f'{m}.py').read_text(encoding='utf-8')) - seen
    return sorted(seen)


def code_of(path):
    "What a module does, without comments and docstrings"
    tree = ast.parse(path.read_text(encoding='utf-8'))
    for n in ast.walk(tree):
        body = getattr(n, 'body', None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            n.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def cells_of(book):
    "The sources of the code cells"
    return [''.join(c['source']).strip() for c in book['cells'] if c['cell_type'] == 'code']


def mark_of(book):
    "What a notebook would be run with now"
    cells = cells_of(book)
    modules = closure(set().union(*map(imported, cells)))
    parts = [*cells, *(code_of(PACKAGE/f'{m}.py') for m in modules)]
    return hashlib.sha256('\0'.join(parts).encode()).hexdigest()[:16]


def read(path):
    "A notebook"
    return json.loads(path.read_text(encoding='utf-8'))


def write(book, path):
    "Write a notebook as nbdev does"
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')


def off(path):
    "Whether a notebook was last run with other sources than stand there now, or never"
    book = read(path)
    return bool(cells_of(book)) and book['metadata'].get('ran_with') != mark_of(book)


def execute(path):
    "Run a notebook in place, but for the cells whose outputs are kept"
    import nbformat
    from nbclient import NotebookClient
    book = nbformat.read(path, 4)
    kept = {c['id']: c for c in nbformat.read(path, 4).cells if c.cell_type == 'code' and KEPT.match(c.source)}
    for c in book.cells:
        if c['id'] in kept: c['source'] = 'pass'
    where = dict(metadata=dict(path=str(NBS)))
    NotebookClient(book, timeout=3600, resources=where, store_widget_state=False).execute() # widgets live in a kernel
    book.metadata.pop('widgets', None)
    book.cells = [kept.get(c['id'], c) for c in book.cells]
    nbformat.write(book, path)


def note(path):
    "Note what a notebook was run with"
    book = read(path)
    book['metadata']['ran_with'] = mark_of(book)
    write(book, path)


def main():
    "Check, or run what has to be run"
    named = [a for a in sys.argv[1:] if not a.startswith('-')]
    books = [NBS/f'{n}.ipynb' for n in named] or [p for p in sorted(NBS.glob('*.ipynb')) if off(p)]
    if '--run' in sys.argv:
        for p in books:
            print(f'running {p.name}', flush=True)
            execute(p)
            subprocess.run(['nbdev_clean', '--fname', p], cwd=ROOT, check=True)
            note(p)
        return
    if books:
        names = ''.join(f'\n  {p.name}' for p in books)
        sys.exit(f'saved outputs of other sources than stand above them (python .ci/outputs.py --run):{names}')
    print('saved outputs belong to their sources')


if __name__ == '__main__': main()
