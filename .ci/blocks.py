"""The code blocks of the landing page and of the how-tos: Python runs, commands run or are parsed.

    python .ci/blocks.py             all of nbs/index.ipynb and nbs/8*.ipynb
    python .ci/blocks.py index       these pages

Blocks fenced ```python of a page run in order in one namespace, in a folder that holds what they name: `outputs` of a
tiny run, crops, frames, boxes. A block whose first line is `# not run: why` is only compiled. In blocks fenced ```sh the
commands of the package are read by their own parsers, parameters and values included; those that take seconds are run
besides, in their place between the Python. Everything else has to name a program, file or extra that there is.
What was run and what only parsed is said line by line.
"""
import argparse
import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import traceback
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path
from unittest import mock

from fastcore.script import anno_parser

os.environ['IN_TEST'] = '1' # no block may touch the user's inputs/ and outputs/
from pages import NBS, ROOT, read_cells # noqa: E402

SETTINGS = ConfigParser(delimiters=['='])
SETTINGS.read(ROOT/'settings.ini', encoding='utf-8')
SETTINGS = SETTINGS['DEFAULT']
COMMANDS = dict(line.strip().split('=') for line in SETTINGS['console_scripts'].splitlines())
QUICK = {'reid_import', 'reid_export', 'reid_identify', 'reid_demo'} # seconds, where what they name is there
TOOLS = {'git', 'jupyter', 'accelerate', 'conda', 'ssh', 'scp', 'rsync', 'nvidia-smi', 'export', 'unzip', 'kaggle'} # not ours


class Parsed(BaseException):
    "A command read its words and would begin now"


def blocks_of(path):
    "The fenced blocks of a page, in order: language and text"
    for c in read_cells(path):
        if c['cell_type'] == 'markdown': yield from re.findall(r'^```(python|py|sh|bash)\b[^\n]*\n(.*?)^```', c['source'], re.M | re.S)


def lines_of(text):
    "The commands of a shell block, a list of words each"
    for line in re.sub(r'\\\n\s*', '', text).splitlines():
        words = shlex.split(line.removeprefix('$ '), comments=True)
        if words: yield words


def films(home):
    "A tiny film, its boxes in all forms, under the names that pages use"
    from reid_nb.toys import toy_footage
    toy_footage(home/'film', clips=8, frames=6)
    for new, old in dict(frames='frames', gt='mot', mot='mot', players='players').items(): shutil.copytree(home/'film'/old, home/new)
    shutil.copy(home/'film'/'coco.json', home/'boxes.json')


def crops(home):
    "Crops of a player who is enrolled, crops to ask about, and frames with a csv of boxes"
    from PIL import Image
    from reid_nb.folds import make_ready
    from reid_nb.places import tiny_game
    game = tiny_game()
    make_ready(game)
    side = game.boxes[game.boxes.angle == 'side']
    rows = [*side.iloc[:2].itertuples(), *side[side.label_id == side.label_id.iloc[3]].iloc[:5].itertuples()]
    for name, r in zip(['crop1', 'crop2', *(f'kim{i}' for i in range(1, 6))], rows):
        Image.open(game.folder/r.image).crop((r.x, r.y, r.x + r.w, r.y + r.h)).save(home/f'{name}.jpg')
    shutil.copy(game.folder/side.image.iloc[0], home/'frame.jpg')
    some = side[side.frame == 0].assign(view='side', image=side.image.str.replace('images/', ''))
    some[['image', 'x', 'y', 'w', 'h', 'view']].to_csv(home/'boxes.csv', index=False)
    shutil.copytree(game.folder/'images', home/'DIR')
    return game


def played(game):
    "What reid_run leaves, by one fold of the tiny recipe"
    from reid_nb.before import make_before
    from reid_nb.infer import ensemble_folds, infer_fold
    from reid_nb.train import train_fold
    make_before('train', 0, game)
    if not game.model_file(0).exists(): train_fold(0, game, 'tiny')
    make_before('infer', 0, game)
    infer_fold(0, game)
    ensemble_folds(game, [0])


