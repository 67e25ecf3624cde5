"""What is installed from a wheel is whole: an editable install, as everywhere else in the tests, would hide a file that stays behind."""

import shutil
import subprocess
import sys
import zipfile

import pytest
from browser import ROOT
from test_notebooks import check, run

HOUSE = ROOT / "diffusion_lib"
SOURCES = {".po", ".pot"}  # what translators write; the wheel has what is made from it
CELL = """
import importlib, pkgutil
from pathlib import Path
import diffusion_lib
from diffusion_lib import store
from diffusion_lib.evaluation.records import RECORDS

for _, name, _ in pkgutil.walk_packages(diffusion_lib.__path__, "diffusion_lib."):
    importlib.import_module(name)
loaded = [store.load(name) for name in store.names()]
for fact in (Path(diffusion_lib.__file__).parent, len(loaded), len([*RECORDS.iterdir()])):
    print(fact)
"""
GUARD = """
import sys
def ours(event, about):
    if event == "open" and str(about[0]).startswith({house!r}):
        raise OSError(f"{{about[0]}} is a file of the clone")
sys.addaudithook(ours)
"""


@pytest.fixture
def installed(tmp_path):
    """The package as a wheel brings it, unpacked in a folder; built from a copy, so that nothing older can lie in its `build`."""
    clone, site = tmp_path / "clone", tmp_path / "site"
    shutil.copytree(HOUSE, clone / "diffusion_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    words = "wheel . --no-deps --no-build-isolation --no-index --quiet --disable-pip-version-check".split()
    made = subprocess.run([sys.executable, "-m", "pip", *words], cwd=clone, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = clone.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    shutil.rmtree(clone)
    return site


def files(folder):
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if "__pycache__" not in path.parts and path.suffix not in SOURCES}


@pytest.mark.heavy
@pytest.mark.xdist_group("nbformat")
def test_a_wheel_outside_the_clone_has_every_file_and_runs_a_lesson(installed, tmp_path, monkeypatch):
    import nbformat

    assert files(installed / "diffusion_lib") == files(HOUSE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(installed))
    notebook = nbformat.read(next(ROOT.glob("notebooks/01_*.ipynb")), 4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(GUARD.format(house=str(HOUSE))))
    notebook.cells.append(nbformat.v4.new_code_cell(CELL))
    run(notebook, elsewhere, monkeypatch)
    said = notebook.cells.pop().outputs[0].text.splitlines()
    counts = [len([*(HOUSE / folder).iterdir()]) for folder in ("weights", "records")]
    assert said == [str(installed / "diffusion_lib"), *map(str, counts)]
    check(notebook)
