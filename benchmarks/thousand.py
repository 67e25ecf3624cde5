"""A thousand kinds of sticker, each as often as any other: who finds them all, and how evenly? Writes records/thousand.json and .npz.

    python benchmarks/thousand.py                    every part (an hour and a half of one core)
    python benchmarks/thousand.py ruler shipped      these parts; the others stay in the record

Parts, in this order: reader (learns to name thing, colour and paper, and is kept in the cache folder), ruler (how far apart
kinds are, and so how near a sample has to be), floor (what 26,000 fair draws score), shipped (the weights that ship, three
throws of the dice, 20 calls), near (how far from stickers they are), walks (the same weights by 250 DDPM steps), copies, limits
(the network's error beside what is possible), start (what x_T leaves out), race (GAN, VAE and DDPM, the same processor seconds
on one thread, the options that won on sprites of 16 pixels), held_out (a tenth of the kinds is never shown).

A sample is *valid* if it is nearer to a sticker of the values that are read than half of the way between the two nearest kinds:
then it is nearer to no other kind, whatever the reader thinks. `near` says how many are within the whole of that way.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections import deque
from functools import cache

import numpy as np
import torch
from book import missing, opened, rounded, save, watched
from torch import Tensor

from diffusion_lib import ddpm, store
from diffusion_lib.data import stickers, thousand
from diffusion_lib.diffusion import add_noise
from diffusion_lib.evaluation import reader
from diffusion_lib.evaluation.kinds import found, nearest_sticker
from diffusion_lib.evaluation.metrics import copied, uneven, wilson
from diffusion_lib.evaluation.records import RECORDS, race_book
from diffusion_lib.evaluation.shortfall import beside_ideal
from diffusion_lib.families import FAMILIES
from diffusion_lib.oracle import ideal_denoiser
from diffusion_lib.sampling import sample
from diffusion_lib.train import fit
from diffusion_lib.values import dice
from diffusion_lib.viz.figures import to_uint8

OUT, FILM = RECORDS / "thousand.json", RECORDS / "thousand.npz"
N, CALLS, WEIGHTS = 26_000, 20, "thousand"
LEARN, SECONDS = 50_000, 300  # stickers to learn from and seconds for each in the race
SHOWN = 40  # pictures that are kept


@cache
def judge() -> reader.Reader:
    """The reader: from the cache folder, or trained anew (two minutes)."""
    learn = lambda: watched(reader.learn(data=thousand(40_000, seed=1, words=True)))
    return reader.kept("reader_thousand.pt", reader.Reader(stickers.SIZE, counts=[10, 10, 10]), learn)


def reader_part() -> dict:
    """How often the reader names real stickers that it has never seen as they are."""
    d = thousand(N, seed=99, words=True)
    right = judge()(d.x) == d.y
    each = {name: float(hits.double().mean()) for name, hits in zip(stickers.FACTORS, right.T, strict=True)}
    whole = right.all(1)
    low, high = wilson(int(whole.sum()), N)
    return {"n": N, "factors": each, "whole": {"share": float(whole.double().mean()), "low": low, "high": high}}


def ruler(n: int = 1000) -> dict:
    """The smallest distance found from a real sticker to a sticker of another kind, and the limit of validity, half of it.

    Kinds that differ in one factor are nearer to each other than those that differ in more; all 27 of each are tried.
    """
    d, rows = thousand(n, seed=7, words=True), {}
    for i, name in enumerate(stickers.FACTORS):
        apart = []
        for step in range(1, 10):
            other = d.y.clone()
            other[:, i] = (other[:, i] + step) % 10
            apart.append(nearest_sticker(d.x, other, places=9))
        rows[name] = float(torch.stack(apart).min())
    own = nearest_sticker(d.x, d.y)
    gap = min(rows.values())
    return {"n": n, "least": rows, "limit": gap / 2, "real": {"median": float(own.median()), "most": float(own.max())}}


def judged(x: Tensor) -> tuple[dict, Tensor]:
    """All that is said of samples, and (N, 2): the kind of each, and whether it is valid."""
    limit = opened(OUT)["ruler"]["limit"]
    values = judge()(x)
    kinds, away = stickers.kind(values), nearest_sticker(x, values)
    fine = away <= limit
    low, high = wilson(int(fine.sum()), len(x))
    row = {"n": len(x), **found(kinds)}
    row |= {
        "valid": float(fine.double().mean()),
        "valid_low": low,
        "valid_high": high,
        "distance": float(away.median()),
    }
    row["of_valid"] = found(kinds[fine]) if bool(fine.any()) else None
    each = zip(stickers.FACTORS, values.T, strict=True)
    row["factors"] = {name: uneven(torch.bincount(v, minlength=10)) for name, v in each}
    return row, torch.stack([kinds, fine.long()], 1)


def floor(draws: int = 50, n: int = N) -> dict:
    """KL of fair draws to even shares."""
    g = torch.Generator().manual_seed(0)
    rows = [found(torch.randint(stickers.KINDS, (n,), generator=g)) for _ in range(draws)]
    kl = [r["kl"] for r in rows]
    return {
        "n": n,
        "draws": draws,
        "kl": statistics.mean(kl),
        "sd": statistics.stdev(kl),
        "least": min(kl),
        "most": max(kl),
        "by_thought": (stickers.KINDS - 1) / (2 * n),
        "modes": min(r["modes"] for r in rows),
    }


def keep(name: str, seen: Tensor, x: Tensor) -> None:
    """Into the film: the kind of each sample and whether it is valid, in one number (valid: + 1,000); and the first pictures."""
    arrays = dict(np.load(FILM)) if FILM.exists() else {}
    arrays[name] = (seen[:, 0] + stickers.KINDS * seen[:, 1]).numpy().astype(np.uint16)
    arrays[f"{name} pictures"] = to_uint8(x[:SHOWN])
    np.savez_compressed(FILM, **arrays)


def shipped(seeds=(0, 1, 2)) -> dict:
    """The weights that ship, by some throws of the dice. What is recorded of them already stays."""
    model = store.load(WEIGHTS)
    card = {k: model.card[k] for k in ("command", "steps", "batch", "seconds", "machine")}
    card["seen"] = sum(c["steps"] * c["batch"] for c in store.history(model.card))
    numbers = sum(p.numel() for p in model.net.parameters())
    part = {"calls": CALLS, "sampler": "dpmpp_2m", "card": card, "parameters": numbers, "rows": []}
    before = opened(OUT).get("shipped", part)
    part["rows"] = before["rows"] if before["card"] == card else []
    for (seed,) in missing([(s,) for s in seeds], part["rows"], "seed"):
        start = time.process_time()
        x = torch.cat(list(ddpm.draw(model, N, CALLS, seed=seed)))
        drawing = time.process_time() - start
        row, seen = judged(x)
        part["rows"].append(rounded({"seed": seed, "drawing_ms": 1000 * drawing / N, "load": os.getloadavg()[0]} | row))
        print(part["rows"][-1], flush=True)
        if seed == seeds[0]:
            keep("shipped", seen, x)
        save(OUT, opened(OUT) | {"shipped": part})
    return part


def walks(n: int = 5200) -> dict:
    """The same weights by other walks, fewer samples: each beside fair draws of as many."""
    model, rows = store.load(WEIGHTS), []
    for sampler, steps in (("ddpm", 250), ("dpmpp_2m", 50), ("dpmpp_2m", CALLS), ("ddim", CALLS)):
        x = torch.cat(list(ddpm.draw(model, n, steps, sampler=sampler, seed=5)))
        rows.append({"sampler": sampler, "calls": steps} | judged(x)[0])
        print(rows[-1], flush=True)
    return {"floor": floor(n=n), "rows": rows}


def copies(n: int = 400, many: int = 10_000) -> dict:
    """Is a sample nearer to a sticker that was learned than to one that was not? As many of both, every kind alike."""
    x = torch.cat(list(ddpm.draw(store.load(WEIGHTS), n, CALLS, seed=11)))
    return {"n": n, "of": many} | copied(x, thousand(many, seed=0).x, thousand(many, seed=1000).x)


def near(n: int = 2000) -> dict:
    """How far samples of the weights that ship are from the nearest sticker of what is read: how many within the gap, and quantiles."""
    gap = 2 * opened(OUT)["ruler"]["limit"]
    x = torch.cat(list(ddpm.draw(store.load(WEIGHTS), n, CALLS, seed=1)))
    away = nearest_sticker(x, judge()(x))
    fine = away <= gap
    low, high = wilson(int(fine.sum()), n)
    parts = {f"{q:g}": float(torch.quantile(away, q)) for q in (0.1, 0.5, 0.9, 0.99)}
    return {"n": n, "gap": gap, "share": float(fine.double().mean()), "low": low, "high": high, "distance": parts}


def limits(sigmas=(0.5, 1.0, 2.0, 3.0, 5.0), n: int = 1000, others: int = 50_000) -> dict:
    """The error of the network's guess at several noises, beside that of the optimal denoiser of other stickers."""
    model, x, bank = store.load(WEIGHTS), thousand(n, seed=4).x, thousand(others, seed=77).x
    rows = [
        {"sigma": s, **dict(zip(("network", "others"), beside_ideal(model, x, bank, s), strict=True))} for s in sigmas
    ]
    return {"n": n, "others": others, "rows": rows}


