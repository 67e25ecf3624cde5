"""Lesson 03: noise becomes a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from ...dataset import Data
from ...ddpm import Denoiser
from ...diffusion import Schedule, Step, add_noise, generator, log_normal, log_p_step, randn_like, sample
from ...evaluation.metrics import nearest
from ...oracle import MixtureDenoiser, ideal_denoiser, mixture_denoiser, mixture_step_back
from ...trace import Trace
from ...viz.figures import grid, to_uint8
from ...viz.panels import curve, pixels, scatter
from ...viz.player import FramePlayer
from ..common import Newest, PlayerBox, message, say
from ..controls import group

NOISE_VIEW = 3.0  # noise panels show -3..3 as black..white, or a third of all noise would be clipped


def _glass_box(trace: Trace, model: MixtureDenoiser | Denoiser, log_p_T: float, y: Tensor | None = None, x: Tensor | None = None) -> dict:  # fmt: skip
    """Panels, captions and labels of one walk: each symbol of the equation under its picture, with this step's value.

    y: the class that was asked for. x (N, ...): the training pictures, for a network, which has no list of pictures that
    are still possible; how near its guess is to one of these is shown instead.
    """
    steps = trace.steps
    a = model.schedule.alpha_bar
    numbers = [_coefficients(step, a) for step in steps]

    def film(what, scale=1.0):
        return to_uint8(trace.frames(what)[:, 0] / scale)

    log_p = log_p_T + torch.tensor([float(log_p_step(step)[0]) for step in steps]).cumsum(0)
    if isinstance(model, MixtureDenoiser):
        weights = torch.stack([model.posterior_weights(step.xt[:1], step.t, y)[0] for step in steps])
        watched = (
            torch.special.entr(weights).sum(1).exp()
        )  # the perplexity: "how many pictures is this still?"
        title, tell = "pictures it could still become", lambda v: f"still {_about(v)} possible"
        limits = None
    else:
        watched = nearest(trace.frames("x0_hat")[:, 0], x)[0]
        title, limits = "x̂_{0}: to the nearest training picture", (0.0, 1.1 * float(watched.max()))
        tell = lambda v: f"x̂_{{0}} is {v:.2f} a pixel from the nearest training picture"
    done = np.arange(len(steps))
    panels = [
        pixels(film("xt"), "x_{t}: now", notes=[f"t = {q.t}" for q in steps]),
        pixels(film("eps_hat", NOISE_VIEW), "ε̂: noise seen", lead="→"),
        pixels(film("x0_hat"), "x̂_{0}: best guess", lead="→", notes=[f"(x_{{t}} − {n['noise']:.2f} ε̂) / {n['signal']:.2f}" for n in numbers]),
        pixels(film("mean"), "μ: the mean", lead="→", notes=[f"{n['keep']:.2f} x̂_{{0}} + {n['direction']:.2f} ε̂" for n in numbers]),
        pixels(film("noise", NOISE_VIEW), "z: fresh noise", lead=[f"+ {q.sigma:.2f} ×" for q in steps], notes=[f"σ = {q.sigma:.3f}" for q in steps]),
        pixels(film("xs"), "x_{s}: next", lead="=", notes=[f"s = {q.s}" for q in steps]),
        curve(done, {"": watched.numpy()}, title, xlabel="step", cursor=done, ylim=limits),
        curve(done, {"": log_p.numpy()}, "log p of the path so far", xlabel="step", cursor=done),
    ]  # fmt: skip
    captions = [
        f"step {i + 1} of {len(steps)}:  {tell(p)}      log p = {lp:+,.0f} nats"
        + ("" if q.sigma else "      σ = 0: this step draws nothing, it adds nothing to log p")
        for i, (q, p, lp) in enumerate(zip(steps, watched, log_p, strict=True))
    ]
    return {"panels": panels, "captions": captions, "labels": [f"t = {q.t} → {q.s}" for q in steps]}


def _about(pictures: float) -> str:
    """A perplexity in words; only what is really 1 is called 1, since a re-roll may still change the picture."""
    return "1 picture" if pictures < 1.01 else f"about {pictures:,.{1 if pictures < 10 else 0}f} pictures"


def _coefficients(step: Step, alpha_bar: Tensor) -> dict[str, float]:
    """The four numbers of reverse_step's equations that are not pictures."""
    at, as_ = float(alpha_bar[step.t]), float(alpha_bar[step.s])
    return {
        "signal": math.sqrt(at),
        "noise": math.sqrt(1 - at),
        "keep": math.sqrt(as_),
        "direction": math.sqrt(max(0.0, 1 - as_ - step.sigma**2)),
    }


