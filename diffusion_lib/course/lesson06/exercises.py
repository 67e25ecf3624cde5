"""The exercises of lesson 06: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import math

import torch

from ..exercise import Exercise, gaussian, slips


def _mode_cases(g):
    """Rings and grids with modes that are full, thin, reached only from afar, and empty; the last has no good sample at all."""
    cases = []
    for k in (8, 9, 25, 16):
        modes, sd = 3 * gaussian((k, 2), g), 0.05
        share = torch.rand(k, generator=g, dtype=torch.float64) ** 4
        share[:2] = (
            0  # the first has only samples that a square would take in, the second such as a diamond would leave out
        )
        corners = modes[:2] + torch.tensor([2.4, 1.9], dtype=torch.float64)[:, None] * sd
        near = modes[torch.multinomial(share, 600, True, generator=g)] + 1.6 * sd * gaussian((600, 2), g)
        cases.append(
            (torch.cat([near, corners.repeat_interleave(60, 0), 3 * gaussian((200, 2), g)]), modes, sd)
        )
    return [*cases, (modes.repeat(3, 1) + 9 * sd, modes, sd)]


def _count_cases(g):
    """Counts with empty modes among them."""
    return [
        (
            torch.randint(0, 40, (n, k), generator=g).double() * (torch.rand(n, k, generator=g) < 0.7)
            + torch.eye(n, k),
        )
        for n, k in ((4, 8), (3, 25))
    ] + [(1 + torch.arange(10.0, dtype=torch.float64).reshape(2, 5),)]


def _covered(
    distance=torch.cdist,
    good=lambda d, sd: d < 3 * sd,
    enough=lambda c, n: c >= 0.1 * c.sum().clamp(min=1) / len(c),
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
        "06.modes", "Modes, strictly counted", "covered(samples, modes, sd)",
        "Which of the K `modes` (K, 2) are covered by `samples` (N, 2)? A sample is good if it lies within 3 `sd` of its nearest mode. A mode is covered if it holds at least a tenth of its fair share of the good samples; the fair share of each is 1/K of them. Return 1.0 for each covered mode and 0.0 for the others, (K,): their sum is the strict count. Without any good sample, no mode is covered.",
        strict_modes, _mode_cases,
        slips(
            (_covered(enough=lambda c, n: c > 0), "It looks as if a single good sample is enough: with thousands of samples, stray ones would cover every mode. A tenth of the fair share is asked for."),
            (_covered(good=lambda d, sd: d < math.inf), "It looks as if all samples are counted at their nearest mode, however far away: first keep those within 3 sd."),
            (_covered(enough=lambda c, n: c >= 0.1 * n / len(c)), "It looks as if the fair share is one of all samples: only the good ones are shared out."),
            (_covered(enough=lambda c, n: c >= c.sum().clamp(min=1) / len(c)), "It looks as if a mode must hold its whole fair share: a tenth of it is enough, or luck alone would lose half of the modes."),
            (_covered(enough=lambda c, n: c >= 0.1 * c.sum().clamp(min=1)), "It looks as if each mode must hold a tenth of all good samples: a tenth of its fair share is asked for, so divide by K once more."),
            (_covered(enough=lambda c, n: c >= 0.1 * c.sum() / len(c)), "With good samples it is right. Without any, 0 >= 0 is true and every mode counts as covered: let the threshold be above 0."),
            (_covered(good=lambda d, sd: d < sd), "It looks as if the limit is 1 sd: in the plane only 39 % of true samples lie so near, within 3 sd 99 %."),
            (_covered(good=lambda d, sd: d**2 < 3 * sd), "It looks as if squared distances are compared with 3 sd: compare distances, or squares with 9 sd^2."),
            (_covered(distance=lambda a, b: (a[:, None] - b).abs().amax(2)), "It looks as if each coordinate is compared by itself: that is a square, and a distance in the plane makes a circle."),
            (_covered(distance=lambda a, b: (a[:, None] - b).abs().sum(2)), "It looks as if the two coordinates' distances are added: the distance in the plane is the root of the sum of squares."),
        ),
        ("Three steps: the nearest mode of each sample and how far it is; the good ones among them; how many of those each mode has.",
         "`torch.cdist(samples, modes).min(1)` gives distances and indices; `torch.bincount(indices, minlength=K)` counts.",
         "Compare the counts with 0.1 * counts.sum() / K, but at least with something above 0, and turn True and False into numbers with `.double()`."),
        "this is the number of the lab and of the table: strict enough that stray samples do not count, mild enough that luck does not either.",
        "The library's `metrics.mode_report` says more: share within 3 sd, KL and width.",
    ),
    Exercise(
        "06.kl", "How uneven are the shares?", "uneven(counts)",
        "Each row of `counts` (N, K) says how many good samples each of K modes has in one run. Turn a row into shares p (they add up to 1) and return KL(p || even) = sum of p log(p / (1/K)) in nats, for each row: (N,). A mode with p = 0 adds 0.",
        mode_kl, _count_cases,
        slips(
            (_uneven(lambda p, k: -torch.special.xlogy(p, p)), "This is the entropy of the shares: it is largest when all is well. KL is log K minus it."),
            (_uneven(lambda p, k: torch.special.xlogy(p, p)), "It looks as if the even shares are left out: p log p, without the division by 1/K, is below 0."),
            (_uneven(lambda p, k: torch.special.xlogy(p, p / k)), "It looks as if p is divided by K: p / (1/K) is p times K."),
            (_uneven(lambda p, k: torch.special.xlogy(p, p * k) / math.log(2)), "It looks as if this is in bits: for nats take the natural logarithm."),
            (_uneven(total=lambda v: v.mean(1)), "It looks as if the terms are averaged over the modes: a KL is their sum."),
            (_uneven(lambda p, k: -torch.special.xlogy(p, p * k)), "The sign is turned round: a KL is never below 0."),
            (_uneven(share=lambda c: c / c.sum()), "It looks as if all rows are divided by one total: each run has shares of its own."),
            (_uneven(lambda p, k: (p * k + (p == 0)).log() / k), "It looks as if the logarithms are weighted by 1/K: in KL(p || even) the weight is p."),
            (lambda c: (c / c.sum(1, keepdim=True) * (c / c.sum(1, keepdim=True) * c.shape[1]).log()).sum(1), "The formula is right, but 0 times log 0 is NaN for a computer: a mode with p = 0 should add 0. `torch.special.xlogy(p, q)` is p log q and knows that."),
        ),
        ("First the shares: each row divided by its own sum, `counts.sum(1, keepdim=True)`.",
         "One term is p log(p K). What does your computer make of 0 * log(0)?",
         "`torch.special.xlogy(p, p * K).sum(1)`"),
        "0 is perfectly even and log K is one single mode; remember that N true samples give about (K - 1) / 2N, not 0.",
    ),
    Exercise(
        "06.vanish", "What reaches G", "push(score)",
        "D gives each fake a `score` (B,). G minimises log(1 - D) = -softplus(score) (minimax) or -log D = softplus(-score) (non-saturating), where D = sigmoid(score). How steep is each loss in the score, without its sign? Return both, (2, B): minimax first.",
        push_on_g, lambda g: [(3 * gaussian((n,), g),) for n in (5, 9)],
        slips(
            (lambda s: torch.stack([(-s).sigmoid(), s.sigmoid()]), "The two have changed places: where D is sure of a fake (score far below 0), it is minimax whose slope vanishes."),
            (lambda s: -torch.stack([s.sigmoid(), (-s).sigmoid()]), "Right but for the sign: the size of the slope is asked for. Both losses push the score up."),
            (lambda s: torch.stack([-torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)]), "These are the losses themselves: their slopes are asked for."),
            (lambda s: torch.stack([torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)]), "These are the sizes of the losses themselves: their slopes are asked for."),
            (lambda s: torch.stack([s.sigmoid(), s.sigmoid()]), "Both are minimax's slope: the other loss has softplus(-score) in it."),
            (lambda s: torch.stack([(-s).sigmoid(), (-s).sigmoid()]), "Both are the non-saturating loss's slope: minimax has softplus(score) in it."),
            (lambda s: torch.stack([s.sigmoid() * (-s).sigmoid()] * 2), "This is the slope of D = sigmoid(score) itself: the logarithm around it changes it."),
            (lambda s: torch.stack([1 / (-s).sigmoid(), 1 / s.sigmoid()]), "These are the slopes in D, not in the score: multiply by sigmoid's own slope, D (1 - D)."),
        ),
        ("The slope of softplus(u) = log(1 + e^u) in u is sigmoid(u).",
         "For softplus(-score) there is an inner slope of -1, and its size is asked for.",
         "`torch.stack([score.sigmoid(), (-score).sigmoid()])`"),
        "at score -10 minimax pushes with 0.00005 and the other loss with 0.99995, towards the same goal.",
    ),
    Exercise(
        "06.bilinear", "The game that circles outwards", "radius(r, lr, n)",
        "Two players start at distance `r` (B,) from the balance of x·y. In every step both move at once: x_new = x - lr y, y_new = y + lr x. How far away are they after `n` steps? Compute x_new^2 + y_new^2 on paper first.",
        game_radius, lambda g: [(1 + torch.rand(b, generator=g, dtype=torch.float64), lr, n) for b, lr, n in ((4, 0.2, 1), (3, 0.1, 50), (5, 0.5, 7))],
        slips(
            (lambda r, lr, n: r * (1 + lr**2) ** n, "This multiplies the distance by what multiplies its square: take the root, that is, half the exponent."),
            (lambda r, lr, n: r + 0 * lr * n, "It looks as if the distance stays: that holds for infinitely small steps only; here the term lr^2 is left."),
            (lambda r, lr, n: r * (1 + lr) ** n, "It looks as if the distance grows by lr in a step: the step is at a right angle to the radius, so Pythagoras gives sqrt(1 + lr^2)."),
            (lambda r, lr, n: r * (1 - lr**2) ** (n / 2), "It looks as if there is a minus in the squares: the mixed terms -2 lr x y and +2 lr x y cancel, and both lr^2 are added."),
            (lambda r, lr, n: r * (1 + n * lr**2) ** 0.5, "It looks as if the squared step is added n times: the step grows with the distance, so multiply n times."),
            (lambda r, lr, n: r * n * (1 + lr**2) ** 0.5, "It looks as if one step's factor is multiplied by n: n steps are n factors, a power."),
            (lambda r, lr, n: r * (1 + lr**2) ** 0.5 + 0 * n, "This is after one step: n of them multiply."),
            (lambda r, lr, n: r**2 * (1 + lr**2) ** n, "This is the square of the distance: take the root at the end."),
        ),
        ("x_new^2 + y_new^2 = (x - lr y)^2 + (y + lr x)^2. Which terms cancel?",
         "It is (1 + lr^2)(x^2 + y^2): the square of the distance gets the same factor in every step.",
         "r * (1 + lr**2) ** (n / 2)"),
        "for steps of both at once, a smaller learning rate only makes the way out slower. What ends elsewhere is another step (in turns, or with a look ahead) or another game.",
    ),
    Exercise(
        "06.ahead", "Looking one step ahead", "radius(r, lr, n)",
        "The same game, another step. Each player first looks where both would be after a step, x_look = x - lr y and y_look = y + lr x, and then steps from the old place by what it has seen there: x_new = x - lr y_look, y_new = y + lr x_look. They start at distance `r` (B,). How far from the balance are they after `n` steps?",
        radius_ahead, lambda g: [(1 + torch.rand(b, generator=g, dtype=torch.float64), lr, n) for b, lr, n in ((4, 0.2, 1), (3, 0.1, 50), (5, 0.5, 7))],
        slips(
            (lambda r, lr, n: r * (1 + lr**2) ** (n / 2), "This is the game without looking ahead: put x_look and y_look into the step, and multiply out."),
            (lambda r, lr, n: r * (1 - lr**2 + lr**4) ** n, "This multiplies the distance by what multiplies its square: take the root, that is, half the exponent."),
            (lambda r, lr, n: r * (1 - lr**2) ** n, "It looks as if the sideways part is forgotten: x_new = (1 - lr^2) x - lr y, and the lr y counts as well."),
            (lambda r, lr, n: r * (1 - lr**2) ** (n / 2), "Nearly: (1 - lr^2)^2 is 1 - 2 lr^2 + lr^4, and with lr^2 from the sideways part that leaves 1 - lr^2 + lr^4."),
            (lambda r, lr, n: r * (1 + lr**2 + lr**4) ** (n / 2), "It looks as if a sign is turned round: x_look pulls back, x_new = x - lr (y + lr x) = (1 - lr^2) x - lr y."),
            (lambda r, lr, n: r * ((1 + lr**2) ** 2 + lr**2) ** (n / 2), "It looks as if a sign is turned round: x_new = x - lr (y + lr x) = (1 - lr^2) x - lr y."),
            (lambda r, lr, n: r * (1 - lr**2 + lr**4) ** 0.5 + 0 * n, "This is after one step: n of them multiply."),
            (lambda r, lr, n: r**2 * (1 - lr**2 + lr**4) ** n, "This is the square of the distance: take the root at the end."),
            (lambda r, lr, n: r + 0 * lr * n, "It looks as if the distance stays: compute x_new^2 + y_new^2."),
        ),
        ("Put x_look and y_look into the step: x_new is a number times x plus a number times y.",
         "x_new = (1 - lr^2) x - lr y and y_new = (1 - lr^2) y + lr x. Square and add; the mixed terms cancel.",
         "r * (1 - lr**2 + lr**4) ** (n / 2)"),
        "below r for every lr between 0 and 1: in the same game, with the same learning rate, another kind of step arrives.",
        "This step is called extragradient.",
    ),
)
