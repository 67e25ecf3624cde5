"""Predict before you look: a guess in one cell, the outcome in a later one, which stays shut until there is a guess."""

from __future__ import annotations

from threading import RLock

import ipywidgets as widgets
import traitlets
from IPython.display import display

from ..values import need
from ..words import _
from . import progress
from .controls import choose, group
from .note import Note


class _Stored:
    """A widget whose note is stored beside it, for readers that show no widgets (GitHub, nbconvert)."""

    note: Note

    def __repr__(self) -> str:
        return repr(self.note)

    def _repr_mimebundle_(self, **kwargs):
        words = {"text/plain": repr(self), "text/html": self.note._repr_html_()}
        return {**super()._repr_mimebundle_(**kwargs), **words}


class _Box(_Stored, widgets.HTML):
    def show(self, *words) -> None:
        self.note = Note(*words)
        self.value = self.note._repr_html_()


class Prediction(_Stored, widgets.VBox):
    """A question with a button for each option; guess is the option chosen so far, or None. Made by predict.

    Question, options and outcome are written in English in the notebook; what is shown is looked up here (`said`). JupyterLab runs callbacks on a second thread, so they only set traits, and a lock keeps guess and reveal apart.
    """

    guess = traitlets.Unicode(None, allow_none=True)

    def __init__(self, question: str, options: tuple[str, ...]):
        self.said, self.question, self.asked = {option: _(option) for option in options}, _(question), question
        self.note = Note("info", _("Predict"), self.question, ((_("Choose one"), " / ".join(self.said.values())),))
        self.options, self.revealed, self._lock = options, False, RLock()
        size = {"width": "auto", "height": "auto", "min_height": "44px", "padding": "6px 20px", "margin": "4px"}
        self.buttons = [widgets.Button(layout=size, style={"font_size": "18px"}) for option in options]
        for button, option in zip(self.buttons, options, strict=True):
            button.on_click(lambda button, option=option: self._choose(option))
        self._box = _Box()
        self._draw()
        super().__init__([self._box, group(self.buttons, name=self.question, one_of=True)])

    def _choose(self, option: str) -> None:
        with self._lock:
            if not self.revealed:
                self._keep(option)
                self.guess = option  # an open box unlocks now, and keeps whether it was right
                self._draw()

    def _keep(self, option: str, **more) -> None:
        """See `progress`: under the question as the notebook has it, whatever language it is shown in."""
        progress.note("guesses", self.asked, {"lesson": progress.lesson(), "guess": option} | more)

    def _draw(self) -> None:
        pairs = ((_("Your guess"), self.said[self.guess] if self.guess else _("none yet")),)
        self._box.show("info", _("Predict"), self.question, pairs)
        for button, option in zip(self.buttons, self.options, strict=True):
            button.description = f"{'●' if option == self.guess else '○'} {self.said[option]}"
            button.disabled = self.revealed
        choose(self.buttons, self.buttons[self.options.index(self.guess)] if self.guess else None)

    def reveal(self, outcome: str, because: str) -> None:
        """Show a box that holds the outcome back until there is a guess, and then opens by itself. For a later cell.

        Raises ValueError if the outcome is none of the options.
        """
        need(outcome in self.options, f"The outcome {outcome!r} is none of the options: {', '.join(self.options)}.")
        box = _Box()
        text = _("this box opens by itself when you have chosen.")
        box.show("open", _("Make your guess first (above)"), text)

        def unlock(change=None):
            with self._lock:
                if self.guess is not None:
                    self.revealed = True
                    self._keep(self.guess, right=self.guess == outcome)
                    self._draw()
                    well, not_so = ("right", _("Well guessed")), ("open", _("Not this time"))
                    pairs = (_("You guessed"), self.said[self.guess]), (_("It is"), self.said[outcome])
                    box.show(*(well if self.guess == outcome else not_so), _(because), pairs)

        self.observe(unlock, "guess")  # first watch, then look: a click in between must not be lost
        unlock()
        display(box)


def predict(question: str, options: list[str]) -> Prediction:
    """Ask before showing: `guess = predict("...", ["up", "down"])`, and in a later cell `guess.reveal("up", because="...")`.

    Raises ValueError unless there are at least two options, all of them different words.
    """
    said = f"A prediction needs at least two options, all different words, but got {options!r}."
    need(all(isinstance(o, str) and o for o in options) and 2 <= len(options) == len(set(options)), said)
    prediction = Prediction(question, tuple(options))
    display(prediction)
    return prediction
