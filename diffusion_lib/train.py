"""One training loop for every family of models: it knows steps, seconds and weights, and no model.

``fit`` is a generator: a progress bar, a live plot, a Stop button and a test are all a ``for`` loop around it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from . import files
from .checkpoint import keep, resume, told
from .muon import named_optimizer
from .values import dice, need, plain

MAX_STEPS = "DIFFUSION_LIB_MAX_STEPS"  # an environment variable that cuts every training short, for rehearsals


class EMA:
    """A moving average of weights whose memory grows with training, so that no length has to be known beforehand:

        ema_n = (1 - 1/n)^(gamma + 1) ema_{n-1} + (1 - (1 - 1/n)^(gamma + 1)) theta_n

    At step n it remembers about the last n / (gamma + 2) steps. The very first step copies the weights, so a start
    that was not yet trained leaves no trace: what a warm-up is for. Karras et al. 2024 (2312.02696), equation 2 and 127.
    """

    def __init__(self, model: nn.Module, gamma: float = 7.0):
        self.model, self.gamma, self.n = copy.deepcopy(model).requires_grad_(False).eval(), gamma, 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """One more step: the weights theta_n are the model's."""
        self.n += 1
        keep = (1 - 1 / self.n) ** (self.gamma + 1)
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - keep)
        for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
            mine.copy_(theirs)


