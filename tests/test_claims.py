"""Every number that lessons 07 and 09 state in words: computed here again from the records, quoted from a paper that is
named here once more, or declared to be no measurement. A new number in a text fails until it is one of the three."""

import inspect
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path
from statistics import mean, median

import pytest
from scipy.stats import chi2

from diffusion_lib import arena, store, vae, views
from diffusion_lib.metrics import neighbourhoods
from diffusion_lib.views.latents import LEVELS
from diffusion_lib.views.scores import GOOD

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

CELLS = {
    c["id"]: c
    for name in ("07_arena", "09_vae_latents_and_copying")
    for c in json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
}
# what is no measurement wherever it stands: formulas, code, links, headings, and pointers to lessons, sections and frames
POINTERS = (r"\$\$.*?\$\$", r"\$[^$]*\$", r"`[^`]*`", r"\]\([^)]*\)", r"(?m)^#+ (Exercise )?\d+ · ",
            r"[Ll]essons? \d\d( (to|and|,) \d\d)*(, \d\d)*( and \d\d)*", r"[Ss]ections? \d+", r"[Ff]rames? \d+(, \d+)*")  # fmt: skip


def words(cell: dict) -> str:
    """What a learner reads in a cell: a text, or the question and the answer of a guess."""
    said = "".join(cell["source"])
    if cell["cell_type"] == "code":
        said = " ".join(re.findall(r'"([^"]*)"', said)) if re.search(r"predict\(|reveal\(", said) else ""
    for pattern in POINTERS:
        said = re.sub(pattern, " ", said, flags=re.S)
    return said


def numbers(cell: dict) -> list[str]:
    return re.findall(r"(?<![\d.])(?:\d[\d,]*\d|\d)(?:\.\d+)?|(?<!\d)\.\d+", words(cell))


def code(cell_id: str, pattern: str) -> str:
    """A number that a code cell of the lesson sets."""
    return re.search(pattern, "".join(CELLS[cell_id]["source"])).group(1)


def default(function, name: str) -> str:
    return str(inspect.signature(function).parameters[name].default)


def percent(*shares: float, digits: int = 0) -> list[str]:
    return [f"{100 * s:.{digits}f}" for s in shares]


def column(place: str, family: str, key: str) -> list[float]:
    return [r[key] for r in views.race_book(place)["runs"] if r["family"] == family]


def size(place: str) -> list[str]:
    """How many a place has to learn, how many unseen, and the numbers of one."""
    there = arena.load(place)
    c, h, w = there.learn.x.shape[1:]
    return [f"{len(there.learn):,}", f"{len(there.unseen):,}", str(h), str(w), str(c * h * w)]


def tries() -> list[str]:
    """The recall of the VAE's tries on digits: of the chosen one, and the largest of those that did not fail."""
    rows = sorted(
        (r for r in views.race_book("digits")["search"]["VAE"] if not r["fails"]), key=lambda r: r["frechet"]
    )
    return [f"{v:.2f}".lstrip("0") for v in (rows[0]["recall"], max(r["recall"] for r in rows))]


def forward_millions() -> dict[str, str]:
    """One forward pass of each network on 8 x 8 digits, in millions of operations."""
    entries = arena.enter(arena.load("digits"))
    x, y = entries["GAN"].first
    g, d = (learner.model for learner in entries["GAN"].parts.learners)
    f = {
        "G": arena.forward_flops(g, g.noise(len(x), None), y) / len(x),
        "D": arena.forward_flops(d, x, y) / len(x),
    }
    f |= {k: arena.expected_flops(entries[k]) / 3 for k in ("DDPM", "VAE")}
    return {k: f"{v / 1e6:.1f}" for k, v in f.items()}


def epochs() -> list[str]:
    """The answer of section 2's guess: 3 F of the DDPM against 4 F of G and 12 of D, for k = 4."""
    f, k = forward_millions(), 4
    assert 3 * float(f["DDPM"]) > 4 * float(f["G"]) + (9 + 12 / k) * float(f["D"]) > 3 * float(f["VAE"])
    for place in ("grid", "mnist"):  # where it would have been the GAN
        each = {k: v["training_per_sample"] for k, v in views.race_book(place)["flops"].items()}
        assert each["GAN"] == max(each.values())
    return ["3", f["DDPM"], "4", f["G"], f"{9 + 12 / k:.0f}", f["D"]]


