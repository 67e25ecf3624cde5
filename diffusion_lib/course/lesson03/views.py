"""Lesson 03: what a walk remembers, who may have become a noisy picture, why small steps are Gaussian, and what haste costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...diffusion import Schedule, add_noise, randn_like
from ...evaluation.metrics import nearest
from ...oracle import ideal_denoiser, mixture_denoiser, mixture_step_back
from ...sampling import sample
from ...trace import Trace
from ...values import dice
from ...viz.figures import grid, to_uint8
from ...viz.panels import curve, pixels, scatter
from ...viz.player import FramePlayer
from ...words import _, ngettext


def ancestors(
    x: Tensor,
    schedule: Schedule,
    picture: int = 0,
    times: Sequence[int] = (10, 20, 30, 40, 50),
    n: int = 12,
    seed: int = 0,
) -> FramePlayer:
    """Noise one picture of x (N, C, H, W) to time t, then walk back n times with other fresh noise: who comes home?"""
    g, model, x0 = dice(seed), ideal_denoiser(x, schedule), x[picture : picture + 1]
    eps = randn_like(x0, g)
    noisy, homes, captions = [], [], []
    for t in times:
        xt = add_noise(x0, t, eps, schedule)
        last = list(sample(model, xt.repeat(n, 1, 1, 1), schedule, range(t, -1, -1), generator=g))[-1]
        which = nearest(last.xs, x)[1]
        noisy.append(to_uint8(xt[0]))
        homes.append(grid(last.xs, columns=4))
        kinds, same = len(which.unique()), int((which == picture).sum())
        found = _("{kinds} different pictures").format(kinds=kinds) if kinds > 1 else _("always the same picture")
        said = _("{n} walks back from one x_{{{t}}}:  {found}, {same} of {n} the one that was")
        captions.append(said.format(n=n, t=t, found=found, same=same))
    panels = [
        pixels(to_uint8(x0), _("x_{0}: the one that was")),
        pixels(np.stack(noisy), _("x_{t}: what is left of it")),
        pixels(np.stack(homes), _("its possible ancestors")),
    ]
    labels, name = [_("from t = {t}").format(t=t) for t in times], _("One noisy picture has many possible ancestors")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, fps=1)


def memory(x: Tensor, schedule: Schedule, n: int = 16, seed: int = 0) -> FramePlayer:
    """n walks with the optimal denoiser of x (N, C, H, W), each x0_hat on its way beside the training picture it ends at."""
    g = dice(seed)
    xT = torch.randn(n, *x.shape[1:], generator=g)
    trace = Trace().record(sample(ideal_denoiser(x, schedule), xT, schedule, generator=g))
    home = nearest(trace.final, x)[1]
    away = [nearest(step.xs, x[home])[0].mean() for step in trace.steps]
    films = [np.stack([grid(x, columns=4) for x in trace.frames(what)]) for what in ("xs", "x0_hat")]
    panels = [
        pixels(films[0], _("x_{s}: the walk")),
        pixels(films[1], _("x̂_{0}: the guess")),
        pixels(grid(x[home], columns=4)[None], _("nearest training pictures at the end")),
    ]
    said = _("after t = {t}: mean distance to the nearest of those pictures {far:.4f} a pixel")
    captions = [said.format(t=q.t, far=d) for q, d in zip(trace.steps, away, strict=True)]
    labels = [f"t = {q.t} → {q.s}" for q in trace.steps]
    name = _("Samples of the optimal denoiser beside their nearest training pictures")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, fps=8)


def is_it_gaussian(xt: float = 0.3, n: int = 60) -> FramePlayer:
    """The true reverse step of a two-mode mixture beside the Gaussian of the same mean and variance, for beta from .001 to .999."""
    normal = torch.distributions.Normal
    betas = torch.linspace(math.log(0.001), math.log(0.999), n, dtype=torch.float64).exp()
    modes, half = torch.tensor([-1.0, 1.0], dtype=torch.float64), torch.full((2,), 0.5, dtype=torch.float64)
    x = torch.linspace(-3, 3, 1201, dtype=torch.float64)
    truth, fit, gap = [], [], []
    for beta in betas.tolist():
        r, m, v = mixture_step_back(torch.tensor([xt], dtype=torch.float64), beta, modes, 0.2, half)
        p = (r * normal(m, math.sqrt(v)).log_prob(x[:, None]).exp()).sum(1)
        mean = (r * m).sum()
        spread = v + (r * (m - mean) ** 2).sum()
        fitted = normal(mean, spread.sqrt())  # the Gaussian of the same mean and variance
        gap.append(float(torch.trapezoid(torch.special.xlogy(p, p) - p * fitted.log_prob(x), x)))
        truth.append((p / p.max()).numpy())
        fit.append((fitted.log_prob(x).exp() / p.max()).numpy())
    betas, at = betas.numpy(), np.log10(betas.numpy())
    curves = {_("true q"): np.stack(truth), _("Gaussian fit"): np.stack(fit)}
    title = _("q(x_{t-1} | x_{t}), true and fitted")
    look = {"xlabel": _("log_{10} β"), "ylabel": _("KL in nats"), "cursor": at}
    panels = [
        curve(x, curves, title, xlabel="x_{t-1}", ylim=(0, 1.15)),
        curve(at, {"": np.array(gap)}, _("how wrong the Gaussian is"), **look),
    ]
    said = _("β = {b:.3f}, x_{{t}} = {xt}:  KL(true | Gaussian) = {kl:.4f} nats")
    captions = [said.format(b=b, xt=xt, kl=k) for b, k in zip(betas, gap, strict=True)]
    labels = [f"β = {b:.3f}" for b in betas]
    name = _("The true reverse step of a two-mode mixture beside its Gaussian fit")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, fps=10)


def _steps(n: int) -> str:
    return ngettext("{n} step", "{n} steps", n).format(n=n)


def few_steps(
    x: Tensor,
    means: Tensor,
    sd: float,
    schedule: Schedule,
    counts: Sequence[int] = (1, 2, 3, 5, 10, 20, 50, 100),
    n: int = 600,
    seed: int = 0,
) -> FramePlayer:
    """One x_T walked to x_0 in few or many steps with optimal denoisers: what haste costs.

    Pictures of x (N, C, H, W) with DDPM, and points of a mixture (means (K, 2), sd) with DDPM and with DDIM.
    """
    g = dice(seed)
    picture_T, point_T = torch.randn(12, *x.shape[1:], generator=g), torch.randn(n, 2, generator=g)
    remembers, knows = ideal_denoiser(x, schedule), mixture_denoiser(means, sd, schedule)
    pictures, films, captions = [], {1.0: [], 0.0: []}, []
    for count in counts:
        last = list(sample(remembers, picture_T, schedule, count, generator=dice(seed + 1)))[-1]
        pictures.append(grid(last.xs, columns=4))
        share = {}
        for eta, film in films.items():
            last = list(sample(knows, point_T, schedule, count, generator=dice(seed + 1), eta=eta))[-1]
            film.append(last.xs)
            # nearest() is per number, a mode's radius is in the plane: sqrt(2) between them
            share[eta] = float((nearest(last.xs, means)[0] * math.sqrt(2) < 3 * sd).double().mean())
        said = _(
            "{steps}:  points that reach an island (within 3 sd): {ddpm:.0%} with DDPM, {ddim:.0%} with DDIM      (of real points: 99%)"
        )
        captions.append(said.format(steps=_steps(count), ddpm=share[1.0], ddim=share[0.0]))

    def plane(film, title):
        cloud = {"points": torch.stack(film).numpy(), "colors": 0, "size": 4}
        square = {"xlim": (-2.4, 2.4), "ylim": (-2.4, 2.4)}
        return scatter(means, title, colors=-1, size=14, layers=[cloud], **square)

    panels = [
        pixels(np.stack(pictures), _("pictures, η = 1")),
        plane(films[1.0], _("points, η = 1 (DDPM)")),
        plane(films[0.0], _("points, η = 0 (DDIM)")),
    ]
    labels = [_steps(c) for c in counts]
    return FramePlayer(panels, captions=captions, labels=labels, name=_("Few steps or many from the same noise"), fps=1)
