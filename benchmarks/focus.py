"""What does a focus on a few words buy, and what does it cost the others? Writes benchmarks/focus.json.

    python benchmarks/focus.py                three throws of the dice, with and without, each 120 processor seconds of one thread
    python benchmarks/focus.py --seconds 60

Both start from the same weights; as the seconds are the processor's, neighbours count little. The error is that of the moving
average on sprites that it has never seen, told every word, at three noises: the mean square of what is answered minus what is true
(v). Once of the cats whose eyes are in focus, where cats' eyes show (each place counts as `telling.Focus` says, less its even half),
and once of all sprites, at all places.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import mean

import torch
from book import missing, opened, rounded, save
from torch import Tensor

from diffusion_lib import ddpm, store
from diffusion_lib.data import sprites
from diffusion_lib.data.factors import TOLD
from diffusion_lib.evaluation.metrics import student
from diffusion_lib.evaluation.shortfall import time_of
from diffusion_lib.telling import Focus
from diffusion_lib.train import fit

OUT = Path(__file__).with_name("focus.json")
WORDS, THING = ("happy", "sleepy", "winking"), "eyes"
NOISES = (0.5, 1.0, 2.0)  # sigma, as sqrt(1 / alpha_bar - 1)
LEARN, UNSEEN = 20_000, 1000


@torch.no_grad()
def errors(model, d, where: Tensor) -> dict:
    """Of the average, for each noise: at the eyes in focus, where (1, H, W) they show, and of everything. The same noise for everybody."""
    values = torch.tensor([TOLD[THING].index(word) for word in WORDS])
    cats = d.subset(torch.isin(d.y[:, list(TOLD).index(THING)], values))
    out = {}
    for s in NOISES:
        out[f"{s:g}"] = {}
        for name, part, places in (("eyes", cats, where), ("all", d, 1.0)):
            t = torch.full((len(part),), time_of(s, model.schedule))
            eps = torch.randn(part.x.shape, generator=torch.Generator().manual_seed(1))
            loss = ddpm.ddpm_loss(model.net, part.x, t, eps, model.schedule, model.predicts, part.y, places)
            out[f"{s:g}"][name] = float(loss)
    return out


HEAD = "| σ | at the eyes: without, with | with less without | of everything: without, with | with less without |\n|---|---|---|---|---|\n"


def table(book: dict) -> list[str]:
    """benchmarks/README.md's rows, one for each noise: the mean errors of both, and their difference with its 95 % interval over seeds."""
    by = {(r["seed"], r["focus"]): r["errors"] for r in book["rows"]}
    seeds = sorted({seed for seed, _focus in by})
    rows = []
    for noise in (f"{s:g}" for s in book["noises"]):
        cells = []
        for what in ("eyes", "all"):
            without, focused = ([by[seed, focus][noise][what] for seed in seeds] for focus in (False, True))
            apart = [b - a for a, b in zip(without, focused, strict=True)]
            low, high = student(apart)
            cells.append(f"{mean(without):.4f}, {mean(focused):.4f}")
            cells.append(f"{mean(apart):+.4f} ({low:+.4f} to {high:+.4f})")
        rows.append(f"| {noise} | {' | '.join(cells)} |")
    return rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seconds", type=float, default=120.0)
    ask.add_argument("--seeds", type=int, default=3)
    args = ask.parse_args()
    torch.set_num_threads(1)
    learn, unseen = sprites(LEARN, 32, 0, words=True), sprites(UNSEEN, 32, 12345, words=True)
    where = 2 * Focus(learn, WORDS).places - 1
    rows = opened(OUT).get("rows", [])
    if rows and rows[0]["seconds"] != args.seconds:
        rows = []
    wanted = [(seed, focus) for seed in range(args.seeds) for focus in (False, True)]
    for seed, focus in missing(wanted, rows, "seed", "focus"):
        told = {"precision": "bfloat16", "optimizer": "muon", "seed": seed, "focus": WORDS if focus else ()}
        model, parts = ddpm.build(learn, **told)
        *_, record = fit(*parts, seconds=args.seconds, seed=seed, clock=time.process_time)
        about = {
            "seed": seed,
            "focus": focus,
            "seconds": args.seconds,
            "steps": record.step,
            "load": os.getloadavg()[0],
        }
        rows.append(rounded(about | {"errors": errors(model, unseen, where)}))
        print(rows[-1], flush=True)
        card = {k: v for k, v in store.card().items() if k in ("machine", "versions")}
        save(OUT, {"command": "python benchmarks/focus.py"} | card | {"noises": NOISES, "rows": rows})


if __name__ == "__main__":
    main()
