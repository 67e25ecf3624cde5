"""Lesson 06: the recorded cures, how far G moves, and two reasons why GANs fail: a slope that vanishes, a game that circles."""

from __future__ import annotations

import math
import statistics
from textwrap import fill

import numpy as np
import torch
from torch import Tensor

from ... import data as _data
from ... import gan
from ...evaluation import records
from ...values import need
from ...viz.figures import Figure, drawing
from ...viz.panels import curve, scatter
from ...viz.player import FramePlayer
from ...viz.plots import blank_axes
from ...viz.tables import Table, table
from ...words import N_, _

NETWORKS = (N_("plain"), N_("waves"))
KINDS, FATES = (*NETWORKS, "usual"), (N_("flew apart"), N_("clump between"))
FILMED = ("minimax (2014)", "non-saturating", "+ R1 + R2", "RpGAN + R1 + R2")
PLAYED = {"plain": N_("plain descent"), "Adam": "Adam"}


def recorded(kind: str) -> dict[str, list[dict]]:
    """{recipe: its recorded runs in the order of their seeds}. kind: "plain" or "waves", each recipe at its best rate in such
    networks; "usual": the two losses of 2014 with the network and the rate that `gan.build` takes by itself, "waves" and 0.002."""
    need(kind in KINDS, f"The cures were recorded as {', '.join(map(repr, KINDS))}: got {kind!r}.")
    kind_of = lambda r: r["choice"] if r["choice"] == "usual" else r["network"]
    runs = [r for r in records.read("cures")["runs"] if kind_of(r) == kind]
    by = {name: [r for r in runs if r["recipe"] == name] for name in gan.RECIPES}
    return {name: sorted(rows, key=lambda r: r["seed"]) for name, rows in by.items() if rows}


def tries_table() -> Table:
    """What each recipe's six tries covered (overlap): two networks, three rates, one seed. The largest of a row is marked."""
    book, rows = records.read("cures"), []
    pairs = [(n, lr) for n in NETWORKS for lr in sorted({t["lr"] for t in book["tries"]})]
    for name, choice in book["choices"].items():
        found = {(t["network"], t["lr"]): t["overlap"] for t in book["tries"] if t["recipe"] == name}
        best = (choice["chosen"]["network"], choice["chosen"]["lr"])
        rows.append([name, *(f"{found[p]:.2f}{' *' * (p == best)}" for p in pairs)])
    head = [N_("overlap"), *(f"{_(n)}, {lr:g}" for n, lr in pairs)]
    return table(head, rows, [_("* chosen: {rule}.").format(rule=_(book["rule"]))])


def cures_table(kind: str) -> Table:
    """All recorded runs of a kind (see `recorded`): how many failed in which way, where they went, and medians with the range."""
    rows = []
    for name, runs in recorded(kind).items():
        n, fate = len(runs), [whereabouts(r) for r in runs]
        cover = sorted(r["final"]["overlap"] for r in runs)
        counts = [_("{n} of {all}").format(n=sum(r[k] for r in runs), all=n) for k in ("off", "lost", "blurred")]
        went = [f"{fate.count(k)}" for k in FATES]
        chosen, rate = " *" * (runs[0]["choice"] == "chosen"), f"{runs[0]['options']['lr']:g}"
        span = _("{middle:.2f} ({low:.2f} to {high:.2f})")
        span = span.format(middle=statistics.median(cover), low=cover[0], high=cover[-1])
        rows.append([_(name) + chosen, rate, *counts, *went, span, f"{runs[0]['steps']:,}"])
    notes = [
        _(
            "Flew apart: over half of the fakes ended outside the picture. Clump between: over half in one spot between the islands."
        )
    ]
    if kind in NETWORKS:
        notes.append(_("* this network was its better one in the tries."))
    first = {"plain": _("plain networks"), "waves": _("networks with waves")}.get(kind, _("recipe"))
    head = [first, N_("rate"), N_("off"), N_("lost"), N_("blurred"), *FATES, N_("overlap"), N_("steps")]
    return table(head, rows, notes)


