"""Lesson 09."""

import itertools
import math
import re
from statistics import mean

from scipy.stats import chi2

from diffusion_lib import store, vae
from diffusion_lib.course import lesson09
from diffusion_lib.course.lesson09.measures import seen_and_unseen
from diffusion_lib.evaluation import records

from . import benchmark, default, percent, steps
from .lesson07 import copier, size


def found(*path: str):
    """One number of lesson 09's record."""
    value = records.read("latents")
    for key in path:
        value = value[key]
    return value


def interval(who: str) -> list[str]:
    return percent(found("copying", who, "low"), found("copying", who, "high"))


def trained_longer() -> list[str]:
    quality = benchmark("quality")["digits"]
    read, steps = ([s[k] for s in quality["seeds"]] for k in ("nearer_to_training", "steps"))
    bounds = [str(math.floor(100 * v + 0.5)) for v in (min(read), max(read))]
    return [quality["what"].split()[0], f"{min(steps):,}", f"{max(steps):,}", *bounds]


def walks_half_way() -> str:
    import latent_weights

    return default(latent_weights.halfway, "n")


SEEN, UNSEEN = (f"{len(part):,}" for part in seen_and_unseen())


def as_long_as_noise() -> None:
    """Codes are as long as noise, arcs keep the contrast, a cross-fade does not, the VAE's straight line is as pale as one."""
    for name, row in found("halfway").items():
        assert abs(row["length"] / math.sqrt(row["numbers"]) - 1) < 0.02, name
        assert row["arc"] > 0.96 * row["ends"] and row["fade"] < 0.9 * row["ends"], name
        assert row["straight"] < 0.9 * row["ends"] if name == "VAE" else row["straight"] > 0.96 * row["ends"], name


def twice_as_large() -> None:
    """The error of 16 numbers: on unseen digits twice that on seen ones, of which nothing is averaging."""
    row = found("kept", "digits_vae")
    assert 1.8 < row["error"] / (row["several"] + row["decoder"]) < 2.2 and row["several"] < 0.001


def arcs_are_better() -> None:
    for row in found("midpoints"):
        assert row["straight"] > 1.3 * row["ends"] and row["arc"] < 1.25 * row["ends"], row


def nearer_to_the_mean() -> None:
    for caption in lesson09.why_blurred().film["captions"]:
        to_mean, to_digit = map(float, re.findall(r"\d\.\d+", caption))
        assert to_mean < to_digit, caption


def range_of_s() -> list[str]:
    """Reconstruction and new pictures, in the order of s, with no exception between the three settings."""
    runs = sorted(found("s"), key=lambda r: r["s"])
    thirds = [runs[i : i + 3] for i in (0, 3, 6)]
    for key, better in (("error", False), ("frechet", True)):
        for small, large in itertools.pairwise(thirds):
            gain = [[r[key] for r in part] for part in (small, large)]
            assert min(gain[0]) > max(gain[1]) if better else max(gain[0]) < min(gain[1]), key
    return [f"{runs[0]['s']:.1f}", f"{runs[-1]['s']:.1f}"]


