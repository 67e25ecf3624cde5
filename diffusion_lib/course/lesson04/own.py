"""Lesson 04: a handful of pictures of one's own, and a trained network that learns them too."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from threading import RLock

import anywidget
import ipywidgets as widgets
import numpy as np
import torch
import traitlets
from torch import Tensor
from torch.nn import functional as F

from ... import data as sets
from ... import ddpm
from ...ddpm import Denoiser
from ...evaluation.metrics import nearest
from ...values import dice
from ...viz.figures import grid, png
from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...viz.theme import heard_at_once, script
from ...words import N_, _, spoken
from ..common import message, say
from ..controls import button, group
from .training import Training, watch

SIZE, MOST = 28, 64  # pixels along a side, pictures
WORDS = {  # what pad.js says
    "square": N_("A black square to draw on with mouse, pen or finger"),
    "keep": N_("Add this drawing"),
    "wipe": N_("Clear"),
}


def to_grey(x: Tensor) -> Tensor:
    """Colour pictures (N, 3, H, W) in [-1, 1] as grey ones (N, 1, H, W), bright on dark: paper is turned into night."""
    grey = (torch.tensor([0.299, 0.587, 0.114]) @ x.flatten(2)).reshape(len(x), 1, *x.shape[2:])
    edge = torch.cat([grey[..., :2, :].flatten(1), grey[..., -2:, :].flatten(1)], 1).mean(1)
    return torch.where((edge > 0).reshape(-1, 1, 1, 1), -grey, grey)


class Pad(anywidget.AnyWidget):
    """A square to draw on; each finished drawing arrives as a message with 28 x 28 grey bytes."""

    _esm = script(__file__, "pad.js")
    words = traitlets.Dict().tag(sync=True)

    def __init__(self):
        super().__init__(words=spoken(WORDS))


class OwnPictures(widgets.VBox):
    """Drawings and photographs gathered as `.x` (N, 1, 28, 28) in [-1, 1]; as long as there are none, `stand_in`."""

    def __init__(self, stand_in: Tensor):
        self._stand_in, self._own, self._lock = stand_in, [], RLock()
        self.pad = heard_at_once(Pad())
        size = {"width": "auto", "min_width": "150px", "height": "44px"}
        nowhere = _("Nothing leaves this computer")
        look = {"description": _("Add photos"), "tooltip": nowhere, "layout": size}
        self.upload = widgets.FileUpload(accept="image/*", multiple=True, **look)
        self.forget = button(_("Start again"))
        self.says = message("")
        # one picture of one size, whatever it holds: nothing jumps
        self.shown = widgets.Image(format="png", layout={"width": "300px", "height": "152px", "object_fit": "contain"})
        self.pad.on_msg(self._drawn)
        self.upload.observe(self._uploaded, "value")
        self.forget.on_click(lambda button: self.clear())
        side = group([self.shown, self.upload, self.forget], name=_("Your pictures"), width="312px")
        row = widgets.HBox([self.pad, side], layout={"flex_flow": "row wrap", "grid_gap": "24px"})
        super().__init__([row, self.says])
        self._show(_("No picture yet: {n} cats stand in.").format(n=len(stand_in)))

    @property
    def x(self) -> Tensor:
        """Your pictures, or those that stand in: (N, 1, 28, 28) in [-1, 1]."""
        with self._lock:
            return torch.cat(self._own) if self._own else self._stand_in

    def add(self, x: Tensor) -> None:
        """Pictures (N, 1, 28, 28) in [-1, 1]."""
        with self._lock:
            room = MOST - len(self._own)
            self._own += list(x[:room].split(1))
            full = _("{n} are enough.").format(n=MOST) if len(x) >= room else ""
            few = "" if len(self._own) >= 5 else _("Five or more are better.")
            self._show(" ".join(filter(None, [_("{n} of your own.").format(n=len(self._own)), full, few])))

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._own = []
            self._show(_("No picture yet: {n} cats stand in.").format(n=len(self._stand_in)))

    def _drawn(self, pad, content, buffers) -> None:
        if content.get("kind") == "picture" and buffers and len(buffers[0]) == SIZE * SIZE:
            grey = np.frombuffer(buffers[0], np.uint8).reshape(1, 1, SIZE, SIZE)
            self.add(torch.from_numpy(grey.astype(np.float32)) / 127.5 - 1)

    def _uploaded(self, change) -> None:
        good, bad = [], ""
        for file in change["new"]:
            try:
                good.append(to_grey(sets.photo(bytes(file["content"]), size=SIZE).x))
            except (ValueError, OSError) as error:
                bad = f"{file['name']}: {error}"
        if good:
            self.add(torch.cat(good))
        if bad:
            say(self.says, bad, bad=True)

    def _show(self, sentence: str) -> None:
        shown = grid(self.x[-24:], columns=8, pad=2)
        board = np.full((3 * (SIZE + 2) - 2, 8 * (SIZE + 2) - 2), 255, np.uint8)
        board[: shown.shape[0], : shown.shape[1]] = shown
        self.shown.value = png(board, scale=3)
        say(self.says, sentence)


def own_pictures(n: int = 12, seed: int = 0) -> OwnPictures:
    """A pad to draw on and a place for photos; until there is something, n grey cats stand in. `.x` holds the pictures."""
    return OwnPictures(to_grey(sets.sprites(n, size=SIZE, seed=seed, species="cat").x))


def jitter(x: Tensor, size: int, seed: int = 0) -> Iterator[tuple[Tensor, None]]:
    """Endless batches of x (N, C, H, W), each picture turned by up to 9 degrees, scaled by 10 % and shifted by 2 pixels."""
    g = dice(seed)
    while True:
        i = torch.randint(len(x), (size,), generator=g)
        turn, scale, dx, dy = (torch.rand(4, size, generator=g) * 2 - 1) * torch.tensor([[0.16], [0.1], [0.14], [0.14]])
        cos, sin = turn.cos() * (1 + scale), turn.sin() * (1 + scale)
        affine = torch.stack([torch.stack([cos, -sin, dx], 1), torch.stack([sin, cos, dy], 1)], 1)
        where = F.affine_grid(affine, (size, *x.shape[1:]), align_corners=False)
        yield F.grid_sample(x[i], where, padding_mode="border", align_corners=False), None


def fine_tune(
    model: Denoiser,
    x: Tensor,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    batch: int = 32,
    lr: float = 5e-4,
    seed: int = 0,
) -> Training:
    """Go on training a network on a handful of other pictures x (N, C, H, W), to watch; the given model stays as it is.

    steps or seconds: how long, as for `watch`. batch, lr: of the new training.
    The new pictures are taught as "no class"; what the network knew of its classes fades, but is not erased on purpose.
    """
    data = sets.Data(x, name="your pictures")
    net = copy.deepcopy(model.net).requires_grad_(True)
    how = {"schedule": model.schedule, "predicts": model.predicts, "batch": batch, "lr": lr, "seed": seed}
    tuned, parts = ddpm.build(data, net=net, **how)
    parts = parts._replace(batches=jitter(x, batch, seed))
    name = _("A network that knew digits learns your pictures")
    look = {"y": "none", "n": 12, "calls": 12, "seed": seed, "name": name}
    return watch(tuned, parts, data, steps=steps, seconds=seconds, **look)


def copies(model: Denoiser, x: Tensor, n: int = 10, seed: int = 7) -> FramePlayer:
    """n samples of the network (no class), and under each the picture of x (N, C, H, W) that is nearest to it."""
    samples = torch.cat(list(ddpm.draw(model, n, y="none", seed=seed)))
    distance, i = nearest(samples, x)
    among = math.nan
    if len(x) > 1:
        d = torch.cdist(x.flatten(1).double(), x.flatten(1).double()).fill_diagonal_(math.inf).min(1).values
        among = float(d.mean()) / math.sqrt(x[0].numel())
    sheet = grid(torch.cat([samples, x[i]]), columns=n, pad=2)[None]
    said = _("mean distance to the nearest: {far:.2f} a pixel      (between your own pictures: {among:.2f})")
    panel = pixels(sheet, _("samples, and below each the nearest of your pictures"))
    name = _("Samples after the fine-tuning beside the pictures that are nearest")
    return FramePlayer(panel, captions=said.format(far=distance.mean(), among=among), name=name)
