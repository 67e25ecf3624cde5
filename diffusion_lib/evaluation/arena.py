"""Three families on the same data under one measured budget: who takes turns, who has learned what, and what it cost.

place = load("digits")                              # what to learn, what is never shown, how it is judged
entries = enter(place, seed=0)                      # {"GAN": ..., "VAE": ..., "DDPM": ...}
for entry in race(entries, seconds=30):             # a step of whoever has had the least time
    ...
place.judge(entries["VAE"].draw(place.n))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import torch
from torch import Tensor, nn

from .. import data, store
from ..dataset import Data
from ..families import FAMILIES
from ..nets import Classifier
from ..train import Parts, Record, fit
from ..values import need
from . import classifier
from .metrics import copied, coverage_ceiling, frechet, mode_report, neighbourhoods

# a run fails if it covers less than this share of what real ones cover; fixed before the first run
FAILS = 0.5


# ---------------------------------------------------------------------------------------- the place


@dataclass(frozen=True)
class Place:
    """What is fought over. learn: the training set; unseen: as good, and never shown to a network; n: how many are judged.

    eye: a classifier whose features the metrics compare; None for points, which are compared as they are.
    """

    learn: Data
    unseen: Data
    eye: Classifier | None = None

    @property
    def n(self) -> int:
        """How many samples are judged."""
        return len(self.unseen)

    def judge(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """What n samples x (n, ...) score; y (n,) their classes, None: 0, 1, 2, ... in turn, as `Entry.draw` gives them.

        points: `mode_report`, and precision and coverage from `neighbourhoods`. pictures: frechet, accuracy, precision,
        density, recall and coverage on the eye's features, and nearer_to_training, see `copied`.
        fails: coverage under half of what real ones have on average, or no numbers.
        """
        said = f"All are judged by {self.n} samples, for a metric moves with their number: got {len(x)}."
        need(len(x) == self.n, said)
        if not bool(x.isfinite().all()):
            return {"coverage": 0.0, "fails": True}
        if self.eye is None:
            near = neighbourhoods(x[:2000], self.unseen.x[:2000])
            found = mode_report(x, self.learn.modes, self.learn.sd) if self.learn.modes is not None else {}
            found |= {k: near[k] for k in ("precision", "recall", "density", "coverage")}
        else:
            mine, real = classifier.features(self.eye, x), classifier.features(self.eye, self.unseen.x)
            y = torch.arange(len(x)) % len(self.learn.names) if y is None else y
            found = {"frechet": frechet(mine, real)} | neighbourhoods(mine, real)
            found |= {"nearer_to_training": copied(x, self.learn.x[: self.n], self.unseen.x)["share"]}
            if len(self.learn.names) == self.eye.classes:
                found["accuracy"] = classifier.accuracy(self.eye, x, y)
        k = min(self.n, 2000) if self.eye is None else self.n
        return found | {"fails": found["coverage"] < FAILS * coverage_ceiling(k, k)}

    def floor(self, times: int = 8) -> dict[str, float]:
        """What n real ones score, the mean over some random choices of the training set. nearer_to_training is 0.5, as it is for
        fresh ones; accuracy is that of the unseen ones, for the eye may know the others by heart. A model may come out a little
        better: samples smoother than real ones can lie nearer to the unseen ones."""
        found: list[dict] = []
        for seed in range(times):
            i = torch.randperm(len(self.learn), generator=torch.Generator().manual_seed(seed))[: self.n]
            found.append(self.judge(self.learn.x[i], None if self.learn.y is None else self.learn.y[i]))
        mean = {k: sum(float(f[k]) for f in found) / times for k in found[0]}
        if "nearer_to_training" in mean:
            mean["nearer_to_training"] = 0.5
        if "accuracy" in mean:
            mean["accuracy"] = classifier.accuracy(self.eye, self.unseen.x, self.unseen.y)
        return mean | {"fails": any(f["fails"] for f in found)}

    def spread(self, times: int = 8) -> dict[str, float]:
        """Standard deviation of what real ones score: all real ones are shuffled, and n of them are judged by n others.

        Without nearer_to_training, for which a third hand would be needed, and without accuracy, see `floor`.
        """
        real, y = torch.cat([self.learn.x, self.unseen.x]), None
        if self.learn.y is not None:
            y = torch.cat([self.learn.y, self.unseen.y])
        found: list[dict] = []
        for seed in range(times):
            one, two = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed)).split(self.n)[:2]
            there = replace(self, unseen=replace(self.unseen, x=real[two], y=None if y is None else y[two]))
            found.append(there.judge(real[one], None if y is None else y[one]))
        keys = [k for k in found[0] if k not in ("nearer_to_training", "accuracy", "fails")]
        return {k: float(torch.tensor([float(f[k]) for f in found]).std()) for k in keys}


def load(name: str) -> Place:
    """A place by name: "grid", "ring" (10,000 points are judged), "digits" (797), "mnist" (1,000), "sprites" of 16 pixels (1,000)."""
    if name in ("grid", "ring"):
        return Place(data.load(name, n=100_000), data.load(name, n=10_000, seed=999))
    if name == "sprites":
        return Place(data.sprites(2000, 16), data.sprites(1000, 16, seed=10_001), store.load("classifier_sprites"))
    if name in ("digits", "mnist"):
        learn, unseen = data.load(name).split({"digits": 1000, "mnist": 4000}[name])
        return Place(learn, unseen, store.load(f"classifier_{name}"))
    raise ValueError(f"There is no place {name!r} in the arena: choose grid, ring, digits, mnist or sprites.")


# ---------------------------------------------------------------------------------------- the race


@dataclass(eq=False)
class Entry:
    """One family in the race: its averaged model, what `fit` needs, its first batch (x, y), and how far it has come.

    y is None where the network is not told any classes.
    """

    name: str
    model: nn.Module
    parts: Parts
    first: tuple[Tensor, Tensor | None]
    record: Record | None = None
    error: str = ""
    drawing: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return self.record.seconds if self.record else 0.0

    @property
    def steps(self) -> int:
        """Of training so far."""
        return self.record.step if self.record else 0

    @property
    def seen(self) -> int:
        """How many real samples it was shown, each many times."""
        return self.steps * self.parts.batch

    def draw(self, n: int, seed: int = 0, clock: Callable[[], float] = time.perf_counter) -> Tensor:
        """n samples, the classes in turn; notes the seconds that it took in `drawing`, by this clock."""
        tick = clock()
        x = torch.cat(list(FAMILIES[self.name].draw(self.model, n, seed=seed)))
        self.drawing = {"n": n, "seconds": clock() - tick}
        return x


def enter(place: Place, seed: int = 0, device="cpu", families=None, options: dict | None = None) -> dict[str, Entry]:
    """An untrained entry for each family, as its `build` makes it; options: {family: {...}} for `build`.

    families: None for all.
    """
    out = {}
    for name in families or FAMILIES:
        told = (options or {}).get(name, {})
        model, parts = FAMILIES[name].build(place.learn, seed=seed, device=device, **told)
        x, y = next(parts.batches)
        parts = parts._replace(batches=chain([(x, y)], parts.batches))
        out[name] = Entry(name, model, parts, (x, None if x.ndim == 2 else y))
    return out


def race(
    entries: dict[str, Entry],
    *,
    seconds: float | None = None,
    steps: dict[str, int] | None = None,
    rests: dict[str, int] | None = None,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Entry]:
    """Train them all; yields the entry whose step it was. Whoever has had the least time is next, so nobody is ever more
    than one step ahead. Drawing and judging in the loop's body do not count.

    seconds: for each, measured by `fit`; or steps: {family: number}, the same on every machine.
    clock: counts the seconds, see `fit`.
    rests: {family: number} of steps after which it rests, though its learning rate falls as if it went on to `steps`. So a
    race whose loop was left early is repeated to the bit.
    An entry whose loss stops being a number rests, with the sentence in its `error`, and the others go on.
    """
    if (seconds is None) == (steps is None):
        raise ValueError("Say how long the race is, in seconds for each or in steps by family, one of them.")
    budget = {k: {"seconds": seconds} if steps is None else {"steps": steps[k]} for k in entries}
    running = {
        k: islice(fit(*e.parts, **budget[k], seed=seed, clock=clock), rests and rests[k]) for k, e in entries.items()
    }
    while running:
        entry = entries[min(running, key=lambda k: entries[k].seconds)]
        try:
            entry.record = next(running[entry.name])
        except StopIteration:
            del running[entry.name]
            continue
        except FloatingPointError as error:
            entry.error = str(error)
            del running[entry.name]
        yield entry


def apart(seconds: Iterable[float]) -> float:
    """By which share of their mean the farthest is off it; 0 where nothing was measured."""
    seconds = list(seconds)
    mean = sum(seconds) / max(1, len(seconds))
    return max(abs(s - mean) for s in seconds) / mean if mean else 0.0
