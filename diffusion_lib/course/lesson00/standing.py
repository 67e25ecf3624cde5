"""Lesson 00: which lessons are done, and what is open; where that is kept, and a button that forgets it."""

from __future__ import annotations

from collections import Counter

import ipywidgets as widgets

from ...viz.tables import table
from ...words import _, ngettext
from .. import progress as keeper
from ..checking import exercises
from ..common import message, say
from ..controls import button, group
from ..roads import LESSONS


def standing() -> dict[str, dict]:
    """{lesson: {"solved": k, "of": n, "guesses": g, "right": r}}, for each lesson that has exercises."""
    kept, asked = keeper.kept(), Counter(keeper.number_of(name) for name in exercises())
    solved = Counter(keeper.number_of(name) for name in kept["solved"] if name in exercises())
    guesses = [g for g in kept["guesses"].values() if isinstance(g, dict)]
    guessed = Counter(g.get("lesson") for g in guesses)
    right = Counter(g.get("lesson") for g in guesses if g.get("right") is True)
    return {
        n: {"solved": solved[n], "of": asked[n], "guesses": guessed[n], "right": right[n]} for n in LESSONS if asked[n]
    }


class Standing(widgets.VBox):
    """Made by `progress`. `.again` looks anew, `.forget` forgets all when it is pressed twice."""

    def __init__(self):
        self.table = widgets.HTML()
        self.says = message("")
        self.again = button(_("Look again"), _("What other notebooks have kept meanwhile"), "refresh")
        self.forget = button(_("Forget all"), _("Take the file away"), "trash")
        self._sure = False
        super().__init__([group([self.again, self.forget], name=_("Your progress")), self.says, self.table])
        self.again.on_click(lambda button: self.look())
        self.forget.on_click(lambda button: self._forget())
        self.look()

    def _state(self, row: dict) -> str:
        if row["solved"] == row["of"]:
            return _("✓ done")
        return _("begun") if row["solved"] or row["guesses"] else _("open")

    def look(self) -> None:
        """Show what is kept now."""
        self._ask(False)
        rows = []
        for n, row in standing().items():
            counts = [f"{row['solved']} / {row['of']}", f"{row['guesses']} ({row['right']})"]
            rows.append([f"{n} · {_(LESSONS[n][1])}", self._state(row), *counts])
        found = table(["", _("lesson"), _("exercises solved"), _("guesses (right)")], rows)
        self.table.value, self.words = found.html, str(found)
        if keeper.trouble:
            return say(self.says, _("It cannot be kept: {error}").format(error=keeper.trouble), bad=True)
        try:
            say(self.says, _("Kept on this machine only, in {place}").format(place=keeper.place()))
        except OSError as error:
            say(self.says, _("It cannot be kept: {error}").format(error=error), bad=True)

    def _ask(self, sure: bool) -> None:
        self._sure = sure
        self.forget.description = _("Really forget?") if sure else _("Forget all")
        self.forget.button_style = "danger" if sure else ""

    def _forget(self) -> None:
        if not self._sure:
            n = sum(len(kind) for kind in keeper.kept().values() if isinstance(kind, dict))
            self._ask(True)
            return say(
                self.says,
                ngettext(
                    "Press once more, and {n} entry is gone.", "Press once more, and {n} entries are gone.", n
                ).format(n=n),
            )
        try:
            keeper.forget()
        except OSError as error:
            self._ask(False)
            return say(self.says, _("It cannot be forgotten: {error}").format(error=error), bad=True)
        self.look()

    def __repr__(self) -> str:
        return self.words

    def _repr_mimebundle_(self, **kwargs):
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": self.words}


def progress() -> Standing:
    """Which lessons are done and what is open, from guesses and solved exercises; where they are kept; a button forgets them."""
    return Standing()
