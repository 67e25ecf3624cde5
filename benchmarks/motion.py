"""What does G do when D is good? Writes diffusion_lib/records/motion.json, from which lesson 06 draws.

    python benchmarks/motion.py        5 seeds: about 3 minutes of one idle core

alone  D is taught HEAD times while G waits. At each look, the gradient in all of G's weights by each of two losses, for
       BATCHES batches of fakes: `length`, the root of the mean square of their lengths, and `noise`, see `spread`.
play   Then both are trained for STEPS steps, or from the start, without D's lessons alone. D always uses Adam; G uses Adam or
       plain gradient descent. At each look, how far G's weights are from where they began, |theta - theta_0|, how
       long its steps were since the look before, and the gradient that it follows.

Networks, rate and batch are what `gan.build` makes of the ring, and the rate stays constant. Plain descent has no rate there:
it gets the largest of PLAIN with which TRIAL_SEED's trainings by both losses, with and without D's lessons alone, stay
numbers. A training that breaks off all the same keeps its looks and its error. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import math
import platform
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import torch
from book import missing, opened, rounded, save
from torch import Tensor

from diffusion_lib import data, gan

OUT = Path(__file__).parent.parent / "diffusion_lib" / "records" / "motion.json"
LOSSES, OPTIMIZERS = ("minimax", "non-saturating"), ("Adam", "plain")
HEAD, STEPS, LOOKS, BATCHES = 300, 400, 10, 16
PLAIN, TRIAL_SEED = (0.3, 0.1, 0.03, 0.01, 0.003), 100


def flat(tensors) -> Tensor:
    return torch.cat([t.detach().flatten() for t in tensors])


def gradients(g, d, loss: str, dice: torch.Generator, batches: int = BATCHES, size: int = 256) -> Tensor:
    """The gradient of G's loss in all its weights for some batches of z: (batches, weights)."""
    rows = []
    for _ in range(batches):
        scores = d(g(g.noise(size, dice)))
        rows.append(flat(torch.autograd.grad(gan.LOSSES[loss].g(scores, scores), list(g.parameters()))))
    return torch.stack(rows)


def spread(rows: Tensor) -> dict[str, float]:
    """Of gradients (batches, weights): length, the root of their mean squared length; noise, the spread over the common part.

        noise^2 = sum of variances over batches / |their mean|^2

    the variance of one batch's gradient, with the mean's square freed of what the variance adds to it, so that a noise of
    infinity means: no common direction found.
    """
    total = float(rows.pow(2).sum(1).mean())
    noise = float(rows.var(0).sum())
    common = float(rows.mean(0).pow(2).sum()) - noise / len(rows)
    return {"length": math.sqrt(total), "noise": math.sqrt(noise / common) if common > 0 else math.inf}


def pair(seed: int, loss: str):
    """A new G and D for the ring, and one training step of both."""
    _, parts = gan.build(data.ring(), loss=loss, seed=seed)
    return parts, *parts.learners


def teach(d, g, parts, dice: torch.Generator, batches) -> None:
    """D alone, once."""
    with torch.no_grad():
        fake = g.model(g.model.noise(256, dice))
    gan.d_step(d, next(batches)[0], fake, gan.LOSSES["minimax"], gan.Regular(), dice)


def plain_rate() -> float:
    """The largest of PLAIN with which nothing breaks off."""
    for rate in PLAIN:
        try:
            for loss, head in product(LOSSES, (HEAD, 0)):
                list(play(TRIAL_SEED, loss, rate, head, looks=1))
            return rate
        except FloatingPointError:
            continue
    raise SystemExit(f"Plain descent broke off with each of the rates {PLAIN}.")


def alone(seed: int) -> list[list[float]]:
    """[D's lessons, its mean probability for fakes, then length and noise by each loss] while G waits."""
    parts, g, d = pair(seed, "non-saturating")
    dice, batches, rows = torch.Generator().manual_seed(seed), iter(parts.batches), []
    for lesson in range(HEAD + 1):
        if lesson % (HEAD // LOOKS) == 0:
            look = torch.Generator().manual_seed(1)
            with torch.no_grad():
                sure = float(d.model(g.model(g.model.noise(2000, look))).sigmoid().mean())
            both = [spread(gradients(g.model, d.model, loss, torch.Generator().manual_seed(1))) for loss in LOSSES]
            rows.append([lesson, sure, *(v for found in both for v in found.values())])
        teach(d, g, parts, dice, batches)
    return rows


def play(seed: int, loss: str, plain: float | None, head: int, looks: int = LOOKS) -> Iterator[list[float]]:
    """G with Adam, or plain descent at this rate; at each look [step, |theta - theta_0|, mean length of a step since the last look, gradient's length, its noise, D's mean probability for fakes, largest |x|]."""
    parts, g, d = pair(seed, loss)
    dice, batches = torch.Generator().manual_seed(seed), iter(parts.batches)
    if plain is not None:
        g.optimizer = torch.optim.SGD(g.model.parameters(), plain)
    for _ in range(head):
        teach(d, g, parts, dice, batches)
    start = before = flat(g.model.parameters())
    moved = []
    for step in range(STEPS + 1):
        if step % (STEPS // looks) == 0:
            look = torch.Generator().manual_seed(1)
            with torch.no_grad():
                x = g.model(g.model.noise(2000, look))
                sure = float(d.model(x).sigmoid().mean())
            found = spread(gradients(g.model, d.model, loss, torch.Generator().manual_seed(1)))
            mean = sum(moved) / len(moved) if moved else 0.0
            yield [step, float((before - start).norm()), mean, *found.values(), sure, float(x.abs().max())]
            moved = []
        if step < STEPS:
            parts.step(next(batches), dice)
            now = flat(g.model.parameters())
            moved.append(float((now - before).norm()))
            before = now


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seeds", type=int, default=5)
    a = ask.parse_args()
    torch.set_num_threads(1)
    book = opened(OUT, begun)
    for (seed,) in missing(zip(range(a.seeds)), book["alone"], "seed"):
        book["alone"].append({"seed": seed, "rows": rounded(alone(seed), 4, behind=False)})
        save(OUT, book, close=True)
    plan = product(range(a.seeds), LOSSES, OPTIMIZERS, (0, HEAD))
    for seed, loss, optimizer, head in missing(plan, book["play"], "seed", "loss", "optimizer", "head"):
        tick, rows, error = time.process_time(), [], ""
        try:
            rows.extend(play(seed, loss, book["plain_rate"] if optimizer == "plain" else None, head))
        except FloatingPointError as end:
            error = str(end)
        row = {"seed": seed, "loss": loss, "optimizer": optimizer, "head": head, "error": error}
        print(row, rows[-1], f"{time.process_time() - tick:.1f} s", flush=True)
        book["play"].append(row | {"rows": rounded(rows, 4, behind=False)})
        save(OUT, book, close=True)


def begun() -> dict:
    """The book with its first page, and the rate of plain descent."""
    return {
        "what": f"ring; D taught {HEAD} times alone, then {STEPS} steps of both",
        "batches": BATCHES,
        "machine": f"{platform.machine()}, torch {torch.__version__}, 1 thread of a shared machine",
        "alone": [],
        "play": [],
        "plain_rate": plain_rate(),
    }


if __name__ == "__main__":
    main()
