"""Does the network of lesson 10 draw what it is told? Trains a reader of sprites, and writes records/words.json.

    python benchmarks/words.py                    every part, about 25 minutes of one core (and 8 for the reader)
    python benchmarks/words.py obeyed milliseconds    these parts; the others stay in the record
    python benchmarks/words.py --texts                write the record's rows into benchmarks/README.md

Parts: reader, obeyed, spacing (as many calls, at other times), spread, held_out, trade, frechet, limits (where do words get
lost, and how near is the network to the best answer?), families, calls (what do more of them buy?), milliseconds. The reader is
trained once and kept in the cache folder.
Every sprite takes 11 calls of dpmpp_2m, as in the prompt box, where nothing else is said; where the spread is looked at, 20.
On a processor without AVX-512 the milliseconds become milliseconds_avx2; `make words-time-avx2` measures these on any.
"""

from __future__ import annotations

import math
import os
import random
import re
import statistics
import sys
import time
from collections import deque
from functools import cache
from itertools import product
from pathlib import Path

import torch
from book import opened, put_rows, rounded, save, watched

from diffusion_lib import ddpm, store
from diffusion_lib.course.lesson10.drawing import CALLS, SAMPLER, WEIGHTS, painting, pictures, walk
from diffusion_lib.data import digits, sprites
from diffusion_lib.data.drawn import variations
from diffusion_lib.data.factors import FACTORS, TOLD, held_out, told
from diffusion_lib.evaluation import reader
from diffusion_lib.evaluation.metrics import frechet, neighbourhoods, wilson
from diffusion_lib.evaluation.records import RECORDS
from diffusion_lib.evaluation.shortfall import beside_ideal, walked_back
from diffusion_lib.sampling import named_sampler
from diffusion_lib.values import dice as dice_of
from diffusion_lib.values import portions

RECORD = RECORDS / "words.json"
NAMES = list(TOLD)
# at w = 1 a call asks once, above twice: these are no more answers of the network for a picture than in the box
SPREAD_CALLS = 20
GOALS = {"reader": 0.999, "obeyed": 0.97, "spread": 0.95, "floors": 2, "milliseconds": 300, "milliseconds_avx2": 1000}
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


def drawn(specs: list[dict], w: float, seed: int = 0, calls: int = CALLS, at=None) -> torch.Tensor:
    """A picture for each of the specs, each of which says as much as it says."""
    return painted(torch.tensor([told(s) for s in specs]), w, seed, calls, at)


def painted(y: torch.Tensor, w: float, seed: int, calls: int = CALLS, at=None) -> torch.Tensor:
    """A picture for each row of y (n, F), as the prompt box paints; at: other times than its own."""
    xT = torch.randn(len(y), *MODEL.shape, generator=dice_of(seed))
    walks = (painting(MODEL, *part, calls, w, at=at) for part in portions(100, "cpu", xT, y))
    return torch.cat([deque(walk, maxlen=1).pop().xs for walk in walks])


def share(hits: torch.Tensor) -> dict:
    """Of a mask: the share that is true, its 95 % interval, and of how many."""
    low, high = wilson(int(hits.sum()), len(hits))
    return {"share": float(hits.double().mean()), "low": low, "high": high, "n": len(hits)}


