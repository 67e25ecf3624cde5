"""Does the GAN find every mode, and does the one of 2014 lose them? Writes benchmarks/gan.json, after each seed.

    python benchmarks/gan.py                        what is missing in the file (about 40 minutes of one core)
    python benchmarks/gan.py --part ring --seeds 3  only these
    python benchmarks/gan.py --part grid --fresh    forget this part's results first

Each seed trains for a fixed number of steps, on one thread, so that it is the same on a machine that is busy; its CPU
seconds stand beside. --seconds N trains for N seconds of the clock instead. "search" lists what was tried before.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from pathlib import Path

import torch
from book import missing, opened, save

from diffusion_lib import data, gan, store
from diffusion_lib.evaluation.metrics import COUNTED, mode_report
from diffusion_lib.train import fit

OUT = Path(__file__).with_name("gan.json")
N = 10_000  # samples that are judged

# (part, name, options of gan.build, steps)
RUNS = [
    ("ring", "minimax (2014)", gan.RECIPES["minimax (2014)"], 2500),
    ("ring", "RpGAN + R1 + R2", gan.RECIPES["RpGAN + R1 + R2"], 2500),
    ("grid", "RpGAN + R1 + R2", gan.RECIPES["RpGAN + R1 + R2"], 26_000),
]


def one(part: str, options: dict, steps: int, seconds: float | None, seed: int) -> dict:
    d = data.load(part, n=100_000, seed=seed)
    model, parts = gan.build(d, seed=seed, **options)
    busy, length = time.process_time(), {"seconds": seconds} if seconds else {"steps": steps}
    *_, record = fit(*parts, **length, seed=seed)
    facts = {"seed": seed, "steps": record.step, "cpu_seconds": round(time.process_time() - busy, 1)}
    facts |= {"seconds": round(record.seconds, 1)}
    report = mode_report(torch.cat(list(gan.draw(model, N, seed=seed, batch=N))), d.modes, d.sd)
    return facts | {k: None if v is None or math.isnan(v) else v for k, v in report.items()}


def proven(part: str, name: str, row: dict) -> bool:
    """What is claimed of a seed: the loss of 2014 keeps at most 6 of 8 modes, RpGAN all of them, and the grid's well."""
    if part == "ring":
        return row["modes"] <= 6 if name.startswith("minimax") else row["modes"] == 8
    return row["modes"] == 25 and row["high_quality"] >= 0.9 and row["kl"] <= 0.02


def table(report: dict) -> list[str]:
    """benchmarks/README.md's table, once all seeds are there: medians, and in how many seeds what is claimed was seen."""
    if any(len(report.get(part, {}).get(name, {"seeds": []})["seeds"]) < 10 for part, name, _, _ in RUNS):
        return []
    lines = ["| | one core | modes found; share within 3 sd; KL | seen |", "|---|---|---|---|"]
    for part, name, _, _ in RUNS:
        result, modes = report[part][name], {"ring": 8, "grid": 25}[part]
        rows = result["seeds"]
        found, share, kl = (_median(rows, key) for key in ("modes", "high_quality", "kl"))
        seconds, n = _median(rows, "cpu_seconds"), len(rows)
        if share < COUNTED:  # a few strays are no modes, and their shares no KL
            off = sum(row["high_quality"] < COUNTED for row in rows)
            lines.append(
                f"| {part}, {name} | {seconds:.0f} s | not counted; {share:.1%} | fewer than {COUNTED:.0%} on islands: {off} of {n} seeds |"
            )
            continue
        claim = "all found" + (", share >= 90%, KL <= 0.02" if part == "grid" else "")
        lines.append(
            f"| {part}, {name} | {seconds:.0f} s | {found:g} of {modes}; {share:.1%}; {kl:.4f} | {claim}: {result['proven']} of {n} seeds |"
        )
    return lines


def _median(seeds: list[dict], key: str) -> float | None:
    values = [row[key] for row in seeds if row[key] is not None]
    return statistics.median(values) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("ring", "grid"), help="default: both")
    parser.add_argument("--seeds", type=int, default=10, help="default: 10")
    parser.add_argument("--seconds", type=float, help="train so long instead of a number of steps")
    parser.add_argument("--fresh", action="store_true", help="forget the part's earlier results")
    parser.add_argument("--table", action="store_true", help="only print the table of benchmarks/README.md")
    args = parser.parse_args()
    if args.table:
        print(*table(opened(OUT)), sep="\n")
        return
    torch.set_num_threads(1)
    report = opened(OUT)
    for part, name, options, steps in RUNS:
        if args.part not in (None, part):
            continue
        results = report.setdefault(part, {})
        if name not in results or args.fresh:
            results[name] = {"options": options, "seeds": []}
        result = results[name]
        for (seed,) in missing(zip(range(args.seeds)), result["seeds"], "seed"):
            result["seeds"].append(one(part, options, steps, args.seconds, seed))
            result["proven"] = sum(proven(part, name, row) for row in result["seeds"])
            result |= store.card()
            truth = data.load(part, n=N, seed=999)
            report["true_data"] = report.get("true_data", {}) | {part: mode_report(truth.x, truth.modes, truth.sd)}
            save(OUT, report)
            print(part, name, result["seeds"][-1], flush=True)


if __name__ == "__main__":
    main()
