"""Lesson 06: the recorded cures, and two reasons why GANs fail in numbers: a slope that vanishes, a game that circles."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import data as _data
from .. import gan
from ..figures import Figure, _drawing
from ..player import FramePlayer, curve, scatter
from ..plots import _plot
from .tables import Table, table

RECORDS = Path(__file__).parent.parent / "records"


def recorded() -> dict[str, list[dict]]:
    """The runs that `benchmarks/cures.py` recorded: {recipe: its runs in the order of their seeds}."""
    runs = json.loads((RECORDS / "cures.json").read_text("utf-8"))["runs"]
    by = {name: [r for r in runs if r["recipe"] == name] for name in gan.RECIPES}
    return {name: sorted(rows, key=lambda r: r["seed"]) for name, rows in by.items() if rows}


def cures(width: float = 9.0) -> Figure:
    """Every recorded run as a small picture: a row for each recipe, a column for each seed; the number counts its modes.

    Orange frame: the run lost at least one mode (strict count, `mode_report`).
    """
    rows, modes = recorded(), _data.ring(16).modes.numpy()
    columns, side = max(5, *map(len, rows.values())), 4.6
    with _drawing():
        fig, (ax,), palette = _plot(width=width, height=0.4 + width * (len(rows) + 0.3) / (columns + 3.2))
        ax.grid(False)
        ax.spines[:].set_visible(False)
        for i, runs in enumerate(rows.values()):
            for j, run in enumerate(runs):
                at, hue = np.array([j * side, -i * side]), palette[1 if run["lost"] else 0]
                x = np.array(run["points"]).reshape(-1, 2) / 100
                x = x[np.abs(x).max(1) < 2.1] + at
                ax.scatter(*(modes + at).T, s=14, c="#c9cfd6", linewidths=0)
                ax.scatter(*x.T, s=1.2, c=hue, linewidths=0)
                edge = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * 2.1 + at
                ax.plot(*edge.T, c=hue, lw=1.8 if run["lost"] else 0.8)
                ax.text(
                    *at,
                    str(run["final"]["modes"]) + "\n(all outside)" * (not len(x)),
                    ha="center",
                    va="center",
                    size=9,
                    weight="bold",
                    color=hue,
                )
        names = [
            f"{name}\nlost modes: {sum(r['lost'] for r in runs)} of {len(runs)}"
            for name, runs in rows.items()
        ]
        ax.set(yticks=[-i * side for i in range(len(rows))], yticklabels=names,
               xticks=[j * side for j in range(columns)], xticklabels=[f"seed {j}" for j in range(columns)],
               xlim=(-2.3, (columns - 1) * side + 2.3), ylim=(-(len(rows) - 1) * side - 2.3, 2.3), aspect="equal")  # fmt: skip
        ax.tick_params(length=0, labelsize=10, labeltop=True, labelbottom=False)
    return fig


def cures_table() -> Table:
    """The same runs in numbers: failures of each kind, and the median share within 3 sd, width and steps."""
    rows = []
    for name, runs in recorded().items():
        n, found = len(runs), sorted(r["final"]["modes"] for r in runs)
        good, steps = (statistics.median(v) for v in ([r["final"]["high_quality"] for r in runs], [r["steps"] for r in runs]))  # fmt: skip
        lost, blurred = (f"{sum(r[k] for r in runs)} of {n}" for k in ("lost", "blurred"))
        span = f"{found[0]} to {found[-1]}"
        rows.append([name, lost, blurred, span, f"{good:.1%}", f"{steps:,.0f}"])
    return table(["recipe", "lost a mode", "blurred", "modes", "within 3 sd", "steps"], rows)


# ---------------------------------------------------------------------------------------- a slope that vanishes


def slope_factors(score: Tensor) -> dict[str, Tensor]:
    """How strongly G is pushed at a fake with this score (B,): |d loss / d score|, exactly.

    minimax: sigmoid(score), which is D's probability that the fake is real; non-saturating: sigmoid(-score).
    """
    return {"minimax": score.sigmoid(), "non-saturating": (-score).sigmoid()}


def winning(data: _data.Data, steps: int = 300, looks: int = 30, seed: int = 0) -> FramePlayer:
    """D is taught alone while G waits; how long is the gradient that G would get, by each of two losses? Nobody tells G.

    The gradient's length is over all of G's weights, for a batch of 500. `steps` of D, a few seconds.
    """
    _, parts = gan.build(data, loss="non-saturating", seed=seed)
    g, d = parts.learners
    dice, batches, rows = torch.Generator().manual_seed(seed), iter(parts.batches), []
    real, z = data.x[:500], g.model.noise(500, torch.Generator().manual_seed(1))
    for step in range(steps + 1):
        if step % max(1, steps // looks) == 0:
            rows.append([step, *_lengths(g.model, d.model, real, z)])
        with torch.no_grad():
            fake = g.model(g.model.noise(256, dice))
        gan.d_step(d, next(batches)[0], fake, gan.LOSSES["minimax"], gan.Regular(), dice)
    step, p_real, p_fake, minimax, other = np.array(rows).T
    logs = {"minimax (2014)": np.log10(minimax + 1e-12), "non-saturating": np.log10(other + 1e-12)}
    here = {"cursor": step, "xlabel": "lessons that D had"}
    low, high = (
        math.floor(min(v.min() for v in logs.values())),
        math.ceil(max(v.max() for v in logs.values())),
    )
    slopes = curve(step, logs, "gradient that reaches G", ylim=(low, high + 0.1), **here)
    slopes |= {"yticks": [[v, f"{10.0**v:g}"] for v in range(low, high + 1)]}
    panels = [curve(step, {"of real": p_real, "of fakes": p_fake}, 'D says "real" with probability', ylim=(-0.04, 1.1), **here), slopes]  # fmt: skip
    captions = [
        f"D gives fakes {f:.2g}. Length of G's gradient: {a:.2g} (minimax), {b:.2g} (non-saturating)"
        for _, _, f, a, b in rows
    ]
    return FramePlayer(panels, captions=captions, labels=[f"{s:.0f} lessons" for s in step], name="D wins, and G's gradient vanishes", start=len(rows) - 1)  # fmt: skip


def _lengths(g, d, real: Tensor, z: Tensor) -> list[float]:
    """Mean probabilities of real and fake, and the length of G's gradient by the two losses."""
    fake = g(z)
    with torch.no_grad():
        scores = d(real)
    out = [float(scores.sigmoid().mean()), float(d(fake).sigmoid().mean().detach())]
    for name in ("minimax", "non-saturating"):
        slopes = torch.autograd.grad(
            gan.LOSSES[name].g(scores, d(fake)), list(g.parameters()), retain_graph=True
        )
        out.append(math.sqrt(sum(float(s.pow(2).sum()) for s in slopes)))
    return out


