"""GAN, VAE and DDPM under one budget, every seed: writes diffusion_lib/records/arena_*.json and the films beside them.

    python benchmarks/arena.py grid digits         what is missing of these places (an hour of one core)
    python benchmarks/arena.py --audit grid        run all of it again, compare to the last digit, add what the record lacks
    python benchmarks/arena.py --tune mnist        search again which options suit each family
    python benchmarks/arena.py --eye               train the classifier that looks at sprites

1. tune      as many random sets of options for each family, as many seconds for each; on seeds that are not used again.
             The first of them is always what `build` takes by itself. All are kept in "search".
2. calibrate the three train in turns for some seconds; "steps" is what each makes of the whole budget at that pace.
3. run       the three take turns, by measured time, and the race is over when the first has made its steps: all have had the
             same seconds, to one step. The others are then a few steps short of theirs, at the foot of their learning rate.
             Each row says how many steps it made, and so can be repeated to the bit.

A seed in which somebody's seconds are more than 2 % off the mean of the three is run again.

Seconds are processor seconds of one thread: other work on the machine takes nothing from anybody. Judging is not counted.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from statistics import median

import numpy as np
import torch
from book import opened, rounded, save

from diffusion_lib import data, store, train
from diffusion_lib.data.captions import parse
from diffusion_lib.data.factors import FACTORS
from diffusion_lib.evaluation import arena, classifier, cost
from diffusion_lib.evaluation.metrics import kernel_distance, student
from diffusion_lib.evaluation.records import RECORDS
from diffusion_lib.files import whole

# seconds for each family and seed, seeds, seconds of a tuning run
PLACES = {"grid": (40, 10, 12), "digits": (120, 5, 30), "sprites": (120, 5, 40), "mnist": (300, 5, 60)}
CLOCK = time.process_time  # what `fit` and `draw` count
KEPT = Path(__file__).with_name(".audit")  # the seeds that an audit has seen, until it is whole
SECOND_LOOK = ("digits",)  # places where more is measured, bits among it
MAIN = {"cat": "fur", "flower": "petals"}
# What is tried stands here, for nobody who reads a family needs it; one that is not in the tables races as its `build` makes it.
TRIES, MOMENTS, FRAMES = 6, (0.0625, 0.125, 0.25, 0.5, 1.0), 13
POINTS = {
    "GAN": {
        "lr": (1e-3, 2e-3, 4e-3),
        "channels": (64, 128),
        "r": (0.03, 0.1, 0.3),
        "fade": (0.01, 0.1),
        "latent": (2, 8),
    },
    "VAE": {
        "lr": (1e-3, 2e-3, 4e-3),
        "channels": (64, 128),
        "warmup": (0, 500, 2000),
        "sd": (None, 0.02, 0.05),
        "latent": (2, 8),
    },
    "DDPM": {"lr": (1e-3, 3e-3, 6e-3), "batch": (256, 512), "even": ("t", "snr", "bell"), "predicts": ("v", "eps")},
}
PICTURES = {
    "GAN": {
        "lr": (5e-4, 1e-3, 2e-3),
        "channels": (8, 16, 24),
        "r": (0.3, 1.0, 3.0),
        "every": (4, 8),
        "latent": (16, 32, 64),
    },
    "VAE": {
        "lr": (5e-4, 1e-3, 2e-3),
        "channels": (8, 16, 24),
        "warmup": (0, 500, 2000),
        "sd": (None, 0.15, 0.3, 0.5),
        "latent": (8, 16, 32),
    },
    "DDPM": {
        "lr": (1e-3, 2e-3, 4e-3),
        "channels": (16, 32, 48),
        "even": ("snr", "bell"),
        "predicts": ("v", "eps"),
        "batch": (64, 128),
    },
}


def greys(name: str) -> int:
    """How many values a pixel has at a place that gets a second look, else 0."""
    return data.load(name).levels if name in SECOND_LOOK else 0


def train_eye() -> None:
    """A classifier that names a sprite's species, main colour and time of day: its features see more than cat or flower."""
    d = data.sprites(8000, 16, seed=20_000)
    named, test = by_colour(d), by_colour(data.sprites(2000, 16, seed=20_001))
    model, parts = classifier.build(named, seed=0)
    *_, record = train.fit(*parts, steps=2000)
    share = classifier.accuracy(model, test.x, test.y)
    facts = {
        "data": "sprites of 16 pixels, by species, main colour and time",
        "items": len(d),
        "model": "classifier",
        "steps": record.step,
        "seconds": round(record.seconds, 1),
        "seed": 0,
        "accuracy_on_unseen": round(share, 4),
        "command": "python benchmarks/arena.py --eye",
    }
    print(facts, store.save(store.FOLDER / "classifier_sprites.safetensors", model, store.card(**facts), bits=16))


