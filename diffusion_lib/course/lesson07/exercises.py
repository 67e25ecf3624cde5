"""The exercises of lesson 07: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import math

import torch

from ...words import N_
from ..exercise import Exercise, gaussian


def runs_needed(share, z):
    """0 of n runs: Wilson's upper end is z^2 / (n + z^2). It is at most `share` from n = z^2 (1 - share) / share on"""
    return (z**2 * (1 - share) / share).ceil()


def _covers(
    reach=lambda samples, real, k: torch.cdist(real, real).kthvalue(k + 1).values, rule=lambda near: near.any(1)
):
    """Coverage made of its two parts, how far a ball reaches and what counts, so that a slip can differ in one."""

    def covers(samples, real, k):
        return rule(torch.cdist(real, samples) < reach(samples, real, k)[:, None]).double()

    return covers


def wilson_interval(hits, n, z):
    """(2,), low and high."""
    p, w = hits / n, z**2 / n
    half = z / (1 + w) * (p * (1 - p) / n + w / n / 4) ** 0.5
    middle = (p + w / 2) / (1 + w)
    return torch.stack([middle - half, middle + half])


def _half_width(hits, n, z):
    low, high = wilson_interval(hits, n, z)
    return (high - low) / 2


def _wilson_without(hits, n, z):
    p, w = hits / n, z**2 / n
    half = z / (1 + w) * (p * (1 - p) / n) ** 0.5
    return torch.stack([(p + w / 2) / (1 + w) - half, (p + w / 2) / (1 + w) + half])


def from_how_many(training_a, drawing_a, training_b, drawing_b):
    """The n at which training_a + n drawing_a = training_b + n drawing_b"""
    return (training_a - training_b) / (drawing_b - drawing_a)