def whereabouts(run: dict) -> str:
    """Where the fakes of a run ended, a word of FATES or "". flew apart: over half are outside the plot, at about 1.5 times the
    islands' distance from the middle; clump between: over half lie in one spot that is not near any island."""
    if run["final"]["beyond"] > 0.5:
        return FATES[0]
    clump = run["final"]["clump"]
    return FATES[1] if clump["between"] and clump["share"] > 0.5 else ""


def _under(run: dict) -> str:
    """What is written under a run's picture: islands found and the share on them, or why none are counted."""
    final = run["final"]
    if run["off"] and final["beyond"] > 0.5:
        return _("{share:.0%} out").format(share=final["beyond"])
    return f"{'–' if run['off'] else final['modes']} · {final['high_quality']:.0%}"


def edged(x: np.ndarray, limit: float) -> np.ndarray:
    """Points (..., 2) outside the square of this half side, moved to its edge towards its centre; the others as they are."""
    most = np.abs(x).max(-1, keepdims=True)
    return x * np.minimum(1, limit / np.maximum(most, 1e-12))


def cures(kind: str, width: float = 7.8) -> Figure:
    """Every recorded run of a kind (see `recorded`) as a small picture: a row for each recipe, a column for each seed.

    Under it: islands found, and the share of fakes on them. Orange frame: off the islands, or an island lost. Fakes outside
    the picture stand as crosses on its edge, in the direction where they are.
    """
    rows, modes, limit = recorded(kind), _data.ring(16).modes.numpy(), records.read("cures")["plot"]
    columns, side, tall = max(map(len, rows.values())), 2.2 * limit, 2.2 * limit + 0.95
    with drawing():
        height = 0.35 + (width - 1.9) / columns * len(rows) * tall / side
        fig, (ax,), palette = blank_axes(width=width, height=height)
        ax.grid(False)
        ax.spines[:].set_visible(False)
        for i, runs in enumerate(rows.values()):
            for j, run in enumerate(runs):
                _small(ax, run, np.array([j * side, -i * tall]), modes, limit, palette)
        ax.set(yticks=[-i * tall for i in range(len(rows))], yticklabels=[fill(_(name), 15) for name in rows])
        seeds = [_("seed {n}").format(n=j) for j in range(columns)]
        ax.set(xticks=[j * side for j in range(columns)], xticklabels=seeds)
        xlim = (-limit - 0.2, (columns - 1) * side + limit + 0.2)
        ax.set(xlim=xlim, ylim=(-(len(rows) - 1) * tall - limit - 0.9, limit + 0.2), aspect="equal")
        ax.tick_params(length=0, labelsize=10, labeltop=True, labelbottom=False)
    good = {name: sum(not (r["off"] or r["lost"]) for r in runs) for name, runs in rows.items()}
    count = _("{name}: {n} of {all}")
    found = "; ".join(count.format(name=_(name), n=good[name], all=len(runs)) for name, runs in rows.items())
    fig.alt = _(
        "The fakes of every recorded run ({kind}), a row for each recipe and a column for each seed. Runs that found all eight islands: {found}."
    ).format(kind=kind, found=found)
    return fig


def _small(ax, run: dict, at: np.ndarray, modes: np.ndarray, limit: float, palette: list) -> None:
    """One recorded run as a picture of half side limit around the place at (2,)."""
    bad = run["off"] or run["lost"]
    hue, x = palette[1 if bad else 0], np.array(run["points"]).reshape(-1, 2) / 100
    out = np.abs(x).max(1) > limit
    ax.scatter(*(modes + at).T, s=14, c="#c9cfd6", linewidths=0)
    ax.scatter(*(x[~out] + at).T, s=1.2, c=hue, linewidths=0)
    ax.scatter(*(edged(x[out], limit) + at).T, s=9, c=hue, marker="x", linewidths=0.6)
    edge = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * limit + at
    ax.plot(*edge.T, c=hue, lw=1.6 if bad else 0.8)
    ax.text(at[0], at[1] - limit - 0.15, _under(run), ha="center", va="top", size=9, color="#1f2328")


