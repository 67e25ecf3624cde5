"""Lesson 02."""

import math
from functools import cache

import torch

from diffusion_lib import data
from diffusion_lib.course import lesson02 as views
from diffusion_lib.course.lesson02.views import RAW, schedule_test
from diffusion_lib.diffusion import Schedule

from . import code, default, percent, said_by


def paper() -> list[float]:
    """What the paper's betas leave, step after step."""
    return torch.cumprod(1 - torch.linspace(0.0001, 0.02, 1000, dtype=torch.float64), 0).tolist()


def reused() -> Schedule:
    return Schedule.from_beta(torch.linspace(0.0001, 0.02, 50))


@cache
def accident(spread: float) -> tuple:
    """The film of the accident: islands reached, share and fair share of the inner 9, nats of the cloud; spreads at T of walk and data."""
    film = schedule_test(reused(), spread)
    walk, truth = (panel["notes"][0].split()[-1] for panel in film.film["panels"])
    reached, _, inner, share, fair, _, nats = said_by(film)
    return reached, inner, share, fair, nats, walk, truth


def accident_after() -> list[str]:
    _, inner, share, fair, _, walk, truth = accident(RAW)
    return ["50", f"{float(truth):.1f}", f"{float(walk):.1f}", inner, share, fair, "3", "300"]


def unit_after() -> list[str]:
    reached, *_, nats, _, _ = accident(1.0)
    gauge = reused().terminal_kl(data.grid(2000, 0).x)
    return [reached, f"{gauge:.2f}", "50", "0", "1", nats, *"11111", code("02-pictures-play", r"sprites\((\d+)")]


def pictures_after() -> list[str]:
    cats = int(code("02-pictures-play", r"size=(\d+)"))
    many = 3 * cats * cats
    return ["50", *percent(math.sqrt(reused().alpha_bar[-1])), str(many), "0", f"{1 / math.sqrt(many):.2f}"]


MEASURED = {
    "02-beta-after": lambda: ["0.02", f"{paper()[-1]:.5f}"],
    "02-beta-reveal": lambda: [*percent(0.98**50), "0.98", "50", f"{0.98**50:.3f}", "2"],
    "02-db-reveal": lambda: [*"0.01 20 1".split(), f"{10 ** (20 / 10):.0f}", *"1 101 1 101".split(), f"{1 / 101:.4f}"],
    "02-kl-mc-words": lambda: [code("02-kl-mc", r"sample\(\((\d+),")],
    "02-kl-reveal": lambda: ["10", "0.01", f"{math.sqrt(0.01):g}"],
    "02-accident": lambda: ["50", "0.0001", "0.02", str(len(data.load("grid").modes)), *"42024"],
    "02-accident-guess": lambda: [default(schedule_test, "n"), "50", "25"],
    "02-accident-after": accident_after,
    "02-unit": lambda: [f"{RAW:.2f}", "1"],
    "02-unit-after": unit_after,
    "02-pictures-guess": lambda: [code("02-pictures-play", r"sprites\((\d+)"), default(views.picture_test, "n")],
    "02-pictures-after": pictures_after,
    "02-size-after": lambda: [f"{20 * math.log10(4):.0f}"],
    "02-shift-words": lambda: ["4", "4", f"{20 * math.log10(4):.0f}"],
    "02-break": lambda: [
        str(int(code("02-break-play", r"leap\[(\d+)\]")) + 1),
        code("02-break-play", r"full\(\((\d+),"),
        "1",
    ],
}


def nobody_in_daylight() -> None:
    cats = data.sprites(500, size=32, seed=0, species="cat").x
    caption = views.picture_test(reused(), cats).film["captions"][0]
    brightest = float(caption.split("brightness ")[1].split(" to ")[1].split(",")[0])
    day = cats.flatten(1).mean(1) > cats.flatten(1).mean(1).median()
    assert brightest < float(cats.flatten(1).mean(1)[day].min()), caption


SHOWN = {"02-pictures-reveal": nobody_in_daylight}

QUOTED = {
    "02-play-after": [
        ("Ho, Jain, Abbeel 2020", "section 4", "2020"),
        ("Nichol, Dhariwal 2021", "section 3.2", "2021"),
        ("Jabri, Fleet, Chen 2022", "sigmoid", "2022"),
    ],
    "02-beta-code": [("Ho, Jain, Abbeel 2020", "section 4", "1000 0.0001 0.02")],
    "02-symbols": [("Nichol, Dhariwal 2021", "equation 17 (cosine)", "17")],
}

PLAIN = {
    "02-beta-code": "1",
    "02-title": "50 50 1000 55",
    "02-play": "1 2 1000 3",
    "02-play-after": "1 0",
    "02-beta-guess": "2 0.02 50 50 2 36 98",
    "02-db": "0.99 0.97 0.01 0.03 0 10 10",
    "02-db-guess": "0 0.5 20 0.3 0.1 0.01",
    "02-db-code": "1 0 20",
    "02-db-look": "20",
    "02-kl": "0 0 1 1 1",
    "02-kl-guess": "0.01 0.01 1 10",
    "02-kl-code": "50",
    "02-kl-after": "0.001 0",
    "02-size": "32 32 128 128",
    "02-size-guess": "2 2",
    "02-size-look": "4 4",
    "02-size-reveal": "4",
    "02-ex1": "1",
    "02-ex3": "0.001",
    "02-ex5": "1",
    "02-talk": "0 0 0 0 0 0 1 1",
    "02-summary": "1 1",
    "02-symbols": "1",
}
