"""Is it the resolution? GAN and DDPM on the same sprites at 8, 16, 32 and 64 pixels. Writes diffusion_lib/records/ladder*.

    python benchmarks/ladder.py            3 seeds of 8 trainings, 60 s each: about 40 minutes of one idle core

Seconds are processor seconds of one thread: other work on the machine takes nothing from a run. Every run is written when
it ends, so it can be stopped and started again. What a failure is was fixed before these runs: see views/rungs.py, FAILS.
Both families are what `build(data)` makes of the data. After a first, shorter run of the ladder the GAN's networks were
changed (no 2 x 2 patches, which drew checkerboards at every size), and after the second its classes were made softer
(see `gan.Generator`: it had drawn one cat and one flower); the DDPM's were found in lesson 04.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from functools import cache
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from diffusion_lib import arena, data, train
from diffusion_lib.figures import to_uint8
from diffusion_lib.files import whole
from diffusion_lib.views.rungs import FAILS, FAMILIES, RECORDS, SIZES, N, Ruler

OUT, SHOWN = RECORDS / "ladder.json", 6


RULERS = cache(Ruler)


def one(size: int, family: str, seed: int, seconds: float) -> tuple[dict, torch.Tensor]:
    d, row = data.sprites(2000, size), {"size": size, "family": family, "seed": seed, "error": ""}
    model, parts = arena.FAMILIES[family].build(d, seed=seed)
    batch = len(next(parts.batches)[0])
    try:
        for record in train.fit(*parts, seconds=seconds, seed=seed):
            row |= {"seconds": round(record.seconds, 2), "steps": record.step}
    except FloatingPointError as error:
        row["error"] = str(error)
    tick, y = time.process_time(), torch.arange(N) % 2
    x = torch.cat(list(arena.FAMILIES[family].draw(model, N, y=y, seed=seed)))
    row["drawing_seconds"] = round(time.process_time() - tick, 2)
    row |= {"pictures_seen": row.get("steps", 0) * batch,
            "parameters": [sum(p.numel() for p in learner.model.parameters()) for learner in parts.learners],
            "precision": parts.learners[0].precision}  # fmt: skip
    row |= RULERS(size).judge(x, y)
    row["fails"] = bool(row["error"]) or row["fails"]
    return row, x[:SHOWN]


def keep(x: torch.Tensor, row: dict) -> None:
    """The pictures of a run in one line: small ones as PNG, large ones as JPEG, which is a tenth of the size where they are noise."""
    path = RECORDS / "ladder_{size}_{family}_{seed}.{kind}".format(
        kind="png" if row["size"] < 32 else "jpg", **row
    )
    with whole(path) as part:
        Image.fromarray(np.concatenate(list(to_uint8(x)), 1)).save(
            part, "PNG" if row["size"] < 32 else "JPEG", quality=80, subsampling=0
        )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--seconds", type=float, default=60.0)
    a = ask.parse_args()
    torch.set_num_threads(1)
    train.time = SimpleNamespace(perf_counter=time.process_time)  # what `fit` counts
    book = {"what": f"2,000 sprites; {a.seconds:g} processor seconds of training on one thread each; {N} samples; DDPM draws in 20 steps",
            "fails": f"more than {FAILS['far']:.0%} of the way from real to nothing learned, or less than {FAILS['alike']:.0%} of real diversity, or no number",
            "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread of a shared machine",
            "anchors": {}, "runs": []}  # fmt: skip
    if OUT.exists():
        book |= {k: v for k, v in json.loads(OUT.read_text()).items() if k in ("anchors", "runs")}
    have = {(r["size"], r["family"], r["seed"]) for r in book["runs"]}
    for seed in range(a.seeds):
        for size in SIZES:
            if str(size) not in book["anchors"]:
                ruler = RULERS(size)
                book["anchors"][str(size)] = {
                    "noise": round(ruler.noise, 2),
                    "mean picture": round(ruler.mean_picture, 2),
                }
                print(size, book["anchors"][str(size)], flush=True)
            for family in FAMILIES:
                if (size, family, seed) in have:
                    continue
                row, x = one(size, family, seed, a.seconds)
                book["runs"].append(row)
                keep(x, row)
                print({k: v for k, v in row.items() if k != "parameters"}, flush=True)
                with whole(OUT) as part:
                    part.write_text(json.dumps(book, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