def by_colour(d: data.Data) -> data.Data:
    kinds = [
        f"{s} {colour} {time}" for s, main in MAIN.items() for colour in FACTORS[s][main] for time in FACTORS[s]["time"]
    ]
    specs = [parse(c) for c in d.captions]
    y = [kinds.index(f"{s['species']} {s[MAIN[s['species']]]} {s['time']}") for s in specs]
    return replace(d, y=torch.tensor(y), names=tuple(kinds))


def options_of(family: str, name: str, index: int) -> dict:
    """The index-th set of options to try at a place; 0 is the default. `r` stands for r1 = r2."""
    if not index:
        return {}
    points = name in ("grid", "ring")
    dice = random.Random(f"{family} {points} {index}")
    chosen = {k: dice.choice(v) for k, v in (POINTS if points else PICTURES).get(family, {}).items()}
    if "r" in chosen:
        chosen["r1"] = chosen["r2"] = chosen.pop("r")
    if name in ("sprites", "mnist") and "patch" in inspect.signature(arena.FAMILIES[family].build).parameters:
        chosen["patch"] = dice.choice((1, 2))  # the U-Net folds 2 x 2 pixels into one by itself
    return chosen


def ready(family: str, options: dict) -> dict:
    """Without a one-second race for the faster type of numbers, whose outcome is chance: bfloat16 pays for pictures here."""
    takes = inspect.signature(arena.FAMILIES[family].build).parameters
    return options | ({"precision": options.get("precision", "bfloat16")} if "precision" in takes else {})


def tune(name: str, place: arena.Place, seconds: float) -> dict[str, list[dict]]:
    found = {}
    for family in arena.FAMILIES:
        rows = found[family] = []
        for index in range(TRIES):
            options = options_of(family, name, index)
            fast = ready(family, options) if place.eye else options
            entries = arena.enter(place, 100, families=(family,), options={family: fast})
            for _ in arena.race(entries, seconds=seconds, seed=100, clock=CLOCK):
                pass
            row = place.judge(entries[family].draw(place.n, seed=100, clock=CLOCK))
            rows.append({"options": options, "steps": entries[family].steps} | rounded(row))
            print(name, family, rows[-1], flush=True)
    return found


def best(rows: list[dict]) -> dict:
    """The options with the smallest Frechet distance, or for points with the largest coverage; runs that fail come last."""
    return min(rows, key=lambda r: (r["fails"], r.get("frechet", -r["coverage"])))["options"]


def calibrate(place: arena.Place, options: dict, budget: float, seconds: float = 40.0) -> dict[str, int]:
    entries = arena.enter(place, 99, options=options)
    for _ in arena.race(entries, seconds=seconds, clock=CLOCK):
        pass
    return {k: round(budget * e.steps / e.seconds) for k, e in entries.items()}


