"""What is wrong with the pages that nbdev prepared in _proc: their heads, links, anchors, pictures and signatures.

The rules that need all pages at once are in `site_links` (two clicks) and `Anchors` (what can be linked to).
"""
import ast
import json
import re
from pathlib import Path

from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
NBS, PROC = ROOT/'nbs', ROOT/'_proc'
FENCED = re.compile(r'^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1[`~]*\s*?$', re.M | re.S)
LINK = re.compile(r'\]\(([^)\s]+)[^)]*\)')
PICTURED = re.compile(r'^(0\d|7[0-4]|8\d)') # chapters, explanations, tutorial and how-tos: pages that show something
# what a reader finds within two clicks of the landing page; of several pages the first that there is
WITHIN_TWO = {
    'own data': ['81_howto_footage.ipynb', '40_footage.ipynb'],
    'what -1 means': ['71_why_strangers.ipynb#what-1-is'],
    'how the threshold is chosen': ['72_decision.ipynb#how-the-threshold-is-chosen'],
    'how to read the report': ['84_howto_report.ipynb', '06_explore.ipynb'],
}


def read_cells(path):
    "The cells of a notebook, each with its source as one text"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [dict(c, source=''.join(c['source'])) for c in cells]


def shown(output, kind):
    "What an output shows of a kind, as one text; '' for nothing"
    return ''.join(output.get('data', {}).get(kind, ''))


def outputs_of(cells):
    "The outputs of all cells"
    return [o for c in cells for o in c.get('outputs', [])]


def prose_of(cells):
    "The markdown of a page and that of its outputs, without what is fenced or in backticks"
    texts = [c['source'] for c in cells if c['cell_type'] == 'markdown']
    texts += [shown(o, 'text/markdown') for o in outputs_of(cells)]
    return re.sub(r'`([^`\n]*)`', lambda m: re.sub(r'[][()!]', '', m[1]), FENCED.sub('', '\n\n'.join(texts)))


def slug(heading):
    "The anchor that pandoc makes of a heading"
    if given := re.search(r'\{[^}]*#([\w.-]+)[^}]*\}\s*$', heading): return given[1]
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', re.sub(r'\s*\{[^}]*\}\s*$', '', heading))
    text = re.sub(r'[^\w\s.-]', '', text.replace('*', '')).strip().lower()
    return re.sub(r'^[^a-z]+', '', re.sub(r'\s+', '-', text)) or 'section'


class Anchors:
    "What can be linked to: pages by the name of their notebook or of their html, and the anchors in each"
    def __init__(self, pages):
        self.base = get_config().doc_host.rstrip('/') + get_config().doc_baseurl.rstrip('/') + '/'
        self.of, self.html, self.twice = {}, {}, []
        for p in pages:
            cells = read_cells(p)
            text = '\n\n'.join([c['source'] for c in cells if c['cell_type'] == 'markdown']
                               + [shown(o, 'text/markdown') for o in outputs_of(cells)])
            heads = re.findall(r'^#{1,6} +(.+?)\s*$', FENCED.sub('', text), re.M)
            self.of[p.name] = {slug(h) for h in heads} | set(re.findall(r'\bid="([^"]+)"', text))
            out = re.search(r'^output-file: *(\S+)', cells[0]['source'], re.M)
            out = out[1] if out else p.stem + '.html'
            if out in self.html: self.twice.append(f'{p.name} and {self.html[out]} would both be {out}: rename one')
            self.html[out] = p.name
        self.html |= {p.stem + '.html': p.name for p in pages}

    def page(self, link, here):
        "The notebook that a link leads to; None where it leads out of the site"
        path = link.partition('#')[0].removeprefix(self.base)
        if path == '': return here
        return path if path in self.of else self.html.get(path)

    def fault(self, link, here):
        "What is wrong with a link on the page `here`; '' for nothing"
        inside = link.startswith(self.base)
        if not inside and re.match(r'[a-z]+:', link): return ''
        page, _, anchor = self.page(link, here), *link.partition('#')[1:]
        path = link.partition('#')[0].removeprefix(self.base)
        if page is None: return '' if (PROC/path).exists() and path else f'link to {link} leads nowhere'
        if anchor and anchor not in self.of[page]: return f'link to {link}: {page} has no such section'
        return ''


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


def link_faults(name, cells, anchors):
    "Links that lead nowhere: no such page, no such section, no such picture"
    for link in LINK.findall(prose_of(cells)):
        if link.startswith('data:') or link.startswith('attachment:'): continue
        if wrong := anchors.fault(link, name): yield f'{name}: {wrong}'


