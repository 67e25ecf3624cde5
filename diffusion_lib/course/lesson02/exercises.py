"""The exercises of lesson 02: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import math

import torch

from ...diffusion import Schedule
from ...words import N_
from ..exercise import Exercise, gaussian


def _tables(*more):
    """Cases whose first argument is a table alpha_bar (T + 1,), then one choice of `more`, if there are any."""

    def cases(g):
        tables = [Schedule.of(name, T).alpha_bar for name, T in (("cosine", 12), ("linear", 24), ("sigmoid", 48))]
        return [(table, *extra) for table in tables for extra in (more or [()])]

    return cases


def _beta_cases(g):
    """Long tables of betas and the numbers of steps, all divisors, that they are to be walked in."""
    tables = [Schedule.of(name, T).beta[1:] for name, T in (("cosine", 60), ("linear", 120), ("sigmoid", 120))]
    return [(betas, T) for betas in tables for T in (60, 30, 12, 5) if len(betas) > T]


def _kl_cases(g):
    shapes = ((5, 1, 8, 8), (3, 3, 4, 6), (6, 2))
    return [
        (torch.tanh((1 + i) / 2 * gaussian(shape, g)), Schedule.of(name, T))
        for i, shape in enumerate(shapes)
        for name, T in (("cosine", 10), ("linear", 25))
    ]


def _decibel_cases(g):
    return [(torch.linspace(40, -40, n, dtype=torch.float64) + gaussian((n,), g),) for n in (5, 12)]


def betas_of(alpha_bar):
    """beta_t = 1 - alpha_bar_t / alpha_bar_{t-1} for t = 1..T, (T,)"""
    return 1 - alpha_bar[1:] / alpha_bar[:-1]


def alpha_bar_from_db(db):
    """SNR = alpha_bar / (1 - alpha_bar) = 10^(db / 10), solved for alpha_bar"""
    snr = 10 ** (db / 10)
    return snr / (1 + snr)


def picture_kl(x0, schedule):
    """KL(q(x_T | x_0) || N(0, I)) of each picture, summed over its D numbers, in nats, (B,)"""
    a = schedule.alpha_bar[-1]
    return ((a * x0**2 - a - torch.log1p(-a)) / 2).flatten(1).sum(1)


def repair(betas, T):
    """The T betas that walk the same curve alpha_bar as the many given ones"""
    alpha_bar = torch.cat([torch.ones(1, dtype=betas.dtype), torch.cumprod(1 - betas, 0)])
    kept = alpha_bar[:: len(betas) // T]  # T + 1 points of the same curve, both ends among them
    return 1 - kept[1:] / kept[:-1]


def straight_in_db(alpha_bar):
    """The same alpha_bar_1 and alpha_bar_T, and equal steps of decibels between them, (T + 1,)"""
    T = len(alpha_bar) - 1
    db = 10 * torch.log10(alpha_bar / (1 - alpha_bar))  # +infinity at t = 0, so the line begins at t = 1
    line = db[1] + (db[T] - db[1]) * torch.arange(T) / (T - 1)
    return torch.cat([alpha_bar[:1], 1 / (1 + 10 ** (-line / 10))])


def _kl(
    a=lambda s: s.alpha_bar[-1],
    form=lambda a, x2: (a * x2 - a - torch.log1p(-a)) / 2,
    add=lambda v: v.flatten(1).sum(1),
):
    """picture_kl with another number for alpha_bar_T, another formula, or added up over other axes."""
    return lambda x0, schedule: add(form(a(schedule), x0**2))


def _coarse(alpha_bar_of=lambda b: torch.cumprod(1 - b, 0), betas_from=betas_of):
    """repair, with another curve walked or other betas made from its points."""

    def formula(betas, T):
        table = torch.cat([torch.ones(1, dtype=betas.dtype), alpha_bar_of(betas)])
        return betas_from(table[:: len(betas) // T])

    return formula


def _groups(f):
    """T betas, each made by f from its own group of the given ones, (T, N / T)."""
    return lambda betas, T: f(betas.reshape(T, -1))


def _line(forward, back, first=1):
    """straight_in_db on another ruler: straight in forward(alpha_bar) from t = first on, back is its inverse."""

    def formula(alpha_bar):
        T, v = len(alpha_bar) - 1, forward(alpha_bar)
        line = v[first] + (v[T] - v[first]) * torch.arange(T + 1 - first) / (T - first)
        return torch.cat([alpha_bar[:first], back(line)])

    return formula


def _db(alpha_bar):
    return 10 * torch.log10(alpha_bar / (1 - alpha_bar))


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "02.beta",
        betas_of, _tables(),
        {
            "1 alpha_bar": (lambda a: 1 - a[1:], N_("It looks as if these are 1 - alpha_bar: that is all the noise since t = 0, but beta_t is the noise of one step.")),
            "alphas": (lambda a: a[1:] / a[:-1], N_("These are the alphas, the shares that each step keeps: beta is what it replaces, 1 - alpha.")),
            "neighbours subtracted": (lambda a: a[:-1] - a[1:], N_("It looks as if neighbours are subtracted: the betas multiply to alpha_bar, so the way back divides. A step takes its share of what was still there.")),
            "fraction upside down": (lambda a: 1 - a[:-1] / a[1:], N_("It looks as if the fraction is upside down: then the betas are negative. A step keeps alpha_bar_t / alpha_bar_{t-1}.")),
            "change divided alpha_bar_t": (lambda a: a[:-1] / a[1:] - 1, N_("It looks as if the change is divided by alpha_bar_t: beta is a share of what was there before the step, alpha_bar_{t-1}.")),
            "square root many": (lambda a: 1 - (a[1:] / a[:-1]).sqrt(), N_("It looks as if there is a square root too many: alpha_bar is a product of variances, not of weights.")),
            "standard deviations noise": (lambda a: (1 - a[1:] / a[:-1]).sqrt(), N_("These are the standard deviations of the noise: beta is the variance, so leave the root out.")),
            "alpha_bar multiplied up": (lambda a: torch.cumprod(1 - a, 0)[1:], N_("It looks as if alpha_bar is multiplied up once more: it is a product already, and you want its factors.")),
            "betas right": (lambda a: torch.cat([1 - a[:1], 1 - a[1:] / a[:-1]]), N_("The betas are right, but there is one too many at the front: t = 0 is the data, which no step has made. Return T numbers.")),
        },
        (N_("alpha_bar_t is a product of t factors, alpha_bar_{t-1} of the first t - 1 of them. What is their quotient?"),
         N_("alpha_bar_t / alpha_bar_{t-1} = alpha_t = 1 - beta_t, for every t from 1 to T."),
         N_("Two slices of the table, shifted by one: `alpha_bar[1:]` and `alpha_bar[:-1]`.")),
        N_("betas and alpha_bar tell the same story, one step by step and one in total, and now you can read either."),
    ),
    Exercise(
        "02.db",
        alpha_bar_from_db, _decibel_cases,
        {
            "ratio signal": (lambda d: 10 ** (d / 10), N_("This is the ratio signal : noise itself, alpha_bar / (1 - alpha_bar): solve it for alpha_bar.")),
            "sign turned round": (lambda d: 1 / (1 + 10 ** (d / 10)), N_("It looks as if a sign is turned round: this is the noise's share, 1 - alpha_bar. Many decibels mean much signal.")),
            "20 stands where": (lambda d: 1 / (1 + 10 ** (-d / 20)), N_("It looks as if 20 stands where 10 belongs: 20 is for ratios of weights (amplitudes), 10 for ratios of variances, and alpha_bar is one.")),
            "division 10 missing": (lambda d: 1 / (1 + 10**-d), N_("It looks as if the division by 10 is missing: a decibel is a tenth of a bel, and a bel is a factor of 10.")),
            "decibels taken natural": (lambda d: torch.sigmoid(d), N_("It looks as if decibels were taken for natural logarithms: 10 decibels are a factor of 10, not of e to the 10.")),
            "exponential base e": (lambda d: torch.sigmoid(d / 10), N_("It looks as if the exponential has the base e: decibels count factors of 10, so write `10 ** (db / 10)`.")),
            "picture weight": (lambda d: (1 / (1 + 10 ** (-d / 10))).sqrt(), N_("This is the picture's weight, sqrt(alpha_bar): the question is about alpha_bar, the variance.")),
            "noise share 10": (lambda d: 1 - 10 ** (-d / 10), N_("It looks as if the noise's share is 10^(-db/10): that number is noise : signal, while 1 - alpha_bar is noise : all.")),
            "turn something into": (lambda d: _db(1 / (1 + torch.exp(-d))), N_("It looks as if you turn something into decibels once more: the decibels are given, go the other way.")),
        },
        (N_("Decibels are 10 log10 of a ratio. Which ratio is it, in letters? First undo the logarithm."),
         N_("`10 ** (db / 10)` is r = alpha_bar / (1 - alpha_bar). Now solve for alpha_bar."),
         N_("alpha_bar = r / (1 + r): check that 0 dB gives one half.")),
        N_("0 dB is half and half, and every 10 dB further down leaves about a tenth: -10 dB is 0.09, -20 dB is 0.01."),
    ),
    Exercise(
        "02.kl",
        picture_kl, _kl_cases,
        {
            "mean over pixels": (_kl(add=lambda v: v.flatten(1).mean(1)), N_("This is the mean over the pixels, nats per dimension as on the gauge: here the whole picture is asked for, so add its pixels up.")),
            "all pictures added": (_kl(add=lambda v: v.sum()), N_("It looks as if all pictures are added up: each of the B pictures has a KL of its own, so flatten and sum over the second axis.")),
            "wrong axis added": (_kl(add=lambda v: v.flatten(1).sum(0)), N_("It looks as if the wrong axis is added up: the first axis counts the pictures, all the others belong to one picture.")),
            "factor 1/2 missing": (_kl(form=lambda a, x2: a * x2 - a - torch.log1p(-a)), N_("It looks as if the factor 1/2 is missing: it stands before the whole bracket.")),
            "logarithm wrong sign": (_kl(form=lambda a, x2: (a * x2 - a + torch.log1p(-a)) / 2), N_("It looks as if the logarithm has the wrong sign: it is subtracted. log(1 - alpha_bar) is negative, so it makes the KL larger.")),
            "alpha_bar added where": (_kl(form=lambda a, x2: (a * x2 + a - torch.log1p(-a)) / 2), N_("It looks as if alpha_bar is added where it is subtracted: the variance of x_T is 1 - alpha_bar, less than pure noise has.")),
            "log alpha_bar stands": (_kl(form=lambda a, x2: (a * x2 - a - a.log()) / 2), N_("It looks as if log(alpha_bar) stands where log(1 - alpha_bar) belongs: the variance of x_T is what the noise has, 1 - alpha_bar.")),
            "logarithm base 10": (_kl(form=lambda a, x2: (a * x2 - a - torch.log1p(-a) / math.log(10)) / 2), N_("It looks as if the logarithm has the base 10: nats come from the natural logarithm, `torch.log`.")),
            "standard deviation stands": (_kl(form=lambda a, x2: (a * x2 - a - torch.log1p(-a) / 2) / 2), N_("It looks as if the standard deviation stands in the logarithm: with the factor 1/2 in front it is the variance, 1 - alpha_bar.")),
            "mean not squared": (_kl(form=lambda a, x2: (a.sqrt() * x2 - a - torch.log1p(-a)) / 2), N_("It looks as if the mean is not squared properly: it is sqrt(alpha_bar) x_0, so its square is alpha_bar x_0^2.")),
            "x_0 not squared": (_kl(form=lambda a, x2: (a * x2.sqrt() - a - torch.log1p(-a)) / 2), N_("It looks as if x_0 is not squared: black and white are equally far from grey, so the square counts.")),
            "picture missing": (_kl(form=lambda a, x2: (-a - torch.log1p(-a)) / 2 + 0 * x2), N_("It looks as if the picture is missing: what is left of it, alpha_bar x_0^2, is part of the distance to pure noise.")),
            "two distributions changed": (_kl(form=lambda a, x2: (1 / (1 - a) + a * x2 / (1 - a) - 1 + torch.log1p(-a)) / 2), N_("It looks as if the two distributions have changed places: this is KL(N(0, I) || q), but q(x_T | x_0) comes first.")),
            "alpha stands where": (_kl(a=lambda s: s.alpha[-1]), N_("It looks as if alpha stands where alpha_bar belongs: alpha_T is the last step only.")),
            "wrong end table": (_kl(a=lambda s: s.alpha_bar[1]), N_("It looks as if the wrong end of the table is read: x_T belongs to `alpha_bar[-1]`.")),
        },
        (N_("The formula for one number x_0 of a picture is in section 3. The numbers of x_T are independent given x_0: what happens to their KLs?"),
         N_("They add up. Put the whole tensor into the formula, then add up all axes but the first."),
         N_("`.flatten(1).sum(1)` turns (B, ...) into (B,).")),
        N_("this sum is what the whole picture gives away: per number it may be tiny, but a large picture has very many numbers."),
    ),
    Exercise(
        "02.repair",
        repair, _beta_cases,
        {
            "every n/t th": (lambda b, T: b[:: len(b) // T], N_("This is every (N/T)th beta, unchanged: T small steps where there were N, so far too little noise, and x_T still shows the picture. It is the accident itself.")),
            "every n/t th beta": (lambda b, T: b[len(b) // T - 1 :: len(b) // T], N_("This is every (N/T)th beta, unchanged: one long step must do the work of N/T short ones, so its beta is larger than any of theirs.")),
            "first t betas": (lambda b, T: b[:T], N_("These are the first T betas: the schedule then stops after T of its N steps, with most of the picture still there.")),
            "same range fewer": (lambda b, T: torch.linspace(float(b[0]), float(b[-1]), T, dtype=b.dtype), N_("The same range with fewer steps is the accident itself: too few steps of the old size, and x_T still shows the picture.")),
            "betas multiplied n/t": (lambda b, T: b[:: len(b) // T] * (len(b) // T), N_("It looks as if betas are multiplied by N/T: a good rule while they are small, but betas do not add, and where they are large this passes 1, which no variance share can.")),
            "betas multiplied n/t 2": (lambda b, T: b[len(b) // T - 1 :: len(b) // T] * (len(b) // T), N_("It looks as if betas are multiplied by N/T: a good rule while they are small, but it passes 1 where they are large, and no step can replace more than everything.")),
            "betas multiplied n/t cut": (lambda b, T: (b[:: len(b) // T] * (len(b) // T)).clamp(max=0.999), N_("It looks as if betas are multiplied by N/T and cut off below 1: a valid schedule, but another curve. Only dividing alpha_bar by alpha_bar keeps the curve.")),
            "each group betas": (_groups(lambda v: v.sum(1)), N_("It looks as if each group of betas is added up: every step also shrinks the noise of the steps before it, so it is the (1 - beta) that multiply.")),
            "each group betas averaged": (_groups(lambda v: v.mean(1)), N_("It looks as if each group of betas is averaged: then T steps do the work of T, not of N, and the schedule is still too weak.")),
            "each group betas multiplied": (_groups(lambda v: v.prod(1)), N_("It looks as if each group of betas is multiplied: it is the shares that are kept, 1 - beta, that multiply.")),
            "alphas t steps": (_groups(lambda v: (1 - v).prod(1)), N_("These are the alphas of the T steps, what each keeps: the betas are 1 minus them.")),
            "right alpha_bar": (_coarse(betas_from=lambda a: a[1:]), N_("This is the right alpha_bar, but the betas of its steps are asked for.")),
            "beta 1 alpha_bar": (_coarse(betas_from=lambda a: 1 - a[1:]), N_("It looks as if beta is 1 - alpha_bar: that is all the noise since t = 0. One step replaces 1 - alpha_bar_t / alpha_bar_{t-1}.")),
            "neighbours alpha_bar subtracted": (_coarse(betas_from=lambda a: a[:-1] - a[1:]), N_("It looks as if neighbours of alpha_bar are subtracted: a step keeps a share of what was there, so divide.")),
            "table no place": (lambda b, T: betas_of(torch.cumprod(1 - b, 0)[:: len(b) // T]), N_("It looks as if the table has no place for t = 0: alpha_bar begins with a 1, or the first step is lost.")),
        },
        (N_("Do not stretch the betas: stretch the curve. Which table tells where the picture is after any number of steps?"),
         N_("Make alpha_bar with a 1 in front, (N + 1,), and keep every (N/T)th of its values: T + 1 numbers from 1 to the same end."),
         N_("`kept = alpha_bar[:: len(betas) // T]`, and each beta is 1 - kept_t / kept_{t-1}, as in exercise 2.")),
        N_("the curve is the schedule and the betas only follow from it; a schedule written as a function of t/T ends alike for every T."),
    ),
    Exercise(
        "02.straight",
        straight_in_db, _tables(),
        {
            "straight alpha_bar itself": (_line(lambda a: a, lambda v: v), N_("This is straight in alpha_bar itself: nearly all of the change that you can see is then crowded into the two ends.")),
            "straight log alpha_bar": (_line(torch.log, torch.exp), N_("This is straight in log alpha_bar: decibels compare the signal with the noise, so it is alpha_bar / (1 - alpha_bar) that goes into the logarithm.")),
            "straight sqrt alpha_bar": (_line(torch.sqrt, torch.square), N_("This is straight in sqrt(alpha_bar), the picture's weight: decibels are a logarithm of signal : noise.")),
            "straight alpha_bar": (_line(lambda a: a, lambda v: v, first=0), N_("This is straight in alpha_bar, and from t = 0 on: go over to decibels, and begin at t = 1.")),
            "decibels right": (_line(_db, lambda v: 10 ** (v / 10)), N_("The decibels are right, but the way back stops half way: 10^(db/10) is signal : noise, r, and alpha_bar is r / (1 + r).")),
            "decibels right 2": (_line(_db, lambda v: 1 / (1 + 10 ** (v / 10))), N_("The decibels are right, but the way back gives the noise's share: alpha_bar = 1 / (1 + 10^(-db/10)), with a minus.")),
            "decibels right 3": (_line(_db, lambda v: 1 / (1 + torch.exp(-v / 10))), N_("The decibels are right, but the way back takes powers of e: decibels count factors of 10, so write 10 ** (db / 10).")),
            "decibels right 4": (_line(_db, torch.sigmoid), N_("The decibels are right, but the way back takes them for natural logarithms: undo 10 log10, that is 10 ** (db / 10).")),
            "way takes natural": (_line(lambda a: torch.log(a / (1 - a)), lambda v: 1 / (1 + 10 ** (-v / 10))), N_("It looks as if the way there takes the natural logarithm and the way back powers of 10: use one of them for both.")),
            "decibels right 5": (_line(_db, lambda v: 1 / (1 + 10**-v)), N_("The decibels are right, but in the way back the division by 10 is missing: 10 ** (db / 10).")),
            "line runs backwards": (lambda a: torch.cat([a[:1], straight_in_db(a)[1:].flip(0)]), N_("It looks as if the line runs backwards: many decibels belong to early times, few to late ones.")),
            "values right": (lambda a: _line(_db, lambda v: 1 / (1 + 10 ** (-v / 10)))(a)[1:], N_("The values are right, but alpha_bar_0 = 1 in front is missing: the table has T + 1 places.")),
            "line step long": (lambda a: _line(_db, lambda v: 1 / (1 + 10 ** (-v / 10)))(torch.cat([a, a[-1:]]))[:-1], N_("It looks as if the line is one step too long and never reaches alpha_bar_T: T values have T - 1 gaps between them.")),
        },
        (N_("At t = 0 the ratio is infinite, so leave that place alone. Turn the two given ends, t = 1 and t = T, into decibels."),
         N_("`torch.linspace` (or arange) makes T evenly spaced numbers from one end to the other. Then turn decibels into alpha_bar, as in exercise 3."),
         N_("Put `alpha_bar[:1]` in front with `torch.cat`.")),
        N_("on this schedule every step changes signal : noise by the same factor, and the picture on the fair ruler sinks at an even speed."),
    ),
)
