"""Draw a noise schedule by hand and see at once what it does: alpha_bar, beta, SNR in decibels, a strip of x_t, a gauge.

    s = Sculptor({"a cat": cat})       # in one cell: drag a handle, choose a preset, move T
    s.schedule                         # in the next: what was drawn, as a Schedule

All of it runs in the browser (``sculptor.js``), one animation frame a step; the kernel is told afterwards. What the learner
moves are K handles at u = k/K on the curve of alpha_bar. Between them g = -log(alpha_bar), the noise collected so far, is a
monotone cubic (Fritsch, Carlson 1980; the slopes are those of Fritsch, Butland 1984), and the handles cannot pass each
other. So alpha_bar always falls, and nothing that a learner can drag is an invalid schedule.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor

from ...diffusion import SCHEDULES, Schedule, add_noise, randn_like
from ...values import choice, need
from ...viz import still as stills
from ...viz.figures import grid, one_picture
from ...viz.film import Film
from ...viz.panels import curve, pixels
from ...viz.theme import heard_at_once, script
from ...words import N_, _, spoken

# what the T slider offers; a preset's tables for all of them weigh 15 KB
STEPS = (10, 20, 50, 100, 200, 500, 1000)
HANDLES = 8
LOWEST = 1e-5  # no handle goes below: -50 dB, and x0_hat = (...) / sqrt(alpha_bar) stays finite
NOISE = 1e-3  # terminal KL, nats per dimension: below it we say "really noise"
OWN = ""  # the name of the state that is no preset
REUSED = N_("the paper's betas, reused")


def reused(T: int) -> Tensor:
    """DDPM's betas 1e-4..0.02, made for T = 1000, put unscaled on T steps: alpha_bar (T+1,). At T = 50 it ends at 0.60."""
    beta = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
    return torch.cat([torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)])


PRESETS: dict[str, Callable[[int], Tensor]] = {
    **{name: (lambda T, name=name: Schedule.of(name, T).alpha_bar) for name in SCHEDULES},
    REUSED: reused,
}
WORDS = {  # what sculptor.js says
    "sculptor": N_("Schedule sculptor"),
    "drawn": N_("drawn by hand"),
    "T": N_("T, the number of steps"),
    "reset": N_("Reset"),
    "schedule": N_("Schedule"),
    "steps": N_("Steps"),
    "picture": N_("Picture"),
    "main": N_(": how much of the variance is still picture (drag the dots)"),
    "mainAlt": N_("alpha bar over time"),
    "betas": N_(": the noise of each step"),
    "betasAlt": N_("beta over time"),
    "snr": N_("picture : noise, in decibels"),
    "snrAlt": N_("signal-to-noise ratio in decibels over time"),
    "question": N_("Is x_{T} really noise?"),
    "handle": N_("alpha bar at t = {t}"),
    "value": N_("{a}, {db} decibels"),
    "good": N_("✓ Yes, really noise"),
    "bad": N_("✗ No, something of the picture is left"),
    "kl": N_("KL = {kl} nats per dimension"),
    "left": N_("ā = {a}: {percent} % of the contrast is left"),
    "nats": N_("10 nats"),
    "none": N_("no noise"),
    "pictureAlt": N_("the picture at {t}, {db}"),
}
NAMES = (N_("linear"), N_("cosine"), N_("sigmoid"), N_("custom"), N_("picture"))  # shown in the menus
OWN_T = {REUSED: 50}  # a preset that brings its T along, because that is its point


