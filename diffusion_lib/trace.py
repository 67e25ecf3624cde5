"""What a walk or a training leaves behind, thinned so that it never grows past what a film needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from .sampling import Step
from .values import Bundle, choice, need


@dataclass(eq=False, repr=False)
class Thinned(Bundle):
    """At most `keep` items of an endless row, evenly thinned, and the newest: ``row.add(item)``, ``row.items()``."""

    keep: int = 30
    # how many were added; every stride-th is kept, and that doubles whenever there is no more room
    seen: int = 0
    stride: int = 1
    _even: list = field(default_factory=list, repr=False)
    _newest: object = field(default=None, repr=False)
    __hash__ = None  # it grows

    def add(self, item) -> None:
        """The newest item, of any kind."""
        if len(self._even) == self.keep:
            self._even, self.stride = self._even[::2], 2 * self.stride
        if self.seen % self.stride == 0:
            self._even.append(item)
        self._newest, self.seen = item, self.seen + 1

    def items(self) -> list:
        """What is kept, in the order in which it came."""
        return self._even if not self._even or self._newest is self._even[-1] else [*self._even, self._newest]


_TENSORS = ("xt", "eps_hat", "x0_hat", "mean", "noise", "xs")


@dataclass(eq=False, repr=False)
class Trace(Bundle):
    """A bounded film of a walk: its Steps on the CPU, `Thinned` to `keep`, the last one always among them.

    ``Trace().record(sample(...))``, or ``for step in sample(...): trace.add(step)``. ``trace.frames("x0_hat")`` is (F, B, ...).
    Raises ValueError before it would hold more than max_bytes.
    """

    keep: int = 60
    max_bytes: int = 512 * 2**20
    _film: Thinned | None = field(default=None, repr=False)
    __hash__ = None  # it grows

    def __post_init__(self):
        self._film = Thinned(self.keep) if self._film is None else self._film

    @property
    def seen(self) -> int:
        """How many steps were taken."""
        return self._film.seen

    def add(self, step: Step) -> None:
        """One more step of the walk; its tensors are copied to the CPU."""
        if self.seen == 0:
            self._check_room(step.xt)
        copies = {name: getattr(step, name).detach().to("cpu", copy=True) for name in _TENSORS}
        sigma = step.sigma.detach().cpu() if isinstance(step.sigma, Tensor) else step.sigma
        self._film.add(replace(step, **copies, sigma=sigma))

    def _check_room(self, xt: Tensor) -> None:
        need(self.keep >= 2, f"A trace keeps at least 2 steps, the first and the last, but keep = {self.keep}.")
        room = (self.keep + 1) * len(_TENSORS) * xt.numel() * xt.element_size()
        said = f"{self.keep} steps of shape {tuple(xt.shape)} take {room / 2**20:,.0f} MB, and a trace may take "
        said += f"{self.max_bytes / 2**20:,.0f}: lower keep, use fewer or smaller pictures, or raise max_bytes."
        need(room <= self.max_bytes, said)

    @property
    def steps(self) -> list[Step]:
        """The kept Steps in the order in which they were taken."""
        return self._film.items()

    def record(self, walk: Iterable[Step]) -> Trace:
        """Run a walk to its end (or to an interrupt: what was seen stays)."""
        for step in walk:
            self.add(step)
        return self

    def frames(self, what: str) -> Tensor:
        """One quantity of every kept step as (F, B, ...), or (F,) for t, s and sigma."""
        names = [f.name for f in fields(Step)]
        choice(what, names, "A step has no")
        need(self.steps, "This trace is still empty: record a walk first, Trace().record(sample(...)).")
        values = [getattr(step, what) for step in self.steps]
        return torch.stack(values) if isinstance(values[0], Tensor) else torch.tensor(values, device="cpu")

    @property
    def final(self) -> Tensor:
        """x_s of the last step: the samples, (B, ...)."""
        return self.frames("xs")[-1]