class Learner:
    """A network, its optimizer and its moving average: what one player of a training needs. A GAN has two.

    lr: the highest learning rate; `fit` lets it rise and fall. clip: the longest gradient that is followed.
    precision: "float32", or "bfloat16" for the forward pass (see `machine.faster_precision`). optimizer: a name, see `muon`. share: of lr, as `fit` set it last.
    """

    share = 1.0

    def __init__(
        self,
        model: nn.Module,
        lr: float = 1e-3,
        clip: float = 1.0,
        betas=(0.9, 0.99),
        weight_decay: float = 0.0,
        precision: str = "float32",
        optimizer: str = "adamw",
    ):
        self.model, self.lr, self.clip, self.precision = model, lr, clip, precision
        self.optimizer = named_optimizer(optimizer, model, lr, betas, weight_decay)
        self._ema = EMA(model)

    @property
    def device(self) -> torch.device:
        """Where the network lives."""
        return next(self.model.parameters()).device

    @property
    def ema(self) -> nn.Module:
        """The averaged network: usable at every moment, and what samples are drawn with."""
        return self._ema.model

    @property
    def steps(self) -> int:
        """How often it went downhill."""
        return self._ema.n

    def set_rate(self, share: float) -> None:
        """Train with this share of the learning rate from now on."""
        self.model.train()
        self.share = share
        for group in self.optimizer.param_groups:
            group["lr"] = share * self.lr

    def autocast(self):
        """A context in which the forward pass has this learner's precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def descend(self, loss: Tensor) -> float:
        """One step downhill. Raises FloatingPointError, and leaves the weights as they were, if a number is not finite."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.clip))
        if not math.isfinite(norm) or not math.isfinite(value := float(loss.detach())):
            raise FloatingPointError(f"The loss is {float(loss.detach())} and its gradient {norm}")
        self.optimizer.step()
        self._ema.update(self.model)
        return value

    def state_dict(self) -> dict:
        """All that is needed to go on to the bit: network, optimizer, average and its age."""
        state = {"model": self.model, "optimizer": self.optimizer, "ema": self.ema}
        facts = {"n": self._ema.n, "precision": self.precision, "device": self.device.type}
        return {k: v.state_dict() for k, v in state.items()} | facts

    def load_state_dict(self, state: dict) -> None:
        """Go on where `state_dict` was taken; the precision too, on the same kind of device."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load_state_dict(state["ema"])
        self._ema.n = state["n"]
        # the race of `machine.faster_precision` may end otherwise the next time
        if state["device"] == self.device.type:
            self.precision = state["precision"]


class Parts(NamedTuple):
    """What ``fit`` needs of a family of models: fit(*parts, seconds=60).

    about: what it was built from, see `told`; among it batch, the number of items that a step takes.
    """

    step: Callable[..., dict[str, float]]
    batches: Iterable
    learners: Sequence[Learner]
    about: dict | None = None

    @property
    def batch(self) -> int:
        """How many items a step takes. Raises ValueError if `about` does not say."""
        said = 'These parts do not say how large a batch is: give about={"batch": size}.'
        need(self.about and "batch" in self.about, said)
        return self.about["batch"]


@dataclass(frozen=True)
class Record:
    """What is known after a step. seconds: of training only, without the time that the loop around `fit` took.

    values: what the step returned, e.g. {"loss": 0.31}; progress: 0..1; rate: the share of the learning rate; left: estimated seconds to the end.
    """

    step: int
    seconds: float
    progress: float
    rate: float
    values: dict[str, float]

    @property
    def left(self) -> float:
        """Estimated seconds to the end."""
        return self.seconds * (1 / self.progress - 1)

    def __str__(self) -> str:
        values = "  ".join(f"{k} {v:.4f}" for k, v in self.values.items())
        return f"step {self.step:,}  {values}  {self.progress:4.0%}, {self.left:.0f} s left"


def rate(progress: float, warmup: float = 0.02) -> float:
    """The share of the learning rate at a share of the training: up in a line, then down in half a cosine."""
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def fit(
    step: Callable[..., dict[str, float]],
    batches: Iterable,
    learners: Sequence[Learner],
    about: dict | None = None,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    warmup: float = 0.02,
    checkpoint: str | Path | None = None,
    every: float = 60.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Record]:
    """Train for a number of steps or of seconds; yields a Record after each step.

    step: step(batch, generator) -> {name: float}; it calls ``learner.descend`` itself, all its dice come from `generator`.
    batches: must give the same batches again after a restart, as ``Data.batches`` does. learners: whatever `step` trains.
    checkpoint: a file for all that is needed to go on, written every `every` seconds and at the end, however it ends;
    if the file exists, training goes on from there, to the bit as if it had never stopped (when counted in steps), and
    the first Record says where that is. about: data and options by name; a checkpoint of others is refused.
    clock: counts the seconds; time.process_time counts what the processor was busy with us.
    OSError at once for a checkpoint that cannot be written; if that fails later, a warning, and the training goes on.
    Stop at any time by leaving the loop: each ``learner.ema`` is usable. Raises FloatingPointError with one sentence
    when a loss stops being a number; the weights are then the last good ones.
    """
    said = f"Say how long to train, in steps or in seconds, one of them and above 0: got steps = {steps}, seconds = {seconds}."
    need((steps is None) != (seconds is None) and (steps if seconds is None else seconds) > 0, said)
    most = min(steps or math.inf, files.asked(MAX_STEPS, 10**9) or math.inf)
    generator, done, spent, values = dice(seed), 0, 0.0, {}
    path = None if checkpoint is None else files.expanded(checkpoint)

    def progress() -> float:
        return min(1.0, max(done / most, spent / (seconds or math.inf)))

    def save() -> None:
        state = {"learners": [x.state_dict() for x in learners], "dice": generator.get_state(), "about": story}
        keep(path, state | {"done": done, "spent": spent, "values": values})

    if path is not None:
        files.check(path)
        story = told((about or {}) | {"the seed of fit": seed, "warmup": warmup})
        if path.exists():
            done, spent, values = resume(path, learners, generator, story)
            yield Record(done, spent, progress(), rate(progress(), warmup), values)
    saved, queue = spent, islice(batches, done, None)
    try:
        while progress() < 1:
            start = clock()
            share = rate(max(progress(), 1e-3 * warmup), warmup)
            for learner in learners:
                learner.set_rate(share)
            try:
                with plain():
                    values = step(next(queue), generator)
            except FloatingPointError as error:
                said = f"{error} at step {done + 1}. Training stops, and the good weights of step {done} are kept: "
                raise FloatingPointError(said + "try a smaller learning rate, and look for NaN in the data.") from None
            except StopIteration:
                said = f"The batches ran out after {done} steps: give an endless iterator, such as Data.batches(size)."
                raise ValueError(said) from None
            done, spent = done + 1, spent + clock() - start
            if path is not None and spent - saved > every:
                save()
                saved = spent
            yield Record(done, spent, progress(), share, values)
    finally:
        if path is not None and done:
            save()
