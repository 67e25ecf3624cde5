"""Lesson 10: the prompt box. Type, and four pictures come out of noise before your eyes; the last prompts stay, to compare."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import ipywidgets as widgets
import torch
from torch import Tensor

from ...data.prompts import Prompt, understand
from ...ddpm import Denoiser
from ...sampling import Step
from ...values import integer, need, within
from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...words import _
from ..common import Newest, PlayerBox, watched
from ..controls import button, group
from .drawing import CALLS, against, film, frame, how_many, line, painter, walk

KEPT = 4  # prompts that stay to be compared
MOST, FEWEST, LONGEST, DICE = 8, 2, 50, 10**6  # the reach of the controls: w, steps from and to, seed
SHOWING = 0.1  # seconds between two looks at a walk; its first frame is shown at once, and its end


@dataclass(frozen=True, eq=False)
class Drawn:
    """A prompt that was drawn, with all that it takes to draw it again."""

    text: str
    negative: str
    w: float
    steps: int
    seed: int
    x: Tensor

    def settings(self) -> str:
        """Its numbers in a row."""
        words = _("w = {w:g}, {steps} steps, dice {first} to {last}")
        return words.format(w=self.w, steps=self.steps, first=self.seed, last=self.seed + len(self.x) - 1)

    def name(self) -> str:
        """Its words, as one line of a menu."""
        return line(self.text, self.negative)


class PromptBox(PlayerBox):
    """Made by `prompt_box`. `.steps` is the walk on show, `.drawn` the prompts that were drawn, the newest first; the controls
    are `.text`, `.negative`, `.w`, `.calls`, `.seed`, `.draw`, `.dice` and `.earlier`.
    """

    def __init__(self, text: str, negative: str, w: float, steps: int, seed: int, n: int, model: Denoiser | None):
        super().__init__()
        self.model, self.n, self.drawn = painter(model), n, []
        self.steps: list[Step] = []
        self.first_ms = self.all_ms = 0.0
        self.error: Exception | None = None
        self._newest, self._setting, self._seen = Newest(), False, Event()
        wide = {"width": "auto", "min_width": "320px", "flex": "1 1 320px"}
        self.text = widgets.Text(text, description=_("Prompt"), continuous_update=False, layout=wide)
        self.negative = widgets.Text(negative, description=_("Without"), continuous_update=False, layout=wide)
        look = {"continuous_update": False, "layout": {"width": "250px"}}
        self.w = widgets.FloatSlider(
            w, min=0, max=MOST, step=0.5, description=_("Weight w"), readout_format=".1f", **look
        )
        self.calls = widgets.IntSlider(steps, min=FEWEST, max=LONGEST, description=_("Steps"), **look)
        self.seed = widgets.BoundedIntText(seed, min=0, max=DICE, description=_("Dice"), layout={"width": "160px"})
        self.draw = button(_("Draw"), _("Draw what the prompt says"), "paint-brush", 110, high=0)
        self.dice = button(_("New dice"), _("The same words, other noise"), "random", 140, high=0)
        self.earlier = widgets.Dropdown(options=[("—", -1)], description=_("Earlier"), layout={"width": "300px"})
        self.says = widgets.HTML(layout={"min_height": "68px"})
        self.past = FramePlayer(self._past_panels(), name=_("The last prompts, to compare"), panel_width=150)
        # its cell ends with the first of its pictures, and the others come before one's eyes
        self._ask(beside=watched())
        self._seen.wait()
        if self.player is None:
            raise self.error
        for control in (self.text, self.negative, self.w, self.calls, self.seed):
            control.observe(lambda change: self._changed(), "value")
        self.earlier.observe(lambda change: self._again(), "value")
        self.draw.on_click(lambda button: self._ask())
        self.dice.on_click(lambda button: self._roll())
        words = group([self.text, self.negative, self.draw], name=_("What to draw"))
        dials = group([self.w, self.calls, self.seed, self.dice, self.earlier], name=_("How to draw it"))
        self.children = (words, dials, self.says, self.player, self.past)

    # ---- what the controls do: called on whatever thread the browser's message arrives

    def _changed(self) -> None:
        if not self._setting:
            self._ask()

    def _roll(self) -> None:
        self.seed.value = (self.seed.value + self.n) % self.seed.max

    def _again(self) -> None:
        """Set all controls as they were for an earlier prompt, and draw it once more: the same dice, the same pictures."""
        i = self.earlier.value
        if self._setting or not 0 <= i < len(self.drawn):
            return
        then, self._setting = self.drawn[i], True
        try:
            self.text.value, self.negative.value, self.w.value = then.text, then.negative, then.w
            self.calls.value, self.seed.value = then.steps, then.seed
        finally:
            self._setting = False
        self._ask()

    def _ask(self, beside: bool = False) -> None:
        chosen = (control.value for control in (self.text, self.negative, self.w, self.calls, self.seed))
        told = Drawn(*chosen, torch.zeros(0))

        def work(stale: Callable[[], bool]) -> None:
            try:
                self._work(told, understand(told.text, told.negative), stale)
            except ValueError as error:
                self.error = error
                self._say([str(error)], bad=True)
            except Exception as error:  # nobody sees the traceback of a thread
                self.error = error
                self._say([_("It broke off: {error}").format(error=f"{type(error).__name__}: {error}")], bad=True)
                raise
            finally:
                self._seen.set()

        self._newest.ask(work, beside)

    def _work(self, told: Drawn, p: Prompt, stale: Callable[[], bool]) -> None:
        start, steps, shown = time.perf_counter(), [], 0.0
        seeds = range(told.seed, told.seed + self.n)
        for step in walk(p, seeds, told.steps, told.w, model=self.model):
            if stale():
                return
            steps.append(step)
            now = time.perf_counter() - start
            if len(steps) == 1 or step.s == 0 or now - shown > SHOWING:
                self._show(steps, told)
                shown = now
            if len(steps) == 1:
                self.first_ms = 1000 * (time.perf_counter() - start)
                self._say([*p.says(), *against(p, told.w), _("Drawing …")])
                self._seen.set()
        self.all_ms = 1000 * (time.perf_counter() - start)
        took = _("{calls} calls of the network, {ms:.0f} ms in all.")
        self._say([*p.says(), took.format(calls=len(steps), ms=self.all_ms), *against(p, told.w)])
        self._keep(Drawn(told.text, told.negative, told.w, told.steps, told.seed, steps[-1].xs))

    # ---- what is shown

    def _show(self, steps: list[Step], told: Drawn) -> None:
        """The walk until now, and its newest frame."""
        self.steps, shown = steps, film(steps, columns=min(self.n, 4))
        if self.player is None:
            self.player = FramePlayer(**shown, name=told.name(), fps=8, start=1)
            return
        with self.player.hold_sync():  # the film and its frame travel together
            self.player.update(**shown, name=told.name())
            self.player.value = len(steps)

    def _keep(self, new: Drawn) -> None:
        self.drawn = [new, *(d for d in self.drawn if (d.name(), d.settings()) != (new.name(), new.settings()))][:20]
        self._setting = True
        try:
            earlier = [(f"{d.name()[:40]} · {d.settings()}", i) for i, d in enumerate(self.drawn)]
            self.earlier.options = [("—", -1), *earlier]
        finally:
            self._setting = False
        self.past.update(self._past_panels())

    def _past_panels(self) -> list[dict]:
        shown = self.drawn[:KEPT]
        found = [pixels(frame(d.x), d.name()[:28], notes=d.settings()) for d in shown]
        empty = torch.full((self.n, 3, *self.model.shape[1:]), 0.9)
        return found + [pixels(frame(empty), "…", notes=" ") for _k in range(KEPT - len(shown))]

    def _say(self, lines: list[str], bad: bool = False) -> None:
        mark = "✗ " if bad else ""
        rows = "".join(f"<div>{mark if not i else ''}{html.escape(line)}</div>" for i, line in enumerate(lines))
        self.says.value = f'<div role="status" style="font-size:15px;line-height:22px">{rows}</div>'


def prompt_box(
    text: str | None = None,
    negative: str = "",
    *,
    w: float = 2.0,
    steps: int = CALLS,
    seed: int = 0,
    n: int = 4,
    model: Denoiser | None = None,
) -> PromptBox:
    """Type what shall be drawn, and see it come out of noise; which words are understood, and which are not, stands below.

    text, negative: what the box begins with, see `prompts.understand`; None: an example. w, steps, seed: within the reach of their controls.
    seed: the dice of the first picture, the others have the next ones. model: trained with --words; None: the shipped one.
    """
    text = _("blue and yellow flower at night") if text is None else text
    understand(text, negative)  # or says what is wrong with it
    n = how_many(n)
    need(within(w, 0, MOST), f"The box has a weight w from 0 to {MOST}, but got w = {w!r:.40}.")
    steps = integer(
        steps, FEWEST, LONGEST, f"The box takes {FEWEST} to {LONGEST} steps, but got steps = {steps!r:.40}."
    )
    seed = integer(seed, 0, DICE, f"The box has dice from 0 to {DICE:,}, but got seed = {seed!r:.40}.")
    return PromptBox(text, negative, w, steps, seed, n, model)
