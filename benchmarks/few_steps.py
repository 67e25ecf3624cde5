"""What do few network calls cost? Writes diffusion_lib/records/few_steps.json (and .npz), from which lesson 08 draws.

    python benchmarks/few_steps.py                       every part, about 50 minutes of one idle core
    python benchmarks/few_steps.py --film [PLACE ...]    one noise, every sampler, 1 to 1,000 calls
    python benchmarks/few_steps.py --parity [PLACE ...]  10 calls against 250 DDPM steps
    python benchmarks/few_steps.py --speed               what a step costs beside the network, and the race against diffusers
    python benchmarks/few_steps.py --answers             the same network asked for eps, x0, v and flow, 5 seeds each

Trainings are counted in steps and distances come from fixed dice; milliseconds are a processor's, of one thread, so that neighbours
count little. What was done stays in the record. Frechet distances are on features of our own small classifiers, so they are no FID. A sampler that asks
twice a step (heun) gets half as many steps: what is compared is calls.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from book import missing, opened, rounded, save
from torch import Tensor

from diffusion_lib import data, ddpm, store
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import classifier
from diffusion_lib.evaluation.metrics import frechet, mode_report
from diffusion_lib.sampling import SAMPLERS, Step, sample
from diffusion_lib.train import fit
from diffusion_lib.values import portions
from diffusion_lib.viz.figures import to_uint8

RECORDS = Path(__file__).parent.parent / "diffusion_lib" / "records"
OUT, FILM = RECORDS / "few_steps.json", RECORDS / "few_steps.npz"
COUNTS = (1, 2, 3, 5, 7, 10, 15, 20, 50, 100, 250, 1000)  # network calls of the film's frames
MANY = {"points": 2000, "digits": 200, "sprites": 100}  # samples that are measured
SHOWN = {"points": 400, "digits": 15, "sprites": 4}  # of them in the film
FLOORS = 5  # throws of real pictures that play the samples


def walked(model, xT: Tensor, name: str, calls: int, seed: int = 0, y=None) -> tuple[Tensor, float]:
    """x_0 of a walk of at most so many calls, as `ddpm.draw` walks, and its processor seconds."""
    method = SAMPLERS[name]
    times = model.schedule.times(method.steps(calls), method.even)
    clip = 1.0 if xT.ndim == 4 else None
    start = time.process_time()
    last = walk(
        sample(model, xT, None, times, sampler=name, generator=torch.Generator().manual_seed(seed), clip=clip, y=y)
    )
    return last, time.process_time() - start


def walk(steps: Iterable[Step]) -> Tensor:
    """Where the steps lead, x_0; none but the last is kept, as in `ddpm.draw`."""
    return deque(steps, maxlen=1).pop().xs


# ---------------------------------------------------------------------------------------- one noise, every sampler


def film(book: dict, places: Iterable[str]) -> dict:
    """{place: {sampler: [{calls, ms, ...} for each count]}}, these places anew; its pictures go into the .npz."""
    from words import features as of_sprites

    torch.set_num_threads(1)
    d, eye = data.ring(20_000), store.load("classifier_digits")
    unseen = classifier.features(eye, data.digits().split(1000)[1].x)
    asked, others = (data.sprites(500, 32, seed, words=True) for seed in (801, 800))
    known = cache(lambda: of_sprites(others.x))  # asks a reader that may have to be trained first
    judges: dict[str, Callable[[Tensor], dict]] = {
        "points": lambda x: {k: v for k, v in mode_report(x, d.modes, d.sd).items() if k != "modes"},
        "digits": lambda x: {"frechet": frechet(classifier.features(eye, x), unseen)},
        "sprites": lambda x: {"frechet": frechet(of_sprites(x), known())},
    }
    learn = data.digits().split(1000)[0]
    tens = torch.cat([learn.x[learn.y == c][: MANY["digits"] // 10] for c in range(10)])
    real = {"points": data.ring(MANY["points"], seed=9).x, "digits": tens, "sprites": asked.x[: MANY["sprites"]]}
    told = {"digits": torch.arange(MANY["digits"]) % 10, "sprites": asked.y[: MANY["sprites"]]}
    book = book | {"what": "one noise through every sampler", "counts": list(COUNTS)}
    frames = dict(np.load(FILM)) if FILM.exists() else {}
    for place in places:
        weights = {"points": "ring", "sprites": "sprites32"}.get(place, place)
        model, n, some = store.load(weights), MANY[place], SHOWN[place]
        xT = torch.randn(n, *model.shape, generator=torch.Generator().manual_seed(0))
        book[place] = {"samples": n, "samplers": {}}
        for name in SAMPLERS:
            rows, shown = [], []
            for calls in COUNTS:
                x, seconds = walked(model, xT, name, calls, y=told.get(place))
                count = SAMPLERS[name].calls(SAMPLERS[name].steps(calls))
                rows.append({"calls": count, "ms": 1000 * seconds, "samples": n} | judges[place](x))
                shown.append(x[:some].numpy().astype(np.float16) if place == "points" else to_uint8(x[:some]))
            book[place]["samplers"][name] = rows
            frames[f"{place} {name}"] = np.stack(shown)
            print(place, name, rows[-1], flush=True)
        book[place]["real"] = judges[place](real[place])
    np.savez_compressed(FILM, **frames)
    return book


# ---------------------------------------------------------------------------------------- parity


def place_of(name: str):
    """(weights, real pictures to compare with, FLOORS sets of others that play the samples, their features, what to draw, throws of the dice).

    Neither the network nor the eye has learned from the pictures to compare with. Those that play the samples are as many of each class.
    """
    model = store.load(name)
    if name == "sprites32":  # whole captions, judged by lesson 10's reader
        from words import features

        real, *others = (data.sprites(500, 32, 800 + k, words=True) for k in range(1 + FLOORS))
        return model, real.x, [d.x for d in others], features, others[0].y, 1
    learned, n, seeds = {"digits": (1000, 800, 5), "mnist": (4500, 500, 2)}[name]
    for card in (model.card, (eye := store.load(f"classifier_{name}")).card):
        assert card["items"] <= learned, f"{name}: what is compared with was learned from"
    seen, real = data.load(name).split(learned)
    each = [torch.where(seen.y == c)[0] for c in range(model.classes)]
    dice = torch.Generator().manual_seed(0)
    some = lambda: torch.cat([i[torch.randperm(len(i), generator=dice)[: n // len(each)]] for i in each])
    others = [seen.x[some()] for _ in range(FLOORS)]
    return model, real.x, others, partial(classifier.features, eye), torch.arange(n) % model.classes, seeds


def parity(name: str) -> dict:
    """Frechet distance to real pictures: of real ones, of 250 DDPM steps, and of each sampler with 10 calls; all of n pictures."""
    model, real, others, look, y, seeds = place_of(name)
    known, n = look(real), len(y)
    far = lambda x: frechet(look(x), known)
    floors = [far(x) for x in others]
    found = {"samples": n, "compared": len(real), "floor": statistics.mean(floors), "floors": floors, "runs": []}
    for who, calls in [("ddpm", 250), *((s, 10) for s in SAMPLERS)]:
        for seed in range(seeds):
            xs = [x for x in ddpm.draw(model, n, SAMPLERS[who].steps(calls), sampler=who, y=y, seed=seed)]
            found["runs"].append({"sampler": who, "calls": calls, "seed": seed, "frechet": far(torch.cat(xs))})
            print(name, found["runs"][-1], flush=True)
    mean = lambda who, calls: statistics.mean(
        r["frechet"] for r in found["runs"] if (r["sampler"], r["calls"]) == (who, calls)
    )
    found["ddpm_250"] = mean("ddpm", 250)
    found["at_10"] = {s: mean(s, 10) for s in SAMPLERS}
    excess = lambda v: v - found["floor"]
    found["excess"] = {"ddpm_250": excess(found["ddpm_250"]), **{s: excess(v) for s, v in found["at_10"].items()}}
    scores = [far(spaced(model, model.schedule.times(10, "karras"), n, y, seed)) for seed in range(seeds)]
    found["dpmpp_2m_karras"] = {
        "frechet": statistics.mean(scores),
        "runs": scores,
        "over_ddpm_250": statistics.mean(scores) / found["ddpm_250"],
    }
    print(name, found["dpmpp_2m_karras"], flush=True)
    return found


def spaced(model, times: list[int], n: int, y: Tensor | None, seed: int) -> Tensor:
    """n pictures as `ddpm.draw` draws them with dpmpp_2m, at these times."""
    g = torch.Generator().manual_seed(seed)
    parts, way = (
        portions(250, "cpu", torch.randn(n, *model.shape, generator=g), y),
        {"sampler": "dpmpp_2m", "generator": g},
    )
    return torch.cat([walk(sample(model, xT, None, times, clip=1.0, y=told, **way)) for xT, told in parts])


# ---------------------------------------------------------------------------------------- seconds


@torch.no_grad()
def overhead(name: str, steps: int, repeats: int = 7) -> dict:
    """Milliseconds of a bare network call on 64 pictures, and of a step of `sample` around it, by turns; medians."""
    model = store.load(name)
    x = torch.randn(64, *model.shape, generator=torch.Generator().manual_seed(0))
    y, t = torch.arange(64) % 10, torch.full((64,), 500)
    names, took = [s for s in SAMPLERS if SAMPLERS[s].asks == 1], {}
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(steps):
            model.net(x, t, y)
        took.setdefault("network", []).append((time.process_time() - start) / steps)
        for s in names:
            times, start = model.schedule.times(steps, SAMPLERS[s].even), time.process_time()
            walk(sample(model, x, None, times, sampler=s, clip=1.0, y=y))
            took.setdefault(s, []).append((time.process_time() - start) / steps)
    ms = {k: 1000 * statistics.median(v) for k, v in took.items()}
    return {"ms": ms, "share": {s: ms[s] / ms["network"] - 1 for s in names}}


@torch.no_grad()
def race(name: str, steps: int = 20, repeats: int = 9) -> dict:
    """Our dpmpp_2m and diffusers' DPMSolverMultistepScheduler: same weights, same times, same noise. Largest gap, and milliseconds."""
    import diffusers

    model = store.load(name)
    schedule, times = model.schedule, model.schedule.times(steps, "snr")
    xT = torch.randn(64, *model.shape, generator=torch.Generator().manual_seed(0))
    y, a = torch.arange(64) % 10, schedule.alpha_bar[times[:-1]]

    def theirs() -> Tensor:
        them = diffusers.DPMSolverMultistepScheduler(
            num_train_timesteps=schedule.T,
            trained_betas=schedule.beta[1:].tolist(),
            prediction_type="v_prediction",
            final_sigmas_type="zero",
            lower_order_final=True,
        )
        them.set_timesteps(steps)
        them.sigmas = torch.cat([((1 - a) / a).sqrt(), torch.zeros(1, dtype=torch.float64)])
        them.timesteps = torch.tensor([t - 1 for t in times[:-1]])
        x = xT
        for t in times[:-1]:
            x = them.step(model.net(x, torch.full((64,), t), y), t - 1, x).prev_sample
        return x

    def ours() -> Tensor:
        return walk(sample(model, xT, None, times, sampler="dpmpp_2m", y=y))

    gap, took = float((ours() - theirs()).abs().max()), {"ours": [], "diffusers": []}
    for _, (who, way) in product(range(repeats), (("ours", ours), ("diffusers", theirs))):
        start = time.process_time()
        way()
        took[who].append(1000 * (time.process_time() - start))
    ms = {who: statistics.median(v) for who, v in took.items()}
    return {"steps": steps, "largest_gap": gap, "ms": ms, "ours_over_theirs": ms["ours"] / ms["diffusers"]}


