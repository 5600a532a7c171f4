"""Open-set re-identification of basketball players, in notebooks.

The stages, each a function here and a numbered notebook:

    game = open_game()              the data and the folder for its artefacts
    prepare(game)                   00: check, clean, cut crops, draw negatives
    make_folds(game)                01: who is held back, who validates
    train_fold(0, game)             03: an embedding
    gallery_fold(0, game)           04: enrol, rehearse, tune the threshold, score the test
    infer_fold(0, game)             05: a fold's answer
    ensemble_folds(game)            05: the answer of all folds, submission.csv
    Identifier.load(out).who(crops) 41: names for crops of your own

On the command line: reid_run (all of it), reid_compare, reid_demo, reid_bench; reid_import and reid_export for one's own
footage, reid_identify to name any; `reid_run --params` lists every parameter.
Modules by floors: core, tables, crops … (the game); recipes, learner … (learning); metrics, queries, tracklets, scores,
assign (deciding); data, folds, model, train, gallery, infer (the stages); run and steps; demo, draw, hall, play, toys.
"""
__version__ = "0.1.0"

from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec

_HOME = dict(Game='core', open_game='places', prepare='data', make_folds='folds', train_fold='train', gallery_fold='gallery',
             load_reid='model', infer_fold='infer', ensemble_folds='infer', run_all='run', draw_game='demo',
             import_footage='footage', Identifier='identify')
_COMMANDS = dict(reid_run='run', reid_compare='run', reid_gains='gains', reid_bench='bench') # see 96_scripts
_TRAINS = {'train', 'gallery', 'model', 'run', 'gains', 'bench'} # modules that train or run notebooks
__all__ = list(_HOME)


def _check_there(name, module):
    "Refuse what trains where the packages for it are not installed"
    if module not in _TRAINS: return
    if lacking := [p for p in ('torch', 'fastai', 'papermill') if _find_spec(p) is None]:
        raise ImportError(f"{name} needs {lacking[0]}, which is not installed: pip install 'reid_nb[train]'")


def __getattr__(name):
    "A stage's function or a command, from its module: `import reid_nb` alone takes no torch"
    module = (_HOME | _COMMANDS).get(name)
    if module is None: raise AttributeError(f'reid_nb has no {name}; it has {", ".join(__all__)}')
    _check_there(name, module)
    return getattr(_import_module(f'reid_nb.{module}'), name)


def __dir__():
    return sorted([*globals(), *__all__])