def start(n: int = N, known: int = 2000) -> dict:
    """What x_T leaves out: of a picture sqrt(alpha_bar_T) is left there, and a walk that begins at noise alone begins without it.

    By the optimal denoiser of `known` stickers, as many of each kind: n walks from noise alone, as `ddpm.draw` takes it, and from the
    same noise around what is left of the mean of all stickers.
    """
    schedule, mean = store.load(WEIGHTS).schedule, thousand(LEARN).x.mean(0)
    times, denoiser = schedule.times(CALLS, "snr"), ideal_denoiser(thousand(known, seed=5).x, schedule)
    noise, rows = torch.randn(n, *mean.shape, generator=dice(0)), []
    for about in ("noise", "mean"):
        middle = mean if about == "mean" else torch.zeros_like(mean)
        x_T = add_noise(middle.expand_as(noise), schedule.T, noise, schedule)
        walks = (sample(denoiser, part, schedule, times, sampler="dpmpp_2m", clip=1.0) for part in x_T.split(250))
        row, _ = judged(torch.cat([deque(walk, maxlen=1).pop().xs for walk in walks]))
        rows.append(rounded({"around": about} | row))
        print(rows[-1], flush=True)
    sigma = float((1 / schedule.alpha_bar[-1] - 1).sqrt())
    return {"n": n, "known": known, "sigma": sigma, "mean": float(mean.norm()), "rows": rows}


