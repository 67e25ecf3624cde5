"""Lesson 10: what of it anybody may take away."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch

from ... import store
from ...data.factors import vocabulary
from ...data.prompts import understand
from ...viz.figures import REVERSE, grid, png
from ...viz.look import Story
from ...viz.player import FramePlayer
from ...viz.still import TEXT, wrapped
from ...viz.stories import chain
from ...viz.waiting import counted
from ...words import N_, _, ngettext
from .. import lesson10
from ..drawings import Moment, moving
from ..scenes import CHAIN, DRAWN, MOVES, Option, Scene, seed, view
from . import drawing


def prompt(o) -> Story:
    """Walks from x_T to the pictures that some words ask for."""
    p, model = understand(o.text, o.negative), drawing.painter(store.load(o.weights))
    across = math.ceil(o.n**0.5)

    def walk() -> list:
        steps = drawing.walk(p, range(o.seed, o.seed + o.n), o.steps, o.w, model=model)
        return list(counted(steps, o.steps))

    def pictures(at: list[int], film: bool) -> list:
        steps = walk()
        path = [*(s.xt for s in steps), steps[-1].xs]
        xt = [path[i] for i in at]
        return [np.stack([grid(x, columns=across) for x in xt])] if film else list(torch.stack(xt, 1))

    def page(path, title, about):
        film = drawing.film(walk(), columns=across)
        player = FramePlayer(**film, captions=" ".join(says["notes"]), name=o.text or "prompt", fps=6)
        return player.save_html(path, title=title or o.text, description=about.alt, about=about)

    schedule = model.schedule
    times = drawing.times(schedule, o.steps)
    many = ngettext("{n} picture of {size} x {size} pixels", "{n} pictures of {size} x {size} pixels", o.n)
    alt = _("Noise becomes what was asked for, “{text}”, in {many}, drawn by a small network in {steps} steps.")
    if not o.text.strip():
        alt = _("Noise becomes {many}, drawn without words by a small network in {steps} steps.")
    alt = alt.format(text=o.text, many=many.format(n=o.n, size=model.shape[-1]), steps=o.steps)
    says = {
        "arrow": REVERSE,
        "ends": (_("noise"), _("picture")),
        "notes": tuple(p.says()) + tuple(drawing.against(p, o.w)),
    }
    return chain([int(t) for t in times], pictures, size=o.n * math.prod(model.shape), alt=alt, page=page, **says)


ASKED = (
    N_("blue and yellow gorgeous flower which is anime style in the night"),
    N_("red color blackhole shining in the universe"),
)


def service(o) -> Story:
    """Both prompts of the article to our own network, which knows few words; which it does not know is said."""
    model, seeds = drawing.painter(), range(o.seed, o.seed + 4)

    @cache
    def walks() -> list[list]:
        """Of each prompt the pictures (4, 3, H, W): the noise, and after each call."""
        found = []
        for text in ASKED:
            steps = list(drawing.walk(text, seeds, model=model))
            found.append([steps[0].xt, *(step.xs for step in steps)])
        return found

    def place(left: int, i: int) -> tuple[int, int, int]:
        return left + 82 + 156 * (i % 2), 122 + 156 * (i // 2), 150

    def draw(new) -> None:
        s = new(990, 560)
        for left, text in zip((10, 510), ASKED, strict=True):
            s.box(left, 10, 470, 66, "q")
            lines = wrapped(f"“{text}”", 430 * TEXT / 18)
            for n, line in enumerate(lines):
                s.write(left + 20, 50 + 24 * (n - (len(lines) - 1) / 2), line, "", 18, "start")
            s.arrow(f"M{left + 235} 82 V102", "grey", (left + 235, 114, 90))
            for i, x in enumerate(walks()[ASKED.index(text)][-1]):
                s.picture(*place(left, i), png(grid(x[None], pad=0)))
            y = 460
            for line in understand(text, "").says():
                y = s.say(left, y, 470, line, "quiet", 15)

    heard = " ".join(f"“{text}”: {' '.join(understand(text, '').says())}" for text in ASKED)
    alt = _(
        "Two sentences, and under each four pictures of {size} x {size} pixels that a small network of cats and flowers draws."
    )
    said = _("Both sentences, and the same eight pictures after {k} of {calls} calls of the network.")
    moments = [
        Moment(_("call {k}").format(k=k), said.format(k=k, calls=drawing.CALLS)) for k in range(drawing.CALLS + 1)
    ]

    def move(s, n: int, of: int) -> None:
        for left, walk in zip((10, 510), walks(), strict=True):
            for i, x in enumerate(walk[n]):
                s.picture(*place(left, i), png(grid(x[None].clamp(-1, 1), pad=0)))

    alt = f"{alt.format(size=model.shape[-1])} {heard}"
    return moving(alt, [draw], move, lambda: moments, name=_("Two sentences become pictures"))


SCENES = (
    Scene(
        "prompt",
        N_("Words become pictures: a network walks from noise to what you ask for; which words it understands is printed"),
        prompt,
        (
            Option("text", "what to draw (default: %(default)s)", default=N_("blue and yellow flower at night"), example="TEXT"),
            Option("negative", "what shall not be there", default="", example="TEXT"),
            Option("w", "how strongly the words count: 0 not at all, 1 as learned (default: 2)", float, 2.0, 0, 20),
            Option("n", "how many pictures (default: 4)", int, 4, 1, 16),
            Option("steps", "network calls (default: %(default)s)", int, drawing.CALLS, 2, 1000),
            Option("weights", "that know words (default: %(default)s)", "file", drawing.WEIGHTS),
            seed("of the first picture, the others have the next ones"),
        ),
        only=CHAIN,
        examples=('--text "sleeping cat" --negative "black" --n 8 --out cats.gif',),
        more=tuple(vocabulary()),
    ),
    Scene("service", N_("Two sentences of an article, what our network hears of them, and what it draws"), service, (seed("of the pictures"),), look=tuple(n for n in DRAWN if n not in ("captions", "formula")), only=MOVES),
    view("guidance", N_("Guidance on points: two scores, the guided one, and where walks end as the words count more"), lesson10.two_scores, (1, 5)),
)  # fmt: skip
