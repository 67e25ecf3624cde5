"""Lesson 00: what of it anybody may take away."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import torch

from ... import data, store
from ...data.prompts import understand
from ...diffusion import Schedule, add_noise
from ...sampling import named_sampler, sample
from ...values import dice
from ...viz.figures import grid, png
from ...viz.look import Story
from ...words import N_, _
from .. import maps
from ..drawings import Moment, moving
from ..scenes import DIGITS, DRAWN, MOVES, Scene
from .leap import SAMPLER

OVERVIEW = N_("The whole diffusion model on one line: q adds noise, p with its network takes it away")
FAMILIES = N_("GAN, VAE and diffusion in one drawing: one leap, through a narrow place and back, many small steps")


T, CALLS = 1000, 26  # of the walk in `overview`


@cache
def _journey(seed: int = 5) -> list[tuple[float, str, bytes, int]]:
    """A cat becomes noise, and other noise another cat: (place on the line 0..3, "q" or "p", picture, t) of each moment."""
    model, schedule = store.load("sprites32"), Schedule.of("cosine", T)
    stops = [0, T * (maps.MIDDLE - 1) // maps.T, T * maps.MIDDLE // maps.T, T]  # the t of the four pictures
    show = lambda x: png(grid(x.clamp(-1, 1), pad=0))
    x0, eps = maps.the_cat()
    there = []
    for u in (*np.linspace(0, 1, 8, endpoint=False), *np.linspace(1, 2, 8, endpoint=False), *np.linspace(2, 3, 11)):
        t = round(float(np.interp(u, range(4), stops)))
        there.append((float(u), "q", show(add_noise(x0, t, eps, schedule) if t else x0), t))
    xT = torch.randn(1, *model.shape, generator=dice(seed), dtype=torch.float32)
    times = model.schedule.times(CALLS, named_sampler(SAMPLER).even)
    steps = list(sample(model, xT, steps=times, sampler=SAMPLER, clip=1.0, y=understand("cat").y(1)))
    path = [(steps[0].t, xT), *((step.s, step.xs) for step in steps)]
    back = [(float(np.interp(t * T / model.schedule.T, stops, range(4))), "p", show(x), t) for t, x in path]
    return there + back


def overview(o) -> Story:
    """`whole_model` of the course, without its links; moving, a picture goes from x_0 to x_T, and another one back."""
    says = {
        ("q", 0): _("x_{0}, a picture from the data."),
        ("q", T): _("x_{T}: all of it is noise. Nothing had to be learned for that."),
        ("p", T): _("Now back, from other noise, which was drawn by chance."),
        ("p", 0): _("Another cat than before: it grew from other noise."),
        "q": _("q: a little noise is added. A rule does it; no network is asked."),
        "p": _("p_{θ}: the network says which noise it sees, and a little of it is taken away."),
    }

    def move(s, i: int, k: int) -> None:
        u, way, picture, t = _journey()[i]
        maps.model_move(s, k, u, way, picture, t)

    def moments() -> list[Moment]:
        return [Moment(f"t = {t}", says.get((way, t), says[way])) for _u, way, _picture, t in _journey()]

    drawings = [lambda new: maps.model_wide(new=new), lambda new: maps.model_tall(new=new)]
    return moving(maps.whole_model().alt, drawings, move, moments, name=_("The whole diffusion model"), fps=6)


@cache
def _digits(seed: int = 1) -> dict[str, list[bytes]]:
    """What each of three shipped networks makes, as PNG: z, a fake and a real one; a digit, its z and what comes back; a walk."""
    g, v, d = store.load("digits_gan"), store.load("digits_vae"), store.load("digits")
    real, three = data.digits().x[seed : seed + 1], torch.tensor([3])
    show = lambda x: png(grid(x.clamp(-1, 1), pad=0))
    fields = lambda z: show(z.reshape(1, 1, 4, -1) / 2)  # numbers as grey fields
    with torch.no_grad():
        z = g.noise(1, dice(seed))
        fake, (mu, _logvar) = g(z), v.encode(real)
        back = v.decode(mu)
        xT = torch.randn(1, *d.shape, generator=dice(seed), dtype=torch.float32)
        steps = list(sample(d, xT, steps=20, y=three, sampler="ddim", clip=1.0))
    walk = [steps[0].xt, steps[12].xt, steps[16].xt, steps[-1].xs]
    return {
        "gan": [fields(z), show(fake), show(real)],
        "vae": [show(real), fields(mu), show(back)],
        "ddpm": [show(x) for x in walk],
        "calls": [show(x) for x in (steps[0].xt, *(step.xs for step in steps))],
    }


def families(o) -> Story:
    """Three rows: what each family is, with pictures that our networks made."""

    def draw(new) -> None:
        p, s, size = _digits(), new(990, 590), 96
        rows = (
            (20, "GAN", _("one leap"), "p"),
            (225, "VAE", _("through a narrow place"), "n"),
            (430, _("diffusion"), _("many small steps"), "q"),
        )
        for y, name, says, kind in rows:
            s.write(10, y + 62, name, f"strong.{kind}", 22, "start")
            s.say(10, y + 88, 128, says, "quiet", 16)
        z, fake, real = p["gan"]
        y, middle = 32, 80
        s.picture(160, y + 12, 72, z, under="z"), s.arrow(f"M240 {middle} H270", "grey", (282, middle, 0))
        s.box(288, middle - 38, 112, 76, "p", ("G", "math.p", 26), (_("generator"), "quiet", 15))
        s.arrow(f"M406 {middle} H440", "p", (452, middle, 0)), s.picture(460, y, size, fake, under=_("fake"))
        s.arrow(f"M564 {middle} H600", "grey", (612, middle, 0))
        s.box(618, middle - 38, 128, 76, "q", ("D", "math.q", 26), (_("discriminator"), "quiet", 15))
        s.write(682, middle + 62, _("real or fake?"), "q", 16)
        s.picture(860, y, size, real, under=_("real")), s.arrow(f"M852 {middle} H764", "grey", (752, middle, 180))
        s.arrow(
            f"M682 {middle - 44} V32 A14 14 0 0 0 668 18 H358 A14 14 0 0 0 344 32 V34", "p.far", (344, middle - 38, 90)
        )
        real, z, back = p["vae"]
        y, middle = 230, 278
        s.picture(160, y, size, real, under=_("real")), s.arrow(f"M262 {middle} H290", "grey", (302, middle, 0))
        s.box(308, middle - 30, 124, 60, "n", (_("encoder"), "n.strong", 17))
        s.arrow(f"M438 {middle} H476", "n", (488, middle, 0)), s.picture(496, middle - 30, 60, z, under="z")
        s.arrow(f"M562 {middle} H600", "grey", (612, middle, 0))
        s.box(618, middle - 30, 128, 60, "n", (_("decoder"), "n.strong", 17))
        s.arrow(f"M752 {middle} H840", "n", (852, middle, 0)), s.picture(860, y, size, back, under=_("drawn"))
        y, left = 428, (160, 393, 626, 860)
        for x, picture, tag in zip(left, p["ddpm"], ("x_{T}", "x_{t}", "x_{t−1}", "x_{0}"), strict=True):
            s.picture(x, y, size, picture), s.write(x + size / 2, y + size + 24, tag, "math", 19)
        for i, (a, b) in enumerate(pairwise(left)):
            far = "" if i == 1 else ".far"
            s.arrow(f"M{a + size + 10} {y + 34} H{b - 22}", f"p{far}", (b - 10, y + 34, 0))
            s.arrow(f"M{b - 10} {y + 70} H{a + size + 22}", f"q{far}", (a + size + 10, y + 70, 180))
        (
            s.write(556, y + 20, "p_{θ}(x_{t−1} | x_{t})", "math.p", 18),
            s.write(556, y + 98, "q(x_{t} | x_{t−1})", "math.q", 18),
        )

    alt = _(
        "Three rows. GAN: random numbers z go through a generator in one leap and become a picture, and a discriminator tells fakes from real ones. VAE: a picture goes through an encoder into few numbers z, and a decoder draws it again. Diffusion: noise becomes a picture in many small steps by a network, and pictures become noise by a rule."
    )
    calls = _digits()["calls"]
    last = len(calls) - 1
    said = _("GAN and VAE have drawn: one call of a network. Diffusion: call {k} of {calls}.")
    moments = [Moment(_("call {k}").format(k=k), said.format(k=k, calls=last)) for k in range(len(calls))]
    moments[0] = Moment(moments[0].label, _("Noise here, noise there: no network has been asked."))

    def move(s, k: int, of: int) -> None:
        x = 160 + 700 * k / last
        for left, top, kind in ((460, 32, "p"), (860, 230, "n")):  # what one call draws
            s.ring(left, top, 96, 96, kind, 9) if k else s.box(left, top, 96, 96, kind, ("?", "quiet.strong", 30))
        s.picture(x, 428, 96, calls[k])
        s.ring(x, 428, 96, 96, "q", 9)

    return moving(alt, [draw], move, lambda: moments, name=_("One leap, and many steps"), credit=_(DIGITS))


SCENES = (
    Scene("overview", OVERVIEW, overview, look=DRAWN, only=MOVES),
    Scene("families", FAMILIES, families, look=DRAWN, only=MOVES),
)