# ---------------------------------------------------------------------------------------- the four answers


# name -> (schedule, what is asked for, how times are drawn; None: as the data like it)
ANSWERS = {
    "eps": ("cosine", "eps", None),
    "x0": ("cosine", "x0", None),
    "v": ("cosine", "v", None),
    "flow": ("cosine", "flow", None),
    "straight": ("flow", "flow", "t"),
}
STEPS = {"ring": 1000, "digits": 300}
CALLS = (5, 10, 20, 50)


def answer(place: str, name: str, seed: int) -> dict:
    """One training, and its samples with DDIM (which is Euler on the straight path) on times even in t."""
    schedule, predicts, even = ANSWERS[name]
    if place == "ring":
        d = data.ring(20_000, seed=seed)
        net, judge = {}, lambda x: {"high_quality": mode_report(x, d.modes, d.sd)["high_quality"]}
    else:
        d, unseen = data.digits().split(1000)
        eye = store.load("classifier_digits")
        known = classifier.features(eye, unseen.x)
        net, judge = {"channels": 16, "batch": 64}, lambda x: {"frechet": frechet(classifier.features(eye, x), known)}
    model, parts = ddpm.build(d, schedule=Schedule.of(schedule), predicts=predicts, even=even, seed=seed, **net)
    start = time.process_time()
    *_, record = fit(*parts, steps=STEPS[place], seed=seed)
    row = {"place": place, "answer": name, "seed": seed, "steps": record.step}
    row["processor_s"] = time.process_time() - start
    for calls in CALLS:
        x = torch.cat(list(ddpm.draw(model, 4000 if place == "ring" else 400, calls, sampler="ddim", seed=seed)))
        row[str(calls)] = judge(x)
    return row


