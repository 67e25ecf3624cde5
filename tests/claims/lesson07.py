"""Lesson 07."""

import math
from functools import cache
from statistics import mean, median

import numpy as np

from diffusion_lib import store
from diffusion_lib.course.lesson07.scores import GOOD
from diffusion_lib.course.lesson09.measures import seen_and_unseen
from diffusion_lib.data.stickers import KINDS
from diffusion_lib.evaluation import arena, cost, records
from diffusion_lib.evaluation.metrics import neighbourhoods

from . import code, default, percent


@cache
def place(name: str) -> arena.Place:
    return arena.load(name)


def column(place: str, family: str, key: str) -> list[float]:
    return [r[key] for r in records.race_book(place)["runs"] if r["family"] == family]


def size(name: str) -> list[str]:
    """How many a place has to learn, how many unseen, and the numbers of one."""
    there = place(name)
    c, h, w = there.learn.x.shape[1:]
    return [f"{len(there.learn):,}", f"{len(there.unseen):,}", str(h), str(w), str(c * h * w)]


def tries() -> list[str]:
    """The recall of the VAE's tries on digits: of the chosen one, and the largest of those that did not fail."""
    rows = sorted(
        (r for r in records.race_book("digits")["search"]["VAE"] if not r["fails"]), key=lambda r: r["frechet"]
    )
    return [f"{v:.2f}".lstrip("0") for v in (rows[0]["recall"], max(r["recall"] for r in rows))]


def forward_millions() -> dict[str, str]:
    """One forward pass of each network on 8 x 8 digits, in millions of operations."""
    entries = arena.enter(place("digits"))
    x, y = entries["GAN"].first
    g, d = (learner.model for learner in entries["GAN"].parts.learners)
    f = {"G": cost.forward_flops(g, g.noise(len(x), None), y) / len(x), "D": cost.forward_flops(d, x, y) / len(x)}
    f |= {k: cost.expected_flops(entries[k]) / 3 for k in ("DDPM", "VAE")}
    return {k: f"{v / 1e6:.1f}" for k, v in f.items()}


def epochs() -> list[str]:
    """The answer of section 2's guess: 3 F of the DDPM against 4 F of G and 12 of D, for k = 4."""
    f, k = forward_millions(), 4
    assert 3 * float(f["DDPM"]) > 4 * float(f["G"]) + (9 + 12 / k) * float(f["D"]) > 3 * float(f["VAE"])
    for place in ("grid", "mnist"):  # where it would have been the GAN
        each = {k: v["training_per_sample"] for k, v in records.race_book(place)["flops"].items()}
        assert each["GAN"] == max(each.values())
    return ["3", f["DDPM"], "4", f["G"], f"{9 + 12 / k:.0f}", f["D"]]


def widths() -> list[str]:
    """Median width of the islands: the DDPM's, real ones', the VAE's."""
    ddpm, vae = (median(column("grid", family, "sd_ratio")) for family in ("DDPM", "VAE"))
    return [f"{v:.2f}" for v in (ddpm, records.race_book("grid")["floor"]["sd_ratio"], vae)]


def copier(name: str) -> str:
    """What the dial reads for one who copies all it has learned, if only as many are compared as are unseen."""
    there = place(name)
    among = len(there.unseen) / len(there.learn)
    return f"{among + (1 - among) / 2:.2f}"


def early_try() -> list[str]:
    """Planned seconds, seconds of a try, and the coverage that the GAN's chosen options had then."""
    book = records.race_book("grid")
    (row,) = (r for r in book["search"]["GAN"] if r["options"] == book["options"]["GAN"])
    return [str(book["seconds"]), str(book["tuning_seconds"]), f"{row['coverage']:.2f}"]


def after_a_quarter() -> list[str]:
    book = records.race_book("mnist")
    found = [sorted(r["curve"][2]["coverage"] for r in book["runs"] if r["family"] == f) for f in ("DDPM", "GAN")]
    ends = [f"{v:.2f}" for column in found for v in (column[0], column[-1])]
    return [*ends, f"{book['seconds'] / 4:.0f}", str(book["tuning_seconds"])]


def scatter() -> str:
    """By how much the Fréchet distance of real digits scatters; every run of GAN and DDPM lies within that of the floor."""
    book = records.race_book("digits")
    floor, spread = book["floor"]["frechet"], book["spread"]["frechet"]
    assert all(abs(v - floor) <= spread for f in ("GAN", "DDPM") for v in column("digits", f, "frechet"))
    return f"{spread:.1f}"


def more_seconds() -> list[str]:
    """By how much more of them the GAN had than the DDPM, in percent: least and most."""
    more = [100 * (g / d - 1) for g, d in zip(*(column("mnist", f, "seconds") for f in ("GAN", "DDPM")), strict=True)]
    return [f"{min(more):.1f}", f"{max(more):.1f}"]