# ---------------------------------------------------------------------------------------- a game that circles


def bilinear(x: float, y: float, lr: float, steps: int, alternating: bool = False) -> Tensor:
    """The path of min over x, max over y of x y by gradient steps, (steps + 1, 2). The only balance is (0, 0).

    Both at once multiplies the radius by sqrt(1 + lr^2) in every step. Alternating, y answers to the new x: then
    x^2 + y^2 - lr x y keeps its value, so for lr < 2 the path stays on an ellipse for ever. It never arrives.
    """
    path = [(x, y)]
    for _ in range(steps):
        old = x
        x = x - lr * y
        y = y + lr * (x if alternating else old)
        path.append((x, y))
    return torch.tensor(path, dtype=torch.float64)


def circling(lr: float = 0.2, steps: int = 60) -> FramePlayer:
    """`bilinear` as a film: both at once, and in turns; beside it the radius."""
    paths = {"at once": bilinear(1.0, 0.0, lr, steps), "in turns": bilinear(1.0, 0.0, lr, steps, True)}
    radius = {name: p.norm(dim=1).numpy() for name, p in paths.items()}
    limit, t = 1.1 * max(r.max() for r in radius.values()), np.arange(steps + 1)
    clouds = [{"points": p[:, None].numpy(), "colors": i, "size": 12, "trail": (0,), "name": name} for i, (name, p) in enumerate(paths.items())]  # fmt: skip
    plane = {
        "xlim": (-limit, limit),
        "ylim": (-limit, limit),
        "xlabel": "x, who wants x·y small",
        "ylabel": "y, who wants it large",
    }
    game = scatter(np.zeros((1, 2)), "the game", colors=-1, size=10, layers=clouds, **plane)
    growth = curve(t, radius, "distance from the balance (0, 0)", cursor=t, xlabel="step", ylim=(0, limit))
    captions = [
        f"step {i}: at once {radius['at once'][i]:.2f}, in turns {radius['in turns'][i]:.2f}" for i in t
    ]
    return FramePlayer([game, growth], captions=captions, labels=[f"step {i}" for i in t], name="A game that circles", start=steps)  # fmt: skip