def astray() -> FramePlayer:
    """Four recipes with waves, seed 0, over the whole training: where the fakes go. Those outside stand on the edge."""
    book, limit = records.read("cures"), records.read("cures")["plot"]
    films = {n: book["film"][n] for n in FILMED if n in book["film"]}
    films = {n: np.array([x for k, x in film]).reshape(len(film), -1, 2) / 100 for n, film in films.items()}
    frames = min(map(len, films.values()))
    look = {"colors": -1, "size": 14, "xlim": (-limit, limit), "ylim": (-limit, limit)}
    panels = []
    for n, x in films.items():
        fakes = {"points": edged(x[:frames], limit).astype(np.float32), "colors": 1, "size": 4}
        panels.append(scatter(_data.ring(16).modes, _(n), layers=[fakes], **look))
    captions = []
    for k in range(frames):
        said = []
        for n, x in films.items():
            out = float((np.abs(x[k]).max(-1) > limit).mean())
            share = _("none") if not out else _("under 1%") if out < 0.01 else f"{out:.0%}"
            said.append(f"{_(n)}: {share}")
        captions.append(_("Outside, drawn on the edge:  ") + ";  ".join(said))
    labels, last = [f"{k / (frames - 1):.0%}" for k in range(frames)], frames - 1
    return FramePlayer(panels, captions=captions, labels=labels, name=_("Where the fakes go"), fps=4, start=last)


def motion(loss: str, optimizer: str, head: int, what: str) -> list[float]:
    """One number of each seed's recorded training: "gradient" and "noise" at its start, "moved" and "farthest" at its end; infinite
    at the end of one that broke off."""
    same = lambda r: (r["loss"], r["optimizer"], r["head"]) == (loss, optimizer, head)
    runs = sorted((r for r in records.read("motion")["play"] if same(r)), key=lambda r: r["seed"])
    row, column = {"gradient": (0, 3), "noise": (0, 4), "moved": (-1, 1), "farthest": (-1, 6)}[what]
    values = [None if row and r.get("error") else r["rows"][row][column] for r in runs]
    return [math.inf if v is None else v for v in values]


def motion_table(head: int = 300) -> Table:
    """How far G's weights move in the recorded trainings, D having had `head` lessons alone: medians, with the range over the seeds."""
    book, rows = records.read("motion"), []
    if head not in (heads := sorted({r["head"] for r in book["play"]})):
        known = " and after ".join(map(str, heads))
        raise ValueError(f"Recorded are trainings after {known} lessons of D: got head = {head!r}.")
    numbers = ("gradient", "noise", "moved", "farthest")
    for loss in ("minimax", "non-saturating"):
        for optimizer in ("plain", "Adam"):
            cells = [_span(motion(loss, optimizer, head, what)) for what in numbers]
            rows.append([f"{_(loss)}, {_(PLAYED[optimizer])}", *cells])
    steps = book["play"][0]["rows"][-1][0]
    notes = [_("inf: a training that broke off.")] * any("inf" in cell for row in rows for cell in row)
    moved = _("moved in {steps:.0f} steps").format(steps=steps)
    head = [_("G's loss, and its steps"), _("gradient at first"), _("its noise"), moved, _("farthest fake")]
    return table(head, rows, notes)