def prepare(home):
    "The folder in which the blocks run"
    films(home)
    game = crops(home)
    played(game)
    shutil.copytree(game.out, home/'outputs')
    shutil.copytree(game.data, home/'inputs')
    (home/'weights').mkdir()
    (home/'weights'/'resnet18.safetensors').touch() # named by a command that is only parsed
    return home


def python_faults(text, space, where):
    "Run a block of Python"
    shell = [l[1:] for l in text.splitlines() if re.match(r'[!%]', l)]
    code = '\n'.join(l for l in text.splitlines() if not re.match(r'[!%]', l))
    try:
        compiled = compile(code, where, 'exec')
    except SyntaxError as e:
        return [f'{where}: no Python: {e}']
    if shell or code.startswith('# not run:'):
        print(f'  compiled  {code.splitlines()[0] if code else shell[0]}')
        return [f for l in shell if not l.startswith(('cd', 'env')) for f in line_faults(shlex.split(l, comments=True), where, None)]
    try:
        with contextlib.redirect_stdout(io.StringIO()): exec(compiled, space)
    except Exception as e:
        at = traceback.extract_tb(e.__traceback__)[1].lineno
        return [f'{where}: line {at} ({code.splitlines()[at-1].strip()}) fails: {type(e).__name__}: {e}']
    print(f'  run       {len(code.splitlines())} lines of Python')
    return []


def read_by_parser(run, words):
    "What a command's own parser says to its words: the arguments, and what is wrong"
    parse, got, work = argparse.ArgumentParser.parse_args, [], run
    if inner := getattr(run, '__wrapped__', None): # a command by fastcore's call_parse
        def work(): anno_parser(inner).parse_args(words[1:])
    def stop(self, args=None, namespace=None):
        got.append(parse(self, args, namespace))
        raise Parsed
    said = io.StringIO()
    with mock.patch.object(argparse.ArgumentParser, 'parse_args', stop), mock.patch.object(sys, 'argv', words), \
            contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try: work()
        except Parsed: return got[0], ''
        except SystemExit as e: return None, said.getvalue().strip().splitlines()[-1] if e.code else ''
    return None, 'it asked no parser'


def value_faults(args):
    "Names and values of parameters that the notebooks would refuse"
    from reid_nb.run import share_out
    given = list(getattr(args, 'p', None) or [])
    variants = getattr(args, 'variant', None) or []
    games = [g.partition(',')[2] for g in getattr(args, 'game', None) or [] if '=' in g.partition(',')[2]]
    for texts in [given, *(v.split(',') for v in [*variants, *games])]:
        try: share_out(texts)
        except ValueError as e: yield str(e)


def command_faults(words, where, home):
    "A command of the package: parsed, and run where that takes seconds"
    module, function = COMMANDS[words[0]].split(':')
    run = getattr(import_module(module), function)
    args, wrong = read_by_parser(run, words)
    wrong = [wrong] if wrong else list(value_faults(args)) if args else []
    if wrong: return [f'{where}: {" ".join(words)}: {w}' for w in wrong]
    from reid_nb.core import GAME, Game
    if words[0] == 'reid_run' and home and args and args.out and (Path(args.data)/GAME/'train_meta.csv').is_file():
        with contextlib.redirect_stdout(io.StringIO()): played(Game(Path(args.data).resolve(), Path(args.out).resolve()))
        print(f'  parsed    {" ".join(words)} (and played by one fold of the tiny recipe)')
        return []
    film = any(re.search(r'\.(mp4|avi)$', w) for w in words) # none is drawn for a page
    taken = words[0] == 'reid_demo' and Path(words[1]).exists()
    if not home or words[0] not in QUICK or film or taken:
        print(f'  parsed    {" ".join(words)}')
        return []
    done = subprocess.run([sys.executable, '-c', f'from {module} import {function}; {function}()', *words[1:]],
                          capture_output=True, text=True, env=os.environ | dict(PYTHONPATH=str(ROOT)))
    if done.returncode: return [f'{where}: {" ".join(words)} ends with {done.returncode}: {done.stderr.strip()[-300:]}']
    print(f'  run       {" ".join(words)}')
    return []