def run(
    place: arena.Place,
    options: dict,
    steps: dict,
    seed: int,
    film: dict | None,
    greys: int = 0,
    rests: dict | None = None,
) -> list[dict]:
    """The three of one seed, until the first of them has made its steps. rests: {family: steps}, to repeat a recorded seed.

    film: receives what they draw on the way. greys: see `second_look`.
    """
    entries = arena.enter(place, seed, options=options)
    curve = {k: [] for k in entries}
    judged = {k: {max(1, round(m * n)) for m in MOMENTS[:-1]} for k, n in steps.items()}
    shown = {k: {round(n * (i / (FRAMES - 1)) ** 2) for i in range(1, FRAMES - 1)} for k, n in steps.items()}

    def look(e: arena.Entry) -> None:
        row = {"seconds": round(e.seconds, 2), "steps": e.steps}
        curve[e.name].append(row | rounded(place.judge(e.draw(place.n, seed, CLOCK))))

    def show(e: arena.Entry) -> None:
        if film is not None:
            film.setdefault(e.name, []).append(pictured(e, place))

    for e in entries.values():
        show(e)
    for e in arena.race(entries, steps=steps, rests=rests, seed=seed, clock=CLOCK):
        if e.error:
            continue
        if e.steps in judged[e.name]:
            look(e)
        if e.steps in shown[e.name]:
            show(e)
        if e.steps == steps[e.name] and not rests:
            break
    for e in (e for e in entries.values() if not e.error):
        look(e)
        show(e)
    return [
        {
            "family": k,
            "seed": seed,
            "error": e.error,
            "seen": e.seen,
            "drawing_ms": round(1000 * e.drawing["seconds"] / e.drawing["n"], 4) if e.drawing else None,
            "curve": curve[k],
        }
        | (curve[k][-1] if not e.error else {"seconds": e.seconds, "steps": e.steps, "coverage": 0.0, "fails": True})
        | (second_look(e, place, greys, seed) if greys and not e.error else {})
        for k, e in entries.items()
    ]


def second_look(e: arena.Entry, place: arena.Place, greys: int, seed: int) -> dict:
    """The kernel distance of the features, and the bound in bits per dimension of unseen pictures, if the family has one."""
    fresh, seen = place.unseen, place.learn
    drawn, real = (classifier.features(place.eye, x) for x in (e.draw(place.n, seed, CLOCK), fresh.x))
    found = {"kernel": kernel_distance(drawn, real)}
    if bits := getattr(arena.FAMILIES[e.name], "bits_per_dimension", None):
        asked = {"seen": seen.x, "x": fresh.x, "levels": greys, "y_seen": seen.y, "y": fresh.y}
        found["bits"] = bits(e.model, **{k: asked[k] for k in asked.keys() & inspect.signature(bits).parameters.keys()})
    return rounded(found)


def kernel_floor(place: arena.Place, times: int = 200) -> list[float]:
    """Mean and standard deviation of the kernel distance of n real ones to n others, all dealt anew each time."""
    real = classifier.features(place.eye, torch.cat([place.learn.x, place.unseen.x]))
    g = torch.Generator().manual_seed(0)
    decks = [real[torch.randperm(len(real), generator=g)] for _ in range(times)]
    found = [kernel_distance(deck[: place.n], deck[place.n : 2 * place.n]) for deck in decks]
    return [round(float(f(found)), 5) for f in (np.mean, np.std)]


def pictured(e: arena.Entry, place: arena.Place) -> np.ndarray:
    """24 pictures (24, C, H, W) uint8 or 1,000 points, always from the same noise."""
    x = torch.cat(list(arena.FAMILIES[e.name].draw(e.model, 24 if place.eye else 1000, seed=0)))
    return small(x, place)


def small(x: torch.Tensor, place: arena.Place) -> np.ndarray:
    return (((x + 1) * 127.5).round().clamp(0, 255).byte() if place.eye else x.half()).numpy()


def page(name: str) -> dict:
    """What is recorded of a place; {} if nothing is."""
    return opened(RECORDS / f"arena_{name}.json")


def write(name: str, book: dict) -> None:
    save(RECORDS / f"arena_{name}.json", book, close=True)