ANY = "any"
PERFECT, TRAINED = "perfect denoiser", "trained network"


def step_reverse(
    datasets: dict[str, Tensor | Data], schedule: Schedule, steps: int = 50, seed: int = 0, networks: dict[str, Denoiser] | None = None
) -> PlayerBox:  # fmt: skip
    """The glass-box stepper: every quantity of every reverse step of one picture, with the perfect denoiser of a data set.

    datasets: name -> x (N, C, H, W), or a Data. Choose the data and eta, start from new noise, or stop anywhere and re-roll the fresh
    noise from there on: the past stays, the future branches. Returns a box: `.player`, `.trace` and the controls are its attributes.

    networks: name of a data set -> a network trained on it, with the same schedule and a variance that is not learned. It adds
    a switch between the two denoisers, and, if the network has classes (and the data set is a Data), a choice of the class.
    """
    networks, sets = networks or {}, {}
    for name, d in datasets.items():
        sets[name] = d if isinstance(d, Data) else Data(d)
        if name in networks and not torch.equal(networks[name].schedule.alpha_bar, schedule.alpha_bar):
            raise ValueError(
                f"The network for {name!r} was trained with another schedule: give its own, networks[{name!r}].schedule."
            )
        if name in networks and networks[name].learns_variance:
            raise ValueError(
                f"The network for {name!r} has learned its variance, but the stepper shows one σ for all pixels."
            )
    models = {name: ideal_denoiser(d.x, schedule, d.y) for name, d in sets.items()}
    which = widgets.Dropdown(options=list(models), description="Data")
    eta = widgets.FloatSlider(
        1.0,
        min=0,
        max=1,
        step=0.1,
        description="η",
        readout_format=".1f",
        continuous_update=False,
        tooltip="η: how much fresh noise, from none (DDIM) to all (DDPM)",
    )
    start = widgets.Button(
        description="New noise",
        icon="refresh",
        tooltip="Begin again from another x at t = T",
        layout={"width": "140px"},
    )
    branch = widgets.Button(
        description="Re-roll z from here",
        icon="random",
        tooltip="Keep the past, draw new fresh noise from this step on",
        layout={"width": "220px"},
    )
    who = widgets.ToggleButtons(options=[PERFECT, TRAINED], style={"button_width": "170px"})
    kind = widgets.Dropdown(options=[ANY], description="Class", layout={"width": "180px"})
    says = message("Stop anywhere and re-roll: the past stays, the future changes.")
    box = PlayerBox()

    def classes() -> list[str]:
        network, d = networks.get(which.value), sets[which.value]
        return [ANY, *d.names] if network and network.net.config["classes"] and d.y is not None else [ANY]

    def trained() -> bool:
        return who.value == TRAINED and which.value in networks

    state, newest = {"seed": seed, "rolls": 0}, Newest()

    def walk(past: list[Step], stale=lambda: False) -> bool:
        """Walk on from `past` as the controls say, and show it; False, and nothing changes, if something newer was asked."""
        d = sets[which.value]
        model, x = networks[which.value] if trained() else models[which.value], d.x[:1]
        y = None if kind.value == ANY else torch.tensor([d.names.index(kind.value)])
        g = generator(1000 * state["seed"] + state["rolls"])
        xT = randn_like(x, generator(state["seed"]))
        times = schedule.times(steps)[len(past) :]
        trace = Trace(keep=steps + 1)
        for step in past:
            trace.add(step)
        clip = (
            1.0 if trained() else None
        )  # a perfect guess is an average of pictures, and so never leaves [-1, 1]
        begin, chance = past[-1].xs if past else xT, eta.value
        for step in sample(model, begin, schedule, times, generator=g, eta=chance, clip=clip, y=y):
            if stale():
                return False
            trace.add(step)
        log_p_T = float(log_normal(trace.steps[0].xt, torch.zeros_like(xT), 1.0))
        name = f"Reverse process on {which.value}, step by step" + (f", {who.value}" if networks else "")
        film = _glass_box(trace, model, log_p_T, y, d.x) | {"name": name}
        if box.player:
            box.player.update(**film)
        else:
            box.player = FramePlayer(**film, fps=6, panel_width=200)
        box.trace = trace
        return True

    def ask(past, told) -> None:
        """Say that it is computed, walk, and then say `told()`."""
        say(says, "Computing …")

        def work(stale):
            try:
                if walk(past(), stale):
                    say(says, told())
            except Exception as error:  # nobody sees the traceback of a thread
                say(says, f"It broke off: {type(error).__name__}: {error}", bad=True)
                raise

        newest.ask(work)

    def on_branch(_):
        state["rolls"] += 1
        i = box.player.value
        ask(lambda: box.trace.steps[:i],
            lambda: f"New fresh noise from t = {box.trace.steps[i].t} on. Step forward: is it the same picture in the end?")  # fmt: skip

    def on_start(_):
        def told() -> str:
            box.player.value = 0
            return "A new x_{T}: other noise, another picture."

        state["seed"], state["rolls"] = state["seed"] + 1, 0
        ask(list, told)

    def on_setting(_):
        ask(list, lambda: "η = 0: no fresh noise at all (DDIM); x_{T} alone decides." if eta.value == 0 else f"η = {eta.value:.1f} of the DDPM noise.")  # fmt: skip

    def on_data(change):
        if networks:
            who.disabled = which.value not in networks
            kind.options = classes()
            kind.disabled = len(kind.options) == 1
        on_setting(change)

    def on_who(_):
        ask(list, lambda: (
            "The trained network: it has seen the pictures, and kept rules instead of them." if trained()
            else "The perfect denoiser: an average of the training pictures, weighted by how well each fits."))  # fmt: skip

    def on_kind(_):
        ask(list, lambda: "No class asked for." if kind.value == ANY else f"Asked for class {kind.value}.")

    branch.on_click(on_branch)
    start.on_click(on_start)
    if networks:
        kind.options = classes()
        who.observe(on_who, "value")
        kind.observe(on_kind, "value")
    which.observe(on_data, "value")
    eta.observe(on_setting, "value")
    walk([])
    extra = [who, kind] if networks else []
    box.children = (
        group([which, eta, start, branch, *extra], name="The walk"),
        box.player,
        says,
    )
    box.which, box.eta, box.start, box.branch, box.says = which, eta, start, branch, says
    box.who, box.kind = who, kind
    return box