def read_as_ordered() -> list[str]:
    return percent(*(median(column("mnist", f, "accuracy")) for f in ("GAN", "DDPM")))


def a_picture() -> str:
    return f"{64 * (mean(column('digits', 'VAE', 'bits')) - mean(column('digits', 'DDPM', 'bits'))):.0f}"


def dealt() -> list[str]:
    """Kinds, stickers that were learned from, samples and calls: of the weights that ship."""
    book = records.read("thousand")["shipped"]
    card = store.load("thousand").card
    assert card["command"] == book["card"]["command"] and card["steps"] == book["card"]["steps"]
    return [f"{KINDS:,}", f"{card['items']:,}", f"{book['rows'][0]['n']:,}", str(book["calls"])]


def one_of_each() -> list[str]:
    """Kinds that as many fair draws as there are kinds find, to ten; and the share that they miss."""
    missed = (1 - 1 / KINDS) ** KINDS
    return [f"{KINDS * (1 - missed):.0f}"[:2] + "0", f"{KINDS:,}", "1", "1", *[f"{KINDS:,}"] * 2, f"{missed:.2f}"]


def album_after() -> list[str]:
    """Kinds found by all samples and by valid ones; KL, that of fair draws and its spread; what is left as a spread of the shares; distances."""
    book = records.read("thousand")
    row, floor, ruler = book["shipped"]["rows"][0], book["floor"], book["ruler"]
    more = row["kl"] - floor["kl"]
    assert more > 2 * floor["sd"]  # "less evenly than chance allows"
    assert row["of_valid"]["modes"] == row["modes"] == 1000  # "all", "even if only valid samples count"
    kl = [f"{v:.4f}" for v in (row["kl"], floor["kl"], floor["sd"])]
    far = [f"{v:.3f}" for v in (row["distance"], ruler["limit"], ruler["real"]["most"])]
    return ["1,000", *kl, "2", *percent((2 * more) ** 0.5, row["valid"]), *far]


def begun_around_the_mean() -> list[str]:
    """The KL of the optimal denoiser's walks from noise alone and around the mean, this one near fair draws; what x_T holds."""
    book = records.read("thousand")
    part, floor = book["start"], book["floor"]
    kl = {row["around"]: row["kl"] for row in part["rows"]}
    assert abs(kl["mean"] - floor["kl"]) < 2 * floor["sd"] < kl["noise"] - floor["kl"]
    (left,) = percent(float(store.load("thousand").schedule.alpha_bar[-1].sqrt()))
    return [f"{part['known']:,}", f"{kl['noise']:.4f}", left, left, f"{kl['mean']:.4f}"]


def shown_samples() -> list[str]:
    with np.load(records.RECORDS / "thousand.npz") as film:
        return [str(len(film["shipped pictures"]))]


GOOD_IS = [f"{GOOD:g}"]
MEASURED = {
    "07-album": dealt,
    "07-album-look": shown_samples,
    "07-album-reveal": one_of_each,
    "07-album-after": album_after,
    "07-album-start": begun_around_the_mean,
    "07-live": lambda: [str(len(place("grid").learn.modes)), code("07-live-code", r"seconds=(\d+)")],
    "07-live-table": lambda: GOOD_IS,
    "07-fair-guess": lambda: list(forward_millions().values()),
    "07-fair-reveal": epochs,
    "07-grid-after": widths,
    "07-digits-table": lambda: [size("digits")[1], size("digits")[1], size("digits")[0], copier("digits"), scatter()],
    "07-sprites-table": lambda: [*size("sprites")[:2], copier("sprites")],
    "07-cost-even": lambda: [*GOOD_IS, *early_try()],
    "07-blind": lambda: [default(neighbourhoods, "k")],
    "07-blind-guess": lambda: [str(len(place("grid").learn.modes))],
    "07-digits": lambda: [*size("digits")[:4], size("digits")[0]],
    "07-digits-after": tries,
    "07-bits": lambda: (
        ["17", "17", f"{math.log2(seen_and_unseen()[0].levels):.2f}"] if seen_and_unseen()[0].levels == 17 else []
    ),
    "07-bits-reveal": lambda: [size("digits")[4], a_picture()],
    "07-sprites": lambda: [s for i, s in enumerate(size("sprites")) if i != 1],
    "07-sprites-reveal": lambda: [f"{arena.FAILS * records.race_book('sprites')['floor']['coverage']:.2f}"],
    "07-mnist": lambda: [*size("mnist"), size("sprites")[4]],
    "07-mnist-table": lambda: [
        *percent(records.race_book("mnist")["floor"]["accuracy"], digits=1),
        *size("mnist")[:2],
        copier("mnist"),
    ],
    "07-mnist-cross": after_a_quarter,
    "07-mnist-film": lambda: [*more_seconds(), "0"],
    "07-mnist-after": read_as_ordered,
    "07-cost": lambda: GOOD_IS,
    "07-cost-reveal": lambda: GOOD_IS,
}