def _span(values: list[float]) -> str:
    """The median, with the smallest and the largest in brackets."""
    text = _("{middle:.2g} ({low:.2g} to {high:.2g})")
    return text.format(middle=statistics.median(values), low=min(values), high=max(values))


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
    parts = gan.build(data, loss="non-saturating", seed=seed)[1]
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
    lengths = {_("minimax (2014)"): minimax + 1e-12, _("non-saturating"): other + 1e-12}
    here = {"cursor": step, "xlabel": _("lessons that D had")}
    low, high = np.log10([np.min([*lengths.values()]), np.max([*lengths.values()])])
    reach = (10.0 ** math.floor(low), 10.0 ** (math.ceil(high) + 0.1))
    slopes = curve(step, lengths, _("gradient that reaches G"), ylim=reach, log="y", **here)
    said, title = {_("of real"): p_real, _("of fakes"): p_fake}, _('D says "real" with probability')
    panels = [curve(step, said, title, ylim=(-0.04, 1.1), **here), slopes]
    said = _("D gives fakes {share}. Length of G's gradient: {a:.2g} (minimax), {b:.2g} (non-saturating)")
    plain = lambda share: np.format_float_positional(share, 2, fractional=False, trim="-")
    captions = [said.format(share=plain(f), a=a, b=b) for f, a, b in (row[2:] for row in rows)]
    labels, name = [_("{n:.0f} lessons").format(n=s) for s in step], _("D wins, and G's gradient vanishes")
    return FramePlayer(panels, captions=captions, labels=labels, name=name, start=len(rows) - 1)


def _lengths(g, d, real: Tensor, z: Tensor) -> list[float]:
    """Mean probabilities of real and fake, and the length of G's gradient by the two losses."""
    fake = g(z)
    with torch.no_grad():
        scores = d(real)
    out = [float(scores.sigmoid().mean()), float(d(fake).sigmoid().mean().detach())]
    for name in ("minimax", "non-saturating"):
        loss = gan.LOSSES[name].g(scores, d(fake))
        slopes = torch.autograd.grad(loss, list(g.parameters()), retain_graph=True)
        out.append(math.sqrt(sum(float(s.pow(2).sum()) for s in slopes)))
    return out


# ---------------------------------------------------------------------------------------- a game that circles


def bilinear(x: float, y: float, lr: float, steps: int, alternating: bool = False) -> Tensor:
    """The path of min over x, max over y of x y by gradient steps, (steps + 1, 2). The only balance is (0, 0).

    Both at once multiplies the radius by sqrt(1 + lr^2) in every step. Alternating, y answers to the new x: then
    x^2 + y^2 - lr x y keeps its value, so for lr < 2 the path stays on an ellipse for ever. It never arrives.
    """
    path = [(x, y)]
    for _k in range(steps):
        old = x
        x = x - lr * y
        y = y + lr * (x if alternating else old)
        path.append((x, y))
    return torch.tensor(path, dtype=torch.float64)


def circling(lr: float = 0.2, steps: int = 60) -> FramePlayer:
    """`bilinear` as a film: both at once, and in turns; beside it the radius."""
    paths = {N_("at once"): bilinear(1.0, 0.0, lr, steps), N_("in turns"): bilinear(1.0, 0.0, lr, steps, True)}
    radius = {name: p.norm(dim=1).numpy() for name, p in paths.items()}
    limit, t = 1.1 * max(r.max() for r in radius.values()), np.arange(steps + 1)
    look = {"size": 12, "trail": (0,)}
    clouds = [{"points": p[:, None], "colors": i, "name": _(k)} | look for i, (k, p) in enumerate(paths.items())]
    plane = {"xlim": (-limit, limit), "ylim": (-limit, limit)}
    plane |= {"xlabel": _("x, who wants x·y small"), "ylabel": _("y, who wants it large")}
    game = scatter(np.zeros((1, 2)), _("the game"), colors=-1, size=10, layers=clouds, **plane)
    far, look = {_(name): r for name, r in radius.items()}, {"xlabel": _("step"), "ylim": (0, limit)}
    growth = curve(t, far, _("distance from the balance (0, 0)"), cursor=t, **look)
    said = _("step {n}: at once {once:.2f}, in turns {turns:.2f}")
    captions = [said.format(n=i, once=radius["at once"][i], turns=radius["in turns"][i]) for i in t]
    labels, name = [_("step {n}").format(n=i) for i in t], _("A game that circles")
    return FramePlayer([game, growth], captions=captions, labels=labels, name=name, start=steps)
