"""Builds reid_nb from what settings.ini says."""
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

here = Path(__file__).parent
ini = ConfigParser(delimiters=['='])
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']
status = {'1': 'Planning', '2': 'Pre-Alpha', '3': 'Alpha', '4': 'Beta', '5': 'Production/Stable'}
names = ('train', 'cluster', 'explore', 'faiss', 'footage', 'onnx', 'video', 'dev')
extras = {name: cfg[f'{name}_requirements'].split() for name in names}
extras['dev'] += extras['train']

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'].split(),
    author=cfg['author'], author_email=cfg['author_email'], license='MIT', url=cfg['git_url'],
    long_description=(here/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    packages=find_packages(include=['reid_nb', 'reid_nb.*']), include_package_data=True, zip_safe=False,
    python_requires=f">={cfg['min_python']}", install_requires=cfg['requirements'].split(), extras_require=extras,
    entry_points={
        'console_scripts': [line.strip() for line in cfg['console_scripts'].splitlines() if line.strip()],
        'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
    classifiers=[f"Development Status :: {cfg['status']} - {status[cfg['status']]}", 'Intended Audience :: Developers',
                 'Programming Language :: Python :: 3'],
)
