"""Lesson 04."""

from diffusion_lib import data, ddpm, store, views

from . import code, default, steps

SEEN = f"{len(data.digits().split(1000)[0]):,}"


def too_high() -> str:
    """How many times the learning rate of a healthy training, in whole hundreds."""
    times = float(code("04-break-rate", r"lr=([\d.]+)")) / ddpm.build(data.load("grid"))[1].learners[0].lr
    return f"{times // 100 * 100:.0f}"


def shipped() -> list[str]:
    card = store.load("mnist").card
    return [f"{card['items']:,}", f"{card['seconds'] / 60:.0f}"]


MEASURED = {
    "04-play": lambda: ["25", steps("04-points"), "600"],
    "04-three-look": lambda: [SEEN, "8", "8", "1", "25", "0"],
    "04-loop": lambda: [code("04-loop-scratch", r"512\), ([0-9]+)\)")],
    "04-digits": lambda: [SEEN, "8", "8", steps("04-digits-train"), "30"],
    "04-digits-after": lambda: [steps("04-digits-train")],
    "04-stepper": shipped,
    "04-variance-after": lambda: ["100", "5", default(views.variances, "n"), "1"],
    "04-own": lambda: [steps("04-own-train-code")],
    "04-own-train": lambda: [steps("04-own-train-code")],
    "04-break": lambda: [steps("04-break-rate"), too_high()],
}

QUOTED = {
    "04-symbols": [
        ("Ho, Jain, Abbeel 2020", "equations 5 and 14 and algorithm 1", "2020 5 14 1"),
        ("Nichol, Dhariwal 2021", "equations 15 and 16", "2021 15 16"),
        ("Salimans, Ho 2022", "section 4", "2022"),
        ("Karras et al. 2022", "equation 57", "2022 57"),
        ("Karras et al. 2024", "the moving average", "2024"),
    ],
}

PLAIN = {
    "04-title": "0 1,000 80",
    "04-points-after": "0",
    "04-loss-after": "0 1 1",
    "04-loop-guess": "1,000 1,000 1,000 1,000,000",
    "04-three-guess": "0",
    "04-three-after": "0",
    "04-three-reveal": "0 0 0",
    "04-gap-after": "0",
    "04-stepper-after": "0",
    "04-bound": "1",
    "04-bound-reveal": "1",
    "04-break-time": "500",
    "04-ex1": "0 1",
    "04-ex3": "1",
    "04-ex4": "1",
    "04-ex-forgotten": "0 1 1",
    "04-talk": "0",
    "04-symbols": "0 1",
}
