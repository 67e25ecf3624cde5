"""Lesson 01: a picture becomes noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from ... import data
from ...diffusion import Schedule, add_noise, forward_path, forward_step, log_q_chain, randn_like
from ...oracle import mixture_denoiser
from ...sampling import sample
from ...values import check_batch, dice
from ...viz.figures import one_picture, to_uint8
from ...viz.panels import curve, mix, pixels, scatter
from ...viz.player import FramePlayer
from ...words import N_, _
from ..common import PlayerBox, message, say
from ..controls import group


def forward_captions(schedule: Schedule) -> list[str]:
    """For each t = 0..T, the numbers of the jump: how much picture, how much noise."""
    rest = lambda a: _("picture : noise = {ratio:.2f} : 1").format(ratio=math.sqrt(a / (1 - a)))
    return [
        f"x_{{t}} = {math.sqrt(a):.3f} x_{{0}} + {math.sqrt(1 - a):.3f} ε      "
        + (_("all picture, no noise") if a == 1 else rest(a))
        for a in schedule.alpha_bar.tolist()
    ]


def explore_forward(pictures: dict[str, Tensor], schedule: Schedule, upload: bool = True, seed: int = 0) -> PlayerBox:
    """Several pictures under one slider over every t = 0..T, and a place for one of your own.

    pictures: name -> (C, H, W) or (1, C, H, W) in [-1, 1]. Returns a box whose `.player` is the FramePlayer.
    """
    pictures = {name: one_picture(x, f"The picture {name!r}") for name, x in pictures.items()}

    def panels():
        g = dice(seed)
        return [mix(x, randn_like(x, g), schedule.alpha_bar, _(name)) for name, x in pictures.items()]

    labels = [f"t = {t} / {schedule.T}" for t in range(schedule.T + 1)]
    player = FramePlayer(panels(), captions=forward_captions(schedule), labels=labels, name=_named(pictures), fps=60)
    box = PlayerBox([player])
    box.player = player
    if upload:
        box.upload = _upload(box, pictures, panels)
    return box


def _named(pictures: dict) -> str:
    return _("Forward noise on {pictures}").format(pictures=", ".join(map(_, pictures)))


def _upload(box: PlayerBox, pictures: dict[str, Tensor], panels: Callable[[], list]) -> widgets.FileUpload:
    """A button below the box's player that puts a picture of one's own among `pictures`, which `panels` draws."""
    says = message(_("Nothing leaves this computer."))
    said = {"description": _("Add your own picture"), "tooltip": _("Nothing leaves this computer")}
    wide = {"width": "auto", "min_width": "220px"}
    button = widgets.FileUpload(accept="image/*", multiple=False, layout=wide, **said)

    def add(change):
        for file in change["new"]:
            try:
                picture = data.photo(bytes(file["content"]), size=128).x[0]
            except (ValueError, OSError) as error:
                say(says, str(error), bad=True)
                return
            pictures[N_("yours")] = picture
            box.player.update(panels=panels(), name=_named(pictures))
            say(says, _("{name} joined the others: move the slider.").format(name=file["name"]))

    button.observe(add, "value")
    box.children = (box.player, group([button, says], name=_("A picture of your own")))
    return button


def ink(points: Tensor, T: int = 60, seed: int = 0) -> FramePlayer:
    """A drop of ink in the shape of `points` (N, 2) diffuses, and then three ways to go back.

    Frames 0..T: each particle takes the same forward_step in all panels. Frames T..2T: the recorded film rewound; the cup
    left to itself (the same steps go on with new kicks); the reverse process, with new kicks and a denoiser that knows the shape.
    """
    schedule = Schedule.of("cosine", T)
    g = dice(seed)
    check_batch(points, "The points")
    points = points.detach().cpu().float()
    there = forward_path(points, schedule, g)
    x, cup = there[-1], []
    for t in range(T, 0, -1):
        x = forward_step(x, t, randn_like(x, g), schedule)
        cup.append(x)
    knows = mixture_denoiser(points, 0.01, schedule)
    back = [step.xs for step in sample(knows, there[-1], schedule, generator=g)]
    colors = (4 * points[:, 0].argsort().argsort() // len(points)).numpy()  # four bands, left to right

    def panel(rest, title):
        frames = torch.cat([there, torch.stack(rest)]).float().numpy()
        return scatter(frames, title, colors=colors, size=5, xlim=(-3.6, 3.6), ylim=(-3.6, 3.6))

    forward = _("Time runs forward: {t} of {T} random kicks. All three cups are the same.")
    again = _(
        "{n} of {T} steps “back”.  Film: every recorded kick undone.  Cup: new random kicks.  Reverse process: new kicks plus a push that knows the shape."
    )
    captions = [forward.format(t=t, T=T) for t in range(T + 1)] + [again.format(n=n + 1, T=T) for n in range(T)]
    film, cup = panel(list(there.flip(0)[1:]), _("The film, rewound")), panel(cup, _("The cup, left alone"))
    panels = [film, cup, panel(back, _("The reverse process"))]
    labels = [_("kick {n}").format(n=min(i, 2 * T - i)) for i in range(2 * T + 1)]
    name = _("Ink particles diffuse and are brought back in three ways")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, fps=20)


def steps_or_jump(value: float, schedule: Schedule, n: int = 20_000, seed: int = 0) -> FramePlayer:
    """One pixel's value at every t, n times: through t noisy steps, and in one jump; with q(x_t | x_0) drawn over both."""
    g = dice(seed)
    x0 = torch.full((n, 1), float(value), dtype=torch.float64)
    edges = torch.linspace(-3.5, 3.5, 36, dtype=torch.float64)
    middle, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    steps, jumps, exact, captions, x = [], [], [], [], x0
    said = _(
        "mean {mean:+.3f} | {jumped:+.3f}, exactly {exact:+.3f}      variance {var:.3f} | {jumped_var:.3f}, exactly {exact_var:.3f}"
    )
    for t in range(schedule.T + 1):
        a = float(schedule.alpha_bar[t])
        if t:
            x = forward_step(x, t, randn_like(x, g), schedule)
        jump = add_noise(x0, t, randn_like(x0, g), schedule)
        for film, values in ((steps, x), (jumps, jump)):
            film.append((torch.histc(values, len(middle), -3.5, 3.5) / (n * width)).numpy())
        cdf = torch.special.ndtr((edges - math.sqrt(a) * value) / math.sqrt(1 - a)) if t else (edges > value).double()
        exact.append(((cdf[1:] - cdf[:-1]) / width).numpy())  # averaged over each bar, as a histogram is
        means = {"mean": x.mean(), "jumped": jump.mean(), "exact": math.sqrt(a) * value}
        captions.append(said.format(**means, var=x.var(), jumped_var=jump.var(), exact_var=1 - a))

    def panel(film, title):
        ys = {_("drawn"): np.stack(film), _("exact"): np.stack(exact)}
        return curve(middle, ys, title, kind=("bars", "line"), xlabel=_("value of the pixel"), ylim=(0, 1.2))

    panels = [panel(steps, _("t small steps")), panel(jumps, _("one jump"))]
    labels, name = [f"t = {t}" for t in range(schedule.T + 1)], _("Histogram of a pixel after t steps beside one jump")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, fps=20)