def beside_species(found: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Of each word that was asked beside cat or flower, in (n, F): is it in what was found? (m,). Cat and flower hardly ever fail."""
    said = asked.clone()
    said[:, NAMES.index("species")] = -1
    return (found == asked)[said >= 0]


def by_factor(found: torch.Tensor, asked: torch.Tensor) -> dict:
    """Of what was asked (n, F): the share that was found, in all, of words beside the species, for each factor, and whole pictures."""
    said, right = asked >= 0, found == asked
    each = {name: share(right[:, i][said[:, i]]) for i, name in enumerate(NAMES) if said[:, i].any()}
    whole = (right | ~said).all(1)
    return {
        "all": share(right[said]),
        "words": share(beside_species(found, asked)),
        "factors": each,
        "whole": share(whole),
    }


def reader_part() -> dict:
    """How often the reader names real sprites that it has never seen as they are."""
    found = {}
    for name, unseen in (("seen", False), ("held_out", True)):
        d = sprites(4000, 32, 99, words=True, unseen=unseen)
        found[name] = by_factor(judge()(d.x), d.y)
    return found


def one_word() -> list[dict]:
    """Every word of the vocabulary, with its species."""
    return [{"species": k, f: v} for k, factors in FACTORS.items() for f, values in factors.items() for v in values]


def obeyed(each: int = 48, captions: int = 1200) -> dict:
    """For each w: one word beside the species, every word of the vocabulary; and whole captions. A quarter of them at w = 1 and 3."""
    dice = random.Random(1)
    parts = {
        "captions": ([dice.choice(ALL) for _ in range(captions)], 1),
        "one word": ([s for s in one_word() for _ in range(each)], 0),
    }
    out = {}
    for w in (1.0, 2.0, 3.0):
        few = slice(None, None, 1 if w == 2 else 4)  # the goal is at w = 2, where 97 % is to be told from 94
        out[f"{w:g}"] = {
            name: by_factor(judge()(drawn(asked[few], w, seed)), torch.tensor([told(s) for s in asked[few]]))
            for name, (asked, seed) in parts.items()
        }
    return out


def spacing(each: int = 48) -> dict:
    """One word beside the species at w = 2, from the noise of `obeyed`, where the calls lie as this sampler usually has them."""
    asked = [s for s in one_word() for _ in range(each)]
    even = named_sampler(SAMPLER).even
    found = judge()(drawn(asked, 2.0, 0, at=MODEL.schedule.times(CALLS, even)))
    return {"even": even} | by_factor(found, torch.tensor([told(s) for s in asked]))


def entropy(values: torch.Tensor, count: int) -> float:
    """Of the values that were read, as a share of what the data have, whose values are all alike."""
    p = torch.bincount(values[values >= 0], minlength=count).double()
    return float(torch.special.entr(p / p.sum()).sum()) / math.log(count)


def spread() -> dict:
    """What is not said: how evenly its values come, at w = 1 and above; and with as few calls as in the box."""
    out, asked = {}, [(1.0, "", SPREAD_CALLS), (1.0, "cat", SPREAD_CALLS), (1.0, "flower", SPREAD_CALLS)]
    for w, text, calls in [*asked, (2.0, "cat", CALLS), (1.0, "", CALLS)]:
        spec = {"species": text} if text else {}
        found = judge()(drawn([spec] * 400, w, 3, calls))
        free = [i for i, n in enumerate(NAMES) if n not in spec and (not text or n in FACTORS[text])]
        name = f"{text or 'nothing'}, w = {w:g}" + (f", {calls} calls" if (w, calls) == (1, CALLS) else "")
        out[name] = {NAMES[i]: entropy(found[:, i], len(TOLD[NAMES[i]])) for i in free}
    return out


def like(specs: list[dict], pool: list[dict], dice: random.Random) -> list[dict]:
    """As many of the pool, of each species as many as there are here."""
    kinds = [s["species"] for s in specs]
    return [s for k in FACTORS for s in dice.sample([s for s in pool if s["species"] == k], kinds.count(k))]


def held_out_part() -> dict:
    """Captions of combinations that were never trained on, and as many others, with as many cats and flowers."""
    away = [s for s in ALL if held_out(s)]
    others = like(away, [s for s in ALL if not held_out(s)], random.Random(2))
    return {
        name: by_factor(judge()(drawn(specs, 2.0, 4)), torch.tensor([told(s) for s in specs]))
        for name, specs in (("held_out", away), ("trained", others))
    }


def features(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([judge().look(part) for part in x.split(500)])


def trade(weights=(0.0, 1.0, 2.0, 3.0, 8.0), seeds=(0, 1, 2), n: int = 80) -> dict:
    """One word beside the species, the same dice for each w: is that word obeyed, and how much do the pictures still differ?"""
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
            right = beside_species(judge()(x), asked)
            rows.append({"w": w, "seed": seed, "obeyed": float(right.double().mean())} | near)
        fresh = sprites(n, 32, 700 + seed, words=True)
        rows.append({"w": "real", "seed": seed, "obeyed": None} | neighbourhoods(features(fresh.x), seen))
    return {"n": n, "rows": rows}


@cache
def captioned(w: float, calls: int, n: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures for the whole captions of n real sprites, always with the same dice, and those captions."""
    y = sprites(n, 32, 801, words=True).y
    return painted(y, w, 9, calls), y


@cache
def real_pair(n: int = 500) -> tuple[torch.Tensor, float]:
    """Features of real sprites, and how far from them others are: a floor."""
    real, others = (features(sprites(n, 32, seed, words=True).x) for seed in (800, 801))
    return real, frechet(others, real)


def frechet_part() -> dict:
    """On the reader's features: samples of whole captions, and real sprites against others."""
    real, floor = real_pair()
    return {"n": len(real), "floor": floor} | {
        f"w = {w:g}": frechet(features(captioned(w, CALLS)[0]), real) for w in (1.0, 2.0)
    }


def limits(sigmas=(0.25, 0.5, 1.0, 2.0, 5.0), captions: int = 16, n: int = 16, others: int = 8000) -> dict:
    """Real sprites noised to sigma and walked back, told their whole caption: which words survive? And the errors of one guess.

    Of each species so many captions that were trained on, and n sprites of each; beside the network stands the optimal
    denoiser of `others` drawings of the same caption, none of them among the n.
    """
    dice, rows = random.Random(5), []
    picture = lambda spec, n, seed: torch.from_numpy(variations(spec, n, 32, seed)).permute(0, 3, 1, 2) / 127.5 - 1
    for kind in FACTORS:
        specs = dice.sample([s for s in ALL if s["species"] == kind and not held_out(s)], captions)
        real = [picture(spec, n, 900 + i) for i, spec in enumerate(specs)]
        y = [torch.tensor([told(spec)] * n) for spec in specs]
        x, asked = torch.cat(real), torch.cat(y)
        errors = {sigma: [] for sigma in sigmas}
        for i, spec in enumerate(specs):
            bank = picture(spec, others, 100 + i)
            for sigma in sigmas:
                errors[sigma].append(beside_ideal(MODEL, real[i], bank, sigma, y[i], seed=i))
        for sigma in sigmas:
            network, ideal = torch.tensor(errors[sigma]).mean(0).tolist()
            back = {
                f"{w:g}": by_factor(judge()(walked_back(MODEL, x, sigma, asked, w)), asked)["factors"]
                for w in (1.0, 2.0)
            }
            rows.append({"species": kind, "sigma": sigma, "network": network, "others": ideal, "obeyed": back})
    return {"captions": captions, "n": n, "others": others, "rows": rows}


def families(seeds=(0, 1, 2), n: int = 300) -> dict:
    """On digits: the weight of the diffusion network, and the truncation of the GAN (its z times psi)."""
    unseen, eye, rows = digits().split(1000)[1], store.load("classifier_digits"), []
    see = lambda x: eye.features(x).detach()
    network, net = store.load("digits"), store.load("digits_gan")
    for seed in seeds:
        order = torch.randperm(len(unseen), generator=torch.Generator().manual_seed(seed))[:n]
        real, y = see(unseen.x[order]), unseen.y[order]
        for w in (0.0, 1.0, 2.0, 3.0, 5.0, 8.0):
            x = torch.cat(list(ddpm.draw(network, n, y=y, w=w, seed=seed)))
            rows.append({"family": "DDPM", "dial": w, "seed": seed} | neighbourhoods(see(x), real))
        z = net.noise(n, torch.Generator().manual_seed(seed))
        for psi in (1.0, 0.8, 0.6, 0.4, 0.2):
            with torch.no_grad():
                x = net(psi * z)
            rows.append({"family": "GAN", "dial": psi, "seed": seed} | neighbourhoods(see(x), real))
    return {"n": n, "rows": rows}


def calls_part(counts=(5, CALLS, 20)) -> dict:
    """The same captions and the same dice at w = 2, and more calls: are they obeyed better, are the pictures more like real ones?"""
    (real, floor), rows = real_pair(), []
    for calls in counts:
        x, asked = captioned(2.0, calls)
        rows.append({"calls": calls, "frechet": frechet(features(x), real)} | by_factor(judge()(x), asked))
    return {"n": len(real), "floor": floor, "rows": rows}


def milliseconds(runs: int = 60) -> dict:
    """From a prompt to four pictures, and to the first frame, with the threads that torch has here; neighbours slow some runs."""
    whole, first, own = [], [], []
    for _ in range(runs):
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
        "median": statistics.median(whole),
        "best": min(whole),
        "processor": statistics.median(own),
        "first frame": statistics.median(first),
        "with loading": 1000 * (time.perf_counter() - start),
        "calls": CALLS,
        "runs": runs,
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


PARTS = {
    "reader": reader_part,
    "obeyed": obeyed,
    "spacing": spacing,
    "spread": spread,
    "held_out": held_out_part,
    "trade": trade,
    "frechet": frechet_part,
    "limits": limits,
    "families": families,
    "calls": calls_part,
    "milliseconds": milliseconds,
}


def key(part: str) -> str:
    """Where a part stands in the record. Times of a processor without AVX-512, or of one that acts so, have a row of their own."""
    slower = part == "milliseconds" and torch.backends.cpu.get_cpu_capability() == "AVX2"
    return f"{part}_avx2" if slower else part


CHIPS = {"milliseconds": "AVX-512", "milliseconds_avx2": "AVX2"}  # what they are of


def timed(book: dict) -> list[str]:
    """The milliseconds that are there: each machine writes its own, and those of other weights or calls are taken out by hand."""
    return [part for part in CHIPS if part in book]


HEADS = {  # of the tables in benchmarks/README.md
    "factors": "| | one word beside the species, w = 2 | whole captions, w = 2 | left open: spread, w = 1 |\n|---|---|---|---|\n",
    "others": "| | found | goal |\n|---|---|---|\n",
    "limits": "| σ | cats: error of the network, of the drawings | eyes kept: w = 1; w = 2 | flowers: errors | shape kept: w = 1; w = 2 |\n"
    "|---|---|---|---|---|\n",
}


def _judged(text: str, met: bool) -> str:
    return text if met else f"{text}: **missed**"


def _obeyed(row: dict | None) -> str:
    """A share with its interval, and whether it missed the goal of obedience."""
    said = row and f"{row['share']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
    return _judged(said, row["share"] >= GOALS["obeyed"]) if row else ""


def least_spread(book: dict, factor: str) -> float:
    """Of what is drawn at w = 1 where nothing, a cat or a flower is said: the least even share that was found."""
    return min(row[factor] for told, row in book["spread"].items() if told.endswith("w = 1") and factor in row)


def factor_rows(book: dict) -> list[str]:
    """A row for each factor, one for all words beside the species, one for whole pictures, and the goals."""
    one, many = (book["obeyed"]["2"][k] for k in ("one word", "captions"))
    rows = []
    for name in NAMES:
        even = least_spread(book, name)
        even = _judged(f"{even:.3f}", even >= GOALS["spread"])
        rows.append([name, _obeyed(one["factors"][name]), _obeyed(many["factors"][name]), even])
    for name, part in (("every word but the species", "words"), ("whole pictures", "whole")):
        shares = [f"{r[part]['share']:.1%} ({r[part]['low']:.1%} to {r[part]['high']:.1%})" for r in (one, many)]
        rows.append([name, *shares, ""])
    goal = f"*{GOALS['obeyed']:.0%} each*"
    rows.append(["*goal*", goal, goal, f"*{GOALS['spread']}*"])
    return [f"| {' | '.join(row)} |" for row in rows]


def other_rows(book: dict) -> list[str]:
    """The reader, what was never trained on, the Frechet distance in floors, and the milliseconds, each with its goal."""

    def row(name: str, values: list[float], show: str, goal: str = "", part: str = "", least: bool = False) -> str:
        met = [not part or (v >= GOALS[part] if least else v <= GOALS[part]) for v in values]
        found = "; ".join(_judged(format(v, show), ok) for v, ok in zip(values, met, strict=True))
        return f"| {name} | {found} | {goal} |"

    whole = {k: book["held_out"][k]["whole"] for k in ("held_out", "trained")}
    cats = {book["held_out"][k]["factors"]["fur"]["n"] for k in whole}
    others = f"{whole['trained']['n']} others" + (", as many of them cats" if len(cats) == 1 else "")
    f = book["frechet"]
    reader = [book["reader"][k]["all"]["share"] for k in ("seen", "held_out")]
    rows = [
        row(
            "the reader, on real sprites: of combinations trained on; never",
            reader,
            ".2%",
            f"{GOALS['reader']:.1%}",
            "reader",
            True,
        ),
        row(
            f"whole captions right, of {whole['held_out']['n']} never trained on; of {others}",
            [r["share"] for r in whole.values()],
            ".1%",
        ),
        row(
            f"Fréchet of {f['n']}, in floors: w = 1; w = 2",
            [f[k] / f["floor"] for k in ("w = 1", "w = 2")],
            ".2f",
            f"{GOALS['floors']}",
            "floors",
        ),
    ]
    c = book["calls"]
    counts = "; ".join(f"{r['calls']}" for r in c["rows"])
    rows += [
        row(
            f"words right, of {c['n']} captions at w = 2, with {counts} calls",
            [r["words"]["share"] for r in c["rows"]],
            ".1%",
        ),
        row(f"Fréchet of these, in floors, with {counts} calls", [r["frechet"] / c["floor"] for r in c["rows"]], ".2f"),
    ]
    for part in timed(book):
        took, chip = book[part], CHIPS[part]
        goal = f"{GOALS[part]:,}"
        rows += [
            row(f"ms to four pictures, {chip}, load {took['load']:.1f}", [took["median"]], ".0f", goal, part),
            row(f"ms to the first frame, {chip}", [took["first frame"]], ".0f", "before the last"),
        ]
    return rows


def limit_rows(book: dict) -> list[str]:
    """A row for each noise: of cats and of flowers both errors, and how many keep the word that is lost most often."""
    by, rows = {(row["species"], row["sigma"]): row for row in book["limits"]["rows"]}, []
    for sigma in sorted({sigma for _kind, sigma in by}):
        cells = [f"{sigma:g}"]
        for kind, factor in (("cat", "eyes"), ("flower", "shape")):
            row = by[kind, sigma]
            ratio = row["network"] / row["others"]
            cells += [
                f"{row['network']:.4f}, {row['others']:.4f}: {ratio:.1f} times",
                "; ".join(f"{row['obeyed'][w][factor]['share']:.1%}" for w in ("1", "2")),
            ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def missed(book: dict) -> str:
    """Which goals were missed, in a line."""
    factors = lambda part: [name for name, row in part["factors"].items() if row["share"] < GOALS["obeyed"]]
    floors = {k: v / book["frechet"]["floor"] for k, v in book["frechet"].items() if k.startswith("w = ")}
    each = {
        "the reader": [k for k, row in book["reader"].items() if row["all"]["share"] < GOALS["reader"]],
        "one word obeyed": factors(book["obeyed"]["2"]["one word"]),
        "whole captions obeyed": factors(book["obeyed"]["2"]["captions"]),
        "spread": [name for name in NAMES if least_spread(book, name) < GOALS["spread"]],
        "Fréchet": [k for k, v in floors.items() if v > GOALS["floors"]],
        "time": [CHIPS[part] for part in timed(book) if book[part]["median"] > GOALS[part]],
    }
    said = [f"{goal} ({', '.join(names)})" for goal, names in each.items() if names]
    return f"Goals missed: {'; '.join(said) or 'none'}."


def bullet(book: dict) -> str:
    """The line of the README in front."""
    one, whole, part = book["obeyed"]["2"]["one word"], book["held_out"], timed(book)[0]
    worst = min(one["factors"], key=lambda name: one["factors"][name]["share"])
    return (
        f"- [Words](benchmarks/README.md#words). Told one word beside cat or flower, `{WEIGHTS}` draws it in "
        f"{one['words']['share']:.1%} of the pictures (goal: {GOALS['obeyed']:.0%} for every kind of word; the worst, {worst}: "
        f"{one['factors'][worst]['share']:.1%}). Of whole captions whose combination it never saw, {whole['held_out']['whole']['share']:.1%} "
        f"come out right, of others {whole['trained']['whole']['share']:.1%}. Four pictures take {book[part]['median']:.0f} ms on two cores with {CHIPS[part]}."
    )


def trainings() -> str:
    """The commands that make the weights that ship, a line each; what one leaves, weights and checkpoint, is out of the next one's way."""
    lines = []
    for n, card in enumerate(store.history(MODEL.card)):
        if n:
            kept = f" && mv words.pt words{n}.pt" if "--checkpoint words.pt" in lines[-1] else ""
            lines.append(f"mv {WEIGHTS}.safetensors words{n}.safetensors{kept}")
        lines.append(card["command"])
    return "".join(f"{line}\n" for line in lines)


def texts(book: dict) -> None:
    """The tables of benchmarks/README.md, which goals were missed, and the commands that train the weights; in the README in front its line."""
    page = Path(__file__).with_name("README.md")
    front = page.parent.parent / "README.md"
    front.write_text(
        re.sub(r"- \[Words\]\(.*", lambda _m: bullet(book), front.read_text(encoding="utf-8")), encoding="utf-8"
    )
    put_rows(page, HEADS["factors"], factor_rows(book))
    put_rows(page, HEADS["others"], other_rows(book))
    put_rows(page, HEADS["limits"], limit_rows(book))
    said = re.sub(r"(?m)^Goals missed: .*$", lambda _m: missed(book), page.read_text(encoding="utf-8"))
    said = re.sub(r"(?<=```sh\n)python .* train .*--words(.|\n)*?(?=```)", lambda _m: trainings(), said)
    page.write_text(said, encoding="utf-8")


def main() -> None:
    book = opened(RECORD)
    if sys.argv[1:] == ["--texts"]:
        return texts(book)
    for name in sys.argv[1:] or PARTS:
        start = time.perf_counter()
        book[key(name)] = rounded(PARTS[name]())
        book["of"] = {k: MODEL.card[k] for k in ("command", "steps", "seconds")}
        print(name, f"{time.perf_counter() - start:.0f} s", flush=True)
        save(RECORD, book)


if __name__ == "__main__":
    main()
