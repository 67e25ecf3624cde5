"""Lesson 10: pictures from a prompt, each from dice of its own, so that a picture that pleases can be had again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ... import store
from ...data.factors import TOLD
from ...data.prompts import Prompt, understand
from ...ddpm import Denoiser
from ...diffusion import Schedule
from ...guidance import guided
from ...sampling import Step, sample
from ...values import dice, integer
from ...viz.figures import grid
from ...viz.panels import pixels
from ...words import _
from ..common import time_at

WEIGHTS, SAMPLER, CALLS = "sprites32", "dpmpp_2m", 11
COUNTS = [len(values) for values in TOLD.values()]


def painter(model: Denoiser | None = None) -> Denoiser:
    """The model, the shipped one if it is None. ValueError for one that was not told our words."""
    model = store.load(WEIGHTS) if model is None else model
    if getattr(model, "classes", 0) != COUNTS:
        said = f"These weights were not told any words, so they cannot be asked for a picture: use {WEIGHTS!r}, or train with --words."
        raise ValueError(said)
    return model


def noises(shape: tuple[int, ...], seeds: Sequence[int]) -> Tensor:
    """x_T of one picture for each seed (n, *shape): the same seed is the same noise, in whatever company."""
    return torch.stack([torch.randn(shape, generator=dice(seed), dtype=torch.float32) for seed in seeds])


def walk(
    prompt: str | Prompt,
    seeds: Sequence[int] = (0, 1, 2, 3),
    steps: int = CALLS,
    w: float = 2.0,
    negative: str = "",
    model: Denoiser | None = None,
) -> Iterator[Step]:
    """The steps from noise to a picture for each seed, all at once; each asks the network for both answers in one batch.

    w, negative: see `guidance.guided`; negative words in the prompt itself count as well.
    """
    model, n = painter(model), len(seeds)
    p = understand(prompt, negative) if isinstance(prompt, str) else prompt
    return painting(model, noises(model.shape, seeds), p.y(n), steps, w, p.negative(n))


def painting(
    model: Denoiser,
    xT: Tensor,
    y: Tensor,
    steps: int = CALLS,
    w: float = 2.0,
    negative: Tensor | None = None,
    at: Sequence[int] | None = None,
) -> Iterator[Step]:
    """The walk from noise x_T (n, ...) to pictures of what y (n, F) says, as the prompt box walks; at: other times than its own."""
    at = times(model.schedule, steps) if at is None else at
    return sample(guided(model, y, w, negative), xT, model.schedule, at, sampler=SAMPLER, clip=1.0)


def times(schedule: Schedule, steps: int) -> list[int]:
    """steps + 1 times from T to 0, even in t but for one more between the first two, half way in decibels.

    So few calls obey more than evenly in decibels (`spacing` in benchmarks/words.py). Without the one more, the colours of 300
    cats at w = 2 came less evenly: ten calls had 0.889 of the largest entropy, with it 0.985.
    """
    even = schedule.times(steps)
    if steps < 3:
        return even
    first, second, *rest = schedule.times(steps - 1)
    between = time_at(float(schedule.snr_db[[first, second]].mean()), schedule)
    return [first, between, second, *rest] if first > between > second else even


def pictures(prompt: str | Prompt, seeds: Sequence[int] = (0, 1, 2, 3), **how) -> Tensor:
    """(n, 3, H, W), where the walk ends; how: of `walk`."""
    *_past, last = walk(prompt, seeds, **how)
    return last.xs


def against(p: Prompt, w: float) -> list[str]:
    """A sentence where w is too small for words of what shall not be there to lead away from it; [] elsewhere."""
    if not p.avoided or w > 1:
        return []
    if w == 1:
        return [_("At w = 1 what shall not be there has no effect: take a larger w.")]
    return [_("Below w = 1 the walk is led towards what shall not be there, and not away from it: take a w above 1.")]


def how_many(n, low: int = 1, high: int = 100) -> int:
    """n pictures, or walks, as an int; ValueError for what is no such number."""
    return integer(n, low, high, f"n is how many are drawn, a whole number from {low} to {high:,}, but got {n!r:.40}.")


def line(text: str, negative: str = "") -> str:
    """A prompt in one line: what shall be there, and behind a minus what shall not."""
    words = text or _("(nothing)")
    return f"{words} − {negative}" if negative else words


def frame(x: Tensor, columns: int = 2) -> np.ndarray:
    """Pictures (n, 3, H, W) side by side, as the one frame of a film (1, H', W', 3)."""
    return grid(x, columns=columns, pad=1)[None]


def film(steps: Sequence[Step], columns: int = 2) -> dict:
    """What a player shows of a walk, a frame more than it has steps: x_t, and the picture that the network saw on the way there."""
    first = steps[0]
    xt, seen = [first.xt, *(s.xs for s in steps)], [first.x0_hat, *(s.x0_hat for s in steps)]
    panel = lambda xs, title: pixels(np.concatenate([frame(x, columns) for x in xs]), title)
    panels = [panel(xt, _("x_{t}")), panel(seen, _("what the network sees in it"))]
    return {"panels": panels, "labels": [f"t = {t}" for t in (first.t, *(s.s for s in steps))]}
