"""What there is to see of a diffusion network while it learns: `look(model)` takes it down, `panels(frames, level)` shows it."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...dataset import Data
from ...ddpm import Denoiser, draw
from ...diffusion import add_noise, convert
from ...sampling import guess_x0
from ...values import dice
from ...viz.figures import grid
from ...viz.panels import pixels, scatter
from ...words import _
from ..common import comet, shortened


class Points:
    """Samples grown from fixed noise, and the arrows from every place x_t towards the guess x0_hat, at three noise levels."""

    def __init__(self, data: Data, times: dict[str, int], seed: int, n: int, **more):
        g = dice(seed)
        self.n, self.seed, self.times = n, seed, times
        self.backdrop = data.x[torch.randperm(len(data), generator=g)[:800]].cpu()
        self.limit = 1.25 * float(self.backdrop.abs().max())
        axis = torch.linspace(-0.95 * self.limit, 0.95 * self.limit, 15)
        self.places = torch.cartesian_prod(axis, axis)  # (225, 2)

    def look(self, model: Denoiser) -> dict[str, np.ndarray]:
        """{"samples": (n, 2), each noise level: arrows (225, 2)}."""
        with torch.no_grad():
            xt = self.places.to(next(model.parameters()).device)
            seen = {"samples": torch.cat(list(draw(model, self.n, seed=self.seed)))}
            for level, t in self.times.items():
                x0_hat = convert(model(xt, t), "eps", "x0", xt, t, model.schedule)
                seen[level] = (x0_hat - xt).cpu()
        return {name: v.half().numpy() for name, v in seen.items()}

    def panels(self, frames: list[dict], level: str) -> list[dict]:
        """Two panels of these looks."""
        plane = {"xlim": (-self.limit, self.limit), "ylim": (-self.limit, self.limit)}
        samples = np.stack([f["samples"] for f in frames]).astype(np.float32)
        arrows = np.stack([f[level] for f in frames]).astype(np.float32)  # (F, 225, 2)
        pull = shortened(arrows, 0.13 * self.limit)  # a neighbour is not run over
        tails = comet(self.places.numpy(), pull, color=1, thin=1.5, thick=5.0, tail=5)
        cloud = {"points": samples, "colors": 0, "size": 4}
        look = {"colors": -1, "size": 3} | plane
        return [
            scatter(self.backdrop, _("samples, over the data (grey)"), layers=[cloud], **look),
            scatter(self.backdrop, _("where it sees x̂_{0} from x_{t}"), layers=tails, **look),
        ]


class Pictures:
    """Samples grown from fixed noise, and one guess for a few noisy pictures, at three noise levels."""

    def __init__(self, data: Data, times: dict[str, int], seed: int, n: int, y: Tensor | None, calls: int):
        g = dice(seed)
        self.n, self.seed, self.times, self.y, self.calls = n, seed, times, y, calls
        which = torch.randint(len(data), (4,), generator=g)
        self.x0 = data.x[which].cpu()
        self.label = data.y[which].cpu() if data.y is not None else None
        self.eps = torch.randn(self.x0.shape, generator=g)

    def look(self, model: Denoiser) -> dict[str, np.ndarray]:
        """{"samples": the pictures as one, each noise level: x_0, x_t and the guess below each other}."""
        device, schedule = next(model.parameters()).device, model.schedule
        x = torch.cat(list(draw(model, self.n, self.calls, seed=self.seed, y=self.y)))
        seen = {"samples": grid(x, columns=round(math.sqrt(1.2 * self.n)))}
        label = self.label.to(device) if model.classes and self.label is not None else None
        for level, t in self.times.items():
            xt = add_noise(self.x0, t, self.eps, schedule)
            x0_hat = guess_x0(model, xt.to(device), t, label)[0].cpu()
            seen[level] = grid(torch.cat([self.x0, xt, x0_hat]), columns=len(xt), pad=1)
        return seen

    def panels(self, frames: list[dict], level: str) -> list[dict]:
        """Two panels of these looks."""
        return [
            pixels(np.stack([f["samples"] for f in frames]), _("samples, from the same noise")),
            pixels(np.stack([f[level] for f in frames]), _("x_{0}, x_{t}, and its guess x̂_{0}")),
        ]
