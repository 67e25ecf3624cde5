"""Who learns more of sprites with words in the same processor seconds, AdamW or Muon? Writes benchmarks/optimizers.json.

    python benchmarks/optimizers.py               three throws of the dice, each optimizer 120 processor seconds of one thread
    python benchmarks/optimizers.py --seconds 60

Both start from the same weights and see the same pictures in the same order; as the seconds are the processor's, neighbours count
little. The error is that of the moving average on sprites that it has never seen, at four noises, told every word and told only
the species: the mean square of what is answered minus what is true (v). What counts as slow: Muon works in bfloat16.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import mean

import torch
from book import missing, opened, rounded, save

from diffusion_lib import ddpm, store
from diffusion_lib.data import sprites
from diffusion_lib.evaluation.metrics import student
from diffusion_lib.evaluation.shortfall import time_of
from diffusion_lib.muon import OPTIMIZERS
from diffusion_lib.train import fit

OUT = Path(__file__).with_name("optimizers.json")
NOISES = (0.3, 1.0, 3.0, 10.0)  # sigma, as sqrt(1 / alpha_bar - 1)
LEARN, UNSEEN = 20_000, 1000
learned = cache(lambda: sprites(LEARN, 32, 0, words=True))
unseen = cache(lambda: sprites(UNSEEN, 32, 12345, words=True))


@torch.no_grad()
def errors(model, d) -> dict:
    """Of the average, for each noise: told all, and told only the species. The same noise for everybody."""
    out = {}
    less = torch.where(torch.arange(d.y.shape[1]) == 0, d.y, -1)
    for s in NOISES:
        t = torch.full((len(d),), time_of(s, model.schedule))
        eps = torch.randn(d.x.shape, generator=torch.Generator().manual_seed(1))
        out[f"{s:g}"] = {
            name: float(ddpm.ddpm_loss(model.net, d.x, t, eps, model.schedule, model.predicts, y))
            for name, y in (("told", d.y), ("species", less))
        }
    return out


HEAD = "| σ | told every word: AdamW, Muon | Muon less AdamW | told the species: AdamW, Muon | Muon less AdamW |\n|---|---|---|---|---|\n"


def table(book: dict, key: str = "optimizer", both=OPTIMIZERS, columns=("told", "species")) -> list[str]:
    """benchmarks/README.md's rows, one for each noise: the mean errors of both, and their difference with its 95 % interval over seeds."""
    by = {(r["seed"], r[key]): r["errors"] for r in book["rows"]}
    seeds = sorted({seed for seed, _which in by})
    rows = []
    for noise in (f"{s:g}" for s in book["noises"]):
        cells = []
        for column in columns:
            first, second = ([by[seed, which][noise][column] for seed in seeds] for which in both)
            apart = [b - a for a, b in zip(first, second, strict=True)]
            low, high = student(apart)
            cells.append(f"{mean(first):.4f}, {mean(second):.4f}")
            cells.append(f"{mean(apart):+.4f} ({low:+.4f} to {high:+.4f})")
        rows.append(f"| {noise} | {' | '.join(cells)} |")
    return rows


def race(out: Path, about: str, key: str, both, noises, told: Callable, look: Callable, seconds: float = 120.0) -> None:
    """Both with each seed: trains what `ddpm.build` makes of told(which), looks at the errors of the average, and writes the record."""
    ask = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seconds", type=float, default=seconds)
    ask.add_argument("--seeds", type=int, default=3)
    args = ask.parse_args()
    torch.set_num_threads(1)
    rows = opened(out).get("rows", [])
    if rows and rows[0]["seconds"] != args.seconds:
        rows = []
    wanted = [(seed, which) for seed in range(args.seeds) for which in both]
    for seed, which in missing(wanted, rows, "seed", key):
        model, parts = ddpm.build(learned(), precision="bfloat16", seed=seed, **told(which))
        *_, record = fit(*parts, seconds=args.seconds, seed=seed, clock=time.process_time)
        row = {"seed": seed, key: which, "seconds": args.seconds, "steps": record.step, "load": os.getloadavg()[0]}
        rows.append(rounded(row | {"errors": look(model)}))
        print(rows[-1], flush=True)
        card = {k: v for k, v in store.card().items() if k in ("machine", "versions")}
        save(out, {"command": f"python benchmarks/{out.stem}.py"} | card | {"noises": noises, "rows": rows})


def main() -> None:
    told, look = lambda name: {"optimizer": name}, lambda model: errors(model, unseen())
    race(OUT, __doc__, "optimizer", OPTIMIZERS, NOISES, told, look)


if __name__ == "__main__":
    main()
