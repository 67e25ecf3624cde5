"""The exercises of lesson 08: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import torch

from ...diffusion import Schedule
from ...oracle import mixture_denoiser
from ...words import N_
from ..exercise import EARLY, LATE, SHAPES, Exercise, cases_of, gaussian, stops, weighted_sum


def score(eps_hat, t, schedule):
    """grad log q(x_t) = -eps_hat / sqrt(1 - alpha_bar_t)"""
    return -eps_hat / (1 - schedule.alpha_bar[t]).sqrt()


def ddim_step(xt, eps_hat, t, s, schedule):
    """x_s = sqrt(alpha_bar_s) x0_hat + sqrt(1 - alpha_bar_s) eps_hat, DDIM eq. 12 with sigma = 0"""
    alpha_bar, alpha_bar_s = schedule.alpha_bar[t], schedule.alpha_bar[s]
    x0_hat = (xt - (1 - alpha_bar).sqrt() * eps_hat) / alpha_bar.sqrt()
    return alpha_bar_s.sqrt() * x0_hat + (1 - alpha_bar_s).sqrt() * eps_hat


def heun_calls():
    """Two in each of 18 steps, but one in the last: nobody can be asked at sigma = 0"""
    return 2 * 18 - 1


def euler_step(x, flow, u, w):
    """x_w = x_u + (w - u) flow"""
    return x + (w - u) * flow


def velocity(model, x, u, t, schedule):
    """flow = eps_hat - x0_hat, from a network that knows x_t = x / sqrt((1 - u)^2 + u^2)"""
    xt = x / ((1 - u) ** 2 + u**2) ** 0.5
    eps_hat = model(xt, t)
    x0_hat = (xt - (1 - schedule.alpha_bar[t]).sqrt() * eps_hat) / schedule.alpha_bar[t].sqrt()
    return eps_hat - x0_hat


def look_back(now, before, h, h_before):
    """now + h / 2 (now - before) / h_before: the middle of the coming step, if the answer turns evenly. Two Adams-Bashforth steps"""
    return now + h / (2 * h_before) * (now - before)


# ---------------------------------------------------------------------------------------- cases


def _step_cases(g):
    """(x_t, eps_hat, t, s, schedule), with steps that are long, short, and that land on data."""
    return [
        (gaussian(shape, g), gaussian(shape, g), t, s, Schedule.of(name, T))
        for name, T, shape in SHAPES
        for t, s in ((T, T // 2), (T // 2, 2), (2, 0), (1, 0), (T, 0))
    ]


def _euler_cases(g):
    ends = ((1.0, 0.75), (0.5, 0.3), (0.25, 0.0))
    return [(gaussian(shape, g), gaussian(shape, g), u, w) for _, _, shape in SHAPES for u, w in ends]


def _look_back_cases(g):
    lengths = ((1.0, 1.0), (0.5, 1.0), (2.0, 0.4))
    return [(gaussian(shape, g), gaussian(shape, g), h, k) for _, _, shape in SHAPES for h, k in lengths]


def _place(schedule: Schedule, t: int) -> float:
    """u with the noise of t."""
    a = float(schedule.alpha_bar[t])
    return (1 - a) ** 0.5 / (a**0.5 + (1 - a) ** 0.5)


def _velocity_cases(g):
    found = []
    for name, T, shape in SHAPES:
        schedule = Schedule.of(name, T)
        optimal = mixture_denoiser(gaussian((3, *shape[1:]), g), 0.5, schedule)
        model = lambda xt, t, y=None, optimal=optimal: optimal(xt, torch.as_tensor(t).clamp(min=1))
        found += [(model, gaussian(shape, g), _place(schedule, t), t, schedule) for t in (1, 2, T // 2, T)]
    return found


# ---------------------------------------------------------------------------------------- the same formulas with knobs


def _landed(weights, land=lambda t, s: s):
    """ddim_step as weights(alpha_bar_t, alpha_bar_s) of x_t and of eps_hat."""

    def formula(xt, eps_hat, t, s, schedule):
        x, e = weights(schedule.alpha_bar[t], schedule.alpha_bar[land(t, s)])
        return x * xt + e * eps_hat

    return formula


def _via(picture, noise):
    """picture x0_hat + noise eps_hat, each of (alpha_bar_t, alpha_bar_s)."""
    return lambda a, b: (picture(a, b) / a.sqrt(), noise(a, b) - picture(a, b) * ((1 - a) / a).sqrt())


def _root(a, b):
    return b.sqrt()


def _noise(a, b):
    return (1 - b).sqrt()


def _velocity(scale=lambda u: ((1 - u) ** 2 + u**2) ** 0.5, answer=lambda e, x0: e - x0, seen=None, told=lambda t: t):
    """velocity with another scale, another answer, another picture in the guess, or another time told to the model."""

    def formula(model, x, u, t, schedule):
        xt, a = x / scale(u), schedule.alpha_bar[t]
        eps_hat = model(xt, told(t))
        guessed = x if seen else xt
        return answer(eps_hat, (guessed - (1 - a).sqrt() * eps_hat) / a.sqrt())

    return formula


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "08.score",
        score, cases_of("xts"),
        {
            "sign": (weighted_sum(lambda a, ab, s: (1 / (1 - ab).sqrt(),)), N_("The sign is turned: eps_hat points to where the noise pushed x_t, and the score points back, to where there is more of the cloud.")),
            "root missing": (weighted_sum(lambda a, ab, s: (-1 / (1 - ab),)), N_("It looks as if the square root is missing: 1 - alpha_bar is sigma^2, and eps_hat has already used up one sigma.")),
            "multiplied": (weighted_sum(lambda a, ab, s: (-(1 - ab).sqrt(),)), N_("It looks as if this is multiplied by sigma instead of divided: with little noise the cloud is narrow and its score steep.")),
            "not divided": (weighted_sum(lambda a, ab, s: (-1,)), N_("It looks as if nothing is divided: eps_hat counts in units of the noise, the score in units of 1 / noise.")),
            "sign and root": (weighted_sum(lambda a, ab, s: (1 / (1 - ab),)), N_("Two slips at once: the sign is turned, and the square root is missing.")),
            "signal": (weighted_sum(lambda a, ab, s: (-1 / ab.sqrt(),)), N_("It looks as if alpha_bar stands where 1 - alpha_bar belongs: what the score divides by is the noise's weight.")),
            "alpha": (weighted_sum(lambda a, ab, s: (-1 / (1 - a).sqrt(),)), N_("It looks as if alpha stands where alpha_bar belongs: beta is the noise of one step, and x_t has that of all steps up to t.")),
            "early": (weighted_sum(lambda a, ab, s: (-1 / (1 - ab).sqrt(),), shift=-1), EARLY),
            "late": (stops(weighted_sum(lambda a, ab, s: (-1 / (1 - ab).sqrt(),), shift=1, land=-1)), LATE),
        },
        (N_("x_t is a bell curve around sqrt(alpha_bar) x_0. What is the slope of the logarithm of a bell curve of width sigma?"),
         N_("It is -(x - middle) / sigma^2; and x_t - middle is sigma eps, with sigma = sqrt(1 - alpha_bar)."),
         N_("-eps_hat / (1 - schedule.alpha_bar[t]).sqrt()")),
        N_("whoever predicts the noise knows the score: one is the other, in other units and turned round."),
        N_('The library calls this `convert(eps_hat, "eps", "score", xt, t, schedule)`.'),
    ),
    Exercise(
        "08.ddim",
        ddim_step, _step_cases,
        {
            "noise left out": (_landed(_via(_root, lambda a, b: 0)), N_("It looks as if the noise is left out where you land: at s there is noise too, and its direction is eps_hat.")),
            "not shrunk": (_landed(_via(lambda a, b: 1, _noise)), N_("It looks as if the guess is not shrunk: at s the picture has the weight sqrt(alpha_bar_s).")),
            "guess": (_landed(_via(lambda a, b: 1, lambda a, b: 0)), N_("This is the guess x0_hat alone: it is right for s = 0, but on the way one lands on noise and picture, both.")),
            "roots": (_landed(_via(lambda a, b: b, lambda a, b: 1 - b)), N_("It looks as if both square roots are missing where you land: alpha_bar_s and 1 - alpha_bar_s are variances.")),
            "root of noise": (_landed(_via(_root, lambda a, b: 1 - b)), N_("It looks as if the square root of 1 - alpha_bar_s is missing: that is the noise's variance, not its weight.")),
            "subtracted": (_landed(_via(_root, lambda a, b: -(1 - b).sqrt())), N_("It looks as if the noise is subtracted where you land: it was taken out for the guess, and some of it comes back.")),
            "noise of t": (_landed(_via(_root, lambda a, b: (1 - a).sqrt())), N_("It looks as if the noise of t comes back: where you land there is less of it, sqrt(1 - alpha_bar_s).")),
            "nothing moves": (_landed(lambda a, b: (1, 0)), N_("Nothing moves: x_t comes out again. Where you land, alpha_bar is read at s, not at t.")),
            "one step": (_landed(_via(_root, _noise), land=lambda t, s: t - 1), N_("It looks as if this lands on t - 1: the step goes to s, which may be far from t.")),
            "division": (_landed(lambda a, b: (b.sqrt(), (1 - b).sqrt() - b.sqrt() * (1 - a).sqrt())), N_("It looks as if the division by sqrt(alpha_bar_t) is missing in the guess: with the noise gone the picture is still faded.")),
            "added in guess": (_landed(lambda a, b: ((b / a).sqrt(), (1 - b).sqrt() + (b * (1 - a) / a).sqrt())), N_("It looks as if the noise is added in the guess where it should be subtracted.")),
        },
        (N_("First the guess of lesson 03. Then the jump of lesson 01, from the guess to time s; which noise does it take?"),
         N_("It takes eps_hat for its noise, the one that was seen: nothing is drawn. Both weights are read at s."),
         N_("schedule.alpha_bar[s].sqrt() * x0_hat + (1 - schedule.alpha_bar[s]).sqrt() * eps_hat")),
        N_("nothing in it asks that s be near t, so the same network can be walked in few steps: how few is a question of how much eps_hat turns on the way."),
        N_("The library: `reverse_step(xt, eps_hat, t, s, schedule, noise, eta=0.0).xs`."),
    ),
    Exercise(
        "08.calls",
        heun_calls, lambda g: [()],
        {
            "two each": (lambda: 36, N_("That is two in every step. But one of the steps lands where there is no noise, and there a denoiser has nothing to be asked.")),
            "one each": (lambda: 18, N_("That is one in every step, as DDIM does: Heun also asks where the step leads.")),
            "first once": (lambda: 34, N_("One too few: the first step asks twice like the others. It is only the last that asks once.")),
            "one more": (lambda: 19, N_("That would be so if each answer were used for two steps; but Heun asks anew where it has landed, for its first guess led elsewhere.")),
            "shared": (lambda: 37, N_("That counts one call too many at each end: 18 steps begin 18 times and look ahead fewer times.")),
            "no last": (lambda: 17, N_("These are the steps that look ahead, 17 of 18. Add the calls with which all 18 begin.")),
        },
        (N_("How often does one step ask? And is there a step in which the second question makes no sense?"),
         N_("Each step asks where it stands and where it leads; the last leads to t = 0, which is data."),
         N_("18 + 17")),
        N_("calls are what costs. So a sampler that asks twice gets half as many steps when samplers are compared."),
        number=True,
    ),
    Exercise(
        "08.euler",
        euler_step, _euler_cases,
        {
            "sign": (lambda x, f, u, w: x + (u - w) * f, N_("The sign is turned: flow = eps - x0 points from data to noise, and w is smaller than u, so w - u is negative already.")),
            "to the end": (lambda x, f, u, w: x - u * f, N_("This goes all the way to u = 0: it is the guess of the data. The step ends at w.")),
            "whole flow": (lambda x, f, u, w: x - f, N_("It looks as if the whole flow is subtracted: that is the way from noise at u = 1 to data at 0, and the step is only u - w long.")),
            "w for the difference": (lambda x, f, u, w: x + w * f, N_("It looks as if w stands for the length of the step: it is where the step ends; its length is the difference of w and u.")),
            "minus w": (lambda x, f, u, w: x - w * f, N_("It looks as if w is the length of the step: that is where it ends; the length is u - w.")),
            "ratio": (lambda x, f, u, w: x + (w / u - 1) * f, N_("It looks as if the step is measured in shares of u: on the straight path one goes flow for every unit of u, so take the difference.")),
            "shrunk": (lambda x, f, u, w: w / u * x, N_("This shrinks x towards 0, as if there were no picture in it: use flow.")),
            "forgotten": (lambda x, f, u, w: x + 0 * f, N_("Nothing moves: x_u comes out again.")),
        },
        (N_("On the straight path x = (1 - u) x0 + u eps. How fast does x change when u does?"),
         N_("dx/du = eps - x0, which is flow. Euler: go on as fast as now, as long as the step is."),
         N_("x + (w - u) * flow")),
        N_("one line, and it is the DDIM step: on the schedule `flow` both land on the same point."),
    ),
    Exercise(
        "08.velocity",
        velocity, _velocity_cases,
        {
            "not scaled": (_velocity(scale=lambda u: 1), N_("It looks as if the network is shown x as it is: it has learned from clouds of variance 1, and x is smaller.")),
            "scaled by variance": (_velocity(scale=lambda u: (1 - u) ** 2 + u**2), N_("It looks as if x is divided by its variance: dividing by its root makes the variance 1.")),
            "scaled the other way": (_velocity(scale=lambda u: ((1 - u) ** 2 + u**2) ** -0.5), N_("It looks as if x is multiplied by its size instead of divided: the network knows clouds of variance 1.")),
            "guess from x": (_velocity(seen="x"), N_("It looks as if the guess is made of x and not of the scaled x_t: the weights sqrt(alpha_bar) and sqrt(1 - alpha_bar) belong to x_t.")),
            "sign": (_velocity(answer=lambda e, x0: x0 - e), N_("The sign is turned: flow goes from data to noise, eps - x0.")),
            "only noise": (_velocity(answer=lambda e, x0: e), N_("This is eps_hat: half of the flow. The guess of the data is to be subtracted.")),
            "only guess": (_velocity(answer=lambda e, x0: x0), N_("This is the guess x0_hat: flow is eps_hat minus it.")),
            "sum": (_velocity(answer=lambda e, x0: e + x0), N_("It looks as if noise and guess are added: flow is their difference, eps - x0.")),
        },
        (N_("The network knows x_t, and you have x = (1 - u) x0 + u eps. Same picture, same noise: what is different between the two?"),
         N_("Their size: x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps has variance 1, x has (1 - u)^2 + u^2. Scale, ask, guess."),
         N_("xt = x / ((1 - u)**2 + u**2) ** 0.5; then eps_hat, the guess of lesson 03, and their difference.")),
        N_("so a network that was trained as a DDPM draws as a flow-matching model, and no weight has changed: what differs between the two is told, not learned."),
        N_('The library: `convert(model(xt, t), "eps", "flow", xt, t, schedule)`.'),
    ),
    Exercise(
        "08.look_back",
        look_back, _look_back_cases,
        {
            "equal steps": (lambda n, b, h, k: 1.5 * n - 0.5 * b, N_("These are the weights of equal steps, 3/2 and -1/2. Here the last step and the coming one may differ in length.")),
            "to the end": (lambda n, b, h, k: n + h / k * (n - b), N_("This is the answer at the end of the coming step. On its way the answer turns from now to there: its mean is half way.")),
            "not foreseen": (lambda n, b, h, k: n + 0 * b, N_("Nothing is foreseen: this follows the answer of now, as DDIM does.")),
            "between": (lambda n, b, h, k: (n + b) / 2, N_("This is the mean of the two answers: it looks at the step that is over. Draw the line on, into the coming one.")),
            "one more": (lambda n, b, h, k: 2 * n - b, N_("This draws the line on by a whole step as long as the last. The coming one is h long, and its middle is wanted.")),
            "sign": (lambda n, b, h, k: n - h / (2 * k) * (n - b), N_("It turns back: the answer went from before to now, so draw it on in the direction now - before.")),
            "lengths exchanged": (lambda n, b, h, k: n + k / (2 * h) * (n - b), N_("The two lengths have changed places: how fast it turns is (now - before) / h_before, and how long that goes on is h / 2.")),
            "length forgotten": (lambda n, b, h, k: n + h / 2 * (n - b), N_("It looks as if now - before were how fast the answer turns: it took h_before to turn so far, so divide by it.")),
            "the last length twice": (lambda n, b, h, k: n + k / 2 * (n - b), N_("It looks as if h_before stands for the coming step: the turning so far took h_before, the step ahead is h long.")),
        },
        (N_("The answer was before, and is now. If it goes on turning evenly, where is it in the middle of the coming step?"),
         N_("It turns by (now - before) / h_before for every unit of length; the middle is h / 2 ahead."),
         N_("now + (h / 2) * (now - before) / h_before")),
        N_("one old answer, kept for nothing, foresees the turn: with equal steps the weights are 3/2 and -1/2, those of Adams and Bashforth."),
        N_("The library: `dpmpp_2m` (`solvers.second_order`) does just this, with the guess for the answer and lengths in decibels; `ipndm` looks back up to three answers."),
    ),
)