def widths() -> list[str]:
    """Median width of the islands: the DDPM's, real ones', the VAE's."""
    return [f"{v:.2f}" for v in (median(column("grid", "DDPM", "sd_ratio")), views.race_book("grid")["floor"]["sd_ratio"], median(column("grid", "VAE", "sd_ratio")))]  # fmt: skip


def copier(place: str) -> str:
    """What the dial reads for one who copies all it has learned, if only as many are compared as are unseen."""
    there = arena.load(place)
    among = len(there.unseen) / len(there.learn)
    return f"{among + (1 - among) / 2:.2f}"


def early_try() -> list[str]:
    """Planned seconds, seconds of a try, and the coverage that the GAN's chosen options had then."""
    book = views.race_book("grid")
    (row,) = (r for r in book["search"]["GAN"] if r["options"] == book["options"]["GAN"])
    return [str(book["seconds"]), str(book["tuning_seconds"]), f"{row['coverage']:.2f}"]


def interval(who: str) -> list[str]:
    return percent(found("copying", who, "low"), found("copying", who, "high"))


def after_a_quarter() -> list[str]:
    book = views.race_book("mnist")
    found = [sorted(r["curve"][2]["coverage"] for r in book["runs"] if r["family"] == f) for f in ("DDPM", "GAN")]  # fmt: skip
    ends = [f"{v:.2f}" for column in found for v in (column[0], column[-1])]
    return [*ends, f"{book['seconds'] / 4:.0f}", str(book["tuning_seconds"])]


def a_picture() -> str:
    return f"{64 * (mean(column('digits', 'VAE', 'bits')) - mean(column('digits', 'DDPM', 'bits'))):.0f}"


def found(*path: str):
    """One number of lesson 09's record."""
    value = views.recorded_latents()
    for key in path:
        value = value[key]
    return value


def trained_longer() -> list[str]:
    quality = json.loads((ROOT / "benchmarks" / "quality.json").read_text(encoding="utf-8"))["digits"]
    read, steps = ([s[k] for s in quality["seeds"]] for k in ("nearer_to_training", "steps"))
    bounds = [str(math.floor(100 * v + 0.5)) for v in (min(read), max(read))]
    return [quality["what"].split()[0], f"{min(steps):,}", f"{max(steps):,}", *bounds]


def walks_half_way() -> str:
    import latent_weights

    return default(latent_weights.halfway, "n")


