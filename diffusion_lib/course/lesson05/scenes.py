"""Lesson 05: what of it anybody may take away."""

from __future__ import annotations

import numpy as np

from ... import data
from ...evaluation import records
from ...viz.figures import grid, png
from ...viz.film import Film
from ...viz.look import Story
from ...viz.panels import pixels
from ...words import N_, _
from .. import maps
from ..drawings import Moment, moving
from ..scenes import DRAWN, MOVES, Scene, view


def cats() -> Film:
    """Real cats, and beside them the same 20 z through a generator that learns, from its first step to its last."""
    film, steps = records.cat_film()
    real = data.sprites(20, size=film.shape[2], species="cat").x
    fakes = np.stack([grid(f.transpose(0, 3, 1, 2), columns=5) for f in film])
    panels = [pixels(grid(real, columns=5)[None], _("real cats")), pixels(fakes, _("generated cats"))]
    return Film(
        panels, labels=[_("step {n:,}").format(n=n) for n in steps], name=_("Real cats and generated cats"), fps=6
    )


ROUNDS = 12  # of the many steps of a training, in the drawing of its loop


def loop(o) -> Story:
    """`gan_loop` of the course, without its links; moving, the four steps are lit in turn, with the pictures of a recorded training."""
    film, steps = records.cat_film()
    picked = np.linspace(0, len(steps) - 1, ROUNDS).round().astype(int)
    rounds = []
    for n, row in enumerate(picked):
        fakes = grid(film[row, :4].transpose(0, 3, 1, 2), columns=2, pad=0)
        real = grid(data.sprites(4, film.shape[2], n, "cat").x, columns=2, pad=0)
        rounds.append((png(fakes), png(real)))
    says = [_(maps.LOOP[part].says) for part in ("one", "two", "three", "four")]
    moments = [Moment(_("step {n:,}").format(n=steps[row]), text) for row in picked for text in says]

    def move(s, i: int, k: int) -> None:
        maps.loop_move(s, k, i % 4 + 1, *rounds[i // 4])

    drawings = [lambda new: maps.loop_wide(new=new), lambda new: maps.loop_tall(new=new)]
    return moving(maps.gan_loop().alt, drawings, move, lambda: moments, name=_("The four steps of a GAN"), fps=2)


GAN_LOOP = N_("The two players of a GAN and the four steps of its training, with real pictures in them")

SCENES = (
    view("gan-data", N_("Real cats and generated cats: what a GAN learns from, and what it draws"), cats),
    Scene("gan-loop", GAN_LOOP, loop, look=DRAWN, only=MOVES),
)
