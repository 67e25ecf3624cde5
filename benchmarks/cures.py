"""How does each GAN recipe fare on the ring? Writes diffusion_lib/records/cures.json, which lesson 06 draws.

    python benchmarks/cures.py                       time, try, run: about 25 minutes of one idle core
    python benchmarks/cures.py --again "WGAN-GP"     forget this recipe's tries and runs, and make them again

1  time   a step of each recipe in each network, all by turns. SECONDS of processor time become a number of steps.
2  try    every recipe with the same RATES x NETWORKS, once, with TRY_SEED. Chosen: the largest `overlap`; if others come
          within TIE of it, the first in the order of the list, which begins with what `build` takes by itself.
3  run    the chosen options with SEEDS other seeds, none left out; and the best of the three tries in the other
          network with OTHERS, so that what the network does is seen apart from what the recipe does. The two losses of 2014 also with
          what `build` takes by itself, the rate and the network of the last recipe.

All that was timed and tried stays in the record. Steps are fixed, so a run is the same on a busy machine and needs no clock;
its processor seconds stand beside it. It goes on where it was stopped. What counts as what was fixed before the first try,
see VERDICTS.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import time
from itertools import product
from pathlib import Path

import torch
from book import missing, opened, rounded, save
from torch import Tensor

from diffusion_lib import data, gan, nets
from diffusion_lib.evaluation.metrics import COUNTED, mode_report, near_modes, nearest
from diffusion_lib.train import fit

OUT = Path(__file__).parent.parent / "diffusion_lib" / "records" / "cures.json"
SECONDS, SEEDS, OTHERS, TRY_SEED, TIE = 8.0, 10, 5, 100, 0.01
RATES, NETWORKS = (2e-3, 1e-3, 5e-4), {"waves": {"waves": nets.WAVES}, "plain": {"waves": 0}}
SAMPLES, POINTS, LOOKS = 2500, 200, 16
PLOT = 2.1  # half the side of the lesson's little plots
OLD = ("minimax (2014)", "non-saturating")
# seed 0 of these keeps its points at each look, at the usual rate, with waves
FILMED = (*OLD, "+ R1 + R2", "RpGAN + R1 + R2")
VERDICTS = {
    "off": f"fewer than {COUNTED:.0%} of the samples are within 3 sd of an island: too few to count modes, and no KL",
    "lost": "enough are, and fewer than 8 islands hold at least a tenth of their fair share of these",
    "blurred": "enough to count, but fewer than half of the samples are within 3 sd of an island",
}


# ---------------------------------------------------------------------------------------- what is looked at


def overlap(x: Tensor, modes: Tensor, sd: float) -> float:
    """How much of the data samples x (N, 2) cover: sum over islands of min(share of x within 3 sd of it, 1 / K), from 0 to 1.

    1 minus the total variation distance between "on which island, or on none" of the samples and an even choice. Unlike
    the modes and their KL it is a number wherever the samples are.
    """
    rms, which = nearest(x, modes)
    good = rms * math.sqrt(2) < 3 * sd
    share = torch.bincount(which[good], minlength=len(modes)).double() / len(x)
    return float(share.clamp(max=1 / len(modes)).sum())


def whereabouts(x: Tensor, modes: Tensor) -> dict:
    """Where samples x (N, 2) are. beyond: the share outside the little plot; largest: the largest |number|.

    clump: the disc that holds most of them, of a quarter of the gap between islands, among those around the first 500: its
    share, its mean place, how far that is from the nearest island, in gaps, and whether it lies between: inside the
    plot, and more than a quarter of a gap away from every island.
    """
    gap = float(torch.cdist(modes, modes).fill_diagonal_(math.inf).min())
    inside = torch.cdist(x[:500], x) < gap / 4
    middle = x[inside[inside.sum(1).argmax()]]
    place = middle.mean(0)
    away = float(torch.cdist(place[None], modes).min()) / gap
    return {
        "beyond": round(float((x.abs().amax(1) > PLOT).double().mean()), 4),
        "largest": round(float(x.abs().max()), 2),
        "clump": {
            "share": round(len(middle) / len(x), 4),
            "at": [round(v, 3) for v in place.tolist()],
            "away": round(away, 3),
            "between": away > 0.25 and float(place.abs().max()) < PLOT,
        },
    }


def report(model, d: data.Data) -> dict:
    """`mode_report`, `overlap` and `whereabouts` of samples; modes and KL are None below COUNTED, as the width is where nothing lies."""
    x = next(gan.draw(model, SAMPLES, batch=SAMPLES))
    found = mode_report(x, d.modes, d.sd)
    if found["high_quality"] < COUNTED:
        found |= {"modes": None, "kl": None}
    found |= {"overlap": overlap(x, d.modes, d.sd), "near": near_modes(x, d.modes)}
    return rounded(found, 4) | whereabouts(x, d.modes)


def verdicts(final: dict, error: str = "") -> dict[str, bool]:
    """Which of VERDICTS hold. A run that broke off is off."""
    off = bool(error) or final["high_quality"] < COUNTED
    return {"off": off, "lost": not off and final["modes"] < 8, "blurred": not off and final["high_quality"] < 0.5}


# ---------------------------------------------------------------------------------------- time, try, run


def options(recipe: str, network: str, rate: float) -> dict:
    """All that `gan.build` is told."""
    usual, suits = {}, gan.suited(data.ring(8))
    if "loss" not in gan.RECIPES[recipe]:
        usual = {"loss": "relativistic", "r1": suits["r1"], "r2": suits["r2"]}
    return usual | gan.RECIPES[recipe] | NETWORKS[network] | {"lr": rate}


def timed(block: int = 25, rounds: int = 9) -> dict[str, dict[str, float]]:
    """Processor milliseconds of a step, {recipe: {network: ms}}: the median of some blocks of steps, all variants by turns."""
    d, found = data.load("ring"), {}
    for recipe, network in product(gan.RECIPES, NETWORKS):
        _, parts = gan.build(d, **options(recipe, network, RATES[0]))
        for learner in parts.learners:
            learner.set_rate(0.01)
        found[recipe, network] = (parts.step, iter(parts.batches), torch.Generator(), [])
    for _ in range(rounds):
        for step, batches, dice, blocks in found.values():
            tick = time.process_time()
            for _ in range(block):
                step(next(batches), dice)
            blocks.append(1e3 * (time.process_time() - tick) / block)
    return {r: {n: round(statistics.median(found[r, n][-1]), 3) for n in NETWORKS} for r in gan.RECIPES}


def points(model, n: int) -> list[int]:
    """n samples in hundredths, x and y in turn; what is no number or farther off than 90 is moved there."""
    x = next(gan.draw(model, n, batch=n)).nan_to_num(90.0).clamp(-90, 90)
    return (100 * x).round().int().flatten().tolist()


def one(recipe: str, network: str, rate: float, seed: int, steps: int, film: list | None = None) -> tuple[dict, object]:
    """One training of so many steps, and its model (the moving average, which the library draws with)."""
    d, told = data.load("ring"), options(recipe, network, rate)
    row = {"recipe": recipe, "seed": seed, "options": told, "error": "", "over_time": []}
    model, parts = gan.build(d, seed=seed, **told)
    looks = {max(1, round(steps * k / LOOKS)) for k in range(LOOKS + 1)}
    try:
        for record in fit(*parts, steps=steps, seed=seed, clock=time.process_time):
            if record.step in looks:
                now = report(model, d)
                row["over_time"].append(
                    [record.step, *(now[k] for k in ("high_quality", "modes", "beyond", "largest"))]
                )
                if film is not None:
                    film.append([record.step, points(model, POINTS)])
    except FloatingPointError as error:
        row["error"], now = str(error), report(model, d)
    row |= {"seconds": round(record.seconds, 2), "steps": record.step, "final": now}
    return row | verdicts(now, row["error"]), model


def best(tries: list[dict]) -> dict:
    """Rate and network of the try with the largest overlap; of those within TIE of it, the first as RATES x NETWORKS list them."""
    most = max(t["overlap"] for t in tries)
    order = list(product(RATES, NETWORKS))
    good = [t for t in tries if t["overlap"] >= most - TIE]
    found = min(good, key=lambda t: order.index((t["lr"], t["network"])))
    return {k: found[k] for k in ("network", "lr", "overlap")}


def choices(tries: list[dict]) -> dict[str, dict]:
    """{recipe: {"chosen": best of its six tries, "other": best of its three in the other network, "usual": what `build` takes}}."""
    found = {}
    for recipe in gan.RECIPES:
        mine = [t for t in tries if t["recipe"] == recipe]
        first = best(mine)
        usual = next(t for t in mine if (t["network"], t["lr"]) == ("waves", RATES[0]))
        found[recipe] = {
            "chosen": first,
            "other": best([t for t in mine if t["network"] != first["network"]]),
            "usual": best([usual]),
        }
    return found


def begun() -> dict:
    """The book with its first page: what real samples score, and how many steps each recipe has."""
    truth, ms = data.ring(), timed()
    x = data.ring(SAMPLES, seed=999).x
    real = mode_report(x, truth.modes, truth.sd) | {"overlap": overlap(x, truth.modes, truth.sd)}
    return {
        "what": f"ring; as many steps as took {SECONDS:g} processor seconds of one thread when all were timed by turns; {SAMPLES} samples",
        "verdicts": VERDICTS,
        "counted": COUNTED,
        "plot": PLOT,
        "seconds": SECONDS,
        "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread of a shared machine",
        "real": rounded(real, 4),
        "step_ms": ms,
        "steps": {r: {n: round(1e3 * SECONDS / v) for n, v in by.items()} for r, by in ms.items()},
        "rule": f"the largest overlap with seed {TRY_SEED}; within {TIE} of it, the first of the list",
        "tries": [],
        "choices": {},
        "runs": [],
        "film": {},
    }


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seeds", type=int, default=SEEDS)
    ask.add_argument("--others", type=int, default=OTHERS, help="seeds in the other network")
    ask.add_argument("--again", choices=list(gan.RECIPES), help="forget this recipe's tries and runs")
    ask.add_argument("--fresh", action="store_true", help="forget everything, and time the steps again")
    a = ask.parse_args()
    torch.set_num_threads(1)
    book = opened(OUT, begun, a.fresh)
    for key in ("tries", "runs"):
        book[key] = [r for r in book[key] if r["recipe"] != a.again]
    tries = product(gan.RECIPES, RATES, NETWORKS)
    for recipe, rate, network in missing(tries, book["tries"], "recipe", "lr", "network"):
        row, _ = one(recipe, network, rate, TRY_SEED, book["steps"][recipe][network])
        facts = {"recipe": recipe, "network": network, "lr": rate, "seed": TRY_SEED}
        facts |= {k: row[k] for k in ("steps", "error")}
        kept = ("overlap", "high_quality", "modes", "near", "beyond", "largest")
        facts |= {k: row["final"][k] for k in kept} | {"seconds": row["seconds"]}
        book["tries"].append(facts)
        print(facts, flush=True)
        save(OUT, book, close=True)
    book["choices"] = choices(book["tries"])
    parts = (("chosen", a.seeds, gan.RECIPES), ("usual", a.seeds, OLD), ("other", a.others, gan.RECIPES))
    plan = [p for choice, n, recipes in parts for p in product([choice], range(n), recipes)]
    for choice, seed, recipe in missing(plan, book["runs"], "choice", "seed", "recipe"):
        told = book["choices"][recipe][choice]
        filmed = seed == 0 and recipe in FILMED and (told["network"], told["lr"]) == ("waves", RATES[0])
        film = [] if filmed else None
        steps = book["steps"][recipe][told["network"]]
        row, model = one(recipe, told["network"], told["lr"], seed, steps, film)
        facts = {"choice": choice, "network": told["network"]}
        book["runs"].append(facts | row | {"points": points(model, POINTS)})
        if film is not None:
            book["film"][recipe] = film
        print(choice, recipe, seed, row["steps"], row["final"], flush=True)
        save(OUT, book, close=True)


if __name__ == "__main__":
    main()
