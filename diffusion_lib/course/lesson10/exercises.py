"""The exercises of lesson 10: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import torch

from ...words import N_
from ..exercise import Exercise, gaussian


def guide(eps_none, eps_y, w):
    """eps_w = eps_none + w (eps_y - eps_none), (B, ...): w = 0 is untold, w = 1 told (Ho, Salimans 2022, eq. 6)"""
    return eps_none + w * (eps_y - eps_none)


def drop(u, y, p):
    """-1 in place of the class y (B,) where the dice u (B,), uniform in 0..1, fall below p"""
    return torch.where(u < p, -1, y)


def avoid(eps_none, eps_y, eps_not, w):
    """eps_not + w (eps_y - eps_not): what shall not be there stands where nothing stood, (B, ...)"""
    return eps_not + w * (eps_y - eps_not)


def both(eps_none, eps_a, eps_b, w):
    """eps_none + w (eps_a - eps_none) + w (eps_b - eps_none): two wishes, each with its own step away from none, (B, ...)"""
    return eps_none + w * (eps_a - eps_none) + w * (eps_b - eps_none)


def guided_middle(m, r, s, w):
    """N(0, s^2)^(1 - w) N(m, r^2)^w is a bell again: 1 / variance = (1 - w) / s^2 + w / r^2, middle = variance w m / r^2, (B,)"""
    variance = 1 / ((1 - w) / s**2 + w / r**2)
    return variance * w * m / r**2


def _three(g):
    return [
        (*(gaussian(shape, g) for _ in range(2)), w) for shape, w in (((4, 2), 2.0), ((3, 1, 4, 4), 0.5), ((2, 5), 7.0))
    ]


def _four(g):
    return [
        (*(gaussian(shape, g) for _ in range(3)), w) for shape, w in (((4, 2), 2.0), ((3, 1, 4, 4), 3.5), ((2, 5), 1.5))
    ]


def _classes(g):
    return [
        (torch.rand(n, generator=g, dtype=torch.float64), torch.randint(0, 10, (n,), generator=g), p)
        for n, p in ((40, 0.1), (25, 0.5), (60, 0.3))
    ]


def _bells(g):
    def case(n, w):
        m, r = 3 * gaussian((n,), g), 0.2 + 0.5 * torch.rand(n, generator=g, dtype=torch.float64)
        return m, r, 1.0 + torch.rand(n, generator=g, dtype=torch.float64), w

    return [case(5, 2.0), case(4, 0.5), case(6, 4.0)]


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "10.guide",
        guide, _three,
        {
            "two changed places": (lambda n, y, w: y + w * (n - y), N_("The two have changed places: at w = 0 the answer should be eps_none, at w = 1 eps_y.")),
            "counted from told": (lambda n, y, w: y + w * (y - n), N_("This is guidance as the paper counts it, where 0 is told: here w = 0 is untold and w = 1 told, so begin at eps_none.")),
            "starts at zero": (lambda n, y, w: w * (y - n), N_("This is the step away from eps_none alone: add it to eps_none.")),
            "step turned round": (lambda n, y, w: n - w * (y - n), N_("The step goes the wrong way: it leads from eps_none to eps_y, so it is eps_y - eps_none.")),
            "sum without difference": (lambda n, y, w: n + w * y, N_("It looks as if eps_y itself is added: only its difference from eps_none is.")),
            "w forgotten": (lambda n, y, w: y + 0 * n, N_("It looks as if w is not used: this is the told answer, whatever w says.")),
            "told alone stretched": (lambda n, y, w: w * y, N_("It looks as if the told answer is stretched: stretch its difference from eps_none.")),
        },
        (N_("At w = 0 it is eps_none, at w = 1 eps_y, and in between it lies on the line between them."),
         N_("Which step leads from the first to the second, and how many of these steps do you take?"),
         N_("eps_none + w * (eps_y - eps_none)")),
        N_("above 1 the line goes on beyond what the network answered."),
        N_("The library has it inside `guidance.guided`."),
    ),
    Exercise(
        "10.drop",
        drop, _classes,
        {
            "turned round": (lambda u, y, p: torch.where(u < p, y, -1), N_("It looks as if it is turned round: the share p is to be forgotten, not kept.")),
            "zero for none": (lambda u, y, p: torch.where(u < p, 0, y), N_("It looks as if 0 stands for none: 0 is a class of its own, so none is -1.")),
            "all forgotten": (lambda u, y, p: torch.full_like(y, -1), N_("All are forgotten: such a network never hears a class.")),
            "none forgotten": (lambda u, y, p: y.clone(), N_("None is forgotten: such a network never learns to draw without being told.")),
            "half always": (lambda u, y, p: torch.where(u < 0.5, -1, y), N_("It looks as if one half is forgotten whatever p says.")),
            "the first of the batch": (lambda u, y, p: torch.where(torch.arange(len(y)) < p * len(y), -1, y), N_("It looks as if the first pictures of the batch are forgotten: the dice u decide.")),
            "last class": (lambda u, y, p: torch.where(u < p, 9, y), N_("It looks as if the last class stands for none: none is -1.")),
        },
        (N_("A die u in 0..1 is below p in a share p of all cases."),
         N_("`torch.where(condition, a, b)` takes a where the condition is true, b elsewhere."),
         N_("torch.where(u < p, -1, y)")),
        N_("this one line teaches one network both answers, told and untold."),
        N_("The library calls this `telling.forget`; of several words it keeps back each by itself as well."),
    ),
    Exercise(
        "10.avoid",
        avoid, _four,
        {
            "none still there": (lambda n, y, x, w: n + w * (y - n), N_("This is guidance without a negative word: eps_not is not used.")),
            "starts at none": (lambda n, y, x, w: n + w * (y - x), N_("It looks as if the line begins at eps_none: two steps, to the wish and away from the other, are a sensible rule too, but here eps_not takes the place of eps_none in both spots.")),
            "ends at not": (lambda n, y, x, w: y + w * (x - y), N_("It leads to what shall not be there: the line begins at eps_not and goes on through eps_y.")),
            "subtracted only": (lambda n, y, x, w: y - w * x, N_("It looks as if eps_not itself is taken away: only differences of answers are directions.")),
            "step turned": (lambda n, y, x, w: x - w * (y - x), N_("The step goes the wrong way: from eps_not to eps_y it is eps_y - eps_not.")),
            "told alone": (lambda n, y, x, w: y + 0 * x, N_("It looks as if neither w nor eps_not is used.")),
            "counted from told": (lambda n, y, x, w: y + w * (y - x), N_("It looks as if w is counted from 0 for told: begin at eps_not.")),
        },
        (N_("Take the line of exercise 1. Which of its letters stood for *nothing is said*?"),
         N_("Put the answer to the negative words wherever the untold answer stood; eps_none is then not needed."),
         N_("eps_not + w * (eps_y - eps_not)")),
        N_("at w = 1 a negative word counts for nothing, which the formula says at once."),
        N_("The library: `guided(model, y, w, negative)`."),
    ),
    Exercise(
        "10.both",
        both, _four,
        {
            "mean of both": (lambda n, a, b, w: n + w * ((a + b) / 2 - n), N_("This is one step to the mean of both: each wish has a whole step of its own.")),
            "one after the other": (lambda n, a, b, w: (n + w * (a - n)) + w * (b - (n + w * (a - n))), N_("It looks as if the second step begins where the first one ended: both begin at eps_none.")),
            "none once": (lambda n, a, b, w: n + w * (a + b - n), N_("It looks as if eps_none is taken away once: it belongs in each of the two differences.")),
            "none added twice": (lambda n, a, b, w: 2 * n + w * (a - n) + w * (b - n), N_("It looks as if two guided answers are added: eps_none, where both begin, then counts twice.")),
            "first only": (lambda n, a, b, w: n + w * (a - n) + 0 * b, N_("The second wish is missing.")),
            "from one to the other": (lambda n, a, b, w: a + w * (b - a), N_("This leads from the first wish to the second: both lead away from eps_none.")),
            "second unweighted": (lambda n, a, b, w: n + w * (a - n) + (b - n), N_("It looks as if the second wish has no w.")),
        },
        (N_("A wish is a step away from eps_none. With two wishes there are two steps."),
         N_("Both begin at eps_none, and each is multiplied by w."),
         N_("eps_none + w * (eps_a - eps_none) + w * (eps_b - eps_none)")),
        N_("two wishes that were never told together can be drawn together; Liu et al. 2022 compose sentences so."),
    ),
    Exercise(
        "10.middle",
        guided_middle, _bells,
        {
            "w times m": (lambda m, r, s, w: w * m + 0 * r * s, N_("This is w m, as if both bells were equally wide: the narrower one pulls harder.")),
            "told middle": (lambda m, r, s, w: m + 0 * r * s, N_("This is the middle of the told bell: that is right at w = 1 only.")),
            "sds in place of variances": (lambda m, r, s, w: w * m / r / ((1 - w) / s + w / r), N_("It looks as if standard deviations stand where variances belong: in the exponent stands x^2 / (2 r^2).")),
            "widths changed places": (lambda m, r, s, w: w * m / s**2 / ((1 - w) / r**2 + w / s**2), N_("The two widths have changed places: r belongs to the told bell.")),
            "product of both": (lambda m, r, s, w: w * m / r**2 / (1 / s**2 + w / r**2), N_("It looks as if the untold bell keeps the power 1: it is raised to 1 - w, which is negative above w = 1.")),
            "sign of one minus w": (lambda m, r, s, w: w * m / r**2 / ((w - 1) / s**2 + w / r**2), N_("It looks as if the sign of 1 - w is turned round.")),
            "w in front forgotten": (lambda m, r, s, w: m / r**2 / ((1 - w) / s**2 + w / r**2), N_("The power w also stands at the middle of the told bell: w m / r^2.")),
            "the variance": (lambda m, r, s, w: 1 / ((1 - w) / s**2 + w / r**2) + 0 * m, N_("This is the variance of the bell: its middle is asked for.")),
        },
        (N_("Write the logarithms: (1 - w) (-x^2 / (2 s^2)) + w (-(x - m)^2 / (2 r^2)). The middle is where the slope in x is zero."),
         N_("The slope: -(1 - w) x / s^2 - w (x - m) / r^2 = 0. Solve it for x."),
         N_("(w * m / r**2) / ((1 - w) / s**2 + w / r**2)")),
        N_("with m = 1, r = 0.5, s = 1 and w = 3 it is 1.2, beyond m. Where the told bell is the narrower one, w above 1 moves the middle beyond m, away from the untold one, and makes the bell narrower: more of what was asked, and less variety."),
    ),
)
