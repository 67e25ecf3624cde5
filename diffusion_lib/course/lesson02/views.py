"""Lesson 02: how fast a picture should drown, and what happens when it does not."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ... import data
from ...diffusion import Schedule, add_noise, log_normal, randn_like
from ...evaluation.metrics import mode_report, nearest
from ...oracle import MixtureDenoiser, ideal_denoiser, mixture_denoiser
from ...sampling import sample
from ...trace import Trace
from ...values import check_batch, dice, integer, need
from ...viz.figures import grid, one_picture
from ...viz.panels import curve, mix, pixels, scatter
from ...viz.player import FramePlayer
from ...words import _
from .sculptor import Sculptor

# The sd of a coordinate of the 25 islands where they are usually published, at {-4, -2, 0, 2, 4}^2 with sd 0.05: 2.83
RAW = math.sqrt(8 + 0.05**2)


def explore_schedule(pictures: dict[str, Tensor], T: int = 100, start: str = "cosine", seed: int = 0) -> Sculptor:
    """The schedule sculptor on several pictures, name -> (C, H, W) or (1, C, H, W) in [-1, 1]."""
    return Sculptor(pictures, T=T, start=start, seed=seed)


def two_rulers(x0: Tensor, loud: float = 20.0, n: int = 41, seed: int = 0) -> FramePlayer:
    """One picture (1, C, H, W) and one noise under two sliders in one: n even steps of alpha_bar, n even steps of decibels.

    Both go from +loud to -loud dB.
    """
    x0 = one_picture(x0)
    eps = randn_like(x0, dice(seed))
    db = torch.linspace(loud, -loud, n, dtype=torch.float64)
    by_db = 1 / (1 + 10 ** (-db / 10))
    by_share = torch.linspace(float(by_db[0]), float(by_db[-1]), n, dtype=torch.float64)
    share_db = 10 * torch.log10(by_share / (1 - by_share))

    def panel(a, title):
        notes = [f"ā = {v:.3f}   {10 * math.log10(v / (1 - v)):+.1f} dB" for v in a.tolist()]
        return mix(x0, eps, a, title, notes=notes)

    i, in_db = np.arange(n), {_("steps of ā"): share_db, _("steps of dB"): db}
    pictures = [panel(by_share, _("even steps of ā")), panel(by_db, _("even steps of decibels"))]
    places = curve(i, in_db, _("where each of them is, in dB"), xlabel=_("step"), cursor=i)
    labels = [_("step {k}").format(k=k) for k in i]
    name = _("One picture noised by even steps of alpha_bar and by even steps of decibels")
    return FramePlayer([*pictures, places], labels=labels, name=name, fps=8)


def schedule_test(schedule: Schedule, spread: float = 1.0, n: int = 2000, seed: int = 0) -> FramePlayer:
    """The optimal denoiser walks n points home with this schedule, beside what training looked like at the same time.

    The data are 25 islands (data.grid), whose coordinates have the standard deviation `spread`: 1 as in this package, RAW as
    they are usually published. Left the walk, right real data noised to the same t. The last frame, shown first, is the end,
    and the caption counts (metrics.mode_report): islands with at least a tenth of their fair share of the points within 3 sd
    of an island; and of all points, those nearest to one of the inner 9.
    """
    _positive(spread, n)
    islands, g = data.grid(n, seed), dice(seed)
    modes, sd, x0 = islands.modes * spread, islands.sd * spread, islands.x * spread
    model, xT, eps = mixture_denoiser(modes, sd, schedule), torch.randn(n, 2, generator=g), randn_like(x0, g)
    times, walk = _walk(model, xT, g, keep=50)
    truth = torch.stack([add_noise(x0, t, eps, schedule) for t in times])

    report = mode_report(walk[-1], modes, sd)
    ends = _(
        "In the end: {modes} of 25 islands reached; the inner 9 hold {inner:.0%} of the points (their fair share: 36%)"
    ).format(modes=report["modes"], inner=_inner(walk[-1], modes))
    at_T = truth[0]
    log_ratio = model.log_density(at_T, schedule.T) - log_normal(at_T, torch.zeros_like(at_T), 1.0)
    kl = float(log_ratio.mean() / 2)
    said = _(
        "{ends}\nAt t = {T}, where the walk begins, all noisy data together are {kl:.3f} nats per dimension away from pure noise"
    ).format(ends=ends, T=schedule.T, kl=max(kl, 0))
    limit = 2.3 * max(spread, 1.0)
    square = {"xlim": (-limit, limit), "ylim": (-limit, limit)}

    def plane(points, title):
        notes = [_("sd of a coordinate {std:.2f}").format(std=p.std()) for p in points]
        cloud = {"points": points.numpy(), "colors": 0, "size": 3}
        return scatter(modes, title, colors=-1, size=15, layers=[cloud], notes=notes, **square)

    panels = [plane(walk, _("the walk from pure noise")), plane(truth, _("real data with noise"))]
    name = _("The optimal denoiser on 25 islands, {name} schedule, T = {T}")
    return _walked(panels, [said] * len(times), times, name, schedule, fps=20)


def picture_test(schedule: Schedule, x: Tensor, n: int = 36, seed: int = 0) -> FramePlayer:
    """The optimal denoiser of the pictures x (N, C, H, W) draws n of them with this schedule; 16 are shown, beside real ones.

    The right panel counts brightness (the mean of all pixels of a picture), of all N real pictures and of the n drawn ones.
    """
    _positive(1.0, n)
    check_batch(x, "The pictures")
    x, g = x.detach().cpu().float(), dice(seed)
    xT = torch.randn(n, *x.shape[1:], generator=g)
    real = x[torch.randperm(len(x), generator=g)[: min(n, 16)]]
    times, walk = _walk(ideal_denoiser(x, schedule), xT, g, keep=40)
    truth, drawn = x.flatten(1).mean(1), walk[-1].flatten(1).mean(1)
    edges = torch.linspace(-1, 1, 26)
    middle = (edges[1:] + edges[:-1]) / 2
    named = (_("drawn"), drawn), (_("real"), truth)
    shares = {k: torch.histc(v, 25, -1, 1) / len(v) for k, v in named}
    shown = min(n, 16)
    title = _("the walk ({shown} of {n})").format(shown=shown, n=n)
    bars = {"kind": ["bars", "line"], "xlabel": _("mean of all pixels")}
    different = len(nearest(walk[-1], x)[1].unique())
    low, high = (float(truth.quantile(q)) for q in (0.05, 0.95))
    said = _(
        "In the end: brightness {darkest:+.2f} to {brightest:+.2f}, where nine tenths of the real pictures have {low:+.2f} to {high:+.2f}; {different} different pictures among {n}"
    ).format(darkest=drawn.min(), brightest=drawn.max(), low=low, high=high, different=different, n=n)
    panels = [
        pixels(np.stack([grid(step[:shown]) for step in walk]), title),
        pixels(grid(real)[None], _("real pictures")),
        curve(middle, shares, _("how bright the pictures are"), **bars),
    ]
    name = _("The optimal denoiser draws pictures, {name} schedule, T = {T}")
    return _walked(panels, [said], times, name, schedule, fps=12)


def _walked(panels: list, captions: list, times: list, name: str, schedule: Schedule, fps: float) -> FramePlayer:
    """The film of a walk, which begins at its end. name: with places for the schedule's name and T."""
    name = name.format(name=_(schedule.name), T=schedule.T)
    labels, last = [f"t = {t}" for t in times], len(times) - 1
    return FramePlayer(panels, captions=captions, labels=labels, name=name, start=last, fps=fps)