def in_this_order() -> None:
    """Recall on digits: DDPM, GAN, VAE, and no interval of a difference contains 0."""
    import arena as benchmark

    for more, less in (("DDPM", "GAN"), ("GAN", "VAE")):
        apart = [a - b for a, b in zip(column("digits", more, "recall"), column("digits", less, "recall"), strict=True)]
        assert benchmark.student(apart)[0] > 0, (more, less)


def recall_as_in_the_papers() -> None:
    """More for the DDPM on pictures, no difference shown on the islands; precision points both ways."""
    import arena as benchmark

    def apart(name, key):
        return [a - b for a, b in zip(column(name, "GAN", key), column(name, "DDPM", key), strict=True)]

    places = ("grid", "digits", "sprites", "mnist")
    ends = {key: {n: benchmark.student(apart(n, key)) for n in places} for key in ("recall", "precision")}
    assert all(ends["recall"][n][1] < 0 for n in ("digits", "sprites", "mnist"))
    assert ends["recall"]["grid"][0] < 0 < ends["recall"]["grid"][1]
    assert any(low > 0 for low, _ in ends["precision"].values()) and any(
        high < 0 for _, high in ends["precision"].values()
    )


SHOWN = {"07-digits-reveal": in_this_order, "07-papers-here-after": recall_as_in_the_papers}

QUOTED = {  # paper, its table, and what it prints there
    "07-papers": [
        ("Ho, Jain, Abbeel 2020", "table 1, simple loss: calls, FID, bits/dim", "1000 3.17 3.75"),
        ("Nichol, Dhariwal 2021", "4,000 steps, cosine: hybrid loss", "4000 3.19 3.17"),
        ("Nichol, Dhariwal 2021", "the same, bound only", "4000 11.47 2.94"),
        ("Song, Meng, Ermon 2021", "table 1, eta = 0: S = 1000, 50, 10", "1000 4.04 50 4.67 10 13.36"),
        ("Karras et al. 2022 (EDM)", "abstract: calls, FID without and with classes", "35 1.97 35 1.79"),
        ("Huang et al. 2024 (R3GAN)", "configuration E, CIFAR-10 with classes: calls, FID", "1 1.96"),
        ("Nichol, Dhariwal 2021", "said again below the table", "2.94 11.47 3.19"),
    ],
    "07-papers-equal": [
        ("Dhariwal, Nichol 2021", "table 10, LSUN Horse 256, StyleGAN2", "130 3.84 .63 .48"),
        ("Dhariwal, Nichol 2021", "the same, ADM with dropout", "116 2.57 .71 .55"),
        ("Dhariwal, Nichol 2021", "ImageNet 128, BigGAN-deep", "64 128 6.02 .86 .35"),
        ("Dhariwal, Nichol 2021", "the same, ADM-G after 450K steps", "63 5.67 .82 .49"),
        ("Huang et al. 2024 (R3GAN)", "table 4, FFHQ 256: its FID", "2.75"),
        ("Rombach et al. 2022", "table 1, FFHQ 256: LDM-4, its calls", "4.98 200 1"),
    ],
}

PLAIN = {  # minutes, numbers of a list or of an example, choices of a guess, 0 of "contains 0"
    "07-album-guess": "1,000 1,000 370 630",
    "07-album-table": "0",
    "07-title": "90",
    "07-fair-frechet": "0",
    "07-fair-unequal": "16 16 32",
    "07-live": "30",
    "07-live-table": "10",
    "07-fair": "40 2",
    "07-fair-guess": "8 8 4",
    "07-blind-after": "3 5 1 0",
    "07-grid": "0",
    "07-grid-table": "95 0 10",
    "07-grid-after": "95 0 3",
    "07-digits-reveal": "0",
    "07-digits-table": "0.50",
    "07-sprites-film": "0",
    "07-cost": "30",
    "07-cost-guess": "1,000",
    "07-cost-seen": "1,000",
    "07-papers": "10 1 0 1",
    "07-papers-equal": "10 100 256 2 128 256",
    "07-limits": "10 10 10 95",
    "07-ex1": "1.0 0.0",
    "07-ex2": "0 5 2 1 1 1 4",
    "07-ex-enough": "0 1",
    "07-talk": "2.1 2.3",
    "07-summary": "0",
    "07-symbols": "1.96 95",
}