def fill(name: str, again_tuning: bool) -> None:
    """Do what is missing of a place."""
    budget, seeds, tuning = PLACES[name]
    book, place = page(name), arena.load(name)
    if "search" not in book or again_tuning:
        book = {
            "place": name,
            "seconds": budget,
            "tuning_seconds": tuning,
            "n": place.n,
            "what": f"{budget} processor seconds of one thread for each family and seed, judging not counted; {place.n:,} samples; "
            f"{TRIES} sets of options tried for each family, {tuning} s each; a run fails if it covers less than half of what real ones cover",
            "search": tune(name, place, tuning),
            "runs": [],
        }
        write(name, book)
    options = {k: best(rows) for k, rows in book["search"].items()}
    if place.eye:
        options = {k: ready(k, o) for k, o in options.items()}
    if "steps" not in book:
        entries = arena.enter(place, 0, options=options)
        book |= {
            "options": options,
            "steps": calibrate(place, options, budget),
            "floor": rounded(place.floor()),
            "calls": {k: f.CALLS for k, f in arena.FAMILIES.items()},
            "parameters": {k: cost.parameters(e) for k, e in entries.items()},
            "flops": {
                k: {
                    "training_per_sample": cost.counted_flops(place, k, **options[k]),
                    "expected": cost.expected_flops(e),
                    "drawing": cost.drawing_flops(e),
                }
                for k, e in entries.items()
            },
        }
        write(name, book)
        print(name, book["steps"], book["floor"], flush=True)
    if "spread" not in book:
        book["spread"] = rounded(place.spread())
    if name in SECOND_LOOK and "kernel_floor" not in book:
        book["kernel_floor"] = kernel_floor(place)
    book["runs"] = [r for r in book["runs"] if equal(book["runs"], r["seed"])]
    done = {r["seed"] for r in book["runs"]}
    write(name, book)
    for seed in [s for s in range(seeds) if s not in done]:
        film = {} if seed == 0 else None
        fresh = run(place, options, book["steps"], seed, film, greys(name))
        book |= {"machine": here(), "runs": sorted([*book["runs"], *fresh], key=lambda r: r["seed"])}
        if film:
            real = small(place.unseen.x[: 24 if place.eye else 1000], place)
            share = [(i / (FRAMES - 1)) ** 2 * budget for i in range(FRAMES)]
            with whole(RECORDS / f"arena_{name}.npz") as part, part.open("wb") as file:
                np.savez_compressed(
                    file, real=real, seconds=np.array(share), **{k: np.stack(v) for k, v in film.items()}
                )
        write(name, book)
        for row in fresh:
            print(name, {k: v for k, v in row.items() if k != "curve"}, flush=True)


def equal(runs: list[dict], seed: int) -> bool:
    """Were the seconds of a seed within 2 % of their mean?"""
    return arena.apart(r["seconds"] for r in runs if r["seed"] == seed and not r["error"]) <= 0.02


def timeless(row: dict) -> dict:
    """Without what no two runs share: what the clock said."""
    return {
        k: [timeless(r) for r in v] if k == "curve" else v for k, v in row.items() if k not in ("seconds", "drawing_ms")
    }


def again(name: str, seed: int) -> dict:
    """One recorded seed run once more: what it gives, and which of its numbers are not the same to the last digit."""
    book, place = page(name), arena.load(name)
    film, then = {} if seed == 0 else None, [r for r in book["runs"] if r["seed"] == seed]
    rests = {r["family"]: book["steps"][r["family"]] if r["error"] else r["steps"] for r in then}
    runs = run(place, book["options"], book["steps"], seed, film, greys(name), rests)
    differ = []
    for now, before in zip(map(timeless, runs), map(timeless, then), strict=True):
        differ += [f"{now['family']} {k}" for k in before if now.get(k) != before[k]]
    differ += ["floor"] * (rounded(place.floor()) != book["floor"])
    differ += ["spread"] * (rounded(place.spread()) != book["spread"])
    if film:
        with np.load(RECORDS / f"arena_{name}.npz") as shown:
            differ += [
                f"film of the {k}" for k, v in film.items() if not np.array_equal(np.stack(v), shown[k], equal_nan=True)
            ]
    return {"place": name, "seed": seed, "differ": differ, "runs": runs}


