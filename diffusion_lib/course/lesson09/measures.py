"""Lesson 09, what is measured: ways between two latents, what a VAE loses, how sharp pictures are, and how many lie too near."""

from __future__ import annotations

import torch
from torch import Tensor

from ... import data as _data
from ... import ddpm, gan, store, vae
from ...dataset import Data
from ...ddpm import Denoiser
from ...diffusion import Schedule, randn_like
from ...evaluation.metrics import nearest, rms_distances, share_nearer
from ...oracle import ideal_denoiser
from ...sampling import sample
from ...vae import VAE
from ...values import dice, need
from ...words import N_


def seen_and_unseen() -> tuple[Data, Data]:
    """The 1,000 digits that every network of this lesson may have seen, and the 797 that none has."""
    return _data.load("digits").split(1000)


# ---------------------------------------------------------------------------------------- ways


def slerp(a: Tensor, b: Tensor, u: float) -> Tensor:
    """From a to b (B, ...) along an arc: [ sin((1 - u) w) a + sin(u w) b ] / sin w, where w is the angle between them.

    u in 0..1. For a and b of one length, that length is kept (Shoemake 1985; for latents White 2016, 1609.04468).
    Raises ValueError where a and b point the same or opposite ways: no arc, or too many.
    """
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    cosine = (flat_a * flat_b).sum(1) / (flat_a.norm(dim=1) * flat_b.norm(dim=1))
    said = "Between vectors that point the same or opposite ways there is no single arc: draw others."
    need(not bool((cosine.abs() > 1 - 1e-06).any()), said)
    w = cosine.acos().reshape(-1, *[1] * (a.ndim - 1))
    return (((1 - u) * w).sin() * a + (u * w).sin() * b) / w.sin()


def straight(a: Tensor, b: Tensor, u: float) -> Tensor:
    """(1 - u) a + u b."""
    return (1 - u) * a + u * b


@torch.no_grad()
def from_noise(model: Denoiser, xT: Tensor, steps: int = 20, y: Tensor | None = None) -> Tensor:
    """The picture that a walk without dice makes of x_T (B, ...): a function of it. No class is asked for unless y (B,) says so.

    The sampler is that of `ddpm.draw`: DPM-Solver++(2M), a probability-flow sampler, on times even in decibels.
    """
    times = model.schedule.times(steps, "snr")
    *_, last = sample(model, xT, None, times, sampler="dpmpp_2m", clip=1.0, y=y)
    return last.xs


# ---------------------------------------------------------------------------------------- what a VAE loses


@torch.no_grad()
def again(model: VAE, x: Tensor) -> Tensor:
    """x (B, ...) -> the middle of q(z | x) -> decoded."""
    return model.decode(model.encode(x)[0])


def squared_error(a: Tensor, b: Tensor) -> float:
    """Mean of (a - b)^2 over pictures and pixels; pixels are in -1..1."""
    return float((a - b).pow(2).mean())


def shares(model: VAE, z: Tensor, x: Tensor) -> Tensor:
    """Which of x (N, ...) may have made z (B, latent)? q(z | x_i) / sum_j q(z | x_j), (B, N)."""
    mu, logvar = model.encode(x)
    return (-0.5 * ((z[:, None] - mu).pow(2) * (-logvar).exp() + logvar).sum(2)).softmax(1)


@torch.no_grad()
def lost(model: VAE, x: Tensor, seed: int = 0) -> dict[str, float]:
    """Squared error a pixel of x (N, ...) -> z ~ q(z | x) -> decoded, split exactly in two (Pythagoras):

        E (x - decoded)^2 = E (x - mean)^2 + E (mean - decoded)^2,   mean(z) = sum_i q(z | x_i) x_i / sum_i q(z | x_i)

    several: the first; one z stands for several x, and no decoder can draw them all. decoder: the second. share = several / error.
    alike: for how many of x one z stands (perplexity of `shares`). Estimated with one z for each x.
    """
    mu, logvar = model.encode(x)
    z = mu + (0.5 * logvar).exp() * randn_like(mu, dice(seed))
    weights, flat = shares(model, z, x), x.flatten(1)
    mean = weights @ flat
    # over all that may have made z, not only the one that did: less noise, the same mean
    several = float((weights @ flat.pow(2) - mean.pow(2)).mean().clamp_min(0))
    decoder = squared_error(mean, model.decode(z).flatten(1))
    alike = float(torch.special.entr(weights).sum(1).mean().exp())
    parts = {"several": several, "decoder": decoder}
    return parts | {"error": several + decoder, "share": several / (several + decoder), "alike": alike}