def race() -> dict:
    """Each family from scratch, the same processor seconds of one thread, told nothing. What is recorded already stays."""
    torch.set_num_threads(1)
    d, options = thousand(LEARN), race_book("sprites")["options"]
    part = opened(OUT).get("race", {"seconds": SECONDS, "learned": LEARN, "rows": []})
    for (name,) in missing([(name,) for name in FAMILIES], part["rows"], "family"):
        family = FAMILIES[name]
        model, parts = family.build(d, **options[name])
        *_, record = fit(*parts, seconds=SECONDS, clock=time.process_time)
        start = time.process_time()
        x = torch.cat(list(family.draw(model, N, seed=0)))
        drawing = 1000 * (time.process_time() - start) / N
        row, seen = judged(x)
        keep(name, seen, x)
        about = {"family": name, "seconds": record.seconds, "steps": record.step, "seen": record.step * parts.batch}
        about |= {"drawing_ms": drawing, "calls": family.CALLS, "options": options[name], "load": os.getloadavg()[0]}
        part["rows"].append(rounded(about | row))
        print(part["rows"][-1], flush=True)
        save(OUT, opened(OUT) | {"race": part})
    return part


def held_out(seconds: float = 600) -> dict:
    """A network that never saw a tenth of the kinds: how many of its samples are valid ones of these? Of fair draws a tenth were."""
    torch.set_num_threads(1)
    d = thousand(LEARN, unseen=False)
    model, parts = ddpm.build(d, **race_book("sprites")["options"]["DDPM"])
    *_, record = fit(*parts, seconds=seconds, clock=time.process_time)
    x = torch.cat(list(ddpm.draw(model, N, CALLS, seed=0)))
    row, seen = judged(x)
    kinds, fine = seen[:, 0], seen[:, 1].bool()
    away = stickers.kept_back(stickers.values_of(kinds))
    new = fine & away
    low, high = wilson(int(new.sum()), int(fine.sum()))
    of_valid = float(new.sum() / fine.sum()) if bool(fine.any()) else math.nan
    about = {"seconds": record.seconds, "steps": record.step, "held_out": int(stickers.KINDS / 10)}
    about |= {"share": of_valid, "low": low, "high": high, "kinds": len(kinds[new].unique())}
    return about | {"shown": found(kinds[fine & ~away])["modes"]} | row


def table(book: dict) -> list[str]:
    """The rows of benchmarks/README.md."""
    rows, floor = (["| who | seen | valid | kinds found | KL | calls |", "|---|---|---|---|---|---|"], book["floor"])
    card = book["shipped"]["card"]
    longer = {"seen": card["seen"], "calls": book["shipped"]["calls"]}
    them = [(f"`thousand`, dice {r['seed']}", longer | r) for r in book["shipped"]["rows"]]
    for name, r in them + [(r["family"], r) for r in book.get("race", {}).get("rows", [])]:
        cells = [f"{r['seen']:,}", f"{r['valid']:.1%}", f"{r['modes']:,}", f"{r['kl']:.4f}"]
        rows.append(f"| {' | '.join([name, *cells, str(r['calls'])])} |")
    return [*rows, f"| *fair draws* | | | {floor['modes']:,} | {floor['kl']:.4f} ± {floor['sd']:.4f} | |"]


PARTS = {
    "reader": reader_part,
    "ruler": ruler,
    "floor": floor,
    "shipped": shipped,
    "near": near,
    "walks": walks,
    "copies": copies,
    "limits": limits,
    "start": start,
    "race": race,
    "held_out": held_out,
}


def main() -> None:
    for name in sys.argv[1:] or PARTS:
        start, load = time.perf_counter(), os.getloadavg()[0]
        about = {k: v for k, v in store.card().items() if k in ("machine", "versions")}
        made = rounded(PARTS[name]()) | about | {"load": load, "command": f"python benchmarks/thousand.py {name}"}
        book = opened(OUT) | {name: made}
        print(name, f"{time.perf_counter() - start:.0f} s", flush=True)
        save(OUT, book)


if __name__ == "__main__":
    main()
