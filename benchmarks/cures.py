"""How often does each GAN recipe lose modes? Writes diffusion_lib/records/cures.json, which lesson 06 draws.

    python benchmarks/cures.py                       7 recipes, 10 seeds, 12 s each: 15 minutes of one idle core
    python benchmarks/cures.py --again "WGAN-GP"     forget this recipe's rows, and run them again

Every recipe is `gan.build` with the options of `gan.RECIPES` and nothing else. None was tuned for the ring, but networks and rate were found for
RpGAN + R1 + R2 on the grid (see gan.json, "search"), so the others play away.
Every run is written when it ends, so it can be stopped and started again. Seconds are processor seconds of one thread:
other work on the machine takes nothing from a run. What a failure is was fixed before the first run, see FAILS.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import torch

from diffusion_lib import data, gan, train
from diffusion_lib.files import whole
from diffusion_lib.metrics import mode_report
from diffusion_lib.train import fit

OUT = Path(__file__).parent.parent / "diffusion_lib" / "records" / "cures.json"
POINTS, LOOKS, SAMPLES = 200, 10, 2500
FAILS = {
    "lost": "fewer than 8 modes hold at least a tenth of their fair share of the high-quality samples",
    "blurred": "fewer than half of the samples are within 3 sd of a mode",
}


def report(model, d: data.Data) -> dict:
    m = mode_report(next(gan.draw(model, SAMPLES, batch=SAMPLES)), d.modes, d.sd)
    return {k: round(v, 4) if math.isfinite(v) else None for k, v in m.items()}


def one(name: str, seed: int, seconds: float) -> dict:
    """One training, looked at LOOKS times: with the moving average, which the library draws with, and with G itself."""
    d, told = data.load("ring"), gan.RECIPES[name]
    row = {
        "recipe": name,
        "seed": seed,
        "options": options(told),
        "over_time": [],
        "error": "",
    }
    model, parts = gan.build(d, seed=seed, **told)
    g, wake = parts.learners[0].model, 0.0
    try:
        for record in fit(*parts, seconds=seconds, seed=seed):
            if record.seconds >= wake or record.progress >= 1:
                wake = math.floor(record.seconds / seconds * LOOKS + 1) * seconds / LOOKS
                now, raw = report(model, d), report(g, d)
                row["over_time"].append([round(record.seconds, 2), now["modes"], raw["modes"]])
    except FloatingPointError as error:
        row["error"], now, raw = str(error), report(model, d), report(g, d)
    row |= {
        "seconds": round(record.seconds, 2),
        "steps": record.step,
        "final": now,
        "final_without_average": raw,
    }
    row["lost"] = bool(row["error"]) or now["modes"] < len(d.modes)
    row["blurred"] = bool(row["error"]) or now["high_quality"] < 0.5
    x = next(gan.draw(model, POINTS, batch=POINTS)).nan_to_num().clamp(-9, 9)
    return row | {"points": (100 * x).round().int().flatten().tolist()}


def options(told: dict) -> dict:
    """What `build` was told, and the strength of R1 and R2 that it takes by itself."""
    usual = {} if "loss" in told else {"loss": "relativistic", "r1": gan.R_POINTS, "r2": gan.R_POINTS}
    return usual | told


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seeds", type=int, default=10)
    ask.add_argument("--seconds", type=float, default=12.0)
    ask.add_argument("--again", choices=list(gan.RECIPES))
    a = ask.parse_args()
    torch.set_num_threads(1)
    train.time = SimpleNamespace(perf_counter=time.process_time)  # what `fit` counts
    truth = data.ring()
    real = mode_report(data.ring(SAMPLES, seed=999).x, truth.modes, truth.sd)
    book = {"what": f"ring, {a.seconds:g} processor seconds of training on one thread each, {SAMPLES} samples", "fails": FAILS,
            "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread of a shared machine",
            "real": {k: round(v, 4) for k, v in real.items()}, "runs": []}  # fmt: skip
    if OUT.exists():
        book["runs"] = [r for r in json.loads(OUT.read_text())["runs"] if r["recipe"] != a.again]
    have = {(r["recipe"], r["seed"]) for r in book["runs"]}
    for run in product(range(a.seeds), gan.RECIPES):
        seed, name = run
        if (name, seed) not in have:
            row = one(name, seed, a.seconds)
            book["runs"].append(row)
            print(*run, row["steps"], row["final"], flush=True)
            OUT.parent.mkdir(exist_ok=True)
            with whole(OUT) as part:
                part.write_text(json.dumps(book, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
