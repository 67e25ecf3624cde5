"""What every competitor of benchmarks/race.py runs in: it owns the clock, the data, the dice and the checkpoints.

Each competitor is a script of its own, run with the Python of its own environment; this file needs only torch and NumPy.
It is given a job (JSON) as its argument, and answers in lines of JSON on stdout:

    {"about": {...}}                  once, when the network has been built
    {"seconds": ..., "samples": ...}  at each checkpoint; then it waits for a line: "more" samples, go "on", or "stop"
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

MARK = "race: "  # a library may print too


@dataclass
class Competitor:
    """learn: one step of training, returns how many pictures it saw, StopIteration when its plan has ended.

    draw: n samples (n, 1, 28, 28) in [-1, 1]. about: what the report should say of it.
    """

    learn: Callable[[], int]
    draw: Callable[[int], Tensor]
    net: nn.Module
    about: dict


def shuffled(x: Tensor, batch: int) -> Iterator[Tensor]:
    """Epoch after epoch in a new order, the last batch short, as DataLoader(shuffle=True) gives them, but from memory."""
    while True:
        yield from (x[i] for i in torch.randperm(len(x)).split(batch))


def drawn(n: int, batch: int, draw: Callable[[int], Tensor]) -> Tensor:
    """n samples, a batch at a time."""
    return torch.cat([draw(min(batch, n - k)) for k in range(0, n, batch)])


def say(**facts) -> None:
    print(MARK + json.dumps(facts), flush=True)


def run(make: Callable[[Tensor, dict], Competitor]) -> None:
    """make(x, job): the competitor that learns x (N, 1, 28, 28) in [-1, 1]. Building it is on the clock, importing is not."""
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    x = torch.from_numpy(np.load(job["data"]))
    start, cpu = time.perf_counter(), time.process_time()
    it = make(x, job)
    spent, used = time.perf_counter() - start, time.process_time() - cpu
    steps, images, ended = 0, 0, False
    parameters = sum(p.numel() for p in it.net.parameters())
    say(about=it.about | {"parameters": parameters, "torch": torch.__version__, "threads": torch.get_num_threads()})
    for lap, until in enumerate(job["checkpoints"]):
        while spent < until and not ended:
            start, cpu = time.perf_counter(), time.process_time()
            try:
                images += it.learn()
                steps += 1
            except StopIteration:
                ended = True
            spent, used = spent + time.perf_counter() - start, used + time.process_time() - cpu
        so_far = {"lap": lap, "seconds": spent, "cpu_seconds": used, "steps": steps, "images": images}
        last = lap == len(job["checkpoints"]) - 1
        for n in (job["pilot"], job["samples"])[last:]:  # a first look first, but for the end
            say(**so_far, **samples(it, n, job))
            if (answer := sys.stdin.readline().strip()) != "more":
                break
        if answer != "on":
            break


def samples(it: Competitor, n: int, job: dict) -> dict:
    """Draw n samples into a file; at each checkpoint they start from the same noise."""
    start, path = time.perf_counter(), Path(job["folder"]) / "samples.npy"
    with torch.random.fork_rng():
        torch.manual_seed(job["seed"])
        np.save(path, it.draw(n).detach().float().numpy())
    return {"samples": str(path), "n": n, "sampling_seconds": time.perf_counter() - start}
