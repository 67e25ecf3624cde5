"""Lesson 01: what of it anybody may take away."""

from __future__ import annotations

from functools import cache

import torch

from ... import data
from ...data import captions, drawn
from ...diffusion import SCHEDULES, Schedule, add_noise, randn_like
from ...viz.figures import FORWARD
from ...viz.film import Film
from ...viz.look import Story
from ...viz.moving import FILMS
from ...viz.stories import chain
from ...words import N_, _
from .. import lesson01
from ..scenes import CHAIN, MNIST, STILL, Option, Scene, seed, view

KINDS = {"cat": N_("orange tabby cat"), "flower": N_("blue and yellow flower at night"), "digit": "", "photo": ""}
EQUATIONS = (
    r"$q(x_t \mid x_{t{-}1}) = \mathcal{N}(x_t;\ \sqrt{1-\beta_t}\, x_{t{-}1},\ \beta_t I)$",
    r"$q(x_{1{:}T} \mid x_0) = \prod_{t=1}^{T} q(x_t \mid x_{t{-}1})$",
)


def forward(o) -> Story:
    """x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps, one picture and one eps at many t."""
    if o.size is not None and o.kind == "digit":
        raise ValueError("digit has pixels of its own: leave --size out.")
    x0, what, credit = _picture(o)
    schedule = Schedule.of(o.schedule, o.T)
    # how noisy x_t looks is its angle between picture and noise, a quarter turn in all
    ruler = schedule.alpha_bar.sqrt().arccos() if o.spacing == "noise" else torch.arange(o.T + 1.0)

    def spread(count: int) -> list[int]:
        marks = torch.linspace(0, float(ruler[-1]), min(o.T + 1, count))
        return sorted({int((ruler - mark).abs().argmin()) for mark in marks})

    def pictures(times: list[int], film: bool) -> list:
        eps = randn_like(x0, torch.Generator().manual_seed(o.seed))
        return [torch.cat([add_noise(x0, t, eps, schedule) for t in times])]

    def page(path, title, about):
        box = lesson01.explore_forward({"x_{t}": x0}, schedule, upload=False, seed=o.seed)
        return box.player.save_html(path, title=title, description=about.alt, about=about)

    alt = _("{what} dissolves into noise, from t = 0 to t = {T}: at each step a little more Gaussian noise.")
    says = {"arrow": FORWARD, "ends": (_("picture"), _("noise")), "equations": EQUATIONS, "credit": credit}
    says["alt"] = alt.format(what=what, T=o.T)
    return chain(range(o.T + 1), pictures, size=x0.numel(), page=page, spread=spread, **says)


def _picture(o) -> tuple:
    """The one picture (1, C, H, W) that was asked for, what it shows, and whose it is."""
    size = o.size or (96 if o.ending in FILMS else 128)
    if o.image is not None:
        return data.photo(o.image, size).x, _("A picture"), ""
    if o.kind == "photo":
        photo = data.flower_photo(size)
        return photo.x, _("A photograph of a flower"), photo.credit
    if o.kind == "digit":
        return data.mnist().x[1500:1501], _("A handwritten digit"), _(MNIST)
    words = KINDS[o.kind or "cat"] if o.caption is None else o.caption
    x = data.photo(drawn.draw(captions.parse(words), size), size).x
    return x, _("A picture ({words})").format(words=_(words)), ""


@cache
def _ink():
    return lesson01.ink(data.load("cat", n=700, seed=0).x)


def particles() -> Film:
    """The first cup of `lesson01.ink` alone: T kicks, and all of them undone."""
    film = _ink().film
    captions, T = [], film.frames // 2
    for i in range(film.frames):
        captions.append(_("{i} kicks").format(i=i) if i <= T else _("{i} undone").format(i=i - T))
    bare = {"title": "", "xticks": [], "yticks": []}
    return Film([film.panels[0] | bare], labels=captions, name=_("Particles spread and are wound back"), fps=20)


SCENES = (
    Scene(
        "forward",
        N_("A picture becomes noise, step by step, with the two equations of the forward process"),
        forward,
        (
            Option("image", "your own picture", "file", group="picture"),
            Option("kind", "a built-in picture, one of %(choices)s (default: cat)", choices=tuple(KINDS), group="picture", usual="cat"),
            Option("caption", 'a picture that we draw for you: "sleepy black cat at night"', group="picture", example="TEXT"),
            Option("T", "steps from picture to noise (default: 1000)", int, 1000, 2, 5000),
            Option("spacing", "even in t (default), or in how noisy it looks: good with linear, which is all noise long before T", choices=("t", "noise"), only=STILL + FILMS, usual="t"),
            Option("size", "pixels along a side (default: 128; in a film 96); what we draw ourselves has up to 256, and a digit has its own", int, None, 8, 512),
            Option("schedule", "how noise grows, one of %(choices)s (default: cosine; DDPM's is linear)", default="cosine", choices=lambda: SCHEDULES),
            seed("another number draws other noise"),
        ),
        only=CHAIN,
        examples=('--caption "blue and yellow flower at night" --out flower.gif', "--kind photo --schedule linear --spacing noise --out photo.svg", "--image cat.jpg --size 256 --out cat.html"),
    ),
    view("particles", N_("Particles spread, one random kick after the other, and the film is wound back"), particles, (0, 20, 60, 100, 120)),
    view("ink", N_("Particles that have spread, and three ways back: the film, the cup left alone, the reverse process"), _ink, (60, 100, -1)),
    view("jump", N_("A pixel after many small steps of noise and after one jump: the same bell"), lambda: lesson01.steps_or_jump(0.8, Schedule.of("cosine", 100), n=8000), (30,)),
)  # fmt: skip
