"""Lesson 04."""

from statistics import mean

import torch

from diffusion_lib import data, ddpm, store
from diffusion_lib.course import lesson04 as views
from diffusion_lib.diffusion import Schedule, add_noise
from diffusion_lib.evaluation.metrics import mode_report
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.train import fit

from . import benchmark, code, default, steps

SEEN = f"{len(data.digits().split(1000)[0]):,}"


def too_high() -> str:
    """How many times the learning rate of a healthy training, in whole hundreds."""
    times = float(code("04-break-rate", r"lr=([\d.]+)")) / ddpm.build(data.load("grid"))[1].learners[0].lr
    return f"{times // 100 * 100:.0f}"


def least_loss(t: int | None, n: int = 100_000) -> float:
    """The smallest v-loss there is on the islands at t (None: at the times that `ddpm.build` draws): the mean of Var(v | x_t).

    v = (sqrt(a) x_t - x_0) / sqrt(1 - a) given x_t, so Var(v | x_t) = Var(x_0 | x_t) / (1 - a); of a mixture, inside and between.
    """
    islands, schedule, g = data.load("grid"), Schedule.of("cosine", 1000), torch.Generator().manual_seed(0)
    t = ddpm.draw_times(n, schedule, "snr", g) if t is None else torch.full((n,), t)
    x0 = islands.x[torch.randint(len(islands), (n,), generator=g)]
    xt = add_noise(x0, t, torch.randn(n, 2, generator=g), schedule)
    r = mixture_denoiser(islands.modes, islands.sd, schedule).posterior_weights(xt, t)
    a, m = schedule.alpha_bar[t], islands.modes.double()
    d, between = a * islands.sd**2 + 1 - a, (r @ m.pow(2) - (r @ m).pow(2)).mean(1)
    return float((islands.sd**2 / d + (1 - a) / d**2 * between).mean())


def least(*times: int | None) -> list[str]:
    return [f"{least_loss(t):.2f}" for t in times]


def throws() -> list[str]:
    """What `benchmarks/variances.py` found: learned nearer than beta-tilde in every throw, beta nearest with 25 and 100 steps."""
    rows = benchmark("variances")["seeds"]
    nearer = {n: [r["β̃"][n] - r["learned"][n] for r in rows] for n in rows[0]["β"]}
    assert len(rows) == 5 and all(v > 0 for found in nearer.values() for v in found)
    assert all(r["β"][n] < r["learned"][n] for r in rows for n in ("25", "100"))
    assert all(r["β"]["5"] > r["β̃"]["5"] + 1 for r in rows)
    return [
        "5",
        default(views.variances, "n"),
        f"{mean(nearer['5']):.2f}",
        "5",
        f"{mean(nearer['100']):.2f}",
        "100",
        "25",
        "100",
    ]


def shipped() -> list[str]:
    card = store.load("mnist").card
    return [f"{card['items']:,}", f"{card['seconds'] / 60:.0f}"]


MEASURED = {
    "04-play": lambda: ["25", steps("04-points"), "600"],
    "04-points-after": lambda: [*least(None), "0"],
    "04-break-time": lambda: [str(int(code("04-break-time-code", r", (\d+)\)  # should")))],
    "04-break-after": lambda: [*least(500, 500, None), "40", *least(40)],
    "04-three-look": lambda: [SEEN, "8", "8", "1", "25", "0"],
    "04-loop": lambda: [code("04-loop-scratch", r"512\), ([0-9]+)\)")],
    "04-digits": lambda: [SEEN, "8", "8", steps("04-digits-train"), "30"],
    "04-digits-after": lambda: [steps("04-digits-train")],
    "04-stepper": shipped,
    "04-variance-after": throws,
    "04-own": lambda: [steps("04-own-train-code")],
    "04-own-train": lambda: [steps("04-own-train-code")],
    "04-break": lambda: [steps("04-break-rate"), too_high()],
}


def forgotten_times() -> None:
    """Trained at t = 500 only, the loss soon stands at the least there is, and the samples are nonsense: after 60 steps as after 1,500."""
    islands = data.load("grid")
    model, parts = ddpm.build(islands)
    learner = parts.learners[0]

    def forgetful(batch, generator):
        x0, t = batch[0], torch.full((len(batch[0]),), 500)
        eps = torch.randn(x0.shape, generator=generator)
        return {"loss": learner.descend(ddpm.ddpm_loss(learner.model, x0, t, eps, model.schedule, "v"))}

    losses = [r.values["loss"] for r in fit(*parts._replace(step=forgetful), steps=60)]
    drawn = mode_report(torch.cat(list(ddpm.draw(model, 500))), islands.modes, islands.sd)
    assert abs(mean(losses[-20:]) - least_loss(500)) < 0.03 and drawn["high_quality"] < 0.1, (losses[-20:], drawn)


SHOWN = {"04-break-after": forgotten_times}

QUOTED = {
    "04-variance": [("Sohl-Dickstein et al. 2015", "section 2.2: mean and covariance", "2015")],
    "04-symbols": [
        ("Ho, Jain, Abbeel 2020", "equations 5 and 14 and algorithm 1", "5 14 1"),
        ("Nichol, Dhariwal 2021", "equations 15 and 16", "15 16"),
        ("Karras et al. 2022", "equation 57", "57"),
    ],
}

PLAIN = {
    "04-variance": "0 1",
    "04-title": "0 1,000 80",
    "04-loss-after": "0 1 1",
    "04-loop-guess": "1,000 1,000 1,000 1,000,000",
    "04-three-guess": "0",
    "04-three-after": "0",
    "04-three-reveal": "0 0 0",
    "04-gap-after": "0",
    "04-stepper-after": "0",
    "04-bound": "1",
    "04-bound-reveal": "1",
    "04-ex1": "0 1 1",
    "04-ex3": "1",
    "04-ex4": "1",
    "04-ex-forgotten": "0 1 1",
    "04-talk": "0",
    "04-symbols": "0 1",
}
