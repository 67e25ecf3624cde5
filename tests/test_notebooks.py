"""Every lesson from top to bottom, unfilled, from some other folder, with the network cut."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from diffusion_lib.train import MAX_STEPS

SHORT = (
    "04",
    "06",
    "07",
    "09",
)  # their long trainings are cut in the fast suite; `make slow` runs them whole
NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))

# Runs in the kernel before the first cell: whoever asks for a host that is not this machine gets an error.
NO_NETWORK = """
import socket
_connect, _lookup = socket.socket.connect, socket.getaddrinfo
def _local(host):
    return not isinstance(host, (str, bytes)) or str(host) in ("127.0.0.1", "localhost", "::1", "")
def connect(self, address):
    if isinstance(address, tuple) and not _local(address[0]):
        raise OSError(f"a lesson asked the network for {address}")
    return _connect(self, address)
def getaddrinfo(host, *rest, **more):
    if not _local(host):
        raise OSError(f"a lesson asked the network for {host}")
    return _lookup(host, *rest, **more)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


def run(notebook, folder, monkeypatch):
    """Execute like Run All, in `folder`, offline; returns the executed notebook."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "no_network.py").write_text(NO_NETWORK)
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    client = NotebookClient(
        notebook,
        timeout=240,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=os.environ)
    return notebook


def outputs(cell, kind):
    return [o for o in cell.outputs if o.output_type == kind]


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.stem[:2] in SHORT], ids=lambda p: p.stem)
def test_run_all_with_every_training_whole(path, tmp_path, monkeypatch):
    check(path, tmp_path, monkeypatch)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_run_all(path, tmp_path, monkeypatch):
    if path.stem[:2] in SHORT:
        monkeypatch.setenv(MAX_STEPS, "300")
    check(path, tmp_path, monkeypatch)


def check(path, tmp_path, monkeypatch):
    notebook = run(nbformat.read(path, 4), tmp_path, monkeypatch)
    code = [c for c in notebook.cells if c.cell_type == "code"]
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
    assert views >= 4


def test_the_network_really_is_cut(tmp_path, monkeypatch):
    """Or the test above would prove nothing."""
    cell = nbformat.v4.new_code_cell(
        "import urllib.request\ntry:\n    urllib.request.urlopen('http://example.com', timeout=5)\nexcept OSError as e:\n    print(e)"
    )
    done = run(nbformat.v4.new_notebook(cells=[cell]), tmp_path, monkeypatch)
    assert "a lesson asked the network" in done.cells[0].outputs[0].text
