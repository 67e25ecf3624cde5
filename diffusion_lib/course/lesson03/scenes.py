"""Lesson 03: what of it anybody may take away."""

from __future__ import annotations

import numpy as np
import torch

from ... import data
from ...data.catalog import takes
from ...diffusion import SCHEDULES, Schedule
from ...oracle import ideal_denoiser
from ...sampling import sample
from ...trace import Trace
from ...values import need
from ...viz.figures import REVERSE, grid
from ...viz.look import MOST, Story
from ...viz.player import FramePlayer
from ...viz.stories import chain
from ...viz.waiting import counted
from ...words import N_, _, ngettext
from .. import lesson03
from ..scenes import CHAIN, MNIST, Option, Scene, seed, view
from . import glass

EQUATIONS = (
    r"$p_\theta(x_{t{-}1} \mid x_t) = \mathcal{N}(x_{t{-}1};\ \mu_\theta(x_t, t),\ \Sigma_\theta(x_t, t))$",
    r"$p_\theta(x_{0{:}T}) = p(x_T) \prod_{t=1}^{T} p_\theta(x_{t{-}1} \mid x_t)$",
)


def reverse(o) -> Story:
    """Walks from x_T to x_0 with the optimal denoiser of some pictures."""
    x, name, note = _pictures(o)
    schedule = Schedule.of(o.schedule, o.steps)
    # seeded as step_reverse is, so that the page shows the walk of the strip, and lesson 03 both
    xT = torch.randn(o.n, *x.shape[1:], generator=torch.Generator().manual_seed(o.seed))
    model = ideal_denoiser(x, schedule)
    titles = ["$x_t$", r"$\hat{x}_0$"] if o.n == 1 else None

    def walk():
        g = torch.Generator().manual_seed(1000 * o.seed)
        return sample(model, xT, schedule, generator=g, eta=o.eta)

    def pictures(at: list[int], film: bool) -> list:
        shown = []
        for i, step in enumerate(counted(walk(), o.steps)):
            shown += [(step.xt, step.x0_hat)] * (i in at)
        shown += [(step.xs, step.xs)] * (o.steps in at)
        xt, x0_hat = zip(*shown, strict=True)
        if film:
            return [np.stack([grid(x) for x in xt])]
        return [torch.cat(xt), torch.cat(x0_hat)] if titles else list(torch.stack(xt, 1))

    def page(path, title, about):
        need(o.n == 1, "An HTML page shows all the numbers of one walk: leave --n out.")
        said = f"{o.steps + 1} steps of so large pictures are too much for one file: take a smaller --size, or fewer of them."
        need(6 * (o.steps + 1) * x[0].numel() <= MOST, said)
        film = glass.glass_box(Trace(keep=o.steps + 1).record(walk()), model)
        called = _("Reverse process on {name}, step by step").format(name=name)
        player = FramePlayer(**film, name=called, fps=6, panel_width=200)
        return player.save_html(path, title=title, description=about.alt, about=about)

    one = _(
        "Noise becomes a picture, from t = {T} to t = 0. Below each x_t the clean picture that the denoiser sees in it."
    )
    alt = (one if titles else _("Noise becomes {n} pictures, from t = {T} to t = 0.")).format(T=o.steps, n=o.n)
    says = {"arrow": REVERSE, "ends": (_("noise"), _("picture")), "equations": EQUATIONS, "notes": note}
    return chain(range(o.steps, -1, -1), pictures, size=o.n * x[0].numel(), alt=alt, page=page, titles=titles, **says)


def _pictures(o) -> tuple:
    """The pictures (N, C, H, W) that were asked for, what they are called, and what is to be said of them."""
    size = o.size or 64
    if o.image is None and o.folder is None:
        name = o.data or "cats"
        x = data.load(name, **{k: v for k, v in {"n": 200, "size": size}.items() if k in takes(name)}).x
        if x.ndim == 2:
            raise ValueError(f"{name} are points, and a figure shows pictures: choose another --data.")
        if o.size is not None and "size" not in takes(name):
            raise ValueError(f"{name} has pixels of its own: leave --size out.")
        return x, name, ()
    x = data.folder(o.folder, size).x if o.folder else torch.cat([data.photo(p, size).x for p in o.image])
    which = ngettext("your picture", "one of your {n} pictures", len(x)).format(n=len(x))
    note = _("The optimal denoiser can only end at {which}: it remembers, and invents nothing.").format(which=which)
    return x, _("pictures"), (note,)


def _arrows():
    return lesson03.arrows(data.load("ring").modes, 0.1, Schedule.of("linear", T=1000))


def _memory():
    return lesson03.memory(data.mnist().x[::5], Schedule.of("linear", T=50), n=4)


SCENES = (
    Scene(
        "reverse",
        N_("Noise becomes a picture, step by step, with the two equations of the reverse process; the denoiser is the optimal one of the pictures that you name, so a walk ends at one of them"),
        reverse,
        (
            Option("image", "your own pictures", "files", group="pictures"),
            Option("folder", "a folder of your own pictures", "folder", group="pictures"),
            Option("data", "built-in pictures, one of %(choices)s, but no points (default: cats)", choices=lambda: data.DATASETS, group="pictures", usual="cats"),
            Option("steps", "steps from noise to picture, T (default: 50)", int, 50, 2, 1000),
            Option("eta", "fresh noise, 1: DDPM (default), 0: DDIM", float, 1.0, 0, 1),
            Option("n", "how many walks to show (default: 1)", int, 1, 1, 16),
            Option("size", "pixels along a side (default: 64); what we draw ourselves has up to 256, and digits have their own", int, None, 8, 512),
            # linear spends half its steps where the denoiser has not yet made up its mind, which is what there is to see
            Option("schedule", "how noise grows, one of %(choices)s (default: linear, which is DDPM's)", default="linear", choices=lambda: SCHEDULES),
            seed("another number draws other noise"),
        ),
        only=CHAIN,
        examples=("--data mnist --n 4 --out digits.gif", "--data flowers --eta 0 --steps 20 --out flowers.html", "--image a.jpg b.jpg c.jpg --out mine.png"),
    ),
    view("arrows", N_("Arrows that point where pictures are likelier: the score of eight islands, from noise to data"), _arrows, (10, -8)),
    view("gaussian", N_("Is a step back a bell curve? True for small steps, false for large ones"), lesson03.is_it_gaussian, (30, 50)),
    view("memory", N_("What the optimal denoiser of a set remembers: every walk ends at a picture that it knows"), _memory, (10, 30, -1), MNIST),
)  # fmt: skip
