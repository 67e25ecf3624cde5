"""Lesson 03: the film of one walk in which nothing is hidden, each symbol of the equation under its picture; no widgets here."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...ddpm import Denoiser
from ...diffusion import log_normal
from ...evaluation.metrics import nearest
from ...oracle import MixtureDenoiser
from ...sampling import Step, log_p_step
from ...trace import Trace
from ...viz.figures import to_uint8
from ...viz.panels import curve, pixels
from ...words import _

NOISE_VIEW = 3.0  # noise panels show -3..3 as black..white, or a third of all noise would be clipped


def glass_box(
    trace: Trace, model: MixtureDenoiser | Denoiser, y: Tensor | None = None, x: Tensor | None = None
) -> dict:
    """Panels, captions and labels of the first picture of a walk, for a FramePlayer: each quantity with its value in this step.

    y: the class that was asked for, (1,). x (N, ...): the training pictures, for a network, which has no list of pictures that
    are still possible; how near its guess is to one of these is shown instead.
    """
    steps = trace.steps
    done = np.arange(len(steps))
    start = steps[0].xt[:1]
    log_p_T = float(log_normal(start, torch.zeros_like(start), 1.0))
    log_p = log_p_T + torch.tensor([float(log_p_step(step)[0]) for step in steps]).cumsum(0)
    title, watched, said, limits = _watched(trace, model, y, x)
    captions = [
        _("step {i} of {n}:  {told}      log p = {sum:+,.0f} nats").format(i=i + 1, n=len(steps), told=words, sum=lp)
        + ("" if q.sigma else _("      σ = 0: this step draws nothing, it adds nothing to log p"))
        for i, (q, words, lp) in enumerate(zip(steps, said, log_p, strict=True))
    ]
    panels = [
        *_equation(trace, model.schedule.alpha_bar),
        curve(done, {"": watched.numpy()}, title, xlabel=_("step"), cursor=done, ylim=limits),
        curve(done, {"": log_p.numpy()}, _("log p of the path so far"), xlabel=_("step"), cursor=done),
    ]
    return {"panels": panels, "captions": captions, "labels": [f"t = {q.t} → {q.s}" for q in steps]}


def _equation(trace: Trace, alpha_bar: Tensor) -> list[dict]:
    """The pictures of x_t -> eps_hat -> x0_hat -> mean + sigma z = x_s, each with the numbers that stand before it."""
    steps = trace.steps
    weights = [_weights(step, alpha_bar) for step in steps]

    def film(what, scale=1.0):
        return to_uint8(trace.frames(what)[:, 0] / scale)

    now, then = [f"t = {q.t}" for q in steps], [f"s = {q.s}" for q in steps]
    guess = [f"(x_{{t}} − {n['noise']:.2f} ε̂) / {n['signal']:.2f}" for n in weights]
    mean = [f"{n['keep']:.2f} x̂_{{0}} + {n['direction']:.2f} ε̂" for n in weights]
    lead, sigma = [f"+ {q.sigma:.2f} ×" for q in steps], [f"σ = {q.sigma:.3f}" for q in steps]
    return [
        pixels(film("xt"), _("x_{t}: now"), notes=now),
        pixels(film("eps_hat", NOISE_VIEW), _("ε̂: noise seen"), lead="→"),
        pixels(film("x0_hat"), _("x̂_{0}: best guess"), lead="→", notes=guess),
        pixels(film("mean"), _("μ: the mean"), lead="→", notes=mean),
        pixels(film("noise", NOISE_VIEW), _("z: fresh noise"), lead=lead, notes=sigma),
        pixels(film("xs"), _("x_{s}: next"), lead="=", notes=then),
    ]


def _weights(step: Step, alpha_bar: Tensor) -> dict[str, float]:
    """The four numbers of reverse_step's equations that are not pictures."""
    at, as_ = float(alpha_bar[step.t]), float(alpha_bar[step.s])
    direction = math.sqrt(max(0.0, 1 - as_ - step.sigma**2))
    return {"signal": math.sqrt(at), "noise": math.sqrt(1 - at), "keep": math.sqrt(as_), "direction": direction}


def _watched(trace: Trace, model, y: Tensor | None, x: Tensor | None) -> tuple:
    """What becomes clear on the way: title, a number for each step (F,), each in words, and the limits of its plot.

    For the optimal denoiser how many pictures it could still become (the perplexity of their weights), for a network how far
    its guess is from the nearest training picture.
    """
    if not isinstance(model, MixtureDenoiser):
        far = nearest(trace.frames("x0_hat")[:, 0], x)[0]
        said = [_("x̂_{{0}} is {far:.2f} a pixel from the nearest training picture").format(far=v) for v in far]
        return _("x̂_{0}: to the nearest training picture"), far, said, (0.0, 1.1 * float(far.max()))
    weights = torch.stack([model.posterior_weights(step.xt[:1], step.t, y)[0] for step in trace.steps])
    possible = torch.special.entr(weights).sum(1).exp()
    said = [_("still {pictures} possible").format(pictures=_about(v)) for v in possible]
    return _("pictures it could still become"), possible, said, None


def _about(pictures: float) -> str:
    """A perplexity in words; only what is really 1 is called 1, since a re-roll may still change the picture."""
    if pictures < 1.01:
        return _("1 picture")
    few, many = _("about {n:,.1f} pictures"), _("about {n:,.0f} pictures")
    return (few if pictures < 10 else many).format(n=pictures)