MEASURED = {
    "09-play": lambda: [SEEN, *size("digits")[2:]],
    "09-live": lambda: [steps("09-live-code"), default(vae.build, "warmup")],
    "09-live-after": lambda: [str(seen_and_unseen()[0].levels), default(vae.bits_per_dimension, "n")],
    "09-walk-arc": lambda: [f"{10_000 * chi2.cdf(64 / 2, 64):.0f}"],  # a length of at most sqrt(64 / 2)
    "09-walk-reveal": lambda: [f"{math.sqrt(64 / 2):.2f}"],
    "09-arc-after": lambda: [UNSEEN],
    "09-three-after": lambda: [walks_half_way()],
    "09-kept": lambda: [str(store.load(n).config["latent"]) for n in ("digits_vae2", "digits_vae")],
    "09-kept-intro": lambda: [UNSEEN],
    "09-kept-after": lambda: [
        str(store.load("digits_vae").config["latent"]),
        *percent(found("kept", "digits_vae2", "named"), found("kept", "digits_vae", "named"), found("real_named")),
    ],
    "09-kept-reveal": lambda: [
        f"{found('kept', 'digits_vae2', 'error') / found('kept', 'digits_vae', 'error'):.0f}",
        *(
            f"{v:.3f}"
            for v in (found("kept", "digits_vae2", "error"), found("kept", "digits_vae", "error"), found("mean_digit"))
        ),
    ],
    "09-blur-after": lambda: [SEEN],
    "09-lost-after": lambda: [
        f"{found('kept', 'digits_vae2', 'alike'):.0f}",
        str(store.load("digits_vae").config["latent"]),
    ],
    "09-s-guess": lambda: [
        f"{mean(r['s'] for r in found('s') if not r['fixed']):.1f}",
        *[f"{max(r['s'] for r in found('s')):.1f}"] * 2,
    ],
    "09-s-intro": lambda: [UNSEEN, UNSEEN],
    "09-s-reveal": lambda: [f"{max(r['s'] for r in found('s')):.1f}"],
    "09-copy": lambda: [UNSEEN, UNSEEN, SEEN, f"{100 * float(copier('digits')):.0f}"],
    "09-copy-guess": lambda: [SEEN],
    "09-copy-who": lambda: [str(found("copying", "DDPM of 20", "pictures")), f"{5 * found('copying', 'DDPM', 'n'):,}"],
    "09-copy-after": lambda: [str(found("copying", "DDPM of 20", "pictures")), *interval("GAN"), *interval("VAE")],
    "09-copy-between": lambda: [
        *percent(found("copying", "DDPM", "share")),
        f"{store.load('digits').card['steps']:,}",
        *trained_longer(),
    ],
    "09-copy-reveal": lambda: [
        *percent(*(found("copying", "DDPM", k) for k in ("share", "low", "high")), digits=1),
        *percent(found("copying", "DDPM of 20", "share")),
        str(found("copying", "DDPM of 20", "pictures")),
    ],
    "09-law": lambda: [str(found("copying", "DDPM of 20", "pictures"))],
    "09-summary": range_of_s,
    "09-debate": lambda: percent(found("copying", "DDPM", "share"), found("copying", "DDPM", "outright")),
}

SHOWN = {
    "09-half-after": as_long_as_noise,
    "09-mid-after": arcs_are_better,
    "09-blur-after": nearer_to_the_mean,
    "09-lost-after": twice_as_large,
}

QUOTED: dict = {}

PLAIN = {  # minutes, numbers of a list or of an example, choices of a guess, 0 of "contains 0"
    "09-title": "80",
    "09-play-guess": "0",
    "09-play-try": "0 6",
    "09-play-reveal": "0",
    "09-elbo-scratch": "1",
    "09-live-after": "0",
    "09-walk": "64 64",
    "09-walk-guess": "64 8 8 5.7 4",
    "09-walk-code-intro": "10,000",
    "09-walk-arc": "10,000 2",
    "09-walk-reveal": "5.7 2 64 2",
    "09-kept-guess": "2 16 2 6 30",
    "09-s-guess": "0",
    "09-s-after": "0.5",
    "09-s-reveal": "0",
    "09-sharp": "1",
    "09-blur": "24",
    "09-copy": "50 100 95",
    "09-copy-guess": "50 60 80 100",
    "09-copy-after": "50",
    "09-copy-reveal": "60 80",
    "09-blind-after": "50 100 175",
    "09-law": "2026",
    "09-law-laws": "2026 30 4 2019 790 3 4 2025 53",
    "09-law-us": "2025",
    "09-debate": "2 2 2 2 1 2 20 20 5 20 20 3 4",
    "09-ex2": "0",
    "09-ex4": "1.0 0.0",
    "09-summary": "100",
}
