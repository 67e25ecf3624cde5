"""Lesson 00: a GAN and a diffusion model draw cats, call by call of their networks, under one slider."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from ... import store
from ...data.prompts import understand
from ...sampling import named_sampler, sample
from ...values import dice
from ...viz.figures import grid
from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...words import _

COLUMNS = 3
SAMPLER = "dpmpp_2m"


def numbers_as_picture(z: Tensor, size: int) -> Tensor:
    """z (N, L) as grey fields in rows of 8, (N, 3, size, size) in [-1, 1]: it has no other look."""
    rows = (z / 2).clamp(-1, 1).reshape(len(z), 1, -1, 8)
    return torch.nn.functional.interpolate(rows, size=(size, size), mode="nearest").expand(-1, 3, -1, -1)


@torch.no_grad()
def side_by_side(n: int = 6, calls: int = 20, seed: int = 4) -> FramePlayer:
    """n cats each: G's one call, and diffusion's many; frame k is what there is after k calls, and how long they took here.

    The weights are the shipped ones: cat_g has seen 2,000 cats of 16 pixels; sprites32, told "cat", 120,000 sprites of 32.
    """
    g, model = store.load("cat_g"), store.load("sprites32")
    z = g.noise(n, dice(seed))
    g(z)  # the first call of a network also sets up its memory
    tick = time.perf_counter()
    cats = g(z)
    leap = time.perf_counter() - tick
    xT = torch.randn(n, *model.shape, generator=dice(seed))
    times = model.schedule.times(calls, named_sampler(SAMPLER).even)
    walk, seen, took, tick = [xT], [], [0.0], time.perf_counter()
    for step in sample(model, xT, steps=times, sampler=SAMPLER, clip=1.0, y=understand("cat").y(n)):
        walk.append(step.xs), seen.append(step.x0_hat), took.append(time.perf_counter() - tick)
    film = lambda pictures: np.stack([grid(x, columns=COLUMNS, pad=1) for x in pictures])
    noise = numbers_as_picture(z, cats.shape[-1])
    panels = [
        pixels(film([noise, *[cats] * calls]), _("GAN: noise z, then one leap")),
        pixels(film(walk), _("diffusion: x_{t}, step by step")),
        pixels(film([torch.zeros_like(xT), *seen]), _("what its network sees in it")),
    ]
    start = _("Nobody has been asked yet: noise here, noise there.")
    said = _(
        "GAN: done after 1 call, {leap:.0f} ms for {n} cats.  Diffusion: call {k} of {calls}, {ms:,.0f} ms so far."
    )
    captions = [said.format(leap=1000 * leap, n=n, k=k, calls=calls, ms=1000 * t) for k, t in enumerate(took)]
    labels = [_("call {k}").format(k=k) for k in range(calls + 1)]
    name = _("One leap, and many steps")
    return FramePlayer(panels, captions=[start, *captions[1:]], labels=labels, name=name, fps=4)
