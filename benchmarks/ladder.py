"""Is it the resolution? GAN and DDPM on the same sprites at 8, 16, 32 and 64 pixels. Writes diffusion_lib/records/ladder*.

    python benchmarks/ladder.py            3 seeds: about 18 minutes of one idle core

Three budgets. Equal SECONDS, at every size: a step of each family at each size is timed, all by turns, and the seconds become
a number of steps. Equal steps, and equal FLOPs, at 16 and 32 pixels: the family that got more of them in its seconds is
trained once more, with as many as the other. All is counted in steps, so a run needs no clock and is the same on a busy
machine; its processor seconds stand beside it. It goes on where it was stopped; runs of a seed that has not climbed the whole ladder
stand apart, in "unfinished".

One rule for both families' options: of the six sets that `benchmarks/arena.py` tried for each on sprites of 16 pixels (the log
is in arena_sprites.json, "search"), the one with the smallest Frechet distance. They stay the same along the ladder, but for
this: at 8 pixels neither network folds 2 x 2 pixels into one; and the GAN's networks get deeper as pictures get larger (a
block for each doubling), the U-Net does not. Both compute in 32 bits. What a failure is, see evaluation/pyramid.py, FAILS.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np
import torch
from arena import best
from book import missing, opened, rounded, save
from PIL import Image

from diffusion_lib import data, train
from diffusion_lib.evaluation import arena, cost
from diffusion_lib.evaluation.pyramid import AGAIN, EQUAL, FAILS, FAMILIES, SIZES, N, Ruler
from diffusion_lib.evaluation.records import RECORDS, read
from diffusion_lib.files import whole
from diffusion_lib.viz.figures import to_uint8

OUT, SHOWN, SECONDS, SEEDS = RECORDS / "ladder.json", 6, 30.0, 3
RULERS = cache(Ruler)


def searched() -> dict[str, dict]:
    """What the rule chooses for each family."""
    search = read("arena_sprites")["search"]
    return {f: best(search[f]) for f in FAMILIES}


def options(size: int, family: str) -> dict:
    """What `build` is told: the searched set, 64 pictures a step, no folding at 8 pixels, and for the U-Net 32-bit numbers."""
    told, patch = searched()[family] | {"batch": 64}, 1 if size == 8 else 2
    return told | ({"patch": patch} if family == "GAN" else {"precision": "float32"})


def built(size: int, family: str, seed: int):
    """The family's model and its training parts."""
    return arena.FAMILIES[family].build(data.sprites(2000, size), seed=seed, **options(size, family))


def timed(rounds: int = 5) -> dict[int, dict[str, float]]:
    """Processor milliseconds of a step, {size: {family: ms}}: the median of blocks of 8 steps, all by turns."""
    found = {}
    for size in SIZES:
        for family in FAMILIES:
            _, parts = built(size, family, 0)
            for learner in parts.learners:
                learner.set_rate(0.01)
            found[size, family] = (parts.step, iter(parts.batches), torch.Generator().manual_seed(0), [])
    for turn in range(rounds + 1):
        for step, batches, dice, blocks in found.values():
            tick = time.process_time()
            for _ in range(8):
                step(next(batches), dice)
            if turn:  # the first turn only warms up
                blocks.append(1e3 * (time.process_time() - tick) / 8)
    return {s: {f: round(statistics.median(found[s, f][-1]), 2) for f in FAMILIES} for s in SIZES}


def flops(size: int, family: str) -> float:
    """Of one training step, as PyTorch counts them (`cost.counted_flops`)."""
    d, told = data.sprites(2000, size), options(size, family)
    return told["batch"] * cost.counted_flops(arena.Place(d, d), family, **told)


def budgets(steps: dict[str, int], each: dict[str, float]) -> dict[str, dict[str, int]]:
    """{budget: {family: steps}} at one size, from the steps that fit into equal seconds and the FLOPs of one: the smaller number for both."""
    least = min(steps.values())
    work = min(steps[f] * each[f] for f in steps)
    return {
        "seconds": steps,
        "steps": dict.fromkeys(steps, least),
        "flops": {f: max(1, round(work / each[f])) for f in steps},
    }


