"""The exercises of lesson 06: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import math

import torch

from ...words import N_
from ..exercise import Exercise, gaussian


def _mode_cases(g):
    """Rings and grids with modes that are full, thin, reached only from afar, and empty; the last has no good sample at all."""
    cases = []
    for k in (8, 9, 25, 16):
        modes, sd = 3 * gaussian((k, 2), g), 0.05
        share = torch.rand(k, generator=g, dtype=torch.float64) ** 4
        # the first has only samples that a square would take in, the second such as a diamond would leave out
        share[:2] = 0
        corners = modes[:2] + torch.tensor([2.4, 1.9], dtype=torch.float64)[:, None] * sd
        near = modes[torch.multinomial(share, 600, True, generator=g)] + 1.6 * sd * gaussian((600, 2), g)
        cases.append((torch.cat([near, corners.repeat_interleave(60, 0), 3 * gaussian((200, 2), g)]), modes, sd))
    return [*cases, (modes.repeat(3, 1) + 9 * sd, modes, sd)]


def _count_cases(g):
    """Counts with empty modes among them."""
    return [
        (torch.randint(0, 40, (n, k), generator=g).double() * (torch.rand(n, k, generator=g) < 0.7) + torch.eye(n, k),)
        for n, k in ((4, 8), (3, 25))
    ] + [(1 + torch.arange(10.0, dtype=torch.float64).reshape(2, 5),)]


def _covered(
    distance=torch.cdist, good=lambda d, sd: d < 3 * sd, enough=lambda c, n: c >= 0.1 * c.sum().clamp(min=1) / len(c)
):
    """strict_modes, with one thing done otherwise. enough: counts (K,) and the number of all samples -> (K,) of bools."""

    def count(samples, modes, sd):
        d, which = distance(samples, modes).min(1)
        counts = torch.bincount(which[good(d, sd)], minlength=len(modes))
        return enough(counts, len(samples)).double()

    return count


def _uneven(
    term=lambda p, k: torch.special.xlogy(p, p * k),
    share=lambda c: c / c.sum(1, keepdim=True),
    total=lambda v: v.sum(1),
):
    return lambda counts: total(term(share(counts.double()), counts.shape[1]))


def strict_modes(samples, modes, sd):
    """1.0 for each mode that holds at least a tenth of its fair share of the samples within 3 sd of a mode, else 0.0"""
    distance, which = torch.cdist(samples, modes).min(1)
    counts = torch.bincount(which[distance < 3 * sd], minlength=len(modes))
    return (counts >= 0.1 * counts.sum().clamp(min=1) / len(modes)).double()


def mode_kl(counts):
    """KL(share of each mode || even shares) = sum of p log(p K), for each row of counts (N, K), in nats"""
    p = counts / counts.sum(1, keepdim=True)
    return torch.special.xlogy(p, p * counts.shape[1]).sum(1)


def push_on_g(score):
    """|d loss / d score|: minimax sigmoid(score), non-saturating sigmoid(-score), (2, B)"""
    return torch.stack([score.sigmoid(), (-score).sigmoid()])


def game_radius(r, lr, n):
    """|(x, y)| after n steps of both players at once in min_x max_y x y: r (1 + lr^2)^(n / 2)"""
    return r * (1 + lr**2) ** (n / 2)


def radius_ahead(r, lr, n):
    """x' = (1 - lr^2) x - lr y and y' = (1 - lr^2) y + lr x, so the square grows by (1 - lr^2)^2 + lr^2 in each step"""
    return r * (1 - lr**2 + lr**4) ** (n / 2)


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "06.modes",
        strict_modes, _mode_cases,
        {
            "single good sample": (_covered(enough=lambda c, n: c > 0), N_("It looks as if a single good sample is enough: with thousands of samples, stray ones would cover every mode. A tenth of the fair share is asked for.")),
            "all samples counted": (_covered(good=lambda d, sd: d < math.inf), N_("It looks as if all samples are counted at their nearest mode, however far away: first keep those within 3 sd.")),
            "fair share all": (_covered(enough=lambda c, n: c >= 0.1 * n / len(c)), N_("It looks as if the fair share is one of all samples: only the good ones are shared out.")),
            "mode must hold": (_covered(enough=lambda c, n: c >= c.sum().clamp(min=1) / len(c)), N_("It looks as if a mode must hold its whole fair share: a tenth of it is enough, or luck alone would lose half of the modes.")),
            "each mode must": (_covered(enough=lambda c, n: c >= 0.1 * c.sum().clamp(min=1)), N_("It looks as if each mode must hold a tenth of all good samples: a tenth of its fair share is asked for, so divide by K once more.")),
            "good samples right": (_covered(enough=lambda c, n: c >= 0.1 * c.sum() / len(c)), N_("With good samples it is right. Without any, 0 >= 0 is true and every mode counts as covered: let the threshold be above 0.")),
            "limit 1 sd": (_covered(good=lambda d, sd: d < sd), N_("It looks as if the limit is 1 sd: in the plane only 39 % of true samples lie so near, within 3 sd 99 %.")),
            "squared distances compared": (_covered(good=lambda d, sd: d**2 < 3 * sd), N_("It looks as if squared distances are compared with 3 sd: compare distances, or squares with 9 sd^2.")),
            "each coordinate compared": (_covered(distance=lambda a, b: (a[:, None] - b).abs().amax(2)), N_("It looks as if each coordinate is compared by itself: that is a square, and a distance in the plane makes a circle.")),
            "two coordinates distances": (_covered(distance=lambda a, b: (a[:, None] - b).abs().sum(2)), N_("It looks as if the two coordinates' distances are added: the distance in the plane is the root of the sum of squares.")),
        },
        (N_("Three steps: the nearest mode of each sample and how far it is; the good ones among them; how many of those each mode has."),
         N_("`torch.cdist(samples, modes).min(1)` gives distances and indices; `torch.bincount(indices, minlength=K)` counts."),
         N_("Compare the counts with 0.1 * counts.sum() / K, but at least with something above 0, and turn True and False into numbers with `.double()`.")),
        N_("this is the number of the lab and of the table: strict enough that stray samples do not count, mild enough that luck does not either."),
        N_("The library's `metrics.mode_report` says more: share within 3 sd, KL and width."),
    ),
    Exercise(
        "06.kl",
        mode_kl, _count_cases,
        {
            "entropy shares": (_uneven(lambda p, k: -torch.special.xlogy(p, p)), N_("This is the entropy of the shares: it is largest when all is well. KL is log K minus it.")),
            "even shares left": (_uneven(lambda p, k: torch.special.xlogy(p, p)), N_("It looks as if the even shares are left out: p log p, without the division by 1/K, is below 0.")),
            "p divided k": (_uneven(lambda p, k: torch.special.xlogy(p, p / k)), N_("It looks as if p is divided by K: p / (1/K) is p times K.")),
            "bits": (_uneven(lambda p, k: torch.special.xlogy(p, p * k) / math.log(2)), N_("It looks as if this is in bits: for nats take the natural logarithm.")),
            "terms averaged over": (_uneven(total=lambda v: v.mean(1)), N_("It looks as if the terms are averaged over the modes: a KL is their sum.")),
            "sign turned round": (_uneven(lambda p, k: -torch.special.xlogy(p, p * k)), N_("The sign is turned round: a KL is never below 0.")),
            "all rows divided": (_uneven(share=lambda c: c / c.sum()), N_("It looks as if all rows are divided by one total: each run has shares of its own.")),
            "logarithms weighted 1/k": (_uneven(lambda p, k: (p * k + (p == 0)).log() / k), N_("It looks as if the logarithms are weighted by 1/K: in KL(p || even) the weight is p.")),
            "formula right": (lambda c: (c / c.sum(1, keepdim=True) * (c / c.sum(1, keepdim=True) * c.shape[1]).log()).sum(1), N_("The formula is right, but 0 times log 0 is NaN for a computer: a mode with p = 0 should add 0. `torch.special.xlogy(p, q)` is p log q and knows that.")),
        },
        (N_("First the shares: each row divided by its own sum, `counts.sum(1, keepdim=True)`."),
         N_("One term is p log(p K). What does your computer make of 0 * log(0)?"),
         N_("`torch.special.xlogy(p, p * K).sum(1)`")),
        N_("0 is perfectly even and log K is one single mode; remember that N true samples give about (K - 1) / 2N, not 0."),
    ),
    Exercise(
        "06.vanish",
        push_on_g, lambda g: [(3 * gaussian((n,), g),) for n in (5, 9)],
        {
            "two changed places": (lambda s: torch.stack([(-s).sigmoid(), s.sigmoid()]), N_("The two have changed places: where D is sure of a fake (score far below 0), it is minimax whose slope vanishes.")),
            "right but sign": (lambda s: -torch.stack([s.sigmoid(), (-s).sigmoid()]), N_("Right but for the sign: the size of the slope is asked for. Both losses push the score up.")),
            "losses themselves": (lambda s: torch.stack([-torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)]), N_("These are the losses themselves: their slopes are asked for.")),
            "sizes losses themselves": (lambda s: torch.stack([torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)]), N_("These are the sizes of the losses themselves: their slopes are asked for.")),
            "both minimax slope": (lambda s: torch.stack([s.sigmoid(), s.sigmoid()]), N_("Both are minimax's slope: the other loss has softplus(-score) in it.")),
            "both non saturating": (lambda s: torch.stack([(-s).sigmoid(), (-s).sigmoid()]), N_("Both are the non-saturating loss's slope: minimax has softplus(score) in it.")),
            "slope d sigmoid": (lambda s: torch.stack([s.sigmoid() * (-s).sigmoid()] * 2), N_("This is the slope of D = sigmoid(score) itself: the logarithm around it changes it.")),
            "slopes d": (lambda s: torch.stack([1 / (-s).sigmoid(), 1 / s.sigmoid()]), N_("These are the slopes in D, not in the score: multiply by sigmoid's own slope, D (1 - D).")),
        },
        (N_("The slope of softplus(u) = log(1 + e^u) in u is sigmoid(u)."),
         N_("For softplus(-score) there is an inner slope of -1, and its size is asked for."),
         N_("`torch.stack([score.sigmoid(), (-score).sigmoid()])`")),
        N_("at score -10 minimax pushes with 0.00005 and the other loss with 0.99995, towards the same goal."),
    ),
    Exercise(
        "06.bilinear",
        game_radius, lambda g: [(1 + torch.rand(b, generator=g, dtype=torch.float64), lr, n) for b, lr, n in ((4, 0.2, 1), (3, 0.1, 50), (5, 0.5, 7))],
        {
            "multiplies distance what": (lambda r, lr, n: r * (1 + lr**2) ** n, N_("This multiplies the distance by what multiplies its square: take the root, that is, half the exponent.")),
            "distance stays": (lambda r, lr, n: r + 0 * lr * n, N_("It looks as if the distance stays: that holds for infinitely small steps only; here the term lr^2 is left.")),
            "distance grows lr": (lambda r, lr, n: r * (1 + lr) ** n, N_("It looks as if the distance grows by lr in a step: the step is at a right angle to the radius, so Pythagoras gives sqrt(1 + lr^2).")),
            "minus squares": (lambda r, lr, n: r * (1 - lr**2) ** (n / 2), N_("It looks as if there is a minus in the squares: the mixed terms -2 lr x y and +2 lr x y cancel, and both lr^2 are added.")),
            "squared step added": (lambda r, lr, n: r * (1 + n * lr**2) ** 0.5, N_("It looks as if the squared step is added n times: the step grows with the distance, so multiply n times.")),
            "step factor multiplied": (lambda r, lr, n: r * n * (1 + lr**2) ** 0.5, N_("It looks as if one step's factor is multiplied by n: n steps are n factors, a power.")),
            "after step": (lambda r, lr, n: r * (1 + lr**2) ** 0.5 + 0 * n, N_("This is after one step: n of them multiply.")),
            "square distance": (lambda r, lr, n: r**2 * (1 + lr**2) ** n, N_("This is the square of the distance: take the root at the end.")),
        },
        (N_("x_new^2 + y_new^2 = (x - lr y)^2 + (y + lr x)^2. Which terms cancel?"),
         N_("It is (1 + lr^2)(x^2 + y^2): the square of the distance gets the same factor in every step."),
         N_("r * (1 + lr**2) ** (n / 2)")),
        N_("for steps of both at once, a smaller learning rate only makes the way out slower. What ends elsewhere is another step (in turns, or with a look ahead) or another game."),
    ),
    Exercise(
        "06.ahead",
        radius_ahead, lambda g: [(1 + torch.rand(b, generator=g, dtype=torch.float64), lr, n) for b, lr, n in ((4, 0.2, 1), (3, 0.1, 50), (5, 0.5, 7))],
        {
            "game without looking": (lambda r, lr, n: r * (1 + lr**2) ** (n / 2), N_("This is the game without looking ahead: put x_look and y_look into the step, and multiply out.")),
            "multiplies distance what": (lambda r, lr, n: r * (1 - lr**2 + lr**4) ** n, N_("This multiplies the distance by what multiplies its square: take the root, that is, half the exponent.")),
            "sideways part forgotten": (lambda r, lr, n: r * (1 - lr**2) ** n, N_("It looks as if the sideways part is forgotten: x_new = (1 - lr^2) x - lr y, and the lr y counts as well.")),
            "nearly": (lambda r, lr, n: r * (1 - lr**2) ** (n / 2), N_("Nearly: (1 - lr^2)^2 is 1 - 2 lr^2 + lr^4, and with lr^2 from the sideways part that leaves 1 - lr^2 + lr^4.")),
            "sign turned round": (lambda r, lr, n: r * (1 + lr**2 + lr**4) ** (n / 2), N_("It looks as if a sign is turned round: x_look pulls back, x_new = x - lr (y + lr x) = (1 - lr^2) x - lr y.")),
            "sign turned round 2": (lambda r, lr, n: r * ((1 + lr**2) ** 2 + lr**2) ** (n / 2), N_("It looks as if a sign is turned round: x_new = x - lr (y + lr x) = (1 - lr^2) x - lr y.")),
            "after step": (lambda r, lr, n: r * (1 - lr**2 + lr**4) ** 0.5 + 0 * n, N_("This is after one step: n of them multiply.")),
            "square distance": (lambda r, lr, n: r**2 * (1 - lr**2 + lr**4) ** n, N_("This is the square of the distance: take the root at the end.")),
            "distance stays": (lambda r, lr, n: r + 0 * lr * n, N_("It looks as if the distance stays: compute x_new^2 + y_new^2.")),
        },
        (N_("Put x_look and y_look into the step: x_new is a number times x plus a number times y."),
         N_("x_new = (1 - lr^2) x - lr y and y_new = (1 - lr^2) y + lr x. Square and add; the mixed terms cancel."),
         N_("r * (1 - lr**2 + lr**4) ** (n / 2)")),
        N_("below r for every lr between 0 and 1: in the same game, with the same learning rate, another kind of step arrives."),
        N_("This step is called extragradient."),
    ),
)
