"""Lesson 03: one walk from noise to a picture, step by step, with its controls: other data, less noise, a new start, a re-roll."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import torch
from torch import Tensor

from ...dataset import Data
from ...ddpm import Denoiser
from ...diffusion import Schedule, randn_like
from ...oracle import ideal_denoiser
from ...sampling import Step, sample
from ...trace import Trace
from ...values import dice
from ...viz.player import FramePlayer
from ...words import N_, _
from ..common import Newest, PlayerBox, message, say
from ..controls import button, choices, group, menu
from .glass import glass_box

ANY = N_("any")
OPTIMAL, TRAINED = N_("optimal denoiser"), N_("trained network")


class Stepper(PlayerBox):
    """Made by `step_reverse`. `.trace` is the walk on show; the controls are `.which` (data), `.eta`, `.start`, `.branch`,
    `.who` (optimal or trained) and `.kind` (the class).
    """

    def __init__(self, sets: dict, schedule: Schedule, steps: int, seed: int, networks: dict):
        super().__init__()
        self._sets, self._networks, self._times = sets, networks, schedule.times(steps)
        self._optimal = {name: ideal_denoiser(d.x, schedule, d.y) for name, d in sets.items()}
        self._seed, self._rolls, self._newest = seed, 0, Newest()
        self.trace = Trace()
        self.says = message(_("Stop anywhere and re-roll: the past stays, the future changes."))
        controls = self._controls()
        self._walk([])
        self.children = (controls, self.player, self.says)

    def _controls(self) -> widgets.HBox:
        self.which = widgets.Dropdown(options=choices(self._sets), description=_("Data"))
        tip = _("η: how much fresh noise, from none (DDIM) to all (DDPM)")
        look = {"description": "η", "readout_format": ".1f", "tooltip": tip}
        self.eta = widgets.FloatSlider(1.0, min=0, max=1, step=0.1, continuous_update=False, **look)
        self.start = button(_("New noise"), _("Begin again from another x at t = T"), "refresh", 140, high=0)
        tip = _("Keep the past, draw new fresh noise from this step on")
        self.branch = button(_("Re-roll z from here"), tip, "random", 220, high=0)
        self.who = widgets.ToggleButtons(options=choices([OPTIMAL, TRAINED]), style={"button_width": "170px"})
        self.kind = menu(_("Class"), self._classes(), wide=180, high=0)
        self.branch.on_click(lambda button: self._reroll())
        self.start.on_click(lambda button: self._begin_anew())
        self.which.observe(lambda change: self._other_data(), "value")
        self.eta.observe(lambda change: self._ask(list, self._of_eta), "value")
        self.who.observe(lambda change: self._ask(list, self._of_denoiser), "value")
        self.kind.observe(lambda change: self._ask(list, self._of_class), "value")
        more = [self.who, self.kind] if self._networks else []
        return group([self.which, self.eta, self.start, self.branch, *more], name=_("The walk"))

    # ---- what the controls say

    def _classes(self) -> list:
        """What can be asked for: any, or one of the classes that the network knows by the names of the data."""
        network, d = self._networks.get(self.which.value), self._sets[self.which.value]
        named = network and network.classes and d.y is not None
        return choices([ANY, *d.names] if named else [ANY])

    def _trained(self) -> bool:
        return self.who.value == TRAINED and self.which.value in self._networks

    def _of_eta(self) -> str:
        if self.eta.value == 0:
            return _("η = 0: no fresh noise at all (DDIM); x_{T} alone decides.")
        return _("η = {eta:.1f} of the DDPM noise.").format(eta=self.eta.value)

    def _of_denoiser(self) -> str:
        if self._trained():
            return _("The trained network: it has learned from the pictures, and answers without them.")
        return _("The optimal denoiser: an average of the training pictures, weighted by how well each fits.")

    def _of_class(self) -> str:
        if self.kind.value == ANY:
            return _("No class asked for.")
        return _("Asked for class {name}.").format(name=_(self.kind.value))

    # ---- what they do: called on whatever thread the browser's message arrives

    def _reroll(self) -> None:
        self._rolls += 1
        i = self.player.value
        said = _("New fresh noise from t = {t} on. Step forward: is it the same picture in the end?")
        self._ask(lambda: self.trace.steps[:i], lambda: said.format(t=self.trace.steps[i].t))

    def _begin_anew(self) -> None:
        def told() -> str:
            self.player.value = 0
            return _("A new x_{T}: other noise, another picture.")

        self._seed, self._rolls = self._seed + 1, 0
        self._ask(list, told)

    def _other_data(self) -> None:
        if self._networks:
            self.who.disabled = self.which.value not in self._networks
            self.kind.options = self._classes()
            self.kind.disabled = len(self.kind.options) == 1
        self._ask(list, self._of_eta)

    def _ask(self, past: Callable[[], list[Step]], told: Callable[[], str]) -> None:
        """Say that it is computed, walk on from `past()`, and then say `told()`."""
        say(self.says, _("Computing …"))

        def work(stale):
            try:
                if self._walk(past(), stale):
                    say(self.says, told())
            except Exception as error:  # nobody sees the traceback of a thread
                what = f"{type(error).__name__}: {error}"
                say(self.says, _("It broke off: {error}").format(error=what), bad=True)
                raise

        self._newest.ask(work)

    def _walk(self, past: list[Step], stale: Callable[[], bool] = lambda: False) -> bool:
        """Walk on from `past` as the controls say, and show it; False, and nothing changes, if something newer was asked."""
        name, trained = self.which.value, self._trained()
        d, model = self._sets[name], (self._networks if trained else self._optimal)[name]
        y = None if self.kind.value == ANY else torch.tensor([d.names.index(self.kind.value)])
        g = dice(1000 * self._seed + self._rolls)
        begin = past[-1].xs if past else randn_like(d.x[:1], dice(self._seed))
        # the optimal guess is an average of pictures, and so never leaves [-1, 1]
        how = {"eta": self.eta.value, "clip": 1.0 if trained else None}
        trace = Trace(keep=len(self._times)).record(past)
        for step in sample(model, begin, model.schedule, self._times[len(past) :], generator=g, y=y, **how):
            if stale():
                return False
            trace.add(step)
        self._show(trace, glass_box(trace, model, y, d.x))
        return True

    def _show(self, trace: Trace, film: dict) -> None:
        name = _("Reverse process on {data}, step by step").format(data=_(self.which.value))
        film["name"] = f"{name}, {_(self.who.value)}" if self._networks else name
        if self.player:
            self.player.update(**film)
        else:
            self.player = FramePlayer(**film, fps=6, panel_width=200)
        self.trace = trace


def step_reverse(
    datasets: dict[str, Tensor | Data],
    schedule: Schedule,
    steps: int = 50,
    seed: int = 0,
    networks: dict[str, Denoiser] | None = None,
) -> Stepper:
    """The glass-box stepper: every quantity of every reverse step of one picture, with the optimal denoiser of a data set.

    datasets: name -> x (N, C, H, W), or a Data. Choose the data and eta, start from new noise, or stop anywhere and re-roll the
    fresh noise from there on: the past stays, the future branches.

    networks: name of a data set -> a network trained on it, with the same schedule and a variance that is not learned (else
    ValueError). It adds a switch between the two denoisers, and, if the network has classes (and the data set is a Data), a
    choice of the class.
    """
    networks = networks or {}
    for name in set(datasets) & set(networks):
        if not torch.equal(networks[name].schedule.alpha_bar, schedule.alpha_bar):
            own = f"give its own, networks[{name!r}].schedule"
            raise ValueError(f"The network for {name!r} was trained with another schedule: {own}.")
        if networks[name].learns_variance:
            one = "but the stepper shows one σ for all pixels"
            raise ValueError(f"The network for {name!r} has learned its variance, {one}.")
    sets = {name: d if isinstance(d, Data) else Data(d) for name, d in datasets.items()}
    return Stepper(sets, schedule, steps, seed, networks)