def sculpt(handles: Sequence[float], T: int) -> Tensor:
    """alpha_bar (T+1,), float64, through handles[k-1] at u = k/K, k = 1..K: what sculptor.js computes, number by number.

    With g = -log(alpha_bar), g_0 = 0 and differences d_k = g_{k+1} - g_k > 0, the slopes are the harmonic means of the d on
    both sides and max(0, (3 d_0 - d_1)/2) at the ends; each is at most 3 times the smaller of its neighbours, so g rises.
    Raises ValueError unless the handles fall strictly and lie in (0, 1).
    """
    h = np.array(handles, dtype=np.float64)
    falls = h.ndim == 1 and len(h) >= 2 and h.min() > 0 and h.max() < 1 and (np.diff(h) < 0).all()
    said = "Handles are values of alpha_bar that fall from left to right between 1 and 0"
    need(falls, f"{said}, but got {np.round(h, 6).tolist()}.")
    g = -np.log(np.concatenate([[1.0], h]))
    d = np.diff(g)
    inner = 2 * d[:-1] * d[1:] / (d[:-1] + d[1:])
    m = np.concatenate([[max(0.0, (3 * d[0] - d[1]) / 2)], inner, [max(0.0, (3 * d[-1] - d[-2]) / 2)]])
    x = len(h) * np.arange(T + 1) / T
    k = np.minimum(np.floor(x).astype(int), len(h) - 1)
    s = x - k
    r = 1 - s
    rise = (3 - 2 * s) * s * s * d[k] + s * r * (r * m[k] - s * m[k + 1])
    return torch.from_numpy(np.exp(-(g[k] + rise)))