def ancestors(
    x: Tensor,
    schedule: Schedule,
    picture: int = 0,
    times: Sequence[int] = (10, 20, 30, 40, 50),
    n: int = 12,
    seed: int = 0,
) -> FramePlayer:
    """Noise one picture of x (N, C, H, W) to time t, then walk back n times with other fresh noise: who comes home?"""
    g, model, x0 = generator(seed), ideal_denoiser(x, schedule), x[picture : picture + 1]
    eps = randn_like(x0, g)
    noisy, homes, captions = [], [], []
    for t in times:
        xt = add_noise(x0, t, eps, schedule)
        *_, last = sample(model, xt.repeat(n, 1, 1, 1), schedule, range(t, -1, -1), generator=g)
        _, which = nearest(last.xs, x)
        noisy.append(to_uint8(xt[0]))
        homes.append(grid(last.xs, columns=4))
        kinds, same = len(which.unique()), int((which == picture).sum())
        found = f"{kinds} different pictures" if kinds > 1 else "always the same picture"
        captions.append(f"{n} walks back from one x_{{{t}}}:  {found}, {same} of {n} the one that was")
    return FramePlayer(
        [
            pixels(to_uint8(x0), "x_{0}: the one that was"),
            pixels(np.stack(noisy), "x_{t}: what is left of it"),
            pixels(np.stack(homes), "its possible ancestors"),
        ],
        captions=captions,
        labels=[f"from t = {t}" for t in times],
        name="One noisy picture has many possible ancestors",
        fps=1,
    )


def memory(x: Tensor, schedule: Schedule, n: int = 16, seed: int = 0) -> FramePlayer:
    """n walks with the perfect denoiser of x (N, C, H, W), each x0_hat on its way beside the training picture it ends at."""
    g = generator(seed)
    xT = torch.randn(n, *x.shape[1:], generator=g)
    trace = Trace().record(sample(ideal_denoiser(x, schedule), xT, schedule, generator=g))
    _, home = nearest(trace.final, x)
    away = [nearest(step.xs, x[home])[0].mean() for step in trace.steps]
    return FramePlayer(
        [
            pixels(np.stack([grid(step.xs, columns=4) for step in trace.steps]), "x_{s}: the walk"),
            pixels(np.stack([grid(step.x0_hat, columns=4) for step in trace.steps]), "x̂_{0}: the guess"),
            pixels(grid(x[home], columns=4)[None], "nearest training pictures at the end"),
        ],
        captions=[
            f"after t = {q.t}: mean distance to the nearest of those pictures {d:.4f} a pixel"
            for q, d in zip(trace.steps, away, strict=True)
        ],
        labels=[f"t = {q.t} → {q.s}" for q in trace.steps],
        name="Samples of the perfect denoiser beside their nearest training pictures",
        fps=8,
    )


