"""Our recipe as `python -m diffusion_lib train` and the lessons have it, without classes."""

import time

import torch
from track import Competitor, run

from diffusion_lib import ddpm
from diffusion_lib.data import Data
from diffusion_lib.train import fit

STEPS = 20


def make(x, job):
    start = time.perf_counter()
    model, parts = ddpm.build(Data(x), seed=job["seed"], precision="auto")
    learner = parts.learners[0]
    # the learning rate falls to 0 at the end, so the end has to be known; what building took is part of the time
    seconds = job["checkpoints"][-1] - (time.perf_counter() - start)
    records, batch = fit(*parts, seconds=seconds, seed=job["seed"]), parts.batch

    def learn() -> int:
        next(records)
        return batch

    def draw(n):
        return torch.cat(list(ddpm.draw(model, n, STEPS, seed=job["seed"])))

    recipe = f"ddpm.build's choices: v, cosine, batch {batch}, lr {learner.lr:g}, {learner.precision}; {STEPS} network calls a sample"
    return Competitor(
        learn, draw, model.net, {"recipe": recipe, "changed": "no classes", "precision": learner.precision}
    )


run(make)
