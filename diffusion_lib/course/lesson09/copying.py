"""Lesson 09, is it a copy? The nearest training picture beside each sample, and a dial: how many lie nearer to what was seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ... import ddpm, diffusion, gan, store, vae
from ...diffusion import Schedule
from ...evaluation.metrics import copied, nearest
from ...oracle import ideal_denoiser
from ...viz.figures import grid
from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...viz.tables import Table, table
from .blurring import bars
from .latents import from_noise, seen_and_unseen

N = 1000  # samples of each maker
FEW = 20  # pictures that the overfitted network has seen
SHORT = {"exact denoiser": "exact", "DDPM of 20": "of 20", "real digits": "real"}  # under the bars
OUTRIGHT = 1 / 3  # of the second distance: Yoon et al. 2023; Gu et al. 2023 (2310.02664)


def outright(samples: Tensor, seen: Tensor) -> float:
    """The share of samples (B, ...) whose nearest of seen (N, ...) is less than a third as far as the second nearest.

    A plain copy passes, and so does one with a little noise; a sample between two training pictures does not.
    Blind to copies that are shifted or recoloured, and to pictures that the training set has twice.
    """
    mode = "donot_use_mm_for_euclid_dist"
    distances = torch.cdist(samples.flatten(1).double(), seen.flatten(1).double(), compute_mode=mode)
    two = distances.topk(2, largest=False).values
    return float((two[:, 0] < OUTRIGHT * two[:, 1]).double().mean())


def makers(n: int = N, seed: int = 0) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """{who: (n samples, what it has seen, as many unseen ones)}, from a maker that copies to pictures that nobody made.

    The last are real digits, held against two sets of which they are neither: what a dial reads of samples that depend on neither.
    """
    learn, unseen = (part.x for part in seen_and_unseen())
    equal = learn[: len(unseen)]
    noise = torch.randn(n, *learn.shape[1:], generator=torch.Generator().manual_seed(seed))
    perfect = ideal_denoiser(equal, Schedule.of("cosine", 1000))
    times = perfect.schedule.times(20, "snr")
    *_, last = diffusion.sample(perfect, noise, perfect.schedule, times, eta=0.0, order=2, clip=1.0)
    half = len(unseen) // 2
    return {
        "exact denoiser": (last.xs, equal, unseen),
        "DDPM of 20": (from_noise(store.load("digits_twenty"), noise), learn[:FEW], unseen[:FEW]),
        "DDPM": (torch.cat(list(ddpm.draw(store.load("digits"), n, seed=seed))), equal, unseen),
        "GAN": (torch.cat(list(gan.draw(store.load("digits_gan"), n, seed=seed))), equal, unseen),
        "VAE": (torch.cat(list(vae.draw(store.load("digits_vae"), n, seed=seed))), equal, unseen),
        "real digits": (learn[:n], unseen[:half], unseen[half : 2 * half]),
    }


def dial(samples: Tensor, seen: Tensor, fresh: Tensor) -> dict[str, float]:
    """What the film says of a maker: `metrics.copied`, n, outright, and the median distance a pixel to the nearest seen and unseen."""
    near = {k: float(nearest(samples, x)[0].median()) for k, x in (("to_seen", seen), ("to_unseen", fresh))}
    counts = {"n": len(samples), "pictures": len(seen), "outright": outright(samples, seen)}
    return copied(samples, seen, fresh) | near | counts


def is_it_a_copy(found: dict[str, tuple[Tensor, Tensor, Tensor]] | None = None, show: int = 8) -> FramePlayer:
    """A film whose frames are makers: samples, the nearest seen and unseen picture below each, and the dial. found: see `makers`."""
    found = found or makers()
    panels, dials = [], {name: dial(*sets) for name, sets in found.items()}
    for samples, seen, fresh in found.values():
        x = samples[:show]
        rows = [x, *(known[nearest(x, known)[1]] for known in (seen, fresh))]
        panels.append(grid(torch.cat(rows), columns=show, pad=2))
    panel = _dials(list(dials.values()), [SHORT.get(name, name) for name in found])
    says = [_sentence(d) for d in dials.values()]
    labels = [f"{i}. {name}" for i, name in enumerate(found, 1)]
    top = pixels(np.stack(panels), "samples;  nearest seen;  nearest unseen")
    return FramePlayer([top, panel], captions=says, labels=labels, name="Is it a copy?", fps=1)


def _dials(dials: list[dict], names: list[str]) -> dict:
    """A bar for each maker and its 95 % interval, and the line of those who remember nothing."""
    shares, ends = [d["share"] for d in dials], [(d["low"], d["high"]) for d in dials]
    return bars(names, shares, "share nearer to what was seen", {"independent": 0.5}, intervals=ends)


def _sentence(d: dict) -> str:
    return (
        f"nearer to one of {d['pictures']} seen than of {d['pictures']} unseen pictures: {d['share']:.1%} of {d['n']:,} "
        f"({d['low']:.1%} to {d['high']:.1%}); outright copies: {d['outright']:.1%}; "
        f"distance a pixel: {d['to_seen']:.2f} to seen, {d['to_unseen']:.2f} to unseen"
    )


DISGUISES = {
    "as it is": lambda x: x,
    "one pixel to the right": lambda x: x.roll(1, 3),
    "half the contrast": lambda x: 0.5 * x - 0.5,
    "negative": lambda x: -x,
    "mirrored": lambda x: x.flip(3),
}


def disguises() -> Table:
    """Every picture below is a copy of a training picture; what the dial and the third rule say of it."""
    learn, unseen = (part.x for part in seen_and_unseen())
    seen = learn[: len(unseen)]
    rows = []
    for name, change in DISGUISES.items():
        x = change(seen)
        rows.append([name, f"{copied(x, seen, unseen)['share']:.1%}", f"{outright(x, seen):.1%}"])
    return table([f"copies of {len(seen)} training pictures", "nearer to seen", "outright copies"], rows)
