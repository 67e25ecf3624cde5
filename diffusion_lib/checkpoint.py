"""What `train.fit` writes so that a training can go on another day, and how it knows that it is the same training."""

from __future__ import annotations

import io
import warnings
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from . import files
from .dataset import Data
from .diffusion import Schedule

ELSE = "Give the same model, data and options as before, or another checkpoint."


def told(about: dict) -> dict[str, str]:
    """What a model is built from, as words to compare: options by their value, data and schedules by their contents."""
    return {name: _words(value) for name, value in about.items() if name != "device"}


def _words(value) -> str:
    if isinstance(value, Data):
        return f"{value.name or 'data'} ({len(value):,} items, {_digest(value.x, value.y)})"
    if isinstance(value, Schedule):
        return f"{value.name} (T = {value.T}, {_digest(value.alpha_bar)})"
    if isinstance(value, nn.Module):
        return f"{type(value).__name__} {getattr(value, 'config', '')}".strip()
    return str(value)


def _digest(*tensors: Tensor | None) -> str:
    digest = sha256()
    for x in tensors:
        digest.update(b"none" if x is None else x.detach().cpu().double().numpy().tobytes())
    return digest.hexdigest()[:8]


def keep(path: Path, state: dict) -> None:
    """Write a checkpoint. Whatever goes wrong here is a warning: what was learned is worth more than its checkpoint."""
    try:
        state["values"] = {k: float(v) for k, v in state["values"].items()}
        # to memory first: on a full disk torch has words of its own
        torch.save(state, buffer := io.BytesIO())
        files.write(path, buffer.getvalue())
    except Exception as error:
        warnings.warn(f"The checkpoint is not up to date. {error}", stacklevel=3)


def resume(path: Path, learners, generator, story: dict) -> tuple[int, float, dict]:
    """Learners and dice as they were when `keep` wrote this file; returns steps, seconds and the last values.

    Raises ValueError for a broken file, or for one of another training than `story` tells of (`told`).
    """
    try:
        state = torch.load(path, map_location=learners[0].device, weights_only=True)
        then = state["about"]
    except Exception as error:
        said = (
            f"Cannot go on from {path} ({type(error).__name__}): it is broken, or no checkpoint of this version. {ELSE}"
        )
        raise ValueError(said) from error
    for name in [k for k in story if k in then and then[k] != story[k]]:
        said = f"Cannot go on from {path}: it was made with {name} = {then[name]}, not with {story[name]}. {ELSE}"
        raise ValueError(said)
    try:
        for learner, its in zip(learners, state["learners"], strict=True):
            learner.load_state_dict(its)
        generator.set_state(state["dice"].cpu())
        return state["done"], state["spent"], state["values"]
    except Exception as error:
        said = f"Cannot go on from {path} ({type(error).__name__}): it was made by another model. {ELSE}"
        raise ValueError(said) from error