def two_sizes(small: Tensor, large: Tensor, schedule: Schedule, seed: int = 0) -> FramePlayer:
    """The same picture small (1, C, H, W) and large (1, C, kH, kW) with noise of the same strength, and the large one made small.

    Averaging k x k pixels divides the sd of their noise by k and leaves most of the picture: + 20 log10(k) decibels.
    """
    small, large = one_picture(small, "The small picture"), one_picture(large, "The large picture")
    k, rest = divmod(large.shape[-1], small.shape[-1])
    said = f"The large picture must be 2, 3, ... times as wide and high as the small one, but they are {tuple(large.shape)} and {tuple(small.shape)}."
    need(not rest and k >= 2 and large.shape[-2] == k * small.shape[-2], said)
    g, a = dice(seed), schedule.alpha_bar.numpy()
    eps, noise = randn_like(small, g), randn_like(large, g)

    def shrunk(v):
        return F.avg_pool2d(v[None], k)[0]

    power = [float(v.var() / e.var()) for v, e in ((small, eps), (shrunk(large), shrunk(noise)))]
    sizes = [f"{v.shape[-1]} × {v.shape[-2]}" for v in (small, large)]

    def panel(x0, e, title, ratio):
        with np.errstate(divide="ignore"):
            db = 10 * np.log10(ratio * a / (1 - a))
        notes = [_("no noise") if v == np.inf else _("picture : noise {db:+.0f} dB").format(db=v) for v in db]
        return mix(x0, e, a, title, notes=notes)

    panels = [
        panel(small, eps, _("{size} pixels").format(size=sizes[0]), power[0]),
        panel(large, noise, _("{size} pixels").format(size=sizes[1]), float(large.var() / noise.var())),
        panel(shrunk(large), shrunk(noise), _("the large one, averaged"), power[1]),
    ]
    labels, start = [f"t = {t} / {schedule.T}" for t in range(schedule.T + 1)], round(0.6 * schedule.T)
    name = _("One picture in two sizes with noise of the same strength")
    return FramePlayer(panels, labels=labels, name=name, start=start, fps=30)


def _walk(model: MixtureDenoiser, xT: Tensor, g: torch.Generator, keep: int) -> tuple[list[int], Tensor]:
    """A walk from xT (n, ...): at most `keep` of its times and the first, and where it was then, (F, n, ...)."""
    trace = Trace(keep=keep).record(sample(model, xT, model.schedule, generator=g))
    times = [model.schedule.T, *trace.frames("s").tolist()]
    return times, torch.cat([xT[None], trace.frames("xs")])


def _inner(points: Tensor, modes: Tensor) -> float:
    """Share of the points whose nearest island is one of the 9 in the middle."""
    inside = modes.abs().amax(1) < 0.75 * modes.abs().max()
    return float(inside[nearest(points, modes)[1]].double().mean())


def _positive(spread: float, n: int) -> None:
    need(spread > 0, f"spread is a standard deviation, so it must be more than 0, but got {spread}.")
    integer(n, 2, math.inf, f"n must be a whole number of at least 2, but got {n!r}.")
