"""Classifier-free guidance: how strongly a diffusion network obeys what it is told.

Ho, Salimans 2022 (arXiv 2207.12598), equation 6, where the weight is counted from 1 on: their w is ours minus 1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .values import within

MOST = 20.0


def check_weight(w) -> None:
    """ValueError for what is no guidance weight."""
    if not within(w, 0, MOST):
        said = f"The guidance weight w is a number from 0 (not told) over 1 (told) to {MOST:g}, but got w = {w!r:.40}."
        raise ValueError(f"{said} What shall not be there is said by negative words.")


def guided(model: Callable[..., Tensor], y: Tensor, w: float, negative: Tensor | None = None) -> Callable[..., Tensor]:
    """A denoiser for any sampler, whose answer is the untold (unconditional) one, drawn out through the told (conditional) one:

        eps_w = eps_none + w (eps_y - eps_none)

    model: a denoiser of eps that was taught with and without being told, such as a `ddpm.Denoiser`. y: what it is told,
    (B,) or (B, F). w: 0 is untold, 1 told, above 1 obeys more, and may vary less. negative: like y; what eps_none is told
    instead of nothing, so that the walk leads away from it. Both are asked in one batch of 2B.
    """
    check_weight(w)
    none = torch.full_like(y, -1) if negative is None else negative

    def denoiser(xt: Tensor, t: int | Tensor, _told: Tensor | None = None) -> Tensor:
        t = torch.as_tensor(t, device=xt.device).expand(len(xt))
        if w in (0, 1):
            return model(xt, t, y if w == 1 else none)
        eps_none, eps_y = model(torch.cat([xt, xt]), torch.cat([t, t]), torch.cat([none, y])).chunk(2)
        return eps_none + w * (eps_y - eps_none)

    denoiser.schedule = getattr(model, "schedule", None)
    return denoiser
