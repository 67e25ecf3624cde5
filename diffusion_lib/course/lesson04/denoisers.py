"""Lesson 04: what a trained network knows. Beside the optimal denoiser, asked in three ways, and with a variance of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from ...bound import bound_terms
from ...dataset import Data
from ...ddpm import Denoiser
from ...diffusion import Schedule, add_noise
from ...evaluation.distances import distances
from ...oracle import ideal_denoiser
from ...sampling import Step, guess_x0, sample
from ...values import dice
from ...viz.figures import grid
from ...viz.panels import curve, pixels
from ...viz.player import FramePlayer
from ...words import N_, _
from ..common import counted, time_at

# name -> v of reverse_step; None: what the network says
VARIANCES = {"β": 1.0, "β̃": 0.0, N_("learned"): None}
COUNTS = (5, 10, 25, 100)  # steps of the walks with them
FLOOR = 10**-3.6  # what is smaller is drawn here: the optimal denoiser reaches 0
ERRORS = {"log": "y", "ylim": (0.8 * FLOOR, 1.6)}


def guess(model: Callable, xt: Tensor, t: int, schedule: Schedule, y: Tensor | None = None) -> Tensor:
    """x0_hat of a denoiser, kept in [-1, 1]."""
    return guess_x0(model, xt, t, y, schedule)[0].clamp(-1, 1)


def even_times(schedule: Schedule, n: int, high: float = 24.0, low: float = -24.0) -> list[int]:
    """n times, evenly in decibels from `high` (little noise) to `low`, where the schedule has them."""
    db = schedule.snr_db[1:]
    wanted = torch.linspace(min(high, float(db[0])), max(low, float(db[-1])), n, dtype=torch.float64)
    return sorted({time_at(w, schedule) for w in wanted.tolist()})


# ---------------------------------------------------------------------------------------- what generalising means


def network_or_optimal(
    model: Denoiser, seen: Data, fresh: Data, n: int = 200, count: int = 20, seed: int = 0
) -> FramePlayer:
    """The network beside the optimal denoiser of the pictures it learned from, at `count` noise levels.

    seen: the training pictures; fresh: others of the same kind. Error: mean square of x0_hat - x0 over n pictures of each,
    both denoisers given the same x_t (and class, if the network has classes). On `seen` no denoiser has a smaller mean error than the optimal one.
    """
    schedule, g = model.schedule, dice(seed)
    labels = seen.y if model.classes else None
    optimal = ideal_denoiser(seen.x, schedule, labels)
    sets = {}
    for name, data in ((N_("seen"), seen), (N_("new"), fresh)):
        i = torch.randperm(len(data), generator=g)[:n]
        y = None if labels is None else data.y[i]
        sets[name] = (data.x[i], y, torch.randn(data.x[i].shape, generator=g))
    times, films, errors = even_times(schedule, count), {"seen": [], "new": []}, {}
    for t in times:
        for name, (x0, y, eps) in sets.items():
            xt = add_noise(x0, t, eps, schedule)
            guesses = {
                N_("network"): guess(model, xt, t, schedule, y),
                N_("optimal"): guess(optimal, xt, t, schedule, y),
            }
            for who, x0_hat in guesses.items():
                errors.setdefault((who, name), []).append(float((x0_hat - x0).pow(2).mean()))
            rows = [x0[:4], xt[:4], guesses["network"][:4], guesses["optimal"][:4]]
            films[name].append(grid(torch.cat(rows), columns=4))
    db = schedule.snr_db[torch.tensor(times)].numpy()
    ys = {f"{_(who)}, {_(name)}": np.maximum(e, FLOOR) for (who, name), e in errors.items()}
    look = {"xlabel": _("noise in decibels"), "ylabel": _("mean square"), "cursor": -db} | ERRORS
    said = _(
        "error on seen pictures: network {seen:.3f}, optimal {seen_best:.3f}      on new ones: network {new:.3f}, optimal {new_best:.3f}"
    )
    four = zip(*(errors[who, name] for name in ("seen", "new") for who in ("network", "optimal")), strict=True)
    said = [said.format(seen=a, seen_best=b, new=c, new_best=d) for a, b, c, d in four]
    rows = _("from above: x_{0}, x_{t}, network, optimal")
    panels = [
        pixels(np.stack(films["seen"]), _("pictures it learned from"), notes=rows),
        pixels(np.stack(films["new"]), _("new pictures"), notes=rows),
        curve(-db, ys, _("error of the guess x̂_{0}"), **look),
    ]
    labels, start = [_("noise {db:+.0f} dB").format(db=-v) for v in db], len(times) // 3
    name = _("The network's guess beside the optimal denoiser's")
    return FramePlayer(panels, captions=said, labels=labels, name=name, start=start, fps=3)


# ---------------------------------------------------------------------------------------- three questions


def three_questions(
    models: dict[str, Denoiser],
    eye,
    fresh: Data,
    counts: Sequence[int] = (1, 2, 3, 5, 10, 25),
    n: int = 200,
    seed: int = 0,
) -> FramePlayer:
    """Networks that were asked for different things, {"eps": ..., "x0": ..., "v": ...}: error at each noise level, and samples.

    All walk from the same noise, DDIM, in few steps or many; eye: the classifier whose features measure how far n samples are
    from the real pictures `fresh` (`distances`).
    """
    schedule = next(iter(models.values())).schedule
    g = dice(seed)
    times = even_times(schedule, 16)
    x0, eps = fresh.x[:200], torch.randn(fresh.x[:200].shape, generator=g)
    ys = {}
    for name, model in models.items():
        xts = [add_noise(x0, t, eps, schedule) for t in times]
        y = fresh.y[:200] if model.classes else None
        off = [guess(model, xt, t, schedule, y) - x0 for xt, t in zip(xts, times, strict=True)]
        ys[_("asked for {name}").format(name=name)] = [float(gap.pow(2).mean()) for gap in off]
    db = schedule.snr_db[torch.tensor(times)].numpy()
    xT, y = torch.randn(n, *x0.shape[1:], generator=g), torch.arange(n) % len(fresh.names)

    def walk(name: str, count: int) -> Iterator[Step]:
        return sample(models[name], xT, schedule, count, eta=0.0, clip=1.0, y=y)

    films, said = _judged(walk, list(models), counts, eye, fresh, n, 20)
    panel = curve(-db, ys, _("error of the guess x̂_{0}, new pictures"), xlabel=_("noise in decibels"), **ERRORS)
    panels = [*(pixels(np.stack(film), _("asked for {name}").format(name=name)) for name, film in films.items()), panel]
    labels, name = [_steps(c) for c in counts], _("Networks asked for eps, for x0 and for v")
    return FramePlayer(panels, captions=said, labels=labels, name=name, start=len(counts) - 1, fps=1)


def _judged(walk: Callable, names: list[str], counts: Sequence[int], eye, fresh: Data, n: int, shown: int) -> tuple:
    """What walk(name, count) draws in each number of steps: sheets of pictures by name, and in words how far n are from real ones."""
    far, floor = distances(eye, fresh, n)
    films, said = {name: [] for name in names}, []
    for count in counts:
        shares = []
        for name in names:
            *_walk, last = walk(name, count)
            films[name].append(grid(last.xs[:shown], columns=5))
            shares.append(f"{_(name)} {far(last.xs):.1f}")
        said.append(
            _("{steps}.  Distance to real digits: {shares}      ({n} real ones: {floor:.1f})").format(
                steps=_steps(count), shares=", ".join(shares), n=n, floor=floor
            )
        )
    return films, said


def _steps(count: int) -> str:
    return counted(count, "step")


# ---------------------------------------------------------------------------------------- the variance


def variances(
    model: Denoiser, eye, fresh: Data, counts: Sequence[int] = COUNTS, n: int = 200, seed: int = 0
) -> FramePlayer:
    """Samples of one network with learned variance, walked with beta, with beta_tilde and with its own: same mean, same dice.

    DDPM steps, even in t. eye, fresh: the classifier and the real pictures that measure how good n samples are (`distances`).
    """
    y = torch.arange(n) % model.classes
    xT = torch.randn(n, *model.shape, generator=dice(seed))

    def walk(name: str, count: int) -> Iterator[Step]:
        how = {"generator": dice(seed + 1), "v": VARIANCES[name], "clip": 1.0, "y": y}
        return sample(model, xT, model.schedule, count, **how)

    films, said = _judged(walk, list(VARIANCES), counts, eye, fresh, n, 25)
    titles = {name: _("σ² learned") if name == "learned" else f"σ² = {name}" for name in films}
    panels = [pixels(np.stack(film), titles[name]) for name, film in films.items()]
    labels, name = [_steps(c) for c in counts], _("Samples with three variances of the reverse step")
    return FramePlayer(panels, captions=said, labels=labels, name=name, start=1, fps=1)


def bound(
    model: Denoiser, data: Data, levels: int | None = None, n: int = 8, count: int = 40, seed: int = 0
) -> FramePlayer:
    """The variational bound of a network with learned variance, term by term, with beta, beta_tilde and its own.

    n pictures of `data` at every t, the same pictures and noise for all three. In bits per dimension, given the class;
    levels: how many values a pixel can have, None: as the data say. Captions give the terms around t and the three sums.
    """
    levels = levels or data.levels
    schedule, answers, v_sum = model.schedule, [], torch.zeros(model.schedule.T + 1)

    def listen(xt, t, y=None):
        """Asks the network once; the other two variances hear the same answers again."""
        answers.append(model.eps_and_v(xt, t, y))
        v_sum.scatter_add_(0, t, answers[-1][1].flatten(1).mean(1))
        return answers[-1]

    y = data.y if model.classes else None
    asked = SimpleNamespace(learns_variance=True, eps_and_v=listen)
    terms = {"learned": bound_terms(asked, data.x, schedule, levels, y=y, n=n, seed=seed)}
    for name, v in VARIANCES.items():
        if v is not None:
            again = iter(answers)
            terms[name] = bound_terms(
                lambda *given, again=again: next(again)[0], data.x, schedule, levels, v=v, y=y, n=n, seed=seed
            )
    terms = {name: terms[name] for name in VARIANCES}
    edges = np.unique(np.round(np.geomspace(1, schedule.T + 1, count + 1)).astype(int))
    middle = np.sqrt(edges[:-1] * (edges[1:] - 1.0))

    def around(v: Tensor) -> np.ndarray:
        return np.array([float(v[a:b].mean()) for a, b in pairwise(edges)])

    beta = schedule.beta
    tilde = beta.clone()
    tilde[1:] = (1 - schedule.alpha_bar[:-1]) / (1 - schedule.alpha_bar[1:]) * beta[1:]
    tilde[1] = tilde[2]  # as in `log_variance`: beta_tilde_1 = 0 has no logarithm
    ratio = (tilde[1:] / beta[1:]).log()
    shares = {"β": torch.zeros_like(ratio), "β̃": ratio, "learned": (1 - v_sum[1:] / n) * ratio}
    heights = {name: np.exp(around(torch.cat([v[:1], v]))) for name, v in shares.items()}
    heights = {_(name): v for name, v in heights.items()}
    bits = {_(name): around(v) for name, v in terms.items()}
    total = {name: float(v.sum()) for name, v in terms.items()}
    along = {"xlabel": "t", "log": "x", "xticks": [10**k for k in range(int(math.log10(schedule.T)) + 1)]}
    left = curve(middle, bits, _("terms of the bound, bits per dimension"), cursor=middle, **along)
    right = curve(middle, heights, _("σ² as a share of β"), cursor=middle, ylim=(0, 1.08), **along)
    sums = ", ".join(f"{_(name)} {v:.2f}" for name, v in total.items())
    here = [", ".join(f"{name} {v[i]:.4f}" for name, v in bits.items()) for i in range(len(middle))]
    said = _("one term here: {here}      all {T} terms together: {sums} bits per dimension")
    captions = [said.format(here=terms_here, T=schedule.T, sums=sums) for terms_here in here]
    labels = [f"t = {a}" if b == a + 1 else _("t = {a} to {b}").format(a=a, b=b - 1) for a, b in pairwise(edges)]
    name = _("The variational bound, term by term, with three variances")
    return FramePlayer([left, right], captions=captions, labels=labels, name=name, start=1, fps=5)
