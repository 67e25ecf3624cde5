"""Lesson 05: how the generator of cats learned to draw them, as a film that was recorded."""

from __future__ import annotations

import numpy as np

from ...evaluation import records
from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...words import _


def cat_film() -> FramePlayer:
    """The training of the shipped cat generator, `store.load("cat_g")`: 20 cats from the same z, from the first step to the last."""
    cats, steps = records.cat_film()
    side = cats.shape[2]
    sheet = np.pad(cats, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255)
    sheet = sheet.reshape(len(steps), 2, 10, side + 2, side + 2, 3).transpose(0, 1, 3, 2, 4, 5)
    sheet = sheet.reshape(len(steps), 2 * (side + 2), 10 * (side + 2), 3)
    labels = [_("step {n:,}").format(n=n) for n in steps]
    panel, name = (pixels(sheet, _("G's cats, always from the same 20 z")), _("A generator learns to draw cats"))
    return FramePlayer(panel, labels=labels, name=name, fps=6)