def one(size: int, family: str, seed: int, steps: int) -> tuple[dict, torch.Tensor]:
    row = {"size": size, "family": family, "seed": seed, "steps": 0, "seconds": 0.0, "error": ""}
    model, parts = built(size, family, seed)
    try:
        for record in train.fit(*parts, steps=steps, seed=seed, clock=time.process_time):
            row |= {"seconds": round(record.seconds, 2), "steps": record.step}
    except FloatingPointError as error:
        row["error"] = str(error)
    tick, y = time.process_time(), torch.arange(N) % 2
    x = torch.cat(list(arena.FAMILIES[family].draw(model, N, y=y, seed=seed)))
    row["drawing_seconds"] = round(time.process_time() - tick, 2)
    row |= RULERS(size).judge(x, y)
    row["fails"] = bool(row["error"]) or row["fails"]
    return row, x[:SHOWN]


def keep(x: torch.Tensor, row: dict) -> None:
    """The pictures of a run in one line: small ones as PNG, large ones as JPEG, which is a tenth of the size where they are noise."""
    path = RECORDS / "ladder_{size}_{family}_{seed}.{kind}".format(kind="png" if row["size"] < 32 else "jpg", **row)
    with whole(path) as part:
        Image.fromarray(np.concatenate(list(to_uint8(x)), 1)).save(
            part, "PNG" if row["size"] < 32 else "JPEG", quality=80, subsampling=0
        )


def apart(book: dict) -> dict:
    """The book with the runs of a seed that is not at the top yet in "unfinished", so that all rungs show the same seeds."""
    whole_, rest = [], []
    for row in book["runs"]:
        top = {r["family"] for r in book["runs"] if (r["seed"], r["size"]) == (row["seed"], SIZES[-1])}
        (whole_ if top == set(FAMILIES) else rest).append(row)
    return book | {"runs": whole_} | ({"unfinished": rest} if rest else {})


def begun() -> dict:
    """The book with its first page: steps timed, budgets made, and what the ruler's marks are."""
    ms, rungs = timed(), {}
    for size in SIZES:
        each = {f: flops(size, f) for f in FAMILIES}
        parts = {f: built(size, f, 0)[1] for f in FAMILIES}
        rungs[str(size)] = {
            "step_ms": ms[size],
            "gflops": {f: round(v / 1e9, 3) for f, v in each.items()},
            "parameters": {
                f: [sum(p.numel() for p in x.model.parameters()) for x in parts[f].learners] for f in FAMILIES
            },
            "options": {f: options(size, f) for f in FAMILIES},
            "budgets": budgets({f: round(1e3 * SECONDS / v) for f, v in ms[size].items()}, each),
        }
    return {
        "what": f"2,000 sprites; as many steps as took {SECONDS:g} processor seconds of one thread when all were timed by turns; {N} samples; DDPM draws in 20 steps",
        "fails": f"more than {FAILS['far']:.0%} of the way from real to nothing learned, or less than {FAILS['alike']:.0%} of real diversity, or no number",
        "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread of a shared machine",
        "seconds": SECONDS,
        "rungs": rungs,
        "anchors": {},
        "runs": [],
    }


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seeds", type=int, default=SEEDS)
    ask.add_argument("--fresh", action="store_true", help="forget everything, and time the steps again")
    a = ask.parse_args()
    torch.set_num_threads(1)
    book = opened(OUT, begun, a.fresh)
    book["runs"] += book.pop("unfinished", [])  # runs of a seed that was stopped between its rungs
    save(OUT, book, close=True)
    for size in SIZES:
        if str(size) not in book["anchors"]:
            marks = {"noise": RULERS(size).noise, "mean picture": RULERS(size).mean_picture}
            book["anchors"][str(size)] = rounded(marks, 2)
    for equal, size, family, seed in missing(plan(book, a.seeds), book["runs"], "equal", "size", "family", "seed"):
        steps = book["rungs"][str(size)]["budgets"][equal][family]
        row, x = one(size, family, seed, steps)
        book["runs"].append({"equal": equal} | row)
        if equal == "seconds":
            keep(x, row)
        print(book["runs"][-1], flush=True)
        save(OUT, apart(book), close=True)


def plan(book: dict, seeds: int) -> Iterator[tuple]:
    """(budget, size, family, seed) of every training, seed by seed up the ladder. A budget of as many steps as the equal seconds'
    is that run."""
    for seed, size in product(range(seeds), SIZES):
        budgets = book["rungs"][str(size)]["budgets"]
        for equal, family in product(EQUAL if size in AGAIN else EQUAL[:1], FAMILIES):
            if equal == "seconds" or budgets[equal][family] != budgets["seconds"][family]:
                yield equal, size, family, seed


if __name__ == "__main__":
    main()
