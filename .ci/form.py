"""Whether code and notebooks keep the form of the house; with --table also the figures of each notebook.

    python .ci/form.py            figures of the whole, and what is not in form
    python .ci/form.py --table    a line a notebook besides

Widths, unused imports and semicolons of the modules are ruff's business (ruff.toml). Here is what ruff does not know:
how long exported cells and functions are, how much of them is checked and shown, and how long chapters and modules are.
"""
import ast
import io
import json
import re
import sys
import tokenize
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
CHECK = re.compile(r'\b(?:test_(?!eq_type\s*=)\w+\(|assert\b|expect_fail\()')
EXPORT = re.compile(r'^#\s*\|\s*exports?\b', re.M)
SHOWN = re.compile(r'^#\s*\|\s*exports\b', re.M)
COMPOUND = {'if', 'elif', 'else', 'for', 'while', 'with', 'try', 'except', 'finally', 'def', 'class', 'async'}
GUARDS = {'return', 'raise', 'continue', 'break'}
LIMITS = dict(cell=(10, 20, 40), function=(7, 20), module=450, chapter=90, checks=2, prose=.4, shown=.95, width=120, picture=60)


def quantile(values, share):
    "The value below which `share` of all lie"
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values)*share))] if values else 0


def logical_lines(source):
    "The tokens of each logical line, without comments and blank lines"
    line = []
    for t in tokenize.generate_tokens(io.StringIO(source + '\n').readline):
        if t.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            if line: yield line
            line = []
        elif t.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT): line.append(t)


def is_packed(line):
    "Whether a logical line holds more than one statement; a guard (`if …: return …`) counts as one"
    depth = lambdas = 0
    for k, t in enumerate(line):
        if t.type != tokenize.OP:
            lambdas += t.string == 'lambda' and depth == 0
            continue
        if t.string in '([{': depth += 1
        if t.string in ')]}': depth -= 1
        if depth: continue
        if t.string == ';': return True
        if t.string != ':': continue
        if lambdas: lambdas -= 1
        elif line[0].string in COMPOUND:
            rest = line[k+1:]
            return bool(rest) and not (line[0].string == 'if' and rest[0].string in GUARDS)
    return False