def papermill_faults(words, where):
    "A notebook there is, and parameters it has"
    from reid_nb.core import STAGES
    from reid_nb.recipes import PARAMS, read_values, refuse_unknown
    book = words[1].removeprefix('nbs/')
    if not (NBS/book).is_file(): return [f'{where}: papermill: there is no {words[1]}']
    stage = next((s for s, name in STAGES.items() if name == Path(book).stem), None)
    given = {words[i+1]: words[i+2] for i, w in enumerate(words[:-2]) if w == '-p'}
    known = PARAMS.get(stage, {})
    try:
        refuse_unknown(given, known, book)
        read_values(given, known)
    except ValueError as e: return [f'{where}: {" ".join(words)}: {e}']
    print(f'  parsed    {" ".join(words)}')
    return []


def pip_faults(words, where):
    "Extras that there are"
    asked = [e for w in words for m in re.findall(r'\[([\w,]+)\]', w) for e in m.split(',')]
    missing = [e for e in asked if f'{e}_requirements' not in SETTINGS]
    if missing: return [f'{where}: {" ".join(words)}: there is no extra {", ".join(missing)}']
    print(f'  parsed    {" ".join(words)}')
    return []


def other_faults(words, where):
    "Programs and files that there are"
    script = next((w for w in words[1:] if re.search(r'\.(py|ipynb|sh)$', w)), None)
    if words[0] in ('python', 'python3', 'jupyter') and script and not (ROOT/script).is_file() and not Path(script).is_file():
        return [f'{where}: {" ".join(words)}: there is no {script}']
    if 'reid_nb.train' in words:
        from reid_nb.train import reid_train
        _, wrong = read_by_parser(reid_train, words[words.index('reid_nb.train'):])
        if wrong: return [f'{where}: {" ".join(words)}: {wrong}']
    if words[0] not in TOOLS and not shutil.which(words[0]) and words[0] != 'cd' and '=' not in words[0] and not (ROOT/words[0]).is_file():
        return [f'{where}: {words[0]} is no program here, and none that pages may name (TOOLS in .ci/blocks.py)']
    print(f'  parsed    {" ".join(words)}')
    return []


def line_faults(words, where, home):
    "What is wrong with one command"
    while words and re.match(r'^\w+=', words[0]): words = words[1:] # variables set before it
    if not words: return []
    if words[0] in COMMANDS: return command_faults(words, where, home)
    if words[0] == 'papermill': return papermill_faults(words, where)
    if 'pip' in words[:3]: return pip_faults(words, where)
    return other_faults(words, where)


def page_faults(path, home):
    "Run the blocks of a page in order"
    os.chdir(home)
    space, wrong = dict(__name__='__main__'), []
    for n, (language, text) in enumerate(blocks_of(path)):
        where = f'{path.name}, block {n}'
        if language in ('python', 'py'):
            wrong += python_faults(text, space, where)
            continue
        done = subprocess.run(['bash', '-n'], input=text, capture_output=True, text=True)
        if done.returncode: wrong.append(f'{where}: bash cannot read it: {done.stderr.strip()}')
        for words in lines_of(text): wrong += line_faults(words, where, home)
    return wrong


def main():
    "All pages that have blocks to copy"
    names = [Path(a).stem for a in sys.argv[1:]]
    pages = [NBS/f'{n}.ipynb' for n in names] or [NBS/'index.ipynb', *sorted(NBS.glob('8*.ipynb'))]
    wrong = []
    with tempfile.TemporaryDirectory(prefix='reid_nb-') as tmp:
        with contextlib.redirect_stdout(io.StringIO()): first = prepare(Path(tmp)/'first')
        for p in pages:
            print(p.name)
            home = Path(tmp)/p.stem
            shutil.copytree(first, home)
            wrong += page_faults(p, home)
        os.chdir(ROOT)
    if wrong: sys.exit('\n'.join(wrong))
    print(f'the blocks of {len(pages)} pages hold')


if __name__ == '__main__': main()
