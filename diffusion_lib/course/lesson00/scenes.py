"""Lesson 00: what of it anybody may take away."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import torch

from ... import data, store
from ...sampling import sample
from ...values import dice
from ...viz.figures import grid, png
from ...viz.look import Story
from ...viz.stories import drawn
from ...words import N_, _
from .. import maps
from ..scenes import DIGITS, DRAWN, Scene

OVERVIEW = N_("The whole diffusion model on one line: q adds noise, p with its network takes it away")
FAMILIES = N_("GAN, VAE and diffusion in one drawing: one leap, through a narrow place and back, many small steps")


def overview(o) -> Story:
    """`whole_model` of the course, without its links."""
    return drawn(lambda new: maps.model_wide(new=new), maps.whole_model().alt, lambda new: maps.model_tall(new=new))


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
    return drawn(draw, alt, credit=_(DIGITS))


SCENES = (
    Scene("overview", OVERVIEW, overview, look=DRAWN),
    Scene("families", FAMILIES, families, look=DRAWN),
)  # fmt: skip
