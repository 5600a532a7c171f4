"""Print a pip constraint for every requirement of settings.ini at its lower bound, one a line.

    python .ci/lower.py > lower.txt
    pip install -e '.[dev]' -c lower.txt
"""
import re
from configparser import ConfigParser
from pathlib import Path

ini = ConfigParser(delimiters=['='])
ini.read(Path(__file__).resolve().parent.parent/'settings.ini', encoding='utf-8')
for line in (ini['DEFAULT']['requirements'] + ' ' + ini['DEFAULT']['train_requirements']).split():
    name, low = re.match(r'([\w-]+)>=([\w.]+)', line).groups()
    print(f'{name}=={low}' if low.count('.') > 1 else f'{name}=={low}.*')
