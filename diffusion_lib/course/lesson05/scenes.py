"""Lesson 05: what of it anybody may take away."""

from __future__ import annotations

import numpy as np

from ... import data
from ...evaluation import records
from ...viz.figures import grid
from ...viz.film import Film
from ...viz.look import Story
from ...viz.panels import pixels
from ...viz.stories import drawn
from ...words import N_, _
from .. import maps
from ..scenes import DRAWN, Scene, view


def cats() -> Film:
    """Real cats, and beside them the same 20 z through a generator that learns, from its first step to its last."""
    film, steps = records.cat_film()
    real = data.sprites(20, size=film.shape[2], species="cat").x
    fakes = np.stack([grid(f.transpose(0, 3, 1, 2), columns=5) for f in film])
    panels = [pixels(grid(real, columns=5)[None], _("real cats")), pixels(fakes, _("generated cats"))]
    return Film(
        panels, labels=[_("step {n:,}").format(n=n) for n in steps], name=_("Real cats and generated cats"), fps=6
    )


def loop(o) -> Story:
    """`gan_loop` of the course, without its links."""
    return drawn(lambda new: maps.loop_wide(new=new), maps.gan_loop().alt, lambda new: maps.loop_tall(new=new))


SCENES = (
    view("gan-data", N_("Real cats and generated cats: what a GAN learns from, and what it draws"), cats),
    Scene("gan-loop", N_("The two players of a GAN and the four steps of its training, with real pictures in them"), loop, look=DRAWN),
)  # fmt: skip