def _race_cases(g):
    cases = []
    for b in (3, 5):
        low, high = torch.rand(2, b, generator=g, dtype=torch.float64) + 0.5
        cases.append((50 + 100 * low, 0.01 * low, 10 * high, 0.02 + high))
    return cases


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "07.coverage",
        _covers(), lambda g: [(spread * gaussian((m, d), g), gaussian((n, d), g), k) for m, n, d, k, spread in ((40, 30, 2, 3, 0.5), (25, 40, 5, 5, 0.8), (15, 20, 3, 2, 0.7))],
        {
            "each real point": (_covers(reach=lambda s, r, k: torch.cdist(r, r).kthvalue(k).values), N_("Each real point is its own first neighbour here, at distance 0: ask for the (k + 1)-th smallest of its distances.")),
            "balls reach k": (_covers(reach=lambda s, r, k: torch.cdist(r, s).kthvalue(k).values), N_("The balls reach to the k-th *sample*: they belong to the real points alone, or they grow until they hold whatever there is.")),
            "all balls size": (_covers(reach=lambda s, r, k: torch.cdist(r, r).kthvalue(k + 1).values.mean().expand(len(r))), N_("All balls have one size: each reaches to its own k-th neighbour, so that they are small where the data are dense.")),
            "distance compared squared": (_covers(reach=lambda s, r, k: torch.cdist(r, r).kthvalue(k + 1).values ** 2), N_("It looks as if a distance is compared with a squared radius: both squared, or neither.")),
            "share all samples": (_covers(rule=lambda near: near.double().mean(1)), N_("This is the share of all samples that lie in each ball: one sample inside is enough, and ten count no more.")),
            "counts samples each": (_covers(rule=lambda near: near.sum(1)), N_("This counts the samples in each ball, as density does: for coverage one is enough.")),
            "asks samples lie": (lambda s, r, k: (torch.cdist(s, r) < torch.cdist(r, r).kthvalue(k + 1).values).any(1).double(), N_("This asks which *samples* lie in a ball: that is precision. Coverage asks which real points' balls are not empty.")),
            "balls around samples": (lambda s, r, k: (torch.cdist(r, s) < torch.cdist(s, s).kthvalue(min(k + 1, len(s))).values).any(1).double(), N_("These are balls around the samples: that is recall, which a few samples far out can raise with huge balls. Put them around the real points.")),
        },
        (N_("Two tables of distances: real to real for the balls, real to samples for what lies inside."),
         N_("In `torch.cdist(real, real)` each row has a 0 for the point itself; `kthvalue(k + 1).values` is the distance to the k-th other one."),
         N_("`(torch.cdist(real, samples) < radius[:, None]).any(1).double()`")),
        N_("and its mean is not 1 even for samples of the truth: some balls stay empty by luck. `metrics.coverage_ceiling` has the closed form."),
        N_("The library has it, with three more, in `metrics.neighbourhoods`."),
    ),
    Exercise(
        "07.wilson",
        wilson_interval, lambda g: [(torch.tensor(h).double(), torch.tensor(n).double(), z) for h, n, z in (([0.0, 5, 2], [5.0, 5, 5], 1.96), ([1.0, 9, 0, 50], [10.0, 10, 20, 60], 1.96), ([3.0, 7], [8.0, 12], 1.0))],
        {
            "p z sqrt": (lambda h, n, z: torch.stack([h / n - z * (h / n * (1 - h / n) / n) ** 0.5, h / n + z * (h / n * (1 - h / n) / n) ** 0.5]), N_("This is p ± z sqrt(p (1 - p) / n): with 0 of 5 its width is 0, as if the coin were known. Wilson's has w in it.")),
            "division 1 w": (lambda h, n, z: wilson_interval(h, n, z) * (1 + z**2 / n), N_("The division by 1 + w is missing.")),
            "middle p itself": (lambda h, n, z: torch.stack([h / n - _half_width(h, n, z), h / n + _half_width(h, n, z)]), N_("The middle is p itself: Wilson's is drawn towards one half, (p + w/2) / (1 + w).")),
            "low high exchanged": (lambda h, n, z: wilson_interval(h, n, z).flip(0), N_("Low and high are exchanged.")),
            "term w 4": (lambda h, n, z: _wilson_without(h, n, z), N_("The term w / (4 n) under the root is missing: for 0 failures nothing would be left of the width.")),
            "w z n": (lambda h, n, z: wilson_interval(h, n, z**0.5), N_("It looks as if w = z / n: the square is missing, w = z²/n.")),
            "half width goes": (lambda h, n, z: torch.stack([wilson_interval(h, n, z).mean(0) - 2 * _half_width(h, n, z), wilson_interval(h, n, z).mean(0) + 2 * _half_width(h, n, z)]), N_("Half the width goes to each side, not the whole of it.")),
            "middle twice": (lambda h, n, z: wilson_interval(h, n, z).mean(0).expand(2, -1), N_("This is the middle twice: subtract half the width for low, add it for high.")),
        },
        (N_("Compute p and w first; both are (B,)."),
         N_("`middle = (p + w / 2) / (1 + w)` and `half = z / (1 + w) * (p * (1 - p) / n + w / (4 * n)) ** 0.5`."),
         N_("`torch.stack([middle - half, middle + half])`")),
        N_("0 failures of 5 still allow a share of up to 43 %, and 0 of 10 of up to 28 %."),
        N_("The library has it for one pair of numbers: `metrics.wilson`."),
    ),
    Exercise(
        "07.even",
        from_how_many, _race_cases,
        {
            "sign turned": (lambda a, p, b, q: (a - b) / (p - q), N_("The sign is turned: a has to make up a - b, and gains drawing_b - drawing_a with each sample.")),
            "drew nothing": (lambda a, p, b, q: (a - b) / q, N_("It looks as if a drew for nothing: with each sample it gains only the difference.")),
            "b needed no": (lambda a, p, b, q: a / (q - p), N_("It looks as if b needed no training: only the difference has to be made up.")),
            "upside down": (lambda a, p, b, q: (q - p) / (a - b), N_("This is upside down: seconds to make up, divided by seconds gained with each sample.")),
            "trainings added": (lambda a, p, b, q: (a + b) / (q - p), N_("The trainings are added: the difference has to be made up.")),
            "drawing times added": (lambda a, p, b, q: (a - b) / (p + q), N_("The drawing times are added: with each sample a gains their difference.")),
            "solve training_a n": (lambda a, p, b, q: a / p - b / q, N_("Solve training_a + n drawing_a = training_b + n drawing_b for n.")),
        },
        (N_("Write down both totals for n samples."),
         N_("training_a + n drawing_a = training_b + n drawing_b. Bring n to one side."),
         N_("(training_a - training_b) / (drawing_b - drawing_a)")),
        N_("below that number the quick learner is cheaper, above it the quick painter."),
        N_("`cost.break_even` also knows the cases in which one is cheaper for every n."),
    ),
    Exercise(
        "07.enough",
        runs_needed, lambda g: [(torch.tensor(u, dtype=torch.float64), z) for u, z in (([0.1, 0.05, 0.2, 0.33], 1.96), ([0.15, 0.3], 2.0), ([0.12, 0.07, 0.4], 1.64))],
        {
            "formula right": (lambda u, z: z**2 * (1 - u) / u, N_("The formula is right, but there are no fractions of a run: take the next whole number, `.ceil()`.")),
            "rounded down": (lambda u, z: (z**2 * (1 - u) / u).floor(), N_("It looks as if this is rounded down: with so few runs the interval still reaches beyond u.")),
            "rounded nearest": (lambda u, z: (z**2 * (1 - u) / u).round(), N_("It looks as if this is rounded to the nearest: the interval must end at u or below, so round up.")),
            "division 1 w": (lambda u, z: (z**2 / u).ceil(), N_("It looks as if the division by 1 + w is forgotten: with 0 failures the upper end is w / (1 + w).")),
            "w z n": (lambda u, z: (z * (1 - u) / u).ceil(), N_("It looks as if w = z / n: the square is missing, w = z^2 / n.")),
            "fraction upside down": (lambda u, z: (z**2 * u / (1 - u)).ceil(), N_("It looks as if a fraction is upside down: the smaller the share you want to rule out, the more runs it takes.")),
            "rule three": (lambda u, z: (3 / u).ceil(), N_("This is the \"rule of three\", another interval, with 95 % on one side: Wilson's, with the given z, is asked for.")),
            "exact sided answer": (lambda u, z: (math.log(0.05) / (1 - u).log()).ceil(), N_("This is the exact one-sided answer, (1 - u)^n = 0.05: Wilson's interval, with the given z, is asked for.")),
            "how many runs": (lambda u, z: (1 / u).ceil(), N_("This is how many runs one failure is expected in: luck alone often spares so few.")),
        },
        (N_("Put 0 hits into Wilson's interval. What is left of its upper end?"),
         N_("With p = 0 middle and half the width are both (w/2) / (1 + w), so it ends at w / (1 + w), where w = z^2 / n. Solve w / (1 + w) <= u for n."),
         N_("(z**2 * (1 - share) / share).ceil()")),
        N_("35 runs without a failure for \"at most 10 %\" at 95 %, and 73 for \"at most 5 %\": five seeds say little about rare failures."),
    ),
)