def definitions(source):
    "The functions and classes that a cell defines"
    try: body = ast.parse(source).body
    except SyntaxError: return []
    return [n for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def functions_in(nodes):
    "All functions in definitions, methods and nested ones too"
    return [n for n in ast.walk(ast.Module(nodes, [])) if isinstance(n, ast.FunctionDef)]


class Book:
    "What is measured of one notebook"
    def __init__(self, path):
        self.name = path.stem
        book = json.loads(path.read_text(encoding='utf-8'))
        cells = book['cells']
        self.widget_state = 'widgets' in book['metadata']
        self.cells = [(c['cell_type'], ''.join(c['source'])) for c in cells]
        self.outputs = [(i, o) for i, c in enumerate(cells) for o in c.get('outputs', [])]
        self.code = [(i, s) for i, (kind, s) in enumerate(self.cells) if kind == 'code']
        self.prose = [s for kind, s in self.cells if kind == 'markdown']
        self.exported = [(i, s) for i, s in self.code if EXPORT.search(s)]
        self.defining = [(i, s) for i, s in self.exported if definitions(s)]
        self.nodes = [n for _, s in self.defining for n in definitions(s)]

    def lengths(self):
        "Lines of the exported cells that define something"
        return [len([l for l in s.splitlines() if l.strip() and not l.startswith('#|')]) for _, s in self.defining]

    def checks(self):
        "How many checks there are"
        return sum(len(CHECK.findall(s)) for _, s in self.code)

    def shown(self):
        "How many defining cells are shown or tested by the next code cell"
        exported = {i for i, _ in self.exported}
        following = dict(zip([i for i, _ in self.code], [i for i, _ in self.code][1:]))
        return sum(i in following and following[i] not in exported for i, _ in self.defining)

    def large_pictures(self):
        "Saved pictures that are too large for a page, a sentence each"
        for i, o in self.outputs:
            for kind, data in o.get('data', {}).items():
                kb = len(''.join(data))*3/4000 if kind in ('image/png', 'image/jpeg') else 0
                if kb > LIMITS['picture']: yield f"{self.name} cell {i}: a picture of {kb:.0f} kB, at most {LIMITS['picture']}"

    def faults(self):
        "What is not in form, a sentence each"
        yield from self.large_pictures()
        if self.widget_state: yield f'{self.name}: the state of widgets is saved, megabytes that no page shows'
        for i, s in self.exported:
            for line in s.splitlines():
                if len(line) > LIMITS['width']: yield f'{self.name} cell {i}: {len(line)} columns: {line.strip()[:60]} …'
            packed = [l for l in logical_lines(re.sub(r'^[%!].*', '', s, flags=re.M)) if is_packed(l)]
            for l in packed: yield f'{self.name} cell {i}: more than one statement: {l[0].line.strip()[:60]}'
        for n in self.nodes:
            doc = ast.get_docstring(n)
            if doc is None and not n.name.startswith('_'): yield f'{self.name}: {n.name} has no docstring'
            if doc and doc.splitlines()[0].endswith('.'): yield f'{self.name}: the docstring of {n.name} ends in a full stop'
        if re.match(r'0\d_', self.name) and len(self.cells) > LIMITS['chapter']:
            yield f"{self.name}: {len(self.cells)} cells, a chapter has at most {LIMITS['chapter']}"
        if self.name[0].isdigit() and not self.players_early(): yield f'{self.name}: no picture within the first five cells'

    def players_early(self):
        "Whether a chapter shows something within its first five cells; other notebooks need not"
        return not re.match(r'0\d_', self.name) or any('fig-alt' in s for _, s in self.cells[:5])

    def line(self):
        "The notebook in a line"
        n = self.lengths()
        return (f'{self.name:14s} cells {len(self.cells):3d}  exported {len(n):3d}  lines median {median(n) if n else 0:4.1f} most {max(n, default=0):2d}  '
                f'definitions {len(self.nodes):3d}  checks {self.checks():3d}  shown {self.shown():3d}')


def whole_faults(books, modules):
    "Figures of the whole project, and where they are over the limit"
    cells = [n for b in books for n in b.lengths()]
    lines = [f.end_lineno - f.lineno + 1 for b in books for f in functions_in(b.nodes)]
    definitions_, checks = sum(len(b.nodes) for b in books), sum(b.checks() for b in books)
    prose, code = sum(len(b.prose) for b in books), sum(len(b.code) for b in books)
    shown, defining = sum(b.shown() for b in books), sum(len(b.defining) for b in books)
    at = [quantile(cells, q) for q in (.5, .9, 1)], [quantile(lines, q) for q in (.5, .9)]
    print(f'exported cells: median {at[0][0]}, 90 % {at[0][1]}, most {at[0][2]}; functions: median {at[1][0]}, 90 % {at[1][1]}; '
          f'checks a definition {checks/max(1, definitions_):.2f}; prose cells to code cells {prose/max(1, code):.2f}; '
          f'shown by the next cell {shown/max(1, defining):.0%}; '
          f'longest module {max(modules.values())} lines')
    for name, n in modules.items():
        if n > LIMITS['module']: yield f"{name}: {n} lines, a module has at most {LIMITS['module']}"
    if any(v > limit for v, limit in zip(at[0], LIMITS['cell'])): yield f"exported cells are longer than {LIMITS['cell']}"
    if any(v > limit for v, limit in zip(at[1], LIMITS['function'])): yield f"functions are longer than {LIMITS['function']}"
    if checks < LIMITS['checks']*definitions_: yield f"fewer than {LIMITS['checks']} checks a definition"
    if shown < LIMITS['shown']*defining: yield f"fewer than {LIMITS['shown']:.0%} of the cells that define are shown by the next"
    if prose < LIMITS['prose']*code: yield f"fewer than {LIMITS['prose']} prose cells a code cell"


def main():
    "Measure, print, and fail where the form is not kept"
    books = [Book(p) for p in sorted((ROOT/'nbs').glob('*.ipynb'))]
    modules = {p.name: len(p.read_text(encoding='utf-8').splitlines()) for p in sorted((ROOT/'reid_nb').glob('[a-z]*.py'))}
    if '--table' in sys.argv: print('\n'.join(b.line() for b in books))
    wrong = [*whole_faults(books, modules), *(f for b in books for f in b.faults())]
    if wrong: sys.exit('\n'.join(wrong))


if __name__ == '__main__': main()