def complete(rows: list[dict]) -> None:
    """What a repeated seed measured and its record lacks goes into the record, if all that both have is the same."""
    for row in (r for r in rows if not r["differ"]):
        book = page(row["place"])
        for now in row["runs"]:
            (then,) = (r for r in book["runs"] if (r["family"], r["seed"]) == (now["family"], now["seed"]))
            then |= {k: v for k, v in now.items() if k not in then}
        write(row["place"], book)


def fingerprint() -> str:
    """Of all that a repeated seed depends on: the package with its weights and records, this file, torch."""
    files = sorted(f for f in RECORDS.parent.rglob("*") if f.is_file() and f.suffix != ".pyc")
    seen = hashlib.sha256(torch.__version__.encode())
    for file in [*files, Path(__file__)]:
        seen.update(file.read_bytes())
    return seen.hexdigest()[:12]


def audit(places: list[str], seeds: int) -> int:
    """Every recorded seed again, a process with one thread for each core. A stopped audit goes on with the seeds it has not seen.

    Writes benchmarks/audit.json, or audit_full.json where sprites or MNIST are among them, or audit_elsewhere.json where
    something was recorded on another processor. How many numbers differ; of such places, how many verdicts contradict.
    """
    jobs = []
    for name in places:
        recorded = page(name)["runs"]
        jobs += [(name, seed) for seed in sorted({r["seed"] for r in recorded})[:seeds]]
    seen, start = KEPT / fingerprint(), time.perf_counter()
    seen.mkdir(parents=True, exist_ok=True)
    kept = [j for j in jobs if (seen / f"{j[0]}_{j[1]}.json").exists()]
    todo, done = [j for j in jobs if j not in kept], []
    total = sum(PLACES[name][0] for name, _ in todo)

    def one(job):
        command = [sys.executable, __file__, job[0], "--again", str(job[1])]
        out = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        with whole(seen / f"{job[0]}_{job[1]}.json") as part:
            part.write_text(out.stdout)
        done.append(PLACES[job[0]][0])
        differ = json.loads(out.stdout)["differ"]
        left = (time.perf_counter() - start) / 60 * (total / sum(done) - 1)
        print(
            f"{job[0]}, seed {job[1]}: {'DIFFERENT: ' + ', '.join(differ) if differ else 'the same to the last digit'}; about {left:.0f} min left",
            flush=True,
        )

    if kept:
        print(f"{len(kept)} of {len(jobs)} seeds were seen before it was stopped, with the same code.")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, todo))
    rows = [json.loads((seen / f"{n}_{s}.json").read_text()) for n, s in jobs]
    complete(rows)
    wrong, elsewhere = sum(len(r["differ"]) for r in rows), {}
    for name in places:
        book = page(name)
        if any(r["differ"] for r in rows if r["place"] == name) and book.get("machine", here()) != here():
            elsewhere[name] = {"recorded": book["machine"]} | agreement(
                book["runs"], [r for row in rows if row["place"] == name for r in row["runs"]]
            )
            print("{}: recorded on {recorded}, so not to the last digit here;".format(name, **elsewhere[name]))
            print(
                "  {inside} of {entries} mean differences lie in the recorded 95 % interval,".format(**elsewhere[name])
            )
            print("  {contradict} verdicts contradict.".format(**elsewhere[name]))
    report = {
        "places": places,
        "seeds": len(jobs),
        "kept": len(kept),
        "numbers_that_differ": wrong,
        "another_processor": elsewhere,
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "cores": os.cpu_count(),
        "rows": rows,
    }
    name = "audit_elsewhere" if elsewhere else "audit_full" if {"sprites", "mnist"} & set(places) else "audit"
    path = Path(__file__).with_name(f"{name}.json")
    save(path, report | store.card(), close=True)
    shutil.rmtree(seen)
    print(
        f"{len(jobs)} seeds in {report['minutes']} minutes; {wrong} numbers differ. Written to benchmarks/{path.name}."
    )
    numbers = sum(len(r["differ"]) for r in rows if r["place"] not in elsewhere)
    return numbers + sum(e["contradict"] for e in elsewhere.values())