# ---------------------------------------------------------------------------------------- how sharp


def edges(x: Tensor) -> float:
    """Mean squared difference of neighbouring pixels of x (N, C, H, W), across and down: small where pictures are smooth.

    Blind to *what* is sharp: noise has the sharpest edges of all.
    """
    return float(torch.cat([x.diff(dim=2).pow(2).flatten(), x.diff(dim=3).pow(2).flatten()]).mean())


def drawn_by_all(n: int = 797, seed: int = 0) -> dict[str, Tensor]:
    """n pictures (n, 1, 8, 8) of each: unseen real digits, both VAEs' means, one with its grain, GAN, DDPM (no classes asked for)."""
    narrow, wide = store.load("digits_vae"), store.load("digits_vae_wide")
    found = {
        "VAE, s = 0.1": vae.draw(narrow, n, seed=seed),
        "VAE, s = 0.5": vae.draw(wide, n, seed=seed),
        N_("VAE, s = 0.5, with its grain"): vae.draw(wide, n, seed=seed, grain=True),
        "GAN": gan.draw(store.load("digits_gan"), n, seed=seed),
        "DDPM": ddpm.draw(store.load("digits"), n, y="none", seed=seed),
    }
    drawn = {name: torch.cat(list(parts)) for name, parts in found.items()}
    return {"real": seen_and_unseen()[1].x[:n]} | drawn


# ---------------------------------------------------------------------------------------- is it a copy?


N = 1000  # samples of each maker
FEW = 20  # pictures that the overfitted network has seen
OUTRIGHT = 1 / 3  # of the second distance: Yoon et al. 2023; Gu et al. 2023 (2310.02664)


def outright(samples: Tensor, seen: Tensor) -> float:
    """The share of samples (B, ...) whose nearest of seen (N, ...) is less than a third as far as the second nearest.

    A plain copy passes, and so does one with a little noise; a sample between two training pictures does not.
    Blind to copies that are shifted or recoloured, and to pictures that the training set has twice.
    """
    return _outright(rms_distances(samples, seen))


def _outright(distances: Tensor) -> float:
    two = distances.topk(2, largest=False).values
    return float((two[:, 0] < OUTRIGHT * two[:, 1]).double().mean())


def makers(n: int = N, seed: int = 0) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """{who: (n samples, what it has seen, as many unseen ones)}, from a maker that copies to pictures that nobody made.

    The last are real digits, held against two sets of which they are neither: what a dial reads of samples that depend on neither.
    """
    learn, unseen = (part.x for part in seen_and_unseen())
    equal = learn[: len(unseen)]
    noise = torch.randn(n, *learn.shape[1:], generator=torch.Generator().manual_seed(seed))
    optimal = ideal_denoiser(equal, Schedule.of("cosine", 1000))
    times = optimal.schedule.times(20, "snr")
    *_, last = sample(optimal, noise, None, times, sampler="dpmpp_2m", clip=1.0)
    half = len(unseen) // 2
    return {
        N_("optimal denoiser"): (last.xs, equal, unseen),
        N_("DDPM of 20"): (from_noise(store.load("digits_twenty"), noise), learn[:FEW], unseen[:FEW]),
        "DDPM": (torch.cat(list(ddpm.draw(store.load("digits"), n, seed=seed))), equal, unseen),
        "GAN": (torch.cat(list(gan.draw(store.load("digits_gan"), n, seed=seed))), equal, unseen),
        "VAE": (torch.cat(list(vae.draw(store.load("digits_vae"), n, seed=seed))), equal, unseen),
        N_("real digits"): (learn[:n], unseen[:half], unseen[half : 2 * half]),
    }


def dial(samples: Tensor, seen: Tensor, fresh: Tensor) -> dict[str, float]:
    """What the film says of a maker: `metrics.copied`, n, outright, and the median distance a pixel to the nearest seen and unseen."""
    need(len(seen) == len(fresh), f"As many seen as unseen pictures are needed: got {len(seen)} and {len(fresh)}.")
    all_seen = rms_distances(samples, seen)
    to_seen, to_fresh = all_seen.min(1).values, nearest(samples, fresh)[0]
    near = {"to_seen": float(to_seen.median()), "to_unseen": float(to_fresh.median())}
    counts = {"n": len(samples), "pictures": len(seen), "outright": _outright(all_seen)}
    return share_nearer(to_seen, to_fresh) | near | counts
