"""Does the network of lesson 10 draw what it is told? Trains a reader of sprites, and writes records/words.json.

    python benchmarks/words.py                    every part, about 5 minutes of one core (and 8 for the reader)
    python benchmarks/words.py obeyed milliseconds    these parts; the others stay in the record

Parts: reader, obeyed, spread, held_out, trade, frechet, families, milliseconds. The reader is trained once and kept in the
cache folder. Every picture takes 20 calls of dpmpp_2m, as the prompt box does.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from functools import cache
from itertools import product

import torch
from book import opened, rounded, save, watched

from diffusion_lib import ddpm, store
from diffusion_lib.course.lesson10.drawing import WEIGHTS, pictures, walk
from diffusion_lib.data import digits, sprites
from diffusion_lib.data.factors import FACTORS, TOLD, held_out, told
from diffusion_lib.evaluation import reader
from diffusion_lib.evaluation.metrics import frechet, neighbourhoods, wilson
from diffusion_lib.evaluation.records import RECORDS

RECORD = RECORDS / "words.json"
NAMES, CALLS = list(TOLD), 20
MODEL = store.load(WEIGHTS)
ALL = [
    {"species": kind, **dict(zip(factors, values, strict=True))}
    for kind, factors in FACTORS.items()
    for values in product(*factors.values())
]


@cache
def judge() -> reader.Reader:
    """The reader: from the cache folder, or trained anew (some minutes)."""
    return reader.kept("reader32.pt", reader.Reader(), lambda: watched(reader.learn()))


def drawn(specs: list[dict], w: float, seed: int = 0) -> torch.Tensor:
    """A picture for each of the specs, each of which says as much as it says."""
    y = torch.tensor([told(s) for s in specs])
    return torch.cat(list(ddpm.draw(MODEL, len(y), CALLS, y=y, w=w, seed=seed, batch=100)))


def share(hits: torch.Tensor) -> dict:
    """Of a mask: the share that is true, its 95 % interval, and of how many."""
    low, high = wilson(int(hits.sum()), len(hits))
    return {"share": float(hits.double().mean()), "low": low, "high": high, "n": len(hits)}


def by_factor(found: torch.Tensor, asked: torch.Tensor) -> dict:
    """Of what was asked (n, F): the share that was found, in all, for each factor, and whole pictures."""
    said = asked >= 0
    right = (found == asked)[said]
    each = {name: share((found == asked)[:, i][said[:, i]]) for i, name in enumerate(NAMES) if said[:, i].any()}
    whole = ((found == asked) | ~said).all(1)
    return {"all": share(right), "factors": each, "whole": share(whole)}


def reader_part() -> dict:
    """How often the reader names real sprites that it has never seen as they are."""
    found = {}
    for name, unseen in (("seen", False), ("held_out", True)):
        d = sprites(4000, 32, 99, words=True, unseen=unseen)
        found[name] = by_factor(judge()(d.x), d.y)
    return found


def obeyed() -> dict:
    """One word beside the species, every word of the vocabulary; and whole captions."""
    words = [{"species": k, f: v} for k, factors in FACTORS.items() for f, values in factors.items() for v in values]
    specs = [s for s in words for _ in range(12)]
    dice = random.Random(1)
    captions = [dice.choice(ALL) for _ in range(300)]
    one, many = ([told(s) for s in part] for part in (specs, captions))
    out = {
        f"{w:g}": {"captions": by_factor(judge()(drawn(captions, w, 1)), torch.tensor(many))} for w in (1.0, 2.0, 3.0)
    }
    out["2"]["one word"] = by_factor(judge()(drawn(specs, 2.0)), torch.tensor(one))
    return out


def entropy(values: torch.Tensor, count: int) -> float:
    """Of the values that were read, as a share of what the data have, whose values are all alike."""
    p = torch.bincount(values[values >= 0], minlength=count).double()
    return float(torch.special.entr(p / p.sum()).sum()) / math.log(count)


def spread() -> dict:
    """What is not said: how evenly its values come, at w = 1 and above."""
    out = {}
    for w, text in ((1.0, ""), (1.0, "cat"), (1.0, "flower"), (2.0, "cat")):
        spec = {"species": text} if text else {}
        found = judge()(drawn([spec] * 400, w, 3))
        free = [i for i, n in enumerate(NAMES) if n not in spec and (not text or n in FACTORS[text])]
        out[f"{text or 'nothing'}, w = {w:g}"] = {NAMES[i]: entropy(found[:, i], len(TOLD[NAMES[i]])) for i in free}
    return out


def held_out_part() -> dict:
    """Captions of combinations that were never trained on, and as many others."""
    away = [s for s in ALL if held_out(s)]
    dice = random.Random(2)
    others = dice.sample([s for s in ALL if not held_out(s)], len(away))
    return {
        name: by_factor(judge()(drawn(specs, 2.0, 4)), torch.tensor([told(s) for s in specs]))
        for name, specs in (("held_out", away), ("trained", others))
    }


def features(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([judge().look(part) for part in x.split(500)])


def trade(weights=(0.0, 1.0, 2.0, 3.0, 8.0), seeds=(0, 1, 2), n: int = 80) -> dict:
    """One word beside the species, the same dice for each w: is it obeyed, and how much do the pictures still differ?"""
    rows = []
    for seed in seeds:
        dice = random.Random(seed)
        real = sprites(n, 32, 500 + seed, words=True)
        specs = []
        for row in real.y.tolist():  # of each real picture its species and one word more
            spec = {name: TOLD[name][v] for name, v in zip(NAMES, row, strict=True) if v >= 0}
            word = dice.choice([name for name in spec if name != "species"])
            specs.append({"species": spec["species"], word: spec[word]})
        asked, seen = torch.tensor([told(s) for s in specs]), features(real.x)
        for w in weights:
            x = drawn(specs, w, seed)
            near = neighbourhoods(features(x), seen)
            found = judge()(x)
            rows.append({"w": w, "seed": seed, "obeyed": float((found == asked)[asked >= 0].double().mean())} | near)
        fresh = sprites(n, 32, 700 + seed, words=True)
        rows.append({"w": "real", "seed": seed, "obeyed": None} | neighbourhoods(features(fresh.x), seen))
    return {"n": n, "rows": rows}


def frechet_part(n: int = 500) -> dict:
    """On the reader's features: samples of whole captions, and real sprites against others."""
    d, other = (sprites(n, 32, seed, words=True) for seed in (800, 801))
    rows = {"floor": frechet(features(d.x), features(other.x))}
    for w in (1.0, 2.0):
        x = torch.cat(list(ddpm.draw(MODEL, n, CALLS, y=other.y, w=w, seed=9, batch=100)))
        rows[f"w = {w:g}"] = frechet(features(x), features(d.x))
    return {"n": n} | rows