def answers(book: dict, seeds: int) -> None:
    part = book.setdefault("answers", {"steps": STEPS, "runs": []})
    plan = [(p, a, s) for s, p, a in product(range(seeds), STEPS, ANSWERS)]
    for todo in missing(plan, part["runs"], "place", "answer", "seed"):
        part["runs"].append(rounded(answer(*todo)))
        print(part["runs"][-1], flush=True)
        save(OUT, book)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("speed", "answers"):
        parser.add_argument(f"--{part}", action="store_true")
    parser.add_argument("--film", nargs="*", choices=tuple(MANY))
    parser.add_argument("--parity", nargs="*", choices=("digits", "mnist", "sprites32"))
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    every = not (args.speed or args.answers) and args.film is None and args.parity is None
    book = opened(OUT)
    about = lambda: {k: v for k, v in store.card().items() if k != "versions"} | {"load": os.getloadavg()[0]}
    if args.film is not None or every:
        book["film"] = rounded(film(book.get("film", {}), args.film or MANY)) | about()
        save(OUT, book)
    if args.parity is not None or every:
        ready = [p for p in ("digits", "mnist", "sprites32") if p in store.names()]
        for name in args.parity or ready:
            book.setdefault("parity", {})[name] = rounded(parity(name)) | about()
            save(OUT, book)
    if args.speed or every:
        book["overhead"] = {name: rounded(overhead(name, n)) for name, n in (("digits", 20), ("mnist", 10))} | about()
        book["race"] = {name: rounded(race(name), 7) for name in ("digits", "mnist")} | about()
        save(OUT, book)
    if args.answers or every:
        answers(book, args.seeds)


if __name__ == "__main__":
    main()
