"""How long a learner waits for data: 10,000 sprites at 32 x 32, and MNIST from its cache. Writes benchmarks/data.json."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from book import save

from diffusion_lib import data
from diffusion_lib.data.drawn import random_sprites


def seconds(work, runs: int = 3) -> list[float]:
    """Wall-clock seconds of each run, after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(round(time.perf_counter() - start, 3))
    return times


if __name__ == "__main__":
    runs = {"sprites_10000_at_32": seconds(lambda: random_sprites(10_000, 32)), "mnist_cached": seconds(data.mnist)}
    report = {"cores": os.cpu_count(), "seconds": runs, "median": {k: statistics.median(v) for k, v in runs.items()}}
    save(Path(__file__).with_name("data.json"), report)
    print(report["median"])