def block_faults(name, cells):
    "Blocks that Quarto cannot draw offline"
    text = '\n'.join(c['source'] for c in cells if c['cell_type'] == 'markdown')
    for block in re.findall(r'^```\{(dot|mermaid)\}', text, re.M): yield f'{name}: a {block} block'


def signature_faults(name, cells):
    "Markdown links in the code of a signature, where they are shown raw"
    for o in outputs_of(cells):
        for block in re.findall(r'```python\n(.*?)```', shown(o, 'text/markdown'), re.S):
            for line in block.splitlines():
                if '](' in line: yield f'{name}: a raw link in a signature, take the backticks off: {line.strip()[:90]}'


def exported(name):
    "The public functions that a notebook exports, each with its node"
    for c in read_cells(NBS/name):
        if c['cell_type'] != 'code' or not re.search(r'^#\s*\|\s*exports?\b', c['source'], re.M): continue
        body = re.sub(r'^[%!].*', '', c['source'], flags=re.M)
        yield from (n for n in ast.parse(body).body if isinstance(n, ast.FunctionDef) and not n.name.startswith('_'))


def table_faults(name, cells):
    "Public functions without their signature on the page, or with a parameter that is not explained there"
    tables = [shown(o, 'text/markdown') for o in outputs_of(cells)]
    for node in exported(name):
        first = node.args.args[0].annotation if node.args.args else None
        of = ast.unparse(first) if first and node.args.args[0].arg in ('self', 'cls') else '' # a method patched into a class
        table = next((t for t in tables if re.search(rf'^#+ {of}{"." if of else ""}{node.name}$', t, re.M)), '')
        code = re.search(r'```python\n(.*?)```', table, re.S)
        if not code:
            yield f'{name}: {node.name} has no table on the page'
            continue
        asked = [a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg not in ('self', 'cls')]
        doc = ast.get_docstring(node) or ''
        said = [a for a in asked if a.annotation or f'`{a.arg}`' in doc or re.search(rf'^ +{a.arg}\b.*#\s*\S', code[1], re.M)]
        entry = any('.add(' in ast.unparse(d) for d in node.decorator_list) # its registry says what its entries take
        if len(asked) > 1 and not said and not entry: yield f'{name}: the table of {node.name} explains no parameter'


def picture_faults(name, cells):
    "Pictures without a text for those who cannot see them, and pages that ought to have one"
    found = bool(re.search(r'!\[[^\]]+\]\(|<img\b', '\n'.join(c['source'] for c in cells if c['cell_type'] == 'markdown')))
    for c in cells:
        if c['cell_type'] == 'markdown' and re.search(r'!\[\s*\]\(', c['source']):
            yield f'{name}: a picture without a text in its brackets: {c["source"][:60]!r}'
        picture = any(k.startswith('image/') for o in c.get('outputs', []) for k in o.get('data', {}))
        found |= picture
        if picture and not re.search(r'^#\| *fig-alt: *\S', c['source'], re.M):
            yield f'{name}: a picture without `#| fig-alt:`, cell {c.get("id")}: {c["source"][:60]!r}'
    if PICTURED.match(name) and not found: yield f'{name}: it shows something and has no picture'


def clicks(pages, anchors):
    "The links of each page to others: name of the page: the links, with their anchors"
    found = {}
    for p in pages:
        links = [l.removeprefix(anchors.base) for l in LINK.findall(prose_of(read_cells(p)))]
        there = [(anchors.page(l, p.name), l.partition('#')[2]) for l in links if not re.match(r'[a-z]+:', l)]
        found[p.name] = {(page, anchor) for page, anchor in there if page}
    return found


def click_faults(pages, anchors):
    "What cannot be reached from the landing page by two links; the sidebar does not count"
    links = clicks(pages, anchors)
    near = {page for page, _ in links['index.ipynb']}
    near |= {page for first in list(near) for page, _ in links[first]}
    for topic, where in WITHIN_TWO.items():
        there = next((w for w in where if w.partition('#')[0] in anchors.of), None)
        if there is None:
            yield f'no page on {topic}: expected one of {", ".join(where)}'
            continue
        page, _, anchor = there.partition('#')
        if page not in near: yield f'index.ipynb: {topic} ({there}) is more than two links away'
        if anchor and anchor not in anchors.of[page]: yield f'{page}: no section #{anchor}, which tells {topic}'


def faults(page, anchors):
    "What is wrong with one page"
    cells, name = read_cells(page), page.name
    yield from head_faults(name, cells)
    yield from opening_faults(name, cells)
    yield from link_faults(name, cells, anchors)
    yield from block_faults(name, cells)
    yield from signature_faults(name, cells)
    yield from table_faults(name, cells)
    yield from picture_faults(name, cells)
