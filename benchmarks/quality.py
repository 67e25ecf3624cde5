"""How good are the samples after how many seconds? Writes benchmarks/quality.json.

    python benchmarks/quality.py                  every part (about 40 minutes on two cores)
    python benchmarks/quality.py grid digits      only these; the others' results stay in the file

Every seed is in the JSON. Beside each figure stands what real data, or the optimal denoiser, score in the same run.
The Frechet distance is on features of our own small classifiers, so it is no FID and compares with nothing outside.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from book import opened, save

from diffusion_lib import data, ddpm, store
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import classifier
from diffusion_lib.evaluation.metrics import frechet, mode_report, nearest
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import sample
from diffusion_lib.train import fit

OUT = Path(__file__).with_name("quality.json")
STEPS = 20  # network calls for each sample


def train(d: data.Data, seconds: float, seed: int, **options):
    """A DDPM after so many seconds of training, and what the training was."""
    model, parts = ddpm.build(d, seed=seed, precision="auto" if d.x.ndim == 4 else "float32", **options)
    *_, record = fit(*parts, seconds=seconds, seed=seed)
    facts = {"seed": seed, "seconds": round(record.seconds, 1), "steps": record.step}
    return model, facts | {"images": record.step * parts.batch, "precision": parts.learners[0].precision}


def draw(model, n: int, seed: int, y=None):
    start = time.perf_counter()
    x = torch.cat(list(ddpm.draw(model, n, STEPS, y=y, seed=seed)))
    return x, {"sampling_seconds": round(time.perf_counter() - start, 2)}


# ---------------------------------------------------------------------------------------- 25 Gaussians


def grid(seeds: int, seconds: float) -> dict:
    """The 25-Gaussian grid, each seed in a process with one thread, as many at a time as there are cores."""
    waiting, running, rows = list(range(seeds)), [], []
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            command = [sys.executable, __file__, "--one-grid", str(waiting.pop(0)), "--seconds", str(seconds)]
            running.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
            )
        done = running.pop(0)
        rows.append(json.loads(done.communicate()[0]))
        print(rows[-1], flush=True)
    d = data.grid(10_000)
    truth = mode_report(data.grid(10_000, seed=999).x, d.modes, d.sd)
    schedule, xT = (Schedule.of("cosine", 1000), torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0)))
    walk = sample(
        mixture_denoiser(d.modes, d.sd, schedule), xT, schedule, schedule.times(STEPS, "snr"), sampler="dpmpp_2m"
    )
    *_, last = walk
    return {
        "what": f"{seconds:g} s of training on one core each, {STEPS} network calls, 10,000 samples",
        "seeds": rows,
        "median": {k: statistics.median(r[k] for r in rows) for k in ("high_quality", "kl", "sd_ratio")},
        "all_25_modes": sum(r["modes"] == 25 for r in rows),
        "worst_kl": max(math.inf if math.isnan(r["kl"]) else r["kl"] for r in rows),
        "true_data": truth,
        "perfect_denoiser_same_sampler": mode_report(last.xs, d.modes, d.sd),
        "kl_floor": 24 / 20_000,
    }


def one_grid(seed: int, seconds: float) -> dict:
    d = data.grid(100_000, seed=seed)
    model, facts = train(d, seconds, seed)
    x, cost = draw(model, 10_000, seed)
    return facts | cost | mode_report(x, d.modes, d.sd)


# ---------------------------------------------------------------------------------------- pictures


def digits(seeds: int, seconds: float) -> dict:
    """8 x 8 digits: 1,000 to learn from, 797 never seen; the samples stand in for the 1,000."""
    learn, unseen = data.digits().split(1000)
    eye = store.load("classifier_digits")
    rows = []
    for seed in range(seeds):
        model, facts = train(learn, seconds, seed)
        rows.append(facts | judge_digits(model, eye, learn, unseen, seed))
        print(rows[-1], flush=True)
    return digits_floor(eye, learn, unseen) | {
        "what": f"{seconds:g} s of training, {STEPS} network calls, 1,000 samples",
        "seeds": rows,
        "median": medians(rows),
    }


def digits_floor(eye, learn, unseen) -> dict:
    return {
        "real_accuracy": classifier.accuracy(eye, unseen.x, unseen.y),
        "real_against_real": frechet(classifier.features(eye, learn.x), classifier.features(eye, unseen.x)),
        "noise": frechet(classifier.features(eye, torch.randn(1000, 1, 8, 8)), classifier.features(eye, unseen.x)),
    }


def judge_digits(model, eye, learn, unseen, seed: int) -> dict:
    y = torch.arange(1000) % 10
    x, cost = draw(model, 1000, seed, y)
    closer = nearest(x, learn.x[: len(unseen)])[0] < nearest(x, unseen.x)[0]
    return cost | {
        "accuracy": classifier.accuracy(eye, x, y),
        "frechet": frechet(classifier.features(eye, x), classifier.features(eye, unseen.x)),
        # 50 % for samples that do not depend on which were learned: both sets are of one size
        "nearer_to_training": float(closer.double().mean()),
    }


def mnist(seeds: int, seconds: float) -> dict:
    """28 x 28 digits from 5,000 pictures."""
    d, eye = data.mnist(), store.load("classifier_mnist")
    rows = []
    for seed in range(seeds):
        model, facts = train(d, seconds, seed)
        rows.append(facts | judge_mnist(model, eye, d, seed))
        print(rows[-1], flush=True)
    return mnist_floor(eye, d) | {
        "what": f"{seconds:g} s of training, {STEPS} network calls, 2,500 samples",
        "seeds": rows,
        "median": medians(rows),
    }


def mnist_floor(eye, d) -> dict:
    """Halves of the real pictures against each other, and noise against a half, all at n = 2,500."""
    f, halves = classifier.features(eye, d.x), []
    for seed in range(10):
        order = torch.randperm(len(f), generator=torch.Generator().manual_seed(seed))
        halves.append(frechet(f[order[:2500]], f[order[2500:]]))
    noise = torch.randn(2500, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return {
        "real_against_real": statistics.mean(halves),
        "real_against_real_sd": statistics.stdev(halves),
        "noise": frechet(classifier.features(eye, noise), f[order[:2500]]),
    }


def judge_mnist(model, eye, d, seed: int) -> dict:
    y = torch.arange(2500) % 10
    x, cost = draw(model, 2500, seed, y)
    f = classifier.features(eye, d.x)
    order = torch.randperm(len(f), generator=torch.Generator().manual_seed(seed))
    return cost | {
        "accuracy": classifier.accuracy(eye, x, y),
        "frechet": frechet(classifier.features(eye, x), f[order[:2500]]),
    }


def shipped() -> dict:
    """The weights that come with the package."""
    learn, unseen = data.digits().split(1000)
    d, eye8, eye28 = data.mnist(), store.load("classifier_digits"), store.load("classifier_mnist")
    digits_now = judge_digits(store.load("digits"), eye8, learn, unseen, 0)
    model = store.load("mnist")
    mnist_now = judge_mnist(model, eye28, d, 0)
    learned, fresh = d.split(4500)
    y = torch.arange(500) % 10
    x, _ = draw(model, 500, 1, y)
    some = torch.randperm(4500, generator=torch.Generator().manual_seed(0))[:500]
    mnist_now["nearer_to_training"] = float((nearest(x, learned.x[some])[0] < nearest(x, fresh.x)[0]).double().mean())
    floor = mnist_floor(eye28, d)
    return {
        "digits": digits_floor(eye8, learn, unseen) | digits_now,
        "mnist": floor | mnist_now | {"times_the_floor": mnist_now["frechet"] / floor["real_against_real"]},
        "megabytes_of_all_weights": sum(p.stat().st_size for p in store.FOLDER.glob("*")) / 2**20,
    }


def medians(rows: list[dict]) -> dict:
    keys = [k for k in ("accuracy", "frechet", "nearer_to_training", "sampling_seconds") if k in rows[0]]
    return {k: statistics.median(r[k] for r in rows) for k in keys}


PARTS = {
    "grid": lambda a: grid(a.seeds or 10, a.seconds or 60),
    "digits": lambda a: digits(a.seeds or 5, a.seconds or 120),
    "mnist": lambda a: mnist(a.seeds or 5, a.seconds or 120),
    "shipped": lambda a: shipped(),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seeds", type=int, help="default: 10 for the grid, 5 for pictures")
    parser.add_argument("--seconds", type=float, help="default: 60 for the grid, 120 for pictures")
    parser.add_argument("--one-grid", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one_grid is not None:
        print(json.dumps(one_grid(args.one_grid, args.seconds)))
        sys.exit()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"there is no part {unknown.pop()!r}: choose from {', '.join(PARTS)}")
    report = opened(OUT)
    for name in args.parts or PARTS:
        print(name, flush=True)
        result = PARTS[name](args)
        report = report | {name: result | store.card()}
        save(OUT, report)
        print(json.dumps({k: v for k, v in result.items() if k != "seeds"}, indent=1), flush=True)