def here() -> str:
    """This processor. Another one rounds otherwise, and a training magnifies that."""
    return store.card()["machine"].split(" of ")[-1]


def gaps(runs: list[dict], key: str, a: str, b: str) -> list[float]:
    """a - b, seed by seed; what broke off has 0."""
    of = {(r["family"], r["seed"]): r.get(key, 0.0) for r in runs}
    return [of[a, s] - of[b, s] for s in sorted({s for _, s in of})]


def agreement(then: list[dict], now: list[dict]) -> dict[str, int]:
    """Do the same seeds on another processor tell the same story? Of the pairs of families and their main numbers: how many,
    how many mean differences lie in the recorded interval, and how many verdicts say the opposite, each with its own interval."""

    found = {"entries": 0, "inside": 0, "contradict": 0}
    if len({r["seed"] for r in now}) < 2:  # no interval of one seed
        return found
    keys = [k for k in ("coverage", "precision", "recall", "high_quality", "frechet") if k in then[0]]
    for key, (a, b) in product(keys, combinations(arena.FAMILIES, 2)):
        old, new = gaps(then, key, a, b), gaps(now, key, a, b)
        (low, high), (other_low, other_high) = student(old), student(new)
        found["entries"] += 1
        found["inside"] += bool(low <= sum(new) / len(new) <= high)
        found["contradict"] += bool(low > 0 > other_high or high < 0 < other_low)
    return found


# Written on 2026-11-23 after the options were searched, before any run of digits, sprites or MNIST was judged:
# a says more (or less) than b by at least so much. The outcome is printed whichever way it falls.
PREDICTIONS = (
    ("the DDPM's recall is at least .10 above the GAN's", "recall", "DDPM", "GAN", 0.10),
    ("the DDPM covers more than the GAN", "coverage", "DDPM", "GAN", 0.0),
    ("the DDPM covers more than the VAE", "coverage", "DDPM", "VAE", 0.0),
    ("the GAN is sharper than the VAE (precision)", "precision", "GAN", "VAE", 0.0),
    ("the VAE covers more than the GAN", "coverage", "VAE", "GAN", 0.0),
)


def whole_book(name: str) -> dict:
    """What is recorded of a place, once all its seeds are there; else {}."""
    book = page(name) or {"runs": []}
    return book if len({r["seed"] for r in book["runs"]}) >= PLACES[name][1] else {}


def outcomes() -> list[str]:
    """Each prediction beside what came out: the mean difference over seeds, and its 95 % interval (Student's)."""
    books = {n: b for n in PLACES if (b := whole_book(n))}
    lines = ["| predicted | " + " | ".join(books) + " |", "|---|" + "---|" * len(books)]
    for words, key, a, b, least in PREDICTIONS:
        cells = []
        for book in books.values():
            apart = gaps(book["runs"], key, a, b)
            low, high = student(apart)
            said = "yes" if low > least else "no" if high < least else "not shown" if least else "no difference shown"
            cells.append(f"{said}: {sum(apart) / len(apart):+.2f} ({low:+.2f} to {high:+.2f})")
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    cheap = []
    for b in books.values():
        gan, vae = (_ms(b, "DDPM") / _ms(b, family) for family in ("GAN", "VAE"))
        cheap.append(f"{'yes' if min(gan, vae) > 10 else 'no'}: {gan:.0f} and {vae:.0f} times")
    return [*lines, "| GAN and VAE draw at least 10 times faster than the DDPM | " + " | ".join(cheap) + " |"]


def _ms(book: dict, family: str) -> float:
    return median(r["drawing_ms"] for r in book["runs"] if r["family"] == family)


