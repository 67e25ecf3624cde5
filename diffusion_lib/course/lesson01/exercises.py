"""The exercises of lesson 01: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

from ... import diffusion
from ...diffusion import Schedule, log_q_chain, log_q_jump, log_q_step
from ...words import N_
from ..exercise import EARLY, LATE, ROOTS, SHAPES, Exercise, cases_of, gaussian, stops, weighted_sum


def _between_cases(g):
    """(x_s, s, t, eps, schedule): from the data, from the step before, and from far away."""
    return [
        (gaussian(shape, g), s, t, gaussian(shape, g), Schedule.of(name, T))
        for name, T, shape in SHAPES
        for s, t in ((0, 1), (1, 2), (0, T // 2), (T // 2, T), (1, T))
    ]


# ---------------------------------------------------- right answers that the library has only in a more general form


def chain_log_prob(path, schedule):
    """log q(x_{1:T} | x_0), (B,): the product of T densities is a sum of T logs."""
    return sum(log_q_step(path[t], path[t - 1], t, schedule) for t in range(1, schedule.T + 1))


def noise_of(x0, xt, t, schedule):
    """eps = (x_t - sqrt(alpha_bar_t) x_0) / sqrt(1 - alpha_bar_t)"""
    alpha_bar = schedule.alpha_bar[t]
    return (xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()


def from_s_to_t(xs, s, t, eps, schedule):
    """x_t = sqrt(a) x_s + sqrt(1 - a) eps, where a = alpha_bar_t / alpha_bar_s is the product of the alphas between"""
    a = schedule.alpha_bar[t] / schedule.alpha_bar[s]
    return a.sqrt() * xs + (1 - a).sqrt() * eps


def first_noisy_t(schedule):
    """The first t whose noise variance 1 - alpha_bar_t is larger than its signal variance alpha_bar_t."""
    return int((1 - schedule.alpha_bar > schedule.alpha_bar).nonzero()[0])


def _from_s(weights):
    """from_s_to_t with other weights; weights(alpha_bar_t, alpha_bar_s, schedule, s, t) gives x_s's and eps's."""

    def formula(xs, s, t, eps, schedule):
        p, e = weights(schedule.alpha_bar[t], schedule.alpha_bar[s], schedule, s, t)
        return p * xs + e * eps

    return formula


def _first(wanted):
    return int(wanted.nonzero()[0])


MINUS = N_(
    "It looks as if the noise is subtracted: -eps is as likely as eps, so the pictures would look right, but here the noise is added, and the way back will subtract it."
)


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "01.step",
        diffusion.forward_step, cases_of("xtxs"),
        {
            "alpha_bar stands where": (weighted_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt())), N_("It looks as if alpha_bar stands where alpha belongs: that is the jump from x_0, all steps at once, but xs has already come t - 1 steps.")),
            "square root beta": (weighted_sum(lambda a, ab, s: (a.sqrt(), 1 - a)), N_("It looks as if the square root of beta is missing: beta is the variance of the noise, and multiplying by a weight w changes a variance by w squared.")),
            "square root alpha": (weighted_sum(lambda a, ab, s: (a, (1 - a).sqrt())), N_("It looks as if the square root of alpha is missing: without it every step fades the picture too much, and the variance no longer stays at 1.")),
            "both square roots": (weighted_sum(lambda a, ab, s: (a, 1 - a)), ROOTS),
            "alpha beta changed": (weighted_sum(lambda a, ab, s: ((1 - a).sqrt(), a.sqrt())), N_("It looks as if alpha and beta have changed places: alpha is the picture's share and beta the noise's.")),
            "picture not shrunk": (weighted_sum(lambda a, ab, s: (1, (1 - a).sqrt())), N_("It looks as if the picture is not shrunk: noise then piles up on top of it, and the variance grows at every step instead of staying at 1.")),
            "noise comes full": (weighted_sum(lambda a, ab, s: (a.sqrt(), 1)), N_("It looks as if the noise comes in at full strength: one step adds only a little, with the weight sqrt(beta).")),
            "noise weight 1": (weighted_sum(lambda a, ab, s: (a.sqrt(), 1 - a.sqrt())), N_("It looks as if the noise's weight is 1 - sqrt(alpha): not the weights but their squares must add up to 1.")),
            "table read place": (weighted_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt()), shift=-1), EARLY),
            "table read place late": (stops(weighted_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt()), shift=1)), LATE),
            "noise subtracted": (weighted_sum(lambda a, ab, s: (a.sqrt(), -(1 - a).sqrt())), MINUS),
            "noise forgotten": (weighted_sum(lambda a, ab, s: (a.sqrt(), 0)), N_("It looks as if the noise is forgotten: a step that only shrinks leads to an even grey and not to noise.")),
            "sqrt beta added": (lambda xs, t, eps, s: s.alpha[t].sqrt() * xs + s.beta[t].sqrt(), N_("It looks as if sqrt(beta) is added without eps: that makes every pixel brighter by the same amount. The noise is sqrt(beta) times eps.")),
            "brackets go round": (weighted_sum(lambda a, ab, s: (a.sqrt() * (1 - a).sqrt(), (1 - a).sqrt())), N_("It looks as if the brackets go round too much: only eps is multiplied by sqrt(beta), the picture is not.")),
        },
        (N_("x_t is a weight times `xs` plus a weight times `eps`. If the variances are to be alpha and beta, what are the weights?"),
         N_("Multiplying by w multiplies the variance by w squared, so each weight is a square root."),
         N_("x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps, and a table entry has its root at hand: `schedule.beta[t].sqrt()`.")),
        N_("the squares of the two weights add up to 1, so the variance stays 1 however many steps you take, and the picture sinks into noise instead of blowing up."),
        N_("`_alpha(t, xs, schedule)` is `schedule.alpha[t]`, `.to(xs)` makes the weight fit the picture, and `check_batch` turns bad input into one clear sentence."),
    ),
    Exercise(
        "01.jump",
        diffusion.add_noise, cases_of("xtxs"),
        {
            "alpha stands where": (weighted_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt())), N_("It looks as if alpha stands where alpha_bar belongs: that is one step only, but from x_0 to x_t there are t of them, and alpha_bar is the product of their alphas.")),
            "only last step": (weighted_sum(lambda a, ab, s: (ab.sqrt(), (1 - a).sqrt())), N_("It looks as if only the last step's noise, beta_t, is added: the noise of all the steps before is in x_t too, 1 - alpha_bar_t together.")),
            "square root front": (weighted_sum(lambda a, ab, s: (ab, (1 - ab).sqrt())), N_("It looks as if the square root in front of x0 is missing: alpha_bar is the picture's variance, and its weight is the root of that.")),
            "square root front eps": (weighted_sum(lambda a, ab, s: (ab.sqrt(), 1 - ab)), N_("It looks as if the square root in front of eps is missing: 1 - alpha_bar is the noise's variance, and its weight is the root of that.")),
            "both square roots": (weighted_sum(lambda a, ab, s: (ab, 1 - ab)), ROOTS),
            "noise weight 1": (weighted_sum(lambda a, ab, s: (ab.sqrt(), 1 - ab.sqrt())), N_("It looks as if the noise's weight is 1 - sqrt(alpha_bar), but it is sqrt(1 - alpha_bar): not the weights but their squares must add up to 1.")),
            "signal noise changed": (weighted_sum(lambda a, ab, s: ((1 - ab).sqrt(), ab.sqrt())), N_("It looks as if picture and noise have changed places: at t = 1 nearly all is picture, so alpha_bar, which is near 1 there, goes with x0.")),
            "picture not shrunk": (weighted_sum(lambda a, ab, s: (1, (1 - ab).sqrt())), N_("It looks as if the picture is not shrunk: it must fade as the noise grows, or it would still shine through at T.")),
            "noise always comes": (weighted_sum(lambda a, ab, s: (ab.sqrt(), 1)), N_("It looks as if the noise always comes in at full strength: its weight grows with t, from near 0 to near 1.")),
            "table read place": (weighted_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt()), shift=-1), EARLY),
            "table read place late": (stops(weighted_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt()), shift=1)), LATE),
            "noise subtracted": (weighted_sum(lambda a, ab, s: (ab.sqrt(), -(1 - ab).sqrt())), MINUS),
            "noise forgotten": (weighted_sum(lambda a, ab, s: (ab.sqrt(), 0)), N_("It looks as if the noise is forgotten: this picture fades to grey, but x_t is to be as loud as before and full of noise.")),
            "sqrt 1 alpha_bar": (lambda x0, t, eps, s: s.alpha_bar[t].sqrt() * x0 + (1 - s.alpha_bar[t]).sqrt(), N_("It looks as if sqrt(1 - alpha_bar) is added without eps: that makes every pixel brighter by the same amount. The noise is that number times eps.")),
        },
        (N_("It has the same shape as one step: a weight times `x0` plus a weight times `eps`. Which table knows about all the steps up to t?"),
         N_("At time t the picture has variance alpha_bar[t] and the noise has 1 - alpha_bar[t]. A weight is the root of a variance."),
         N_("x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.")),
        N_("any x_t costs one line instead of t steps, and this is what makes training quick: every example can have a time of its own."),
        N_("`schedule.at(t, x0, lowest=0)` is `schedule.alpha_bar[t]`, and it also takes one t for each picture."),
    ),
    Exercise(
        "01.noise",
        noise_of, cases_of("xxts"),
        {
            "division missing": (weighted_sum(lambda a, ab, s: (-ab.sqrt(), 1)), N_("It looks as if the division is missing: with the picture gone, sqrt(1 - alpha_bar) eps is left; eps itself has variance 1.")),
            "xt x0": (weighted_sum(lambda a, ab, s: (-1, 1)), N_("This is xt - x0: but the picture in xt is faded, and the noise has a weight as well.")),
            "all x0 subtracted": (weighted_sum(lambda a, ab, s: (-1 / (1 - ab).sqrt(), 1 / (1 - ab).sqrt())), N_("It looks as if all of x0 is subtracted: in xt it is faded, with the weight sqrt(alpha_bar).")),
            "brackets missing": (weighted_sum(lambda a, ab, s: (-(ab / (1 - ab)).sqrt(), 1)), N_("It looks as if brackets are missing: all of (xt - picture) is divided by sqrt(1 - alpha_bar), here only the picture is.")),
            "root alpha_bar missing": (weighted_sum(lambda a, ab, s: (-ab / (1 - ab).sqrt(), 1 / (1 - ab).sqrt())), N_("It looks as if the root of alpha_bar is missing: alpha_bar is a variance, and the picture's weight is its root.")),
            "root 1 alpha_bar": (weighted_sum(lambda a, ab, s: (-ab.sqrt() / (1 - ab), 1 / (1 - ab))), N_("It looks as if the root of 1 - alpha_bar is missing: that is the noise's variance, and its weight is the root.")),
            "both square roots": (weighted_sum(lambda a, ab, s: (-ab / (1 - ab), 1 / (1 - ab))), ROOTS),
            "picture added where": (weighted_sum(lambda a, ab, s: ((ab / (1 - ab)).sqrt(), 1 / (1 - ab).sqrt())), N_("It looks as if the picture is added where it should be taken away.")),
            "sign turned round": (weighted_sum(lambda a, ab, s: ((ab / (1 - ab)).sqrt(), -1 / (1 - ab).sqrt())), N_("The sign is turned round: this is -eps.")),
            "two weights changed": (weighted_sum(lambda a, ab, s: (-((1 - ab) / ab).sqrt(), 1 / ab.sqrt())), N_("It looks as if the two weights have changed places: alpha_bar goes with the picture, 1 - alpha_bar with the noise.")),
            "alpha stands where": (weighted_sum(lambda a, ab, s: (-(a / (1 - a)).sqrt(), 1 / (1 - a).sqrt())), N_("It looks as if alpha stands where alpha_bar belongs: that is one step, but xt is t steps away from x0.")),
        },
        (N_("Write down the jump, x_t = ... x_0 + ... eps, and solve it for eps."),
         N_("First take the faded picture away, then divide by the noise's weight."),
         N_("(xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt(), with alpha_bar read at t")),
        N_("who has two of x0, x_t and eps has the third; a denoiser has only x_t, so it can only guess."),
        N_('The library calls this `convert(x0, "x0", "eps", xt, t, schedule)`.'),
    ),
    Exercise(
        "01.chain",
        chain_log_prob, cases_of("ps", lambda T: (1,)),
        {
            "densities added log": (lambda p, s: log_q_chain(p, s).logsumexp(0), N_("It looks as if densities are added and then the log is taken: every step must happen, so densities multiply, and the log of a product is a sum of logs.")),
            "logs multiplied": (lambda p, s: log_q_chain(p, s).prod(0), N_("It looks as if the logs are multiplied: it is the densities that multiply, and the log of a product is a sum of logs.")),
            "densities multiplied log": (lambda p, s: log_q_chain(p, s).exp().prod(0).log(), N_("It looks as if the densities are multiplied and the log is taken at the end: right on paper, but the product leaves the range of numbers that a computer has, and then its log is infinite. Add the logs instead.")),
            "sign turned round": (lambda p, s: -log_q_chain(p, s).sum(0), N_("It looks as if the sign is turned round: that is a loss, -log q; the log density itself is asked for.")),
            "exponential taken end": (lambda p, s: log_q_chain(p, s).sum(0).exp(), N_("It looks as if the exponential was taken in the end: the density itself is so far from 1 that for pictures it rounds to 0 (or overflows), so stay with the log.")),
            "logs averaged": (lambda p, s: log_q_chain(p, s).mean(0), N_("It looks as if the logs are averaged: a product of T densities is the sum of T logs, not divided by T.")),
            "each x_t judged": (lambda p, s: sum(log_q_jump(p[t], p[0], t, s) for t in range(1, s.T + 1)), N_("It looks as if each x_t is judged given x_0: in the chain, x_t is drawn from x_{t-1}, its neighbour, and only from that.")),
            "only x_t judged": (lambda p, s: log_q_jump(p[-1], p[0], s.T, s), N_("It looks as if only x_T is judged, given x_0: many paths lead to the same x_T, and the question is about this one path.")),
            "only last step": (lambda p, s: log_q_chain(p, s)[-1], N_("It looks as if only the last step is counted: add the terms up, and return after the loop, with no new start inside it.")),
            "only first step": (lambda p, s: log_q_chain(p, s)[0], N_("It looks as if only the first step is counted: the `return` may stand inside the loop.")),
            "first step": (lambda p, s: log_q_chain(p, s)[1:].sum(0), N_("It looks as if the first step, from x_0 to x_1, is left out: the times are t = 1..T.")),
            "last step": (lambda p, s: log_q_chain(p, s)[:-1].sum(0), N_("It looks as if the last step, from x_{T-1} to x_T, is left out: `range(1, T)` ends at T - 1, so write `range(1, T + 1)`.")),
            "x_t x t": (lambda p, s: sum(log_q_step(p[t - 1], p[t], t, s) for t in range(1, s.T + 1)), N_("It looks as if x_t and x_{t-1} have changed places: `log_q_step` wants first the later one, x_t, and then the one it came from.")),
            "t terms": (log_q_chain, N_("These are the T terms, one for each step: the log of their product is still to be taken, and that is their sum.")),
            "pictures batch added": (lambda p, s: log_q_chain(p, s).sum(), N_("It looks as if the pictures of the batch are added up too: each of the B pictures has a path of its own, so return B numbers.")),
            "loop begins t": (stops(lambda p, s: log_q_step(p[1], p[0], 0, s)), N_("It looks as if the loop begins at t = 0: the first step, from x_0 to x_1, has t = 1, so count t = 1..T.")),
        },
        (N_("The path happens if step 1 happens and step 2 happens and ... Do densities of such steps add or multiply?"),
         N_("They multiply. What becomes of a product when you take its log?"),
         N_("Start with `total = 0`, add `log_q_step(path[t], path[t - 1], t, schedule)` for t = 1..T, and return after the loop.")),
        N_("in logs, a product over a thousand steps is a plain sum that no computer rounds to 0, and DDPM's training loss comes from such a sum."),
    ),
    Exercise(
        "01.half",
        first_noisy_t,
        lambda g: [(Schedule.of("cosine", 1000),)],
        {
            "small": (lambda s: first_noisy_t(s) - 1, N_("That is one too small: it is the last t at which the picture still wins, or a place counted in a table without t = 0; here alpha_bar[0] belongs to t = 0.")),
            "large": (lambda s: first_noisy_t(s) + 1, N_("That is one too large: the table begins at t = 0, so the place in the table is t itself and nothing needs adding.")),
            "other schedule": (lambda s: first_noisy_t(Schedule.of("linear", s.T)), N_("That is the answer for the linear schedule: this question is about cosine.")),
            "sqrt alpha_bar compared": (lambda s: _first(s.alpha_bar.sqrt() < 0.5), N_("It looks as if sqrt(alpha_bar) was compared with 1 - sqrt(alpha_bar): sqrt(alpha_bar) is a weight, but the question is about variances, which are weights squared.")),
            "signal weight sqrt": (lambda s: _first(s.alpha_bar.sqrt() < 1 - s.alpha_bar), N_("It looks as if the picture's weight sqrt(alpha_bar) was compared with the noise's variance 1 - alpha_bar: compare variance with variance.")),
            "betas added up": (lambda s: _first(s.beta.cumsum(0) > 0.5), N_("It looks as if the betas were added up to 1/2: they do not simply add, because every step also shrinks the noise that is already there.")),
            "middle time": (lambda s: s.T // 2, N_("That is the middle of the time, but no schedule promises half and half there: look alpha_bar up.")),
            "0 what some": (lambda s: 0, N_("0 is what some searches give when they find nothing, as happens with alpha in place of alpha_bar: no single step puts in that much noise, only many together.")),
            "t what search": (lambda s: s.T, N_("T is what a search gives when it runs to the end and finds nothing, as happens with alpha in place of alpha_bar: no single step puts in that much noise, only many together.")),
        },
        (
            N_("x_t is a weight times x_0 plus a weight times eps. Which number in the schedule tells how much variance each part has?"),
            N_("The picture has variance `alpha_bar[t]` and the noise has `1 - alpha_bar[t]`. When is the second one larger?"),
            N_("You look for the first t with `schedule.alpha_bar[t] < 0.5`."),
        ),
        N_("before this t you see a picture with noise on it, after it noise with a picture in it, and each schedule puts that moment somewhere else."),
        number=True,
    ),
    Exercise(
        "01.between",
        from_s_to_t, _between_cases,
        {
            "jump x_0": (_from_s(lambda at, as_, *_: (at.sqrt(), (1 - at).sqrt())), N_("This is the jump from x_0: but xs has s steps behind it already, and only those from s + 1 to t are still to come.")),
            "picture weight right": (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), (1 - at).sqrt())), N_("The picture's weight is right. But 1 - alpha_bar_t is all the noise since t = 0, and a part of it is in xs already.")),
            "picture weight right 2": (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), (as_ - at).sqrt())), N_("The picture's weight is right. But the noise that is in xs shrinks on the way too, so the two amounts cannot just be subtracted.")),
            "root front xs": (_from_s(lambda at, as_, *_: (at / as_, (1 - at / as_).sqrt())), N_("It looks as if the root in front of xs is missing: the ratio is a variance, and a weight is the root of one.")),
            "root front eps": (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), 1 - at / as_)), N_("It looks as if the root in front of eps is missing: 1 minus the ratio is a variance, and a weight is the root of one.")),
            "both square roots": (_from_s(lambda at, as_, *_: (at / as_, 1 - at / as_)), ROOTS),
            "fraction upside down": (_from_s(lambda at, as_, *_: ((as_ / at).sqrt(), (1 - at / as_).sqrt())), N_("It looks as if the fraction is upside down: the later time has the smaller alpha_bar, so the ratio alpha_bar_t / alpha_bar_s is below 1.")),
            "step": (_from_s(lambda at, as_, sch, s, t: (sch.alpha[t].sqrt(), (1 - sch.alpha[t]).sqrt())), N_("This is one step, the one that ends at t: from s to t there are t - s of them.")),
            "t s looked": (_from_s(lambda at, as_, sch, s, t: (sch.alpha_bar[t - s].sqrt(), (1 - sch.alpha_bar[t - s]).sqrt())), N_("It looks as if t - s is looked up: the steps from s to t are not the first t - s steps, and their betas differ.")),
            "two weights changed": (_from_s(lambda at, as_, *_: ((1 - at / as_).sqrt(), (at / as_).sqrt())), N_("It looks as if the two weights have changed places.")),
            "picture not shrunk": (_from_s(lambda at, as_, *_: (1, (1 - at / as_).sqrt())), N_("It looks as if the picture is not shrunk on the way.")),
            "noise weight 1": (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), 1 - (at / as_).sqrt())), N_("It looks as if the noise's weight is 1 minus the picture's: not the weights but their squares add up to 1.")),
        },
        (N_("The steps from s + 1 to t melt into one as those from 1 to t do. Which of the alphas does their product hold?"),
         N_("The product of the alphas from s + 1 to t is alpha_bar_t / alpha_bar_s. Variances add up to 1 here too."),
         N_("a = schedule.alpha_bar[t] / schedule.alpha_bar[s], then a.sqrt() * xs + (1 - a).sqrt() * eps")),
        N_("with s = 0 this is the jump and with s = t - 1 the step: both were cases of one formula."),
        N_("Samplers that skip times are built on this ratio: `posterior` in `diffusion.py` has it in its third line."),
    ),
)