def chain_log_probability(x0: Tensor, schedule: Schedule, seed: int = 0) -> FramePlayer:
    """One path x_0..x_T of a picture (1, C, H, W) beside its log-probability adding up, log q(x_{1:t} | x_0) in nats."""
    path = forward_path(one_picture(x0)[None], schedule, dice(seed))
    terms = torch.cat([torch.zeros(1, dtype=torch.float64), log_q_chain(path, schedule)[:, 0]])
    total = terms.cumsum(0)
    t = np.arange(schedule.T + 1)
    said = _(
        "log q(x_{{{t}}}|x_{{{before}}}) = {term:+.1f}      the sum so far, log q(x_{{1:{t}}}|x_{{0}}) = {total:+.1f} nats"
    )
    captions = [_("The path starts at x_{0}: no step taken, the sum is 0.")]
    captions += [said.format(t=i, before=i - 1, term=terms[i], total=total[i]) for i in t[1:]]
    panels = [
        pixels(to_uint8(path[:, 0]), _("one path of the chain")),
        curve(t[1:], {"": terms[1:]}, _("log q of each step"), xlabel="t", cursor=np.maximum(t, 1)),
        curve(t, {"": total}, _("their sum: log q of the path"), xlabel="t", cursor=t),
    ]
    labels, name = [f"t = {i}" for i in t], _("A path of the forward chain and its log-probability adding up")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, fps=10)
