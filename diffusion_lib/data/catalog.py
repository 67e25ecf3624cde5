"""Every data set by its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

from ..dataset import Data
from ..values import choice
from .bundled import digits, mnist
from .drawn import sprites
from .points import cat, grid, moons, ring, swiss_roll
from .stickers import thousand

# Add a data set here, and every menu and every shared test has it.
DATASETS: dict[str, Callable[..., Data]] = {
    "digits": digits,
    "mnist": mnist,
    "cats": lambda n=1000, size=32, seed=0: replace(sprites(n, size, seed, "cat"), name="cats"),
    "flowers": lambda n=1000, size=32, seed=0: replace(sprites(n, size, seed, "flower"), name="flowers"),
    "sprites": sprites,
    "thousand": thousand,
    "ring": ring,
    "grid": grid,
    "moons": moons,
    "swiss_roll": swiss_roll,
    "cat": cat,
}


def takes(name: str) -> list[str]:
    """The options of the data set called `name`, a key of DATASETS. Raises ValueError if there is none."""
    return list(inspect.signature(DATASETS[choice(name, DATASETS, "There is no data set called")]).parameters)


def default(name: str, option: str):
    """What an option of this data set is if it is not given."""
    return inspect.signature(DATASETS[name]).parameters[option].default


def load(name: str, **options) -> Data:
    """The data set called `name`; options: those that it `takes`, each as its function says."""
    taken = takes(name)
    if unknown := sorted(set(options) - set(taken)):
        raise ValueError(f"{name} has no option {unknown[0]!r}: it has {', '.join(taken) or 'no options'}.")
    return DATASETS[name](**options)