def families(seeds=(0, 1, 2), n: int = 300) -> dict:
    """On digits: the weight of the diffusion network, and the truncation of the GAN (its z times psi)."""
    unseen, eye, rows = digits().split(1000)[1], store.load("classifier_digits"), []
    see = lambda x: eye.features(x).detach()
    network, net = store.load("digits"), store.load("digits_gan")
    for seed in seeds:
        order = torch.randperm(len(unseen), generator=torch.Generator().manual_seed(seed))[:n]
        real, y = see(unseen.x[order]), unseen.y[order]
        for w in (0.0, 1.0, 2.0, 3.0, 5.0, 8.0):
            x = torch.cat(list(ddpm.draw(network, n, CALLS, y=y, w=w, seed=seed)))
            rows.append({"family": "DDPM", "dial": w, "seed": seed} | neighbourhoods(see(x), real))
        z = net.noise(n, torch.Generator().manual_seed(seed))
        for psi in (1.0, 0.8, 0.6, 0.4, 0.2):
            with torch.no_grad():
                x = net(psi * z)
            rows.append({"family": "GAN", "dial": psi, "seed": seed} | neighbourhoods(see(x), real))
    return {"n": n, "rows": rows}


def milliseconds() -> dict:
    """From a prompt to four pictures, and to the first frame, with the threads that torch has here."""
    whole, first, own = [], [], []
    for _ in range(12):
        start, worked = time.perf_counter(), time.process_time()
        steps = walk("blue and yellow flower at night", model=MODEL)
        next(steps)
        first.append(1000 * (time.perf_counter() - start))
        for _step in steps:
            pass
        whole.append(1000 * (time.perf_counter() - start))
        own.append(1000 * (time.process_time() - worked))
    start = time.perf_counter()
    pictures("cat")
    return {
        "median": sorted(whole)[6],
        "best": min(whole),
        "processor": sorted(own)[6],
        "first frame": sorted(first)[6],
        "with loading": 1000 * (time.perf_counter() - start),
        "calls": CALLS,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


PARTS = {
    "reader": reader_part,
    "obeyed": obeyed,
    "spread": spread,
    "held_out": held_out_part,
    "trade": trade,
    "frechet": frechet_part,
    "families": families,
    "milliseconds": milliseconds,
}


def main() -> None:
    book = opened(RECORD)
    for name in sys.argv[1:] or PARTS:
        start = time.perf_counter()
        book[name] = rounded(PARTS[name]())
        book["of"] = {k: MODEL.card[k] for k in ("command", "steps", "seconds")}
        print(name, f"{time.perf_counter() - start:.0f} s", flush=True)
        save(RECORD, book)


if __name__ == "__main__":
    main()
