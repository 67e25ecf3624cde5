"""Every lesson from top to bottom, unfilled, in a folder of its own, with the network cut."""

import json
import os
import shutil
import sys

import browser
import pytest
from browser import CAPS, NAMES, NO_NETWORK, ROOT, write_notebook

from diffusion_lib.train import MAX_STEPS

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHORT = [path for path in NOTEBOOKS if path.stem[:2] in CAPS]


class Node(dict):
    """A part of a notebook: node.outputs is node["outputs"]."""

    __getattr__ = dict.__getitem__


def read(path):
    import nbformat  # here, and nbclient below: a second and a half, for the tests that need no browser

    return nbformat.read(path, 4)


def run(notebook, folder, monkeypatch, number="", timeout=240):
    """Execute like Run All, in `folder`, offline, by a kernel that is started as anybody's and no fork of `warm`; returns
    the executed notebook. number: see `browser.startup`."""
    from nbclient import NotebookClient

    first = folder / "ipython" / "profile_default" / "startup"
    first.mkdir(parents=True)
    (first / "no_network.py").write_text(NO_NETWORK)
    (first / "ours.py").write_text(browser.startup(number))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=os.environ)
    return notebook


def outputs(cell, kind):
    return [o for o in cell.outputs if o.output_type == kind]


PEAK = "import re\nprint(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_run_all_with_every_training_whole(path, tmp_path, monkeypatch):
    """And the kernel never has more than 1.2 GB of real memory."""
    notebook = read(path)
    if linux := sys.platform == "linux":
        notebook.cells.append(read(write_notebook(tmp_path / "peak.ipynb", PEAK)).cells[0])
    run(notebook, tmp_path, monkeypatch, timeout=1200)
    if linux:
        assert int(notebook.cells.pop().outputs[0].text) < 1.2e6  # KB
    check(notebook)


def lessons(test):
    """One test for each lesson, in the row of tests that use its page."""
    marks = lambda path: [pytest.mark.browser, pytest.mark.xdist_group(f"lesson {path.stem[:2]}")]
    params = [pytest.param(path, id=path.stem, marks=marks(path)) for path in NOTEBOOKS]
    return pytest.mark.parametrize("path", params)(test)


@lessons
def test_run_all(path, tmp_path, monkeypatch):
    """In the browser, where the lesson's page stays for the tests that touch it; without one, by nbclient."""
    if any(map(shutil.which, NAMES)):
        with browser.lesson(path.stem) as p:
            check(json.loads(json.dumps(p.executed), object_hook=Node))
    else:
        if path in SHORT:
            monkeypatch.setenv(MAX_STEPS, str(CAPS[path.stem[:2]]))
        check(run(read(path), tmp_path, monkeypatch, path.stem[:2]))


def check(notebook):
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert all(c.execution_count for c in code if c.source.strip())
    views = 0
    for cell in code:
        assert not outputs(cell, "error"), cell.id
        said = "".join(o.text for o in outputs(cell, "stream"))
        shown = [o.data for kind in ("display_data", "execute_result") for o in outputs(cell, kind)]
        words = said + "".join(d.get("text/plain", "") for d in shown)
        if "exercise" in cell.metadata.get("tags", []):
            assert "Not yet" in words, f"{cell.id} says: {words[:200]}"
        if "same(" in cell.source:
            assert "✓" in words, f"{cell.id}: the version from scratch is not the library's: {words[:200]}"
        for data in shown:
            if "image/png" in data:
                views += 1
                assert len(data["text/plain"]) > 20 and "Player(" not in data["text/plain"], (
                    "a still needs words beside it"
                )
    assert views >= fewest(notebook.cells[0].id)


def fewest(name: str) -> int:
    """How many views a lesson has at least, told by its file's or a cell's name; the tour's drawings are none, but pages."""
    return 3 if name.startswith("00") else 4


ASK = "import urllib.request\ntry:\n    urllib.request.urlopen('http://example.com', timeout=5)\nexcept OSError as e:\n    print(e)"


@pytest.mark.browser
def test_the_network_really_is_cut(tmp_path):
    """Or the test above would prove nothing."""
    with browser.opened(tmp_path, write_notebook(tmp_path / "ask.ipynb", ASK).name) as p:
        said = p.evaluate("window.jupyterapp.shell.currentWidget.content.model.toJSON()")
    assert "a lesson asked the network" in json.dumps(said)


@pytest.mark.heavy
@pytest.mark.xdist_group("nbformat")  # which loads for a second and a half
def test_the_network_really_is_cut_without_a_browser(tmp_path, monkeypatch):
    done = run(read(write_notebook(tmp_path / "ask.ipynb", ASK)), tmp_path, monkeypatch)
    assert "a lesson asked the network" in done.cells[0].outputs[0].text