GOOD_IS = [f"{GOOD:g}"]
SEEN, UNSEEN = (f"{len(part):,}" for part in views.seen_and_unseen())
MEASURED = {
    "07-live": lambda: [str(len(arena.load("grid").learn.modes)), code("07-live-code", r"seconds=(\d+)")],
    "07-live-table": lambda: GOOD_IS,
    "07-fair-guess": lambda: list(forward_millions().values()),
    "07-fair-reveal": epochs,
    "07-grid-after": widths,
    "07-digits-table": lambda: [size("digits")[1], size("digits")[1], size("digits")[0], copier("digits")],
    "07-sprites-table": lambda: [*size("sprites")[:2], copier("sprites")],
    "07-cost-even": lambda: [*GOOD_IS, *early_try()],
    "07-blind": lambda: [default(neighbourhoods, "k")],
    "07-blind-guess": lambda: [str(len(arena.load("grid").learn.modes))],
    "07-digits": lambda: size("digits")[:4],
    "07-digits-after": tries,
    "07-bits": lambda: ["17", "17", f"{math.log2(LEVELS):.2f}"] if LEVELS == 17 else [],
    "07-bits-reveal": lambda: [size("digits")[4], a_picture()],
    "07-sprites": lambda: [s for i, s in enumerate(size("sprites")) if i != 1],
    "07-sprites-reveal": lambda: [f"{arena.FAILS * views.race_book('sprites')['floor']['coverage']:.2f}"],
    "07-mnist": lambda: [*size("mnist"), size("sprites")[4]],
    "07-mnist-table": lambda: [*percent(views.race_book("mnist")["floor"]["accuracy"], digits=1), *size("mnist")[:2], copier("mnist")],
    "07-mnist-cross": after_a_quarter,
    "07-cost": lambda: GOOD_IS,
    "07-cost-reveal": lambda: GOOD_IS,
    "09-play": lambda: [SEEN, *size("digits")[2:]],
    "09-live": lambda: [code("09-live-code", r"seconds=(\d+)"), default(vae.build, "warmup")],
    "09-live-after": lambda: [str(LEVELS), default(vae.bits_per_dimension, "n")],
    "09-walk-arc": lambda: [f"{10_000 * chi2.cdf(64 / 2, 64):.0f}"],  # a length of at most sqrt(64 / 2)
    "09-walk-reveal": lambda: [f"{math.sqrt(64 / 2):.2f}"],
    "09-arc-after": lambda: [UNSEEN],
    "09-three-after": lambda: [walks_half_way()],
    "09-kept": lambda: [str(store.load(n).config["latent"]) for n in ("digits_vae2", "digits_vae")],
    "09-kept-intro": lambda: [UNSEEN],
    "09-kept-after": lambda: [str(store.load("digits_vae").config["latent"]),
                              *percent(found("kept", "digits_vae2", "named"), found("kept", "digits_vae", "named"), found("real_named"))],
    "09-kept-reveal": lambda: [f"{found('kept', 'digits_vae2', 'error') / found('kept', 'digits_vae', 'error'):.0f}",
                               *(f"{v:.3f}" for v in (found("kept", "digits_vae2", "error"), found("kept", "digits_vae", "error"), found("mean_digit")))],
    "09-blur-after": lambda: [SEEN],
    "09-lost-after": lambda: [f"{found('kept', 'digits_vae2', 'alike'):.0f}", str(store.load("digits_vae").config["latent"])],
    "09-s-guess": lambda: [f"{mean(r['s'] for r in found('s') if not r['fixed']):.1f}", *[f"{max(r['s'] for r in found('s')):.1f}"] * 2],
    "09-s-intro": lambda: [UNSEEN, UNSEEN],
    "09-s-reveal": lambda: [f"{max(r['s'] for r in found('s')):.1f}"],
    "09-copy": lambda: [UNSEEN, UNSEEN, SEEN, f"{100 * float(copier('digits')):.0f}"],
    "09-copy-guess": lambda: [SEEN],
    "09-copy-who": lambda: [str(found("copying", "DDPM of 20", "pictures")), f"{5 * found('copying', 'DDPM', 'n'):,}"],
    "09-copy-after": lambda: [str(found("copying", "DDPM of 20", "pictures")), *interval("GAN"), *interval("VAE")],
    "09-copy-between": lambda: [*percent(found("copying", "DDPM", "share")), f"{store.load('digits').card['steps']:,}", *trained_longer()],
    "09-copy-reveal": lambda: [*percent(*(found("copying", "DDPM", k) for k in ("share", "low", "high")), digits=1),
                               *percent(found("copying", "DDPM of 20", "share")), str(found("copying", "DDPM of 20", "pictures"))],
    "09-law": lambda: [str(found("copying", "DDPM of 20", "pictures"))],
    "09-debate": lambda: percent(found("copying", "DDPM", "share"), found("copying", "DDPM", "outright")),
}  # fmt: skip

QUOTED = {  # paper, its table, and what it prints there
    "07-papers": [
        ("Ho, Jain, Abbeel 2020", "table 1, simple loss: calls, FID, bits/dim", "1000 3.17 3.75"),
        ("Nichol, Dhariwal 2021", "4,000 steps, cosine: hybrid loss", "4000 3.19 3.17"),
        ("Nichol, Dhariwal 2021", "the same, bound only", "4000 11.47 2.94"),
        ("Song, Meng, Ermon 2021", "table 1, eta = 0: S = 1000, 50, 10", "1000 4.04 50 4.67 10 13.36"),
        ("Huang et al. 2024 (R3GAN)", "configuration E, CIFAR-10 with classes: calls, FID", "1 1.96"),
        ("Nichol, Dhariwal 2021", "said again below the table", "2.94 11.47 3.19"),
    ],
    "07-papers-equal": [
        ("Dhariwal, Nichol 2021", "table 10, LSUN Horse 256, StyleGAN2", "130 3.84 .63 .48"),
        ("Dhariwal, Nichol 2021", "the same, ADM with dropout", "116 2.57 .71 .55"),
        ("Dhariwal, Nichol 2021", "ImageNet 128, BigGAN-deep", "64 128 6.02 .86 .35"),
        ("Dhariwal, Nichol 2021", "the same, ADM-G after 450K steps", "63 5.67 .82 .49"),
        ("Huang et al. 2024 (R3GAN)", "FFHQ 256: its FID, ADM's, ADM's calls", "2.75 8.4 500"),
    ],
}

