"""Lesson 07, live: place a bet, and let three families race.

mine = bet()
race = live_arena("grid", seconds=15, bet=mine);  await race.wait();  race.table()
"""

from __future__ import annotations

from dataclasses import replace

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from ...dataset import Data
from ...evaluation import arena, cost
from ...evaluation.arena import FAMILIES
from ...evaluation.metrics import coverage_ceiling
from ...values import need
from ...viz.figures import grid
from ...viz.panels import curve, pixels, scatter
from ...viz.tables import Table, html, page, table
from ...words import N_, _
from .. import progress
from ..cloud import DRAWING, Easel, beside
from ..common import say
from ..controls import button, choices, choose, group, menu
from ..live import ByTurns
from .scores import COSTS, GOOD, NAMES, REAL, SPREAD, number, one, pays

# what is bet on: (question, the number, does more win?)
BETS = {
    "coverage": (N_("Who covers more of the data?"), True),
    "precision": (N_("Whose samples are more precise?"), True),
    "drawing_ms": (N_("Who draws a sample faster?"), False),
    "fails": (N_("Who fails less often?"), False),
}
POINTS, PICTURES = 1000, 200  # samples judged in each live frame
LIVE = ("grid", "ring", "digits")  # what can be raced live
SECONDS = (5, 15, 30, 45)  # three times the last, and drawing: three minutes

# ---------------------------------------------------------------------------------------- the bet


class Bet(widgets.VBox):
    """Made by `bet`: a row of three buttons for each question. `.choice` is {key: family}, only for rows that were touched.

    It is kept (see `progress`), so one that was made in the tour, or yesterday, stands here again and can be changed.
    """

    def __init__(self):
        self.choice: dict[str, str] = {}
        self.tell: list = []  # whom to call when a choice is made: the tables that show it
        rows, wide = [], max(320, 10 * max(len(_(question)) for question, _more in BETS.values()))
        for key, (text, _more) in BETS.items():
            question = _(text)
            style = "font-size:17px;line-height:44px"
            words = widgets.HTML(f'<span style="{style}">{question}</span>', layout={"width": f"{wide}px"})
            tip = _("{question} My bet: {name}")
            buttons = [button(f, tip.format(question=question, name=f), wide=110) for f in FAMILIES]
            for family in buttons:
                family.style.font_size = "16px"
                family.on_click(lambda b, key=key, row=buttons: self._choose(key, b, row))
            rows.append(group([words, *buttons], name=question, one_of=True))
            before = progress.kept()["bets"].get(key)
            for family in [b for b in buttons if b.description == before]:
                self._choose(key, family, buttons)
        super().__init__(rows)

    def _choose(self, key: str, chosen: widgets.Button, row: list[widgets.Button]) -> None:
        if self.choice.get(key) != chosen.description and progress.kept()["bets"].get(key) != chosen.description:
            progress.note("bets", key, chosen.description)
        self.choice[key] = chosen.description
        choose(row, chosen)
        for family in row:
            family.button_style = "primary" if family is chosen else ""
            family.icon = "check" if family is chosen else ""
        for tell in self.tell:
            tell()

    def _row(self, key: str, outcome: str) -> tuple[str, str, str]:
        """The question, the bet, the outcome; ticked or crossed if one family is the outcome."""
        mine = self.choice.get(key)
        mark = "" if mine is None or outcome not in FAMILIES else "  ✓" if mine == outcome else "  ✗"
        return _(BETS[key][0]), mine or _("no bet"), outcome + mark

    def beside(self, key: str, outcome: str) -> str:
        """One line of `table`."""
        question, mine, outcome = self._row(key, outcome)
        return _("{question:32} you: {mine:8} here: {outcome}").format(question=question, mine=mine, outcome=outcome)

    def table(self, title: str, outcomes: dict[str, str]) -> Table:
        """The bets beside the outcomes, {key of a bet: outcome}."""
        lines = [self.beside(*pair) for pair in outcomes.items()]
        rows = [self._row(*pair) for pair in outcomes.items()]
        return Table("\n".join([title, *lines]), html([title, N_("you"), N_("here")], rows))


class Beside(Table):
    """Tables, and below them a bet beside its outcomes. Where it is shown, a bet that is made or changed later appears as well."""

    def __new__(cls, bet: Bet, parts: list, title: str, outcomes: dict[str, str]) -> Beside:
        whole = page(*parts, bet.table(title, outcomes))
        self = super().__new__(cls, str(whole), whole.html)
        self._bet, self._again = bet, lambda: cls(bet, parts, title, outcomes)._words()
        return self

    def _words(self) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html}

    def _ipython_display_(self) -> None:
        shown = display(self._words(), raw=True, display_id=True)
        if shown is not None:
            self._bet.tell.append(lambda: shown.update(self._again(), raw=True))


