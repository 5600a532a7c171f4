"""What the landing page shows of runs: two pictures and a table of results.

    python .ci/landing.py --pictures DATA OUT       a frame with names and a session, of a run on a drawn game
    python .ci/landing.py --results OUT... [--machine WORDS]
                                                    the table, a row a run, from the summary.json of each

Both write into nbs/; `python .ci/docs.py --readme` then takes index.ipynb to README.md.
"""
import argparse
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import reid_nb.data # noqa: F401 (a Game reads its tables with it)
from reid_nb.core import CLIP, UNK, Game
from reid_nb.film import filmstrip
from reid_nb.naming import draw_names
from reid_nb.play import film, plan

NBS = Path(__file__).resolve().parent.parent/'nbs'
LIMIT = 60_000 # bytes of a picture
ROWS = re.compile(r'(<!-- results[^>]*-->\n).*?(\n<!-- end of results -->)', re.S)


def save(picture, path, width):
    "Write a picture as JPEG of at most `LIMIT` bytes"
    if picture.width > width: picture = picture.resize((width, round(picture.height*width/picture.width)), Image.LANCZOS)
    for quality in range(88, 30, -4):
        buffer = io.BytesIO()
        picture.convert('RGB').save(buffer, 'JPEG', quality=quality, optimize=True)
        if buffer.tell() < LIMIT: break
    path.write_bytes(buffer.getvalue())
    print(f'{path.name}: {picture.width} × {picture.height}, {buffer.tell()/1000:.0f} kB')


def decided(game):
    "The test boxes with the names a run gave them"
    said = pd.read_csv(game.out/'decisions.csv')
    found = game.test.assign(label_id=said.label_id, pred=said.label_id, belief=said.belief, tracklet=said.tracklet)
    names = ['nobody known' if l == UNK else game.names.get(l, f'player {l}') for l in found.label_id]
    return found.assign(name=names, truth=game.truth)


def frame_of(game, quarter, session, angle, moment):
    "A frame of a test clip of a drawn game: only its crops are in the game, so it is drawn again"
    note = json.loads((game.data/'demo.json').read_text())
    clip = next(c for c in plan(note['size'], note['seed']) if (c.part, c.quarter, c.session) == ('test', quarter, session))
    return next(s.frame for s in film(clip, note['size'], note['seed']) if (s.angle, s.moment) == (angle, moment))


def pictures(data, out):
    "A frame of the test with the names given, and the session it is from"
    game = Game(data, out)
    found = decided(game)
    side = found[found.angle == 'side']
    right = (side.pred == side.truth).groupby([side[c] for c in CLIP]).mean()
    key = sorted(right.index, key=lambda k: abs(right[k] - right.median()))[0] # a middling session, no show-piece
    clip = side[(side.quarter == key[0]) & (side.session == key[1])]
    moment = clip.frame.value_counts().sort_index().idxmax()
    boxes = clip[clip.frame == moment]
    frame = frame_of(game, key[0], key[1], 'side', moment)
    save(Image.fromarray(draw_names(np.asarray(frame), boxes)), NBS/'landing_frame.jpg', 960)
    buffer = io.BytesIO()
    filmstrip(clip, game, rows=8).savefig(buffer, dpi=130, bbox_inches='tight')
    save(Image.open(buffer), NBS/'landing_session.jpg', 960)
    print(f'{" ".join(map(str, key))}: {(clip.pred == clip.truth).sum()} of {len(clip)} boxes named right; '
          f'of all {len(found)}: {(found.pred == found.truth).mean():.1%}')


def row(out):
    "What a run came to, as a row of the table"
    said = json.loads((Path(out)/'summary.json').read_text())
    data = Path(said['data'])
    note = json.loads((data/'demo.json').read_text()) if (data/'demo.json').is_file() else None
    game = f"demo, {note['size']}, seed {note['seed']}" if note else data.name
    folds = [f for f in said['results'] if f != 'ensemble']
    whole, seconds = said['results']['ensemble'], sum(said['seconds'].values())
    score = '' if whole['test_macro_f1'] is None else f"{whole['test_macro_f1']:.3f}"
    return f"| {game} | {said['recipe']} | {len(folds)} | {score} | {whole['expected_macro_f1']:.3f} | {seconds:.0f} |"


def results(outs, machine):
    "Write the table of results into the landing page"
    path = NBS/'index.ipynb'
    lines = ['| game | recipe | folds | macro-F1 | expected before the truth was looked at | seconds |',
             '| --- | --- | --- | --- | --- | --- |', *map(row, outs)]
    table = '\n'.join([*lines, *(['', f'Machine: {machine}.'] if machine else [])])
    book = json.loads(path.read_text(encoding='utf-8'))
    for c in book['cells']:
        source = ''.join(c['source'])
        if ROWS.search(source): c['source'] = ROWS.sub(lambda m: m[1] + table + m[2], source).splitlines(keepends=True)
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + '\n', encoding='utf-8')
    print(table)


def main():
    "Read the words and do what they say"
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--pictures', nargs=2, metavar=('DATA', 'OUT'))
    ap.add_argument('--results', nargs='+', metavar='OUT')
    ap.add_argument('--machine', default='')
    args = ap.parse_args()
    if args.pictures: pictures(*args.pictures)
    if args.results: results(args.results, args.machine)


if __name__ == '__main__': main()