PLAIN = {  # minutes, names, years, numbers of a list or of an example, choices of a guess, 0 of "contains 0"
    "07-title": "90", "07-bet": "1 2", "07-fair-frechet": "0", "07-fair-unequal": "16 16 32", "07-live": "30", "07-live-table": "10", "07-fair": "40 2", "07-fair-guess": "8 8 4",
    "07-blind-after": "3 5 1 0", "07-grid": "0", "07-grid-table": "95 0 10", "07-grid-after": "95 0 3", "07-digits-reveal": "0", "07-digits-table": "0.50",
    "07-sprites-film": "0", "07-mnist-film": "0", "07-cost": "30", "07-cost-guess": "1,000", "07-cost-seen": "1,000",
    "07-papers": "10 2020 1 2021 0 2021 1 3 2024 3", "07-papers-equal": "2021 10 100 256 2 128 3 256 3", "07-limits": "10 10 10 95",
    "07-ex2": "0 5 2 1 1 1 4", "07-talk": "2.1 2.3", "07-summary": "0", "07-symbols": "1.96 95 06 09 2019 2020 2017 1927 1908 2020 2021 2021 2021 2024",
    "09-title": "80", "09-play-guess": "0", "09-play-try": "0 6", "09-play-reveal": "0", "09-elbo-scratch": "1", "09-live-after": "0",
    "09-walk": "64 64", "09-walk-guess": "64 8 8 5.7 4", "09-walk-code-intro": "10,000", "09-walk-arc": "10,000 3", "09-walk-reveal": "5.7 2 64 2",
    "09-kept-guess": "2 16 2 6 30", "09-s-guess": "0", "09-s-reveal": "0", "09-sharp": "1", "09-blur": "24", "09-copy": "50 100 95 2023", "09-copy-guess": "50 60 80 100",
    "09-copy-after": "50", "09-copy-reveal": "60 80", "09-blind-after": "50 100 2023 175", "09-law": "2026", "09-law-laws": "2026 30 4 2019 790 3 4 2025 53", "09-law-us": "2025",
    "09-debate": "2 2 2 2 1 2 20 20 5 20 20 3 4", "09-ex2": "0", "09-ex4": "1.0 0.0", "09-summary": "100", "09-symbols": "07 2014 2016 2016 2021 2023 2023 2023",
}  # fmt: skip


@pytest.mark.parametrize("cell_id", [i for i, c in CELLS.items() if numbers(c)])
def test_every_number_in_the_text_is_measured_quoted_or_declared(cell_id):
    quoted = " ".join(values for _, _, values in QUOTED.get(cell_id, ())).split()
    known = [*MEASURED.get(cell_id, list)(), *quoted, *PLAIN.get(cell_id, "").split()]
    said = Counter(numbers(CELLS[cell_id]))
    assert said == Counter(known), f"said but not known: {said - Counter(known)}; known but not said: {Counter(known) - said}"  # fmt: skip


def test_nothing_is_declared_for_a_cell_that_is_gone():
    assert {*MEASURED, *QUOTED, *PLAIN} <= {i for i, c in CELLS.items() if numbers(c)}


def test_a_number_that_changes_is_noticed():
    cell = dict(
        CELLS["09-kept-reveal"], source=["".join(CELLS["09-kept-reveal"]["source"]).replace("0.126", "0.125")]
    )
    assert Counter(numbers(cell)) != Counter(MEASURED["09-kept-reveal"]())
    assert numbers({"cell_type": "markdown", "source": ["In section 3, $2x$, 1,500 of .87 (0.71 to 4.09), 98.9 %."]}) == ["1,500", ".87", "0.71", "4.09", "98.9"]  # fmt: skip
