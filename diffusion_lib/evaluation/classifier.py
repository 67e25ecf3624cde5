"""A small network that names what a picture shows: the eye that metrics look with. It guides no generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..dataset import Data
from ..machine import check_build, seeded_weights
from ..nets import Classifier
from ..train import Learner, Parts
from ..values import need, plain


@plain()
def build(data: Data, *, seed: int = 0, device="cpu") -> tuple[Classifier, Parts]:
    """A classifier for pictures with classes, and its training: ``model, parts = build(data)``, ``fit(*parts, steps=1500)``.

    It sees its pictures shifted (if there is room) and noisy, so that it looks at shapes and not at single pixels.
    """
    check_build(data, device)
    what = "are points" if data.x.ndim == 2 else "have no classes"
    said = f"A classifier learns pictures (N, C, H, W) with classes, but {data.name or 'these data'} {what}."
    need(data.x.ndim == 4 and data.y is not None, said)
    small = data.x.shape[-1] <= 8
    about = {"model": "classifier", "data": data, "seed": seed, "batch": 128}
    with seeded_weights(seed):
        net = Classifier(tuple(data.x.shape[1:]), len(data.names), 32 if small else 64).to(device)
    learner = Learner(net, lr=2e-3, weight_decay=0.01)
    reach = 0 if small else 2  # an 8 x 8 digit fills its frame

    def step(batch, generator) -> dict[str, float]:
        x, y = batch
        dx, dy = torch.randint(2 * reach + 1, (2,), generator=generator).tolist()
        h, w = x.shape[2:]
        x = F.pad(x, (reach,) * 4, value=-1.0)[:, :, dy : dy + h, dx : dx + w]
        noise = torch.randn(x.shape, generator=generator).to(x)
        return {"loss": learner.descend(F.cross_entropy(learner.model(x + 0.4 * noise), y))}

    return learner.ema, Parts(step, data.to(device).batches(128, seed), [learner], about)


@torch.no_grad()
def features(model: Classifier, x: Tensor) -> Tensor:
    """(N, width) of pictures (N, C, H, W), a thousand at a time."""
    return torch.cat([model.features(part) for part in x.split(1000)])


@torch.no_grad()
def accuracy(model: Classifier, x: Tensor, y: Tensor) -> float:
    """The share of pictures x (N, C, H, W) that are named as y (N,) says."""
    named = torch.cat([model(part).argmax(1) for part in x.split(1000)])
    return float((named == y).double().mean())