def table() -> list[str]:
    """benchmarks/README.md's rows of what is recorded: medians over the seeds, with the smallest and largest."""
    lines = ["| learned | | covered | quality | failed | samples seen | ms a sample |", "|---|---|---|---|---|---|---|"]
    for name in PLACES:
        if not (book := whole_book(name)):
            continue
        floor, key = book["floor"], "frechet" if "frechet" in book["floor"] else "high_quality"
        say = (lambda v: f"Fréchet {v:.1f}") if key == "frechet" else (lambda v: f"within 3 sd {v:.1%}")
        for family in book["calls"]:
            runs = [r for r in book["runs"] if r["family"] == family]
            cover, good = sorted(r["coverage"] for r in runs), [r[key] for r in runs if key in r]
            spent = median(r["seconds"] for r in book["runs"])
            where = f"{name}, {spent:.0f} s, {len(runs)} seeds" if family == next(iter(book["calls"])) else ""
            seen, ms = median(r["seen"] for r in runs), median(r["drawing_ms"] for r in runs)
            lines.append(
                f"| {where} | {family} | {median(cover):.2f} ({cover[0]:.2f} to {cover[-1]:.2f}) | {say(median(good)) if good else 'none'} "
                f"| {sum(r['fails'] for r in runs)} of {len(runs)} | {seen:,.0f} | {ms:.3f} |"
            )
        lines.append(f"| | *real ones* | *{floor['coverage']:.2f}* | *{say(floor[key])}* | | | |")
    return lines


def second_table(name: str = "digits") -> list[str]:
    """benchmarks/README.md's rows of the second look: medians over the seeds, and what real ones score."""
    book = whole_book(name)
    floor, (_, spread) = book["floor"], book["kernel_floor"]
    lines = [
        f"| {name} | right class | Fréchet, in floors | kernel distance, in spreads of real ones | covered | nearer to training | bits per dimension |",
        "|---|---|---|---|---|---|---|",
    ]
    for family in book["calls"]:
        of = {
            k: [r[k] for r in book["runs"] if r["family"] == family and k in r]
            for k in ("accuracy", "frechet", "kernel", "coverage", "nearer_to_training", "bits")
        }
        bits = f"{median(of['bits']):.2f}" if of["bits"] else "has none"
        lines.append(
            f"| {family} | {median(of['accuracy']):.1%} | {median(of['frechet']) / floor['frechet']:.2f} | {median(of['kernel']) / spread:.1f} "
            f"| {median(of['coverage']):.2f} | {median(of['nearer_to_training']):.0%} | {bits} |"
        )
    return [
        *lines,
        f"| *real ones* | *{floor['accuracy']:.1%}* | *1* | *0 ± 1* | *{floor['coverage']:.2f}* | *50%* | *blind guess: {math.log2(greys(name)):.2f}* |",
    ]


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("places", nargs="*", choices=[*PLACES, []], help=f"default: {', '.join(PLACES)}")
    ask.add_argument("--tune", action="store_true", help="search the options again, and forget the runs")
    ask.add_argument(
        "--audit", action="store_true", help="run again what is recorded, and compare; what a record lacks is added"
    )
    ask.add_argument("--seeds", type=int, default=99, help="audit only so many seeds of each place")
    ask.add_argument("--again", type=int, metavar="SEED", help="run one recorded seed of a place again and print it")
    ask.add_argument("--table", action="store_true", help="print the table of benchmarks/README.md")
    ask.add_argument("--eye", action="store_true", help="train the classifier that looks at sprites")
    a = ask.parse_args()
    if a.eye:
        train_eye()
        return 0
    if a.table:
        print(*table(), "", *second_table(), "", *outcomes(), sep="\n")
        return 0
    torch.set_num_threads(1)
    if a.audit:
        return 1 if audit(a.places or list(PLACES), a.seeds) else 0
    if a.again is not None:
        print(json.dumps(again(a.places[0], a.again)))
        return 0
    for name in a.places or PLACES:
        fill(name, a.tune)
    return 0


if __name__ == "__main__":
    sys.exit(main())
