"""Three families on the same data under one measured budget: who takes turns, who has learned what, and what it cost.

place = load("digits")                              # what to learn, what is never shown, how it is judged
entries = enter(place, seed=0)                      # {"GAN": ..., "VAE": ..., "DDPM": ...}
for entry in race(entries, seconds=30):             # a step of whoever has had the least time
    ...
place.judge(entries["VAE"].draw(place.n))
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from . import classifier, data, ddpm, gan, store, vae
from .data import Data
from .metrics import copied, coverage_ceiling, frechet, mode_report, neighbourhoods
from .nets import Classifier
from .train import Parts, Record, fit

FAMILIES: dict[str, ModuleType] = {"GAN": gan, "VAE": vae, "DDPM": ddpm}
CALLS = {"GAN": 1, "VAE": 1, "DDPM": 20}  # of the network, for one sample
FAILS = (
    0.5  # a run fails if it covers less than this share of what real ones cover; fixed before the first run
)


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
        return len(self.unseen)

    def judge(self, x: Tensor, y: Tensor | None = None) -> dict[str, float]:
        """What n samples x (n, ...) score; y (n,) their classes, None: 0, 1, 2, ... in turn, as `Entry.draw` gives them.

        points: `mode_report`, and precision and coverage from `neighbourhoods`. pictures: frechet, accuracy, precision,
        density, recall and coverage on the eye's features, and nearer_to_training, see `copied`.
        fails: coverage under half of what real ones have on average, or no numbers.
        """
        if len(x) != self.n:
            raise ValueError(f"All are judged by {self.n} samples, for a metric moves with their number: got {len(x)}.")  # fmt: skip
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
            if len(self.learn.names) == self.eye.config["classes"]:
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
            one, two = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed)).split(self.n)[
                :2
            ]
            there = replace(self, unseen=replace(self.unseen, x=real[two], y=None if y is None else y[two]))
            found.append(there.judge(real[one], None if y is None else y[one]))
        keys = [k for k in found[0] if k not in ("nearer_to_training", "accuracy", "fails")]
        return {k: float(torch.tensor([float(f[k]) for f in found]).std()) for k in keys}


def load(name: str) -> Place:
    """A place by name: "grid", "ring" (10,000 points are judged), "digits" (797), "mnist" (1,000), "sprites" of 16 pixels (1,000)."""
    if name in ("grid", "ring"):
        return Place(data.load(name, n=100_000), data.load(name, n=10_000, seed=999))
    if name == "sprites":
        return Place(
            data.sprites(2000, 16), data.sprites(1000, 16, seed=10_001), store.load("classifier_sprites")
        )
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
        return self.record.step if self.record else 0

    @property
    def seen(self) -> int:
        """How many real samples it was shown, each many times."""
        return self.steps * len(self.first[0])

    def draw(self, n: int, seed: int = 0) -> Tensor:
        """n samples, the classes in turn; notes the seconds that it took in `drawing`."""
        tick = time.perf_counter()
        x = torch.cat(list(FAMILIES[self.name].draw(self.model, n, seed=seed)))
        self.drawing = {"n": n, "seconds": time.perf_counter() - tick}
        return x


def enter(place: Place, seed: int = 0, device="cpu", families=tuple(FAMILIES), options: dict | None = None) -> dict[str, Entry]:  # fmt: skip
    """An untrained entry for each family, as its `build` makes it; options: {family: {...}} for `build`."""
    out = {}
    for name in families:
        model, parts = FAMILIES[name].build(place.learn, seed=seed, device=device, **(options or {}).get(name, {}))  # fmt: skip
        x, y = next(parts.batches)
        parts = parts._replace(batches=chain([(x, y)], parts.batches))
        out[name] = Entry(name, model, parts, (x, None if x.ndim == 2 else y))
    return out


def race(entries: dict[str, Entry], *, seconds: float | None = None, steps: dict[str, int] | None = None, rests: dict[str, int] | None = None, seed: int = 0) -> Iterator[Entry]:  # fmt: skip
    """Train them all; yields the entry whose step it was. Whoever has had the least time is next, so nobody is ever more
    than one step ahead. Drawing and judging in the loop's body do not count.

    seconds: for each, measured by `fit`; or steps: {family: number}, the same on every machine.
    rests: {family: number} of steps after which it rests, though its learning rate falls as if it went on to `steps`. So a
    race whose loop was left early is repeated to the bit.
    An entry whose loss stops being a number rests, with the sentence in its `error`, and the others go on.
    """
    if (seconds is None) == (steps is None):
        raise ValueError("Say how long the race is, in seconds for each or in steps by family, one of them.")
    budget = {k: {"seconds": seconds} if steps is None else {"steps": steps[k]} for k in entries}
    running = {
        k: islice(fit(*e.parts, **budget[k], seed=seed), rests and rests[k]) for k, e in entries.items()
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


# ---------------------------------------------------------------------------------------- the ledger


def counted_flops(place: Place, family: str, steps: int = 3, **options) -> float:
    """Floating-point operations of one training step for one real sample, as PyTorch counts them: a multiply-add is 2.

    Counted are products of matrices and convolutions, forward and backward; normalisation, activations and the optimiser
    count as nothing (torch's FlopCounterMode). A GAN that looks at D's slope by chance is counted with and without.
    """
    every = options.get("every") or _every(place.learn.x)
    if family == "GAN" and every > 1:
        always = counted_flops(place, family, steps, **options | {"every": 1})
        never = counted_flops(place, family, steps, **options | {"every": 1, "r1": 0.0, "r2": 0.0})
        return never + (always - never) / every
    entry = enter(place, families=(family,), options={family: options})[family]
    with FlopCounterMode(display=False) as counter:
        for _ in fit(*entry.parts, steps=steps):
            pass
    return counter.get_total_flops() / steps / len(entry.first[0])


def _every(x: Tensor) -> int:
    """What `gan.build` takes if nobody says."""
    return 1 if x.ndim == 2 else 4


def forward_flops(net: nn.Module, *inputs) -> int:
    """Floating-point operations of net(*inputs), by hand: 2 x inputs x outputs of each linear layer, and for each place of a convolution."""
    total, hooks = 0, []

    def count(layer, _, out):
        nonlocal total
        total += 2 * out.numel() * layer.weight[0].numel()

    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            hooks.append(layer.register_forward_hook(count))
    try:
        with torch.no_grad():
            net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def expected_flops(entry: Entry, every: int | None = None) -> float:
    """The same by thought: a forward pass costs F, a backward pass 2 F, and 1 F if only the input's slope is wanted.

    DDPM, VAE: 3 F.  GAN: 4 F_G (fakes for D; fresh ones, and back) + 6 F_D (real ones and fakes) + 3 F_D (scores of the
    real ones, the fresh fakes, and back to the fakes) + 12 F_D / every, where D's slope is estimated at two sets from two
    places each; every: as in `gan.build`. Per real sample.
    """
    x, y = entry.first
    nets = [learner.model for learner in entry.parts.learners]
    if entry.name == "DDPM":
        return 3 * forward_flops(nets[0], x, torch.ones(len(x), dtype=torch.long), y) / len(x)
    if entry.name == "VAE":
        model = nets[0]
        one = forward_flops(model.eye, x) + forward_flops(model.body, model.eye(x)) + forward_flops(model.decoder, torch.zeros(len(x), model.config["latent"]), y)  # fmt: skip
        return 3 * one / len(x)
    g, d = forward_flops(nets[0], nets[0].noise(len(x), None), y), forward_flops(nets[1], x, y)
    every = every or _every(x)
    return (4 * g + (9 + 12 / every) * d) / len(x)


def drawing_flops(entry: Entry) -> float:
    """Of one sample: the network's forward pass, as often as the family calls it."""
    x, y = entry.first
    net = {"GAN": lambda: entry.model, "VAE": lambda: entry.model.decoder, "DDPM": lambda: entry.model.net}[entry.name]()  # fmt: skip
    inputs = (x, torch.ones(len(x), dtype=torch.long)) if entry.name == "DDPM" else (torch.zeros(len(x), net.config["latent"]),)  # fmt: skip
    return CALLS[entry.name] * forward_flops(net, *inputs, y) / len(x)


def parameters(entry: Entry) -> dict[str, int]:
    """How many numbers are learned in training, and how many of them drawing needs."""
    drawing = entry.model.decoder if entry.name == "VAE" else entry.model
    return {"training": sum(p.numel() for learner in entry.parts.learners for p in learner.model.parameters()),
            "drawing": sum(p.numel() for p in drawing.parameters())}  # fmt: skip


def apart(seconds: Iterable[float]) -> float:
    """By which share of their mean the farthest is off it; 0 where nothing was measured."""
    seconds = list(seconds)
    mean = sum(seconds) / max(1, len(seconds))
    return max(abs(s - mean) for s in seconds) / mean if mean else 0.0


def break_even(training_a: float, drawing_a: float, training_b: float, drawing_b: float) -> float | None:
    """From how many samples on is a cheaper in all than b? training + n drawing, both in seconds.

    0 if a is cheaper from the start; None if it never is.
    """
    if training_a <= training_b and drawing_a <= drawing_b:
        return 0.0
    if drawing_a >= drawing_b:
        return None
    return max(0.0, (training_a - training_b) / (drawing_b - drawing_a))