class Sculptor(stills.Stilled, anywidget.AnyWidget):
    """The curve with its handles, and everything that follows from it.

    x0: one picture (C, H, W) or (1, C, H, W) in [-1, 1], or a dict of them by name, which adds a menu.
    presets: name -> function of T that gives alpha_bar (T+1,); None takes SCHEDULES and the paper's betas reused.
    T: one of STEPS. start: the preset to begin with; None is the first. seed: of the one eps that all x_t share.
    ``state`` is what the browser and the kernel share: the preset ("" for a drawn curve), T, the picture, and the handles of
    a drawn curve ([] for a preset, which is exact and not a curve through handles).
    """

    _esm = script(__file__, "sculptor.js")
    film = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(self, x0, presets=None, T: int = 100, start: str | None = None, seed: int = 0):
        x0 = x0 if isinstance(x0, dict) else {"picture": x0}
        presets = PRESETS if presets is None else presets
        need(x0 and presets, "The sculptor needs at least one picture and one preset.")
        self._x0 = {name: one_picture(x, f"The picture {name!r}")[None] for name, x in x0.items()}
        g = torch.Generator().manual_seed(seed)
        self._eps = {name: randn_like(x, g) for name, x in self._x0.items()}
        self._tables = {name: {n: _table(name, f, n) for n in STEPS} for name, f in presets.items()}
        film = {"steps": list(STEPS), "handles": HANDLES, "lowest": LOWEST, "noise": NOISE}
        film["pictures"] = [_sent(name, x[0], self._eps[name][0]) for name, x in self._x0.items()]
        film["presets"] = [
            {"name": name, "T": OWN_T.get(name, 0), "tables": [tables[n].numpy().tobytes() for n in STEPS]}
            for name, tables in self._tables.items()
        ]
        film["names"] = {name: _(name) for name in [*self._tables, *self._x0]}
        start = next(iter(presets)) if start is None else start
        first = {"preset": start, "T": T, "picture": next(iter(self._x0))}
        super().__init__(film=film, state=self._checked(first | {"handles": []}), words=spoken(WORDS))
        heard_at_once(self)
        stills.fresh(self, self.still, self.alt)

    def _checked(self, state: dict) -> dict:
        if state["preset"] != OWN:
            choice(state["preset"], self._tables, "There is no preset called")
        need(state["T"] in STEPS, f"T must be one of {', '.join(map(str, STEPS))} here, but got {state['T']!r}.")
        choice(state["picture"], self._x0, "There is no picture called")
        if state["preset"] == OWN:
            said = f"There are {HANDLES} handles, but got {len(state['handles'])} numbers."
            need(len(state["handles"]) == HANDLES, said)
            sculpt(state["handles"], state["T"])
        return state

    @traitlets.validate("state")
    def _valid(self, proposal):
        return self._checked(dict(proposal["value"]))  # a browser is not trusted either

    def choose(self, preset: str, T: int | None = None) -> None:
        """Take a preset; T None keeps the T, or takes the one that the preset brings along."""
        T = OWN_T.get(preset, self.state["T"]) if T is None else T
        self.state = self.state | {"preset": preset, "T": T, "handles": []}

    def draw(self, handles: Sequence[float], T: int | None = None) -> None:
        """Put the handles, values of alpha_bar at u = 1/8, 2/8, ..., 1, where a learner could drag them."""
        T = self.state["T"] if T is None else T
        self.state = self.state | {"preset": OWN, "T": T, "handles": [float(h) for h in handles]}

    @property
    def alpha_bar(self) -> Tensor:
        """(T+1,) float64: the preset's own table, or the curve through the handles."""
        s = self.state
        return sculpt(s["handles"], s["T"]) if s["preset"] == OWN else self._tables[s["preset"]][s["T"]]

    @property
    def schedule(self) -> Schedule:
        """What is on the screen, to sample with; warns, as every Schedule does, if it does not end in noise."""
        return Schedule(self.alpha_bar, self.state["preset"] or WORDS["drawn"])

    @property
    def x0(self) -> Tensor:
        """The picture on the screen, (1, C, H, W)."""
        return self._x0[self.state["picture"]]

    def _quiet(self) -> Schedule:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the gauge beside it says the same
            return self.schedule

    def alt(self) -> str:
        """What is on the screen, in words."""
        schedule, T = self._quiet(), self.state["T"]
        kl = schedule.terminal_kl(self.x0)
        left = float(schedule.alpha_bar[-1])
        kept = _("x_T keeps {share:.0%} of the picture's contrast").format(share=left**0.5)
        verdict = _("really noise") if kl < NOISE else kept
        first, last = schedule.snr_db[1], schedule.snr_db[-1]
        sentence = _(
            "Schedule ({name}) with T = {T} on {picture}: alpha_bar falls from 1 to {left:.2g}, the signal-to-noise ratio from "
            "{first:.0f} to {last:.0f} dB. KL(q(x_T | x_0) | N(0, I)) = {kl:.1e} nats per dimension: {verdict}."
        )
        shown = {"name": _(schedule.name), "T": T, "picture": _(self.state["picture"]), "verdict": verdict}
        return sentence.format(left=left, first=first, last=last, kl=kl, **shown)

    def still(self) -> bytes:
        """PNG of the screen, for readers that run no JavaScript."""
        schedule, T = self._quiet(), self.state["T"]
        t = np.arange(1, T + 1)
        eps = self._eps[self.state["picture"]]
        strip = torch.cat([add_noise(self.x0, shown, eps, schedule) for shown in strip_times(T)])
        panels = [
            curve(np.arange(T + 1), {"": schedule.alpha_bar}, _("ā: signal left"), xlabel="t", ylim=(0, 1.05)),
            curve(t, {"": schedule.beta[1:]}, _("β: noise of each step"), xlabel="t", fill=True),
            curve(t, {"": schedule.snr_db[1:]}, _("SNR in decibels"), xlabel="t"),
            pixels(grid(strip, columns=len(strip), pad=2)[None], _("x_{t} from t = 0 to T")),
        ]
        return Film(panels, captions=self.alt(), labels=f"T = {T}").still(0)


def strip_times(T: int, n: int = 7) -> list[int]:
    """The n times of the strip, evenly from 0 to T; halves are rounded up, as JavaScript does."""
    return [int(T * i / (n - 1) + 0.5) for i in range(n)]


def _table(name: str, f: Callable[[int], Tensor], T: int) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a preset may be bad on purpose
        table = Schedule(f(T), name).alpha_bar
    need(len(table) == T + 1, f"The preset {name!r} must give T + 1 = {T + 1} numbers, but gave {len(table)}.")
    return table


def _sent(name: str, x0: Tensor, eps: Tensor) -> dict:
    """A picture and its noise as the browser wants them: float32, channels last; and the mean square for the KL."""
    c, h, w = x0.shape
    sent = lambda v: v.permute(1, 2, 0).contiguous().numpy().astype("<f4").tobytes()
    data = {"x0": sent(x0), "eps": sent(eps)}
    size = {"name": name, "channels": c, "height": h, "width": w}
    return size | data | {"power": float(x0.double().pow(2).mean())}