def is_it_gaussian(xt: float = 0.3, n: int = 60) -> FramePlayer:
    """The true reverse step of a two-mode mixture beside the Gaussian of the same mean and variance, for beta from .001 to .999."""
    normal = torch.distributions.Normal
    betas = torch.linspace(math.log(0.001), math.log(0.999), n, dtype=torch.float64).exp()
    modes, half = torch.tensor([-1.0, 1.0], dtype=torch.float64), torch.full((2,), 0.5, dtype=torch.float64)
    x = torch.linspace(-3, 3, 1201, dtype=torch.float64)
    truth, fit, gap = [], [], []
    for beta in betas.tolist():
        r, m, v = mixture_step_back(torch.tensor([xt], dtype=torch.float64), beta, modes, 0.2, half)
        p = (r * normal(m, math.sqrt(v)).log_prob(x[:, None]).exp()).sum(1)
        mean = (r * m).sum()
        spread = v + (r * (m - mean) ** 2).sum()
        fitted = normal(mean, spread.sqrt())  # the Gaussian of the same mean and variance
        gap.append(float(torch.trapezoid(torch.special.xlogy(p, p) - p * fitted.log_prob(x), x)))
        truth.append((p / p.max()).numpy())
        fit.append((fitted.log_prob(x).exp() / p.max()).numpy())
    betas = betas.numpy()
    return FramePlayer(
        [
            curve(x, {"true q": np.stack(truth), "Gaussian fit": np.stack(fit)}, "q(x_{t-1} | x_{t}), true and fitted", xlabel="x_{t-1}", ylim=(0, 1.15)),
            curve(np.log10(betas), {"": np.array(gap)}, "how wrong the Gaussian is", xlabel="log_{10} β", ylabel="KL in nats", cursor=np.log10(betas)),
        ],
        captions=[f"β = {b:.3f}, x_{{t}} = {xt}:  KL(true | Gaussian) = {k:.4f} nats" for b, k in zip(betas, gap, strict=True)],
        labels=[f"β = {b:.3f}" for b in betas],
        name="The true reverse step of a two-mode mixture beside its Gaussian fit",
        fps=10,
    )  # fmt: skip


def few_steps(
    x: Tensor,
    means: Tensor,
    sd: float,
    schedule: Schedule,
    counts: Sequence[int] = (1, 2, 3, 5, 10, 20, 50, 100),
    n: int = 600,
    seed: int = 0,
) -> FramePlayer:
    """One x_T walked to x_0 in few or many steps with perfect denoisers: what haste costs.

    Pictures of x (N, C, H, W) with DDPM, and points of a mixture (means (K, 2), sd) with DDPM and with DDIM.
    """
    g = generator(seed)
    picture_T, point_T = torch.randn(12, *x.shape[1:], generator=g), torch.randn(n, 2, generator=g)
    remembers, knows = ideal_denoiser(x, schedule), mixture_denoiser(means, sd, schedule)
    pictures, films, captions = [], {1.0: [], 0.0: []}, []
    for count in counts:
        *_, last = sample(remembers, picture_T, schedule, count, generator=generator(seed + 1))
        pictures.append(grid(last.xs, columns=4))
        share = {}
        for eta, film in films.items():
            *_, last = sample(knows, point_T, schedule, count, generator=generator(seed + 1), eta=eta)
            film.append(last.xs)
            # nearest() is per number, a mode's radius is in the plane: sqrt(2) between them
            share[eta] = float((nearest(last.xs, means)[0] * math.sqrt(2) < 3 * sd).double().mean())
        captions.append(
            f"{count} step{'s' if count > 1 else ''}:  points that reach an island (within 3 sd): "
            f"{share[1.0]:.0%} with DDPM, {share[0.0]:.0%} with DDIM      (99% would be perfect)"
        )

    def plane(film, title):
        points = torch.stack(film).numpy()
        return scatter(
            means,
            title,
            colors=-1,
            size=14,
            layers=[{"points": points, "colors": 0, "size": 4}],
            xlim=(-2.4, 2.4),
            ylim=(-2.4, 2.4),
        )

    return FramePlayer(
        [
            pixels(np.stack(pictures), "pictures, η = 1"),
            plane(films[1.0], "points, η = 1 (DDPM)"),
            plane(films[0.0], "points, η = 0 (DDIM)"),
        ],
        captions=captions,
        labels=[f"{c} step{'s' if c > 1 else ''}" for c in counts],
        name="Few steps or many from the same noise",
        fps=1,
    )
