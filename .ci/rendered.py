"""Each prepared page as HTML without Quarto, read back: a page that is broken there is broken on the site.

    python .ci/rendered.py [PAGE...]   render the pages of _proc (or those named) and say what is wrong

nbconvert renders; what Quarto alone understands (front matter, `{target=…}`, `:::`) is taken out before, so that
whatever is left of it in the HTML is a mistake.
"""
import re
import sys
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parent.parent
PROC = ROOT/'_proc'
VOID = {'area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'source', 'track', 'wbr'}
LOOSE = {'p', 'li', 'td', 'th', 'tr', 'dd', 'dt', 'tbody', 'thead', 'option', 'colgroup'} # HTML lets their ends be left out
QUARTO = re.compile(r'(?<=[\])`\w])\{(?:[.#][\w-]+|[\w-]+="[^"]*"|[\w-]+=\S+|\s)+\}|\s\{(?:[.#][\w-]+\s*)+\}(?=\s*$)', re.M)
DIV = re.compile(r'^ *(:{3,}) *(\S.*)?$', re.M)


def plain(source, name):
    "Markdown without what Quarto consumes, and what is wrong with that"
    depth, wrong = 0, []
    outside = re.sub(r'^(`{3,}|~{3,}).*?^\1`*$', '', source, flags=re.M | re.S)
    for _, opens in DIV.findall(outside):
        depth += 1 if opens else -1
        if depth < 0: break
    if depth: wrong.append(f'{name}: `:::` that {"is never closed" if depth > 0 else "closes nothing"}')
    if len(re.findall(r'^ {0,3}```', source, re.M)) % 2: wrong.append(f'{name}: a fence that is never closed')
    return QUARTO.sub('', DIV.sub('', source)), wrong


MATHS = re.compile(r'\$\$.*?\$\$|\$[^$\n]+\$|\\\(.*?\\\)', re.S) # MathJax's


class Page(HTMLParser):
    "What a browser would see: open tags, headings, text outside code, pictures"
    def __init__(self):
        super().__init__()
        self.open, self.heads, self.text, self.wrong, self.code = [], [], [], [], 0

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            if tag == 'img' and not dict(attrs).get('src'): self.wrong.append('a picture without a source')
            return
        self.open.append(tag)
        self.code += tag in ('pre', 'code', 'script', 'style', 'svg')
        if re.fullmatch('h[1-6]', tag): self.heads.append([int(tag[1]), ''])

    def handle_endtag(self, tag):
        if tag in VOID: return
        while self.open and self.open[-1] != tag and self.open[-1] in LOOSE: self._close()
        if tag not in self.open:
            if tag not in LOOSE: self.wrong.append(f'</{tag}> closes nothing')
        elif self.open[-1] != tag:
            self.wrong.append(f'</{tag}> comes before the end of <{self.open[-1]}>')
            while self.open[-1] != tag: self._close()
            self._close()
        else: self._close()

    def _close(self):
        "Leave the innermost tag"
        self.code -= self.open.pop() in ('pre', 'code', 'script', 'style', 'svg')

    def handle_data(self, data):
        if not self.code: self.text.append(data)
        if self.open and any(re.fullmatch('h[1-6]', t) for t in self.open[-3:]) and self.heads: self.heads[-1][1] += data


def tag_faults(source, name):
    "Tags written by hand in markdown that do not fit together; nbconvert would mend them in silence, Quarto does not"
    text = MATHS.sub('', re.sub(r'^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1`*$|(`+)[^`]+\2', '', source, flags=re.M | re.S))
    page = Page()
    page.feed(text)
    page.close()
    yield from (f'{name}: {w}' for w in dict.fromkeys(page.wrong))
    left = [t for t in page.open if t not in LOOSE]
    if left: yield f'{name}: <{left[-1]}> is never closed'


def exporter():
    "nbconvert's HTML without colours, which take most of its time"
    def code(source, *_, **__): return f'<pre>{escape(source)}</pre>'
    return HTMLExporter(template_name='basic', filters=dict(highlight_code=code), exclude_anchor_links=True)


def to_html(path, export):
    "A page as HTML, and what was wrong with its markdown"
    book, wrong = nbformat.read(path, 4), []
    book.cells = [c for c in book.cells if c.cell_type != 'raw'] # the front matter
    for c in book.cells:
        if c.cell_type == 'markdown':
            wrong += tag_faults(c.source, path.name)
            c.source, w = plain(c.source, path.name)
            wrong += w
        for o in c.get('outputs', []):
            wrong += output_faults(o, path.name)
            for kind in o.get('data', {}):
                if kind.startswith('image/') and kind != 'image/svg+xml': o.data[kind] = 'AAAA' # megabytes that prove nothing
                if kind == 'text/markdown': o.data[kind] = QUARTO.sub('', ''.join(o.data[kind]))
    return export.from_notebook_node(book)[0], wrong


def output_faults(o, name):
    "Errors that were saved as a cell's output"
    if o['output_type'] == 'error': yield f'{name}: an output is the error {o.get("ename")}: {o.get("evalue")}'
    text = ''.join(o.get('text', '')) + ''.join(o.get('data', {}).get('text/plain', ''))
    if re.search(r'^Traceback \(most recent call last\)', text, re.M): yield f'{name}: an output holds a traceback'


def html_faults(html, name):
    "What is wrong with a page's HTML"
    page = Page()
    page.feed(html)
    page.close()
    level = 2 # the title is the page's only first heading, and nbdev's signatures are of the third
    for n, text in page.heads:
        if n == 1: yield f'{name}: a second title: {text.strip()!r}'
        if n > max(level, 2) + 1: yield f'{name}: the heading {text.strip()!r} is {n - level} levels below the one before'
        if not text.strip(): yield f'{name}: an empty heading'
        level = n
    text = MATHS.sub('', ''.join(page.text))
    for sign, what in ((r'```', 'a fence'), (r':::', 'a `:::`'), (r'\{[.#][\w-]+[^}\n]*\}', 'an attribute')):
        if found := re.search(f'.{{0,30}}{sign}.{{0,30}}', text): yield f'{name}: {what} is left in the text: {found[0].strip()!r}'
    if len(text.split()) < 25: yield f'{name}: an empty page, {len(text.split())} words'


def rendered_faults(pages):
    "What is wrong with the HTML of pages"
    export = exporter()
    for p in pages:
        html, wrong = to_html(p, export)
        yield from wrong
        yield from html_faults(html, p.name)


def main():
    "Render, and say what is wrong"
    pages = [PROC/f'{Path(a).stem}.ipynb' for a in sys.argv[1:]] or sorted(PROC.glob('*.ipynb'))
    wrong = list(rendered_faults(pages))
    print(f'{len(pages)} pages rendered to HTML')
    if wrong: sys.exit('\n'.join(wrong))


if __name__ == '__main__': main()
