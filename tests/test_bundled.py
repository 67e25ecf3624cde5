"""Real digits, and the cache of what took long to read."""

import numpy as np

from diffusion_lib import data
from diffusion_lib.data import bundled


def test_real_digits():
    d = data.digits()
    assert d.x.shape == (1797, 1, 8, 8) and len(d.x.unique()) == 17
    m = data.mnist()
    assert m.x.shape == (5000, 1, 28, 28) and m.y.bincount().tolist() == [500] * 10
    assert -0.8 < float(m.x.mean()) < -0.65  # mostly paper


# ---------------------------------------------------------------------------------------- the MNIST cache


def test_the_cache_is_written_whole_used_and_rebuilt(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFUSION_LIB_CACHE", str(tmp_path / "cache"))
    made = []

    def parse():
        made.append(1)
        return np.zeros((2, 784), np.uint8), np.array([3, 4], np.uint8)

    monkeypatch.setattr(bundled, "_parse_mnist", parse)
    assert data.mnist().y.tolist() == data.mnist().y.tolist() == [3, 4] and len(made) == 1
    path = tmp_path / "cache" / "mnist_5k.npz"
    assert [f.name for f in path.parent.iterdir()] == [path.name]
    path.write_bytes(path.read_bytes()[:50])
    assert data.mnist().y.tolist() == [3, 4] and len(made) == 2
    data.mnist()
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DIFFUSION_LIB_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(bundled, "_parse_mnist", lambda: (np.zeros((1, 784), np.uint8), np.array([1], np.uint8)))
    assert data.mnist().y.tolist() == [1]