def bet() -> Bet:
    """Four questions to answer before anything runs. The tables take it with `bet=` and show it beside the outcome, also when it
    is made late."""
    return Bet()


# ---------------------------------------------------------------------------------------- live


class LiveArena(ByTurns):
    """Made by `live_arena`. `.entries` are the three (see `arena.Entry`), `.table()` what came out."""

    def __init__(self, what: str | Data, seconds: float, keep: int, seed: int, bet: Bet | None):
        super().__init__({"seconds": seconds})
        self.seed, self.bet = seed, bet
        self.own: dict[str, arena.Place] = {}  # data that were handed over, by their name
        name = what if isinstance(what, str) else self._own(what)
        names = [*dict.fromkeys([*LIVE, name, DRAWING])]
        budgets = [(_("{n:g} s each").format(n=s), s) for s in sorted({*SECONDS, seconds})]
        self.choice = menu(_("Data"), choices(names), name)
        self.budget = menu(_("Budget"), budgets, seconds, 220)
        tip = _("Three new networks, other dice, these data and this budget")
        self.again = button(_("New race"), tip, "refresh")
        self.again.on_click(lambda button: self.start())
        self.easel = Easel(self.choice, self.start)
        if name == DRAWING:
            self.easel.pad.show(what.x[:600] / float(what.x.abs().max()))
        self._enter()
        controls = group([self.choice, self.budget, self.again], name=_("The next race"))
        self._open(_("{names} by turns").format(names=", ".join(self.entries)), keep, above=(controls,))
        beside(self.easel, self)

    def _own(self, data: Data) -> str:
        """A place of the reader's own: half of the points to learn from, half to judge by."""
        said = f"Only points of your own can race here, x of shape (N, 2), but got {tuple(data.x.shape)}."
        need(data.x.ndim == 2, said)
        data.check()
        self.own[data.name or "own"] = arena.Place(*data.split(len(data) // 2))
        return data.name or "own"

    def _enter(self) -> None:
        """New networks, as the two menus say."""
        name = self.choice.value
        self.place, self.judged = self.own[name] if name in self.own else arena.load(name), None
        self.entries = arena.enter(self.place, self.seed)
        self.n = min(PICTURES if self.place.eye else POINTS, self.place.n)
        self.few = replace(self.place, unseen=self.place.unseen.subset(self.n))
        self.floor = coverage_ceiling(self.n, self.n)
        if not self.place.eye:
            self.limit = 1.3 * float(self.place.learn.x.abs().max())

    def start(self) -> None:
        """New networks and other dice, on the data and with the budget of the menus."""
        with self._lock:
            if self.state == "training":
                return
            try:
                if self.easel.chosen:
                    self._own(self.easel.pad.data(seed=self.seed + 1))
            except ValueError as error:
                return say(self.says, str(error), bad=True)
            self.seed, self.amount = self.seed + 1, self.budget.value
            self._enter()
            self._anew([])

    def _state(self, state: str, sentence: str) -> None:
        super()._state(state, sentence)
        for control in (self.choice, self.budget, self.again, self.easel.learn):
            control.disabled = state == "training"

    def _work(self) -> None:
        super()._work()
        if not self.worker.stopping.is_set():
            # before "New race" can be pressed, which changes the entries and the place
            say(self.says, _("All have had their seconds. Judging takes a few more."))
            self.judged = {k: self._judge(e) for k, e in self.entries.items()}

    def _judge(self, e: arena.Entry) -> dict:
        """As the recorded runs are: what broke off has failed, whatever its last good weights draw."""
        if e.error:
            return {"coverage": 0.0, "fails": True}
        found = self.place.judge(e.draw(self.place.n, self.seed))
        return found | {"drawing_ms": 1000 * e.drawing["seconds"] / e.drawing["n"]}

    def _look(self) -> dict:
        seen: dict = {"step": self.step, "seconds": self.trained}
        for name, entry in self.entries.items():
            x = entry.draw(self.n, 0)
            show = x.numpy() if self.place.eye is None else grid(x[:24].nan_to_num(0), columns=4, pad=1)
            coverage, broke = self.few.judge(x)["coverage"], bool(entry.error)
            seen[name] = {"x": show, "coverage": coverage, "steps": entry.steps, "broke": broke}
        return seen

    def _pictures(self, frames: list[dict]) -> list[dict]:
        pictures = []
        for i, k in enumerate(FAMILIES):
            film = np.stack([f[k]["x"] for f in frames])
            if self.place.eye:
                pictures.append(pixels(film, k))
                continue
            plane, cloud = (-self.limit, self.limit), {"points": film, "colors": i % 7, "size": 4}
            look = {"colors": -1, "size": 3, "xlim": plane, "ylim": plane}
            pictures.append(scatter(self.place.unseen.x[:500], k, layers=[cloud], **look))
        return pictures

    def _curves(self, frames: list[dict]) -> list[dict]:
        x, lines = [f["seconds"] for f in frames], {k: [f[k]["coverage"] for f in frames] for k in FAMILIES}
        lines[_(REAL)] = [self.floor] * len(x)
        here = {"cursor": x, "xlabel": _("seconds each"), "xlim": (0, self.seconds), "ylim": (-0.03, 1.05)}
        return [curve(x, lines, _("coverage, {n} samples").format(n=self.n), **here)]

    def _label(self, f: dict) -> str:
        return f"{f['seconds']:.1f} s"

    def _caption(self, f: dict) -> str:
        told, covers = _("{name} {steps:,} steps, {said}"), _("covers {share:.2f}")
        each = []
        for k in FAMILIES:
            said = _("broke off") if f[k]["broke"] else covers.format(share=f[k]["coverage"])
            each.append(told.format(name=k, steps=f[k]["steps"], said=said))
        return _("{n:.1f} s each:  {each}").format(n=f["seconds"], each=";  ".join(each))

    def table(self) -> str:
        """What came out: the ledger of this one race. Judging takes a few seconds the first time."""
        if not any(e.steps for e in self.entries.values()):
            return _("Nobody has learned yet: let the race run first.")
        judged = self.judged or {k: self._judge(e) for k, e in self.entries.items()}
        early = "" if self.judged else _(", stopped after {n:.1f} s each").format(n=self.trained)
        warning = _("ONE race of one seed ({seed}){early}: a story, not a result.").format(seed=self.seed, early=early)
        parts = [warning, self._scores(judged), self._costs(judged)]
        if self.bet:
            outcomes = {}
            for key, (_question, more) in BETS.items():
                values = {k: number(row, key) for k, row in judged.items()}
                top = (max if more else min)(values.values())
                ahead = [k for k, v in values.items() if v == top]
                outcomes[key] = _("all alike") if len(ahead) == len(values) else _(" and ").join(ahead)
            return Beside(self.bet, parts, _("Your bet, beside this one race of one seed"), outcomes)
        return page(*parts)

    def _scores(self, judged: dict[str, dict]) -> Table:
        floor, spread = self.place.floor(2), self.place.spread(4)
        rows = judged | {REAL: floor, SPREAD: spread}
        if self.place.eye:
            rows = {k: row | {"floors": number(row, "frechet") / floor["frechet"]} for k, row in rows.items()}
        pictures, points = ("recall", "floors", "accuracy"), ("high_quality", "modes", "kl", "sd_ratio")
        own = pictures if self.place.eye else points
        keys = [k for k in ("coverage", "precision", *own) if k in rows[REAL]]
        cells = []
        for name, row in rows.items():
            said = [one(number(row, k), k) if name in judged or k in row else "" for k in keys]
            cells.append([name, *said, "" if name not in judged else _("yes") if row["fails"] else _("no")])
        return table(["", *(NAMES.get(k, k) for k in keys), N_("failed")], cells, quiet=(REAL, SPREAD))

    def _costs(self, judged: dict[str, dict]) -> Table:
        rows, film = [], self.history.items()
        good = {k: [f["seconds"] for f in film if f[k]["coverage"] >= GOOD] for k in self.entries}
        start = {k: next(iter(at), None) for k, at in good.items()}
        ms = {k: number(judged[k], "drawing_ms") for k in self.entries}
        for k, e in self.entries.items():
            size, tera = cost.parameters(e), cost.expected_flops(e) * e.seen / 1e12
            cells = [f"{e.seconds:.2f}", f"{e.steps:,}", f"{e.seen:,}", f"{tera:.2f}"]
            cells += [f"{size['training']:,}", f"{size['drawing']:,}", one(ms[k], "drawing_ms"), FAMILIES[k].CALLS]
            rows.append([k, *cells, *pays(k, start, ms)])
        apart = arena.apart(e.seconds for e in self.entries.values() if not e.error)
        notes = [_("Nobody's seconds are more than {apart:.2%} off their mean.").format(apart=apart)]
        broke = _("{name} broke off. {error}")
        notes += [broke.format(name=k, error=e.error) for k, e in self.entries.items() if e.error]
        return table(COSTS, rows, notes)


def live_arena(
    place: str | Data = "grid", *, seconds: float = 15.0, keep: int = 20, seed: int = 0, bet: Bet | None = None
) -> LiveArena:
    """GAN, VAE and DDPM learn the same data by turns, each for the same measured seconds. It begins at once.

    place, seconds: as the two menus offer, or any other place of `arena.load`, or points of your own, such as `Cloud.data()`
    gives: half of them are learned, half judge. So it is with what one draws in the box. It takes three times `seconds`, and a little
    more to draw. "New race" starts again with what the menus say.
    """
    box = LiveArena(place, seconds, keep, seed, bet)
    box.proceed()
    return box
