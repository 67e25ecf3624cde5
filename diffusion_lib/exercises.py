"""What the exercises ask, and the slips that people make in them.

An exercise knows the right function and, beside it, the wrong ones: an answer that agrees with a wrong one on every case
gets that slip's own sentence. So a new exercise is data: ``check`` and its tests need no change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from . import diffusion
from .diffusion import Schedule, log_q_chain, log_q_jump, log_q_step, reverse_step
from .oracle import mixture_denoiser


@dataclass(frozen=True)
class Exercise:
    """call: the function to write, as it is called, or a name without brackets if the answer is one whole number.

    reference: the right function. cases: from a generator, the argument tuples to compare on (t = 1 and t = T among them).
    slips: {what the learner is told: the wrong function}; the first that agrees is named. aside: shown under the solution.
    """

    name: str
    title: str
    call: str
    task: str
    reference: Callable
    cases: Callable[[torch.Generator], list[tuple]]
    slips: dict[str, Callable]
    hints: tuple[str, ...]
    praise: str
    aside: str = ""

    @property
    def arguments(self) -> list[str]:
        """The names in the call's brackets; [] if the answer is a number."""
        return self.call.partition("(")[2].rstrip(")").split(", ") if "(" in self.call else []


# ---------------------------------------------------- cases: T is small, so that answers computed in float32 pass too

_SHAPES = (("cosine", 10, (4, 2)), ("linear", 25, (3, 1, 8, 8)), ("sigmoid", 12, (2, 3, 4, 4)))


def _noise(shape: tuple, g: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=g, dtype=torch.float64)


def _cases(order: str, times=lambda T: (1, 2, T // 2, T)):
    """Cases whose arguments are, letter by letter, x: noise, p: a forward path, t: the time, s: the schedule."""

    def case(letter, shape, t, schedule, g):
        if letter == "p":
            return diffusion.forward_path(_noise(shape, g), schedule, g)
        return {"t": t, "s": schedule}[letter] if letter in "ts" else _noise(shape, g)

    return lambda g: [
        tuple(case(letter, shape, t, Schedule.of(name, T), g) for letter in order)
        for name, T, shape in _SHAPES
        for t in times(T)
    ]


def _walk_case(name, T, shape, g):
    schedule = Schedule.of(name, T)
    # wide components: narrow ones would pull every walk, right or wrong, to the same picture
    perfect = mixture_denoiser(_noise((3, *shape[1:]), g), 0.5, schedule)

    def model(
        xt, t, y=None
    ):  # lenient at t = 0: a walk that tells it s, not t, gets that slip's sentence, not an error
        return perfect(xt, torch.as_tensor(t).clamp(min=1), y)

    return model, _noise(shape, g), schedule, _noise((T + 1, *shape), g)


def _copy_cases(g):
    pairs = (((6, 2), (9, 2)), ((8, 1, 8, 8), (5, 1, 8, 8)), ((7, 3, 2, 2), (7, 3, 2, 2)))
    return [(_noise(samples, g), _noise(data, g)) for samples, data in pairs]


# ---------------------------------------------------- right answers that the library has only in a more general form


def chain_log_prob(path, schedule):
    """log q(x_{1:T} | x_0), (B,): the product of T densities is a sum of T logs."""
    return sum(log_q_step(path[t], path[t - 1], t, schedule) for t in range(1, schedule.T + 1))


def first_noisy_t(schedule):
    """The first t whose noise variance 1 - alpha_bar_t is larger than its signal variance alpha_bar_t."""
    return int((1 - schedule.alpha_bar > schedule.alpha_bar).nonzero()[0])


def guess_x0(xt, eps_hat, t, schedule):
    """x0_hat = (x_t - sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_bar_t)"""
    alpha_bar = schedule.alpha_bar[t]
    return (xt - (1 - alpha_bar).sqrt() * eps_hat) / alpha_bar.sqrt()


def ddpm_step(xt, eps_hat, t, z, schedule):
    """x_{t-1} = mean + sqrt(beta_tilde) z, DDPM eq. 7 and 11"""
    alpha, beta = schedule.alpha[t], schedule.beta[t]
    alpha_bar, alpha_bar_s = schedule.alpha_bar[t], schedule.alpha_bar[t - 1]
    mean = (xt - beta / (1 - alpha_bar).sqrt() * eps_hat) / alpha.sqrt()
    beta_tilde = (1 - alpha_bar_s) / (1 - alpha_bar) * beta  # 0 at t = 1: the last step adds no noise
    return mean + beta_tilde.sqrt() * z


def walk(model, xT, schedule, noises):
    """From noise x_T down to a picture x_0, asking the model anew at every step"""
    x = xT
    for t in range(schedule.T, 0, -1):
        x = reverse_step(x, model(x, t), t, t - 1, schedule, noises[t]).xs
    return x


def nearest(samples, data):
    """The index of the training picture at the smallest squared distance from each sample, (B,)"""
    return torch.cdist(samples.flatten(1), data.flatten(1)).square().argmin(1)


# ---------------------------------------------------- the same formulas with knobs: slips are made of these


def _sum(weights, shift=0, land=-1):
    """A weighted sum of the tensor arguments; weights(alpha_t, alpha_bar_t, alpha_bar_s), tables read `shift` too late."""

    def formula(*args):
        t, schedule = next(a for a in args if isinstance(a, int)), args[-1]
        table, i = schedule.alpha_bar, t + shift
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        return sum(
            w * x for w, x in zip(weights(schedule.alpha[i], table[i], table[i + land]), tensors, strict=True)
        )

    return formula


def _mean(a, ab, s):
    """What x_t and eps_hat weigh in DDPM's mean."""
    return 1 / a.sqrt(), -(1 - a) / (1 - ab).sqrt() / a.sqrt()


def _variance(a, ab, s):
    return (1 - s) / (1 - ab) * (1 - a)


def _via_x0(eps_weight):
    """What they weigh in sqrt(alpha_bar_s) x0_hat + eps_weight eps_hat."""
    return lambda a, ab, s: ((s / ab).sqrt(), eps_weight(a, ab, s) - (s * (1 - ab) / ab).sqrt())


def _back(mean=_mean, sigma=lambda *p: _variance(*p).sqrt(), **shifts):
    return _sum(lambda *p: (*mean(*p), sigma(*p)), **shifts)


def _walk(
    times=lambda T: range(T, 0, -1), told=lambda t, T: t, drawn=lambda t, T: t, keep="xs", fed=None, v=0.0
):
    """walk, but with other times, another time told to the model, another noise, another part of the Step kept."""

    def formula(model, xT, schedule, noises):
        x, T = xT, schedule.T
        for t in times(T):
            eps_hat = model(xT if fed == "xT" else x, told(t, T))
            x = getattr(reverse_step(x, eps_hat, t, t - 1, schedule, noises[drawn(t, T)], v=v), keep)
        return x

    return formula


def _distances(samples, data, p=2.0):
    return torch.cdist(samples.flatten(1), data.flatten(1), p=p)


def _slips(*pairs: tuple[Callable, str]) -> dict[str, Callable]:
    """Written the other way round, since the functions are short and the sentences long."""
    return {sentence: wrong for wrong, sentence in pairs}


def _first(wanted):
    return int(wanted.nonzero()[0])


# ---------------------------------------------------- the exercises: a table, one slip a line, so it is not wrapped
# fmt: off

_ROOTS = "It looks as if both square roots are missing: multiplying by a weight w changes a variance by w squared, so the weight is the root of the variance."
_EARLY = "It looks as if the table is read one place too early: it has a place for t = 0, so what belongs to t stands at [t], not at [t - 1]."
_LATE = "It looks as if the table is read one place too late: it has a place for t = 0, so what belongs to t stands at [t], not at [t + 1]."
_MINUS = "It looks as if the noise is subtracted: -eps is as likely as eps, so the pictures would look right, but here the noise is added, and the way back will subtract it."


def _half(name: str, schedule: str, other: str) -> Exercise:
    return Exercise(
        name, f"When does noise win? ({schedule})", "half",
        f'For data of variance 1 and `Schedule.of("{schedule}", 1000)`: what is the first t at which x_t holds more noise variance than signal variance? Answer with a whole number.',
        first_noisy_t, lambda g: [(Schedule.of(schedule, 1000),)],
        _slips(
            (lambda s: first_noisy_t(s) - 1, "That is one too small: it is the last t at which the signal still wins, or a place counted in a table without t = 0; here alpha_bar[0] belongs to t = 0."),
            (lambda s: first_noisy_t(s) + 1, "That is one too large: the table begins at t = 0, so the place in the table is t itself and nothing needs adding."),
            (lambda s: first_noisy_t(Schedule.of(other, s.T)), f"That is the answer for the {other} schedule: this question is about {schedule}."),
            (lambda s: _first(s.alpha_bar.sqrt() < 0.5), "It looks as if sqrt(alpha_bar) was compared with 1 - sqrt(alpha_bar): sqrt(alpha_bar) is a weight, but the question is about variances, which are weights squared."),
            (lambda s: _first(s.alpha_bar.sqrt() < 1 - s.alpha_bar), "It looks as if the signal's weight sqrt(alpha_bar) was compared with the noise's variance 1 - alpha_bar: compare variance with variance."),
            (lambda s: _first(s.beta.cumsum(0) > 0.5), "It looks as if the betas were added up to 1/2: they do not simply add, because every step also shrinks the noise that is already there."),
            (lambda s: s.T // 2, "That is the middle of the time, but no schedule promises half and half there: look alpha_bar up."),
            (lambda s: 0, "0 is what some searches give when they find nothing, as happens with alpha in place of alpha_bar: no single step puts in that much noise, only many together."),
            (lambda s: s.T, "T is what a search gives when it runs to the end and finds nothing, as happens with alpha in place of alpha_bar: no single step puts in that much noise, only many together."),
        ),
        ("x_t is a weight times x_0 plus a weight times eps. Which number in the schedule tells how much variance each part has?",
         "The signal has variance `alpha_bar[t]` and the noise has `1 - alpha_bar[t]`. When is the second one larger?",
         "You look for the first t with `schedule.alpha_bar[t] < 0.5`."),
        "before this t you see a picture with noise on it, after it noise with a picture in it, and each schedule puts that moment somewhere else.",
    )


EXERCISES: dict[str, Exercise] = {e.name: e for e in (
    Exercise(
        "01.step", "One step towards noise", "forward_step(xs, t, eps, schedule)",
        "Take one step of the forward process, from `xs` (this is x_{t-1}) to x_t: shrink the picture a little and add a little noise, so that the noise you add has variance beta_t and a picture of variance 1 keeps variance 1. Given: `eps`, noise of variance 1, and the tables `schedule.beta[t]` and `schedule.alpha[t]`, which is 1 - beta[t].",
        diffusion.forward_step, _cases("xtxs"),
        _slips(
            (_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt())), "It looks as if alpha_bar stands where alpha belongs: that is the jump from x_0, all steps at once, but xs has already come t - 1 steps."),
            (_sum(lambda a, ab, s: (a.sqrt(), 1 - a)), "It looks as if the square root of beta is missing: beta is the variance of the noise, and multiplying by a weight w changes a variance by w squared."),
            (_sum(lambda a, ab, s: (a, (1 - a).sqrt())), "It looks as if the square root of alpha is missing: without it every step fades the picture too much, and the variance no longer stays at 1."),
            (_sum(lambda a, ab, s: (a, 1 - a)), _ROOTS),
            (_sum(lambda a, ab, s: ((1 - a).sqrt(), a.sqrt())), "It looks as if alpha and beta have changed places: alpha is the picture's share and beta the noise's."),
            (_sum(lambda a, ab, s: (1, (1 - a).sqrt())), "It looks as if the picture is not shrunk: noise then piles up on top of it, and the variance grows at every step instead of staying at 1."),
            (_sum(lambda a, ab, s: (a.sqrt(), 1)), "It looks as if the noise comes in at full strength: one step adds only a little, with the weight sqrt(beta)."),
            (_sum(lambda a, ab, s: (a.sqrt(), 1 - a.sqrt())), "It looks as if the noise's weight is 1 - sqrt(alpha): not the weights but their squares must add up to 1."),
            (_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt()), shift=-1), _EARLY),
            (_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt()), shift=1), _LATE),
            (_sum(lambda a, ab, s: (a.sqrt(), -(1 - a).sqrt())), _MINUS),
        ),
        ("x_t is a weight times `xs` plus a weight times `eps`. If the variances are to be alpha and beta, what are the weights?",
         "Multiplying by w multiplies the variance by w squared, so each weight is a square root.",
         "x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps, and a table entry has its root at hand: `schedule.beta[t].sqrt()`."),
        "the squares of the two weights add up to 1, so the variance stays 1 however many steps you take, and the picture sinks into noise instead of blowing up.",
        "`_alpha(t, xs, schedule)` is `schedule.alpha[t]`, `.to(xs)` makes the weight fit the picture, and `check_batch` turns bad input into one clear sentence.",
    ),
    Exercise(
        "01.jump", "Straight to time t", "add_noise(x0, t, eps, schedule)",
        "Jump from the clean picture `x0` straight to x_t, without the steps between. Given: `eps`, noise of variance 1, and the table `schedule.alpha_bar[t]`, the share of the variance that is still signal at time t.",
        diffusion.add_noise, _cases("xtxs"),
        _slips(
            (_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt())), "It looks as if alpha stands where alpha_bar belongs: that is one step only, but from x_0 to x_t there are t of them, and alpha_bar is the product of their alphas."),
            (_sum(lambda a, ab, s: (ab.sqrt(), (1 - a).sqrt())), "It looks as if only the last step's noise, beta_t, is added: the noise of all the steps before is in x_t too, 1 - alpha_bar_t together."),
            (_sum(lambda a, ab, s: (ab, (1 - ab).sqrt())), "It looks as if the square root in front of x0 is missing: alpha_bar is the signal's variance, and its weight is the root of that."),
            (_sum(lambda a, ab, s: (ab.sqrt(), 1 - ab)), "It looks as if the square root in front of eps is missing: 1 - alpha_bar is the noise's variance, and its weight is the root of that."),
            (_sum(lambda a, ab, s: (ab, 1 - ab)), _ROOTS),
            (_sum(lambda a, ab, s: (ab.sqrt(), 1 - ab.sqrt())), "It looks as if the noise's weight is 1 - sqrt(alpha_bar), but it is sqrt(1 - alpha_bar): not the weights but their squares must add up to 1."),
            (_sum(lambda a, ab, s: ((1 - ab).sqrt(), ab.sqrt())), "It looks as if signal and noise have changed places: at t = 1 nearly all is picture, so alpha_bar, which is near 1 there, goes with x0."),
            (_sum(lambda a, ab, s: (1, (1 - ab).sqrt())), "It looks as if the picture is not shrunk: it must fade as the noise grows, or it would still shine through at T."),
            (_sum(lambda a, ab, s: (ab.sqrt(), 1)), "It looks as if the noise always comes in at full strength: its weight grows with t, from near 0 to near 1."),
            (_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt()), shift=-1), _EARLY),
            (_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt()), shift=1), _LATE),
            (_sum(lambda a, ab, s: (ab.sqrt(), -(1 - ab).sqrt())), _MINUS),
        ),
        ("It has the same shape as one step: a weight times `x0` plus a weight times `eps`. Which table knows about all the steps up to t?",
         "At time t the signal has variance alpha_bar[t] and the noise has 1 - alpha_bar[t]. A weight is the root of a variance.",
         "x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps."),
        "any x_t costs one line instead of t steps, and this is what makes training quick: every example can have a time of its own.",
        "`schedule.at(t, x0, lowest=0)` is `schedule.alpha_bar[t]`, and it also takes one t for each picture.",
    ),
    Exercise(
        "01.chain", "How likely was this path?", "chain_log_prob(path, schedule)",
        "`path` holds x_0, x_1, ..., x_T of B pictures, shape (T + 1, B, ...). Return log q(x_{1:T} | x_0), one number for each picture, shape (B,). Given: `log_q_step(xt, xs, t, schedule)`, the log density of x_t given xs = x_{t-1}, for t = 1..T.",
        chain_log_prob, _cases("ps", lambda T: (1,)),
        _slips(
            (lambda p, s: log_q_chain(p, s).logsumexp(0), "It looks as if densities are added and then the log is taken: every step must happen, so densities multiply, and the log of a product is a sum of logs."),
            (lambda p, s: log_q_chain(p, s).sum(0).exp(), "It looks as if the exponential was taken in the end: the density itself is so far from 1 that for pictures it rounds to 0 (or overflows), so stay with the log."),
            (lambda p, s: log_q_chain(p, s).mean(0), "It looks as if the logs are averaged: a product of T densities is the sum of T logs, not divided by T."),
            (lambda p, s: sum(log_q_jump(p[t], p[0], t, s) for t in range(1, s.T + 1)), "It looks as if each x_t is judged given x_0: in the chain, x_t is drawn from x_{t-1}, its neighbour, and only from that."),
            (lambda p, s: log_q_jump(p[-1], p[0], s.T, s), "It looks as if only x_T is judged, given x_0: many paths lead to the same x_T, and the question is about this one path."),
            (lambda p, s: log_q_chain(p, s)[-1], "It looks as if only the last step is counted: add the terms up, and return after the loop, with no new start inside it."),
            (lambda p, s: log_q_chain(p, s)[0], "It looks as if only the first step is counted: the `return` may stand inside the loop."),
            (lambda p, s: log_q_chain(p, s)[1:].sum(0), "It looks as if the first step, from x_0 to x_1, is left out: the times are t = 1..T."),
            (lambda p, s: log_q_chain(p, s)[:-1].sum(0), "It looks as if the last step, from x_{T-1} to x_T, is left out: `range(1, T)` ends at T - 1, so write `range(1, T + 1)`."),
            (lambda p, s: sum(log_q_step(p[t - 1], p[t], t, s) for t in range(1, s.T + 1)), "It looks as if x_t and x_{t-1} have changed places: `log_q_step` wants first the later one, x_t, and then the one it came from."),
            (log_q_chain, "These are the T terms, one for each step: the log of their product is still to be taken, and that is their sum."),
            (lambda p, s: log_q_chain(p, s).sum(), "It looks as if the pictures of the batch are added up too: each of the B pictures has a path of its own, so return B numbers."),
            (lambda p, s: log_q_step(p[1], p[0], 0, s), "It looks as if the loop begins at t = 0: the first step, from x_0 to x_1, has t = 1, so count t = 1..T."),
        ),
        ("The path happens if step 1 happens and step 2 happens and ... Do densities of such steps add or multiply?",
         "They multiply. What becomes of a product when you take its log?",
         "Start with `total = 0`, add `log_q_step(path[t], path[t - 1], t, schedule)` for t = 1..T, and return after the loop."),
        "in logs, a product over a thousand steps is a plain sum that no computer rounds to 0, and DDPM's training loss comes from such a sum.",
    ),
    _half("01.half", "cosine", "linear"),
    _half("01.half_linear", "linear", "cosine"),
    Exercise(
        "03.guess", "Guess the clean picture", "guess_x0(xt, eps_hat, t, schedule)",
        "The model has looked at the noisy picture `xt` and believes that the noise in it is `eps_hat`. Which clean picture x0_hat does that mean? Given: `schedule.alpha_bar[t]`, and x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.",
        guess_x0, _cases("xxts"),
        _slips(
            (_sum(lambda a, ab, s: (1, -((1 - ab) / ab).sqrt())), "It looks as if brackets are missing: only the noise is divided by sqrt(alpha_bar), but all of (xt - noise) must be."),
            (_sum(lambda a, ab, s: (1, -(1 - ab).sqrt())), "It looks as if the division by sqrt(alpha_bar) is missing: with the noise gone the picture is still faded, and dividing brings it back to full strength."),
            (_sum(lambda a, ab, s: (ab.sqrt(), -((1 - ab) * ab).sqrt())), "It looks as if the picture is multiplied by sqrt(alpha_bar) once more: the way to noise multiplied, so the way back divides."),
            (_sum(lambda a, ab, s: (1 / ab.sqrt(), -(1 - ab) / ab.sqrt())), "It looks as if the square root of 1 - alpha_bar is missing: that is the noise's variance, but its weight in x_t was the root."),
            (_sum(lambda a, ab, s: (1 / ab, -(1 - ab).sqrt() / ab)), "It looks as if the square root of alpha_bar is missing: the picture was shrunk by the root, so divide by the root."),
            (_sum(lambda a, ab, s: (1 / ab, -(1 - ab) / ab)), _ROOTS),
            (_sum(lambda a, ab, s: (1 / ab.sqrt(), ((1 - ab) / ab).sqrt())), "It looks as if the noise is added where it should be subtracted: it was added on the way here, so now take it away."),
            (_sum(lambda a, ab, s: (1 / ab.sqrt(), -1 / ab.sqrt())), "It looks as if all of eps_hat is subtracted: x_t holds it only with the weight sqrt(1 - alpha_bar)."),
            (_sum(lambda a, ab, s: (1 / a.sqrt(), -((1 - a) / a).sqrt())), "It looks as if alpha stands where alpha_bar belongs: that undoes one step, but x_t is t steps away from x_0."),
            (_sum(lambda a, ab, s: (1 / (1 - ab).sqrt(), -(ab / (1 - ab)).sqrt())), "It looks as if the two weights have changed places: alpha_bar goes with the picture, 1 - alpha_bar with the noise."),
            (_sum(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt()), shift=-1), _EARLY),
            (_sum(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt()), shift=1), _LATE),
        ),
        ("Take the equation for x_t, put x0_hat and eps_hat into it, and solve it for x0_hat.",
         "First subtract the noise with its weight, then divide what is left by the picture's weight.",
         "x0_hat = (x_t - sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_bar_t): mind the brackets."),
        "knowing the noise and knowing the picture are the same knowledge; near t = T you divide by a small number, so a small error in eps_hat is a large one in the picture.",
        'The library calls this `convert(eps_hat, "eps", "x0", xt, t, schedule)`.',
    ),
    Exercise(
        "03.step", "One step back", "ddpm_step(xt, eps_hat, t, z, schedule)",
        "Take one step back, from `xt` to x_{t-1} = mean + sigma z, with the model's `eps_hat` and fresh noise `z` of variance 1. Given: mean = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_t), and sigma^2 = beta_tilde_t = (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t) beta_t; the tables are `schedule.alpha`, `.beta` and `.alpha_bar`.",
        ddpm_step, _cases("xxtxs"),
        _slips(
            (_back(sigma=_variance), "It looks as if beta_tilde itself multiplies z: it is a variance, so its weight sigma is the square root."),
            (_back(sigma=lambda a, ab, s: (1 - a).sqrt()), "It looks as if sigma^2 is beta: that is the other choice in the DDPM paper, and a fair one, but then z must be left out at t = 1, or the finished picture is grainy; beta_tilde, asked for here, is 0 there by itself."),
            (_back(sigma=lambda a, ab, s: (1 - a).sqrt() * (s < 1)), "It looks as if sigma^2 is beta (with no noise in the last step): that is the other choice in the DDPM paper, and a fair one, but here beta_tilde is asked for."),
            (_back(sigma=lambda a, ab, s: (_variance(a, ab, s) if s < 1 else 1 - a).sqrt()), "It looks as if noise is added in the last step too: the step to t = 0 shows the picture itself, and beta_tilde is 0 there."),
            (_back(sigma=lambda a, ab, s: 0), "It looks as if z is forgotten: the mean alone is an average over many possible pictures, and a walk without fresh noise ends too smooth."),
            (_back(sigma=lambda a, ab, s: 1), "It looks as if z comes in at full strength: its weight is sigma, the square root of beta_tilde."),
            (_back(sigma=lambda *p: -_variance(*p).sqrt()), "It looks as if z is subtracted: -z is as likely as z, so the pictures would look right, but the exercise adds it."),
            (_back(lambda a, ab, s: (1 / ab.sqrt(), -(1 - a) / (1 - ab).sqrt() / ab.sqrt())), "It looks as if alpha_bar stands where alpha belongs, in 1 / sqrt(alpha): this is one step back, so one step's shrinking is undone."),
            (_back(lambda a, ab, s: (1 / a, -(1 - a) / (1 - ab).sqrt() / a)), "It looks as if the square root of alpha is missing in the mean: the step here shrank by the root, so divide by the root."),
            (_back(lambda a, ab, s: (1 / a.sqrt(), -(1 - a) / (1 - ab) / a.sqrt())), "It looks as if the square root of 1 - alpha_bar is missing under beta: the noise in x_t has the weight sqrt(1 - alpha_bar), so the root belongs here too."),
            (_back(lambda a, ab, s: (1 / a.sqrt(), -(1 - a) / (1 - ab).sqrt())), "It looks as if brackets are missing: all of (xt - noise) is divided by sqrt(alpha), here only xt is."),
            (_back(lambda a, ab, s: (1, _mean(a, ab, s)[1])), "It looks as if brackets are missing: all of (xt - noise) is divided by sqrt(alpha), here only the noise is."),
            (_back(lambda a, ab, s: (1, -(1 - a) / (1 - ab).sqrt())), "It looks as if the division by sqrt(alpha) is missing: the step here shrank the picture, and the step back undoes that."),
            (_back(lambda a, ab, s: (_mean(a, ab, s)[0], -_mean(a, ab, s)[1])), "It looks as if the predicted noise is added where it should be subtracted: this walks further into the noise."),
            (_back(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt())), "It looks as if the whole noise is removed at once: this is the guess x0_hat, but one step goes only a little of the way."),
            (_back(_via_x0(lambda a, ab, s: (1 - s).sqrt())), "It looks as if the weight of eps_hat is sqrt(1 - alpha_bar_{t-1}): then adding z makes too much noise, so take beta_tilde away under the root first."),
            (_back(_via_x0(lambda a, ab, s: 0), lambda a, ab, s: (1 - s).sqrt()), "It looks as if x0_hat is made noisy again with nothing but z: one step keeps most of the noise that is there, so eps_hat has its part in x_{t-1}."),
            (_back(land=1), "It looks as if alpha_bar_{t+1} stands where alpha_bar_{t-1} belongs: a step back lands on t - 1."),
            (_back(shift=-1), _EARLY),
            (_back(shift=1), _LATE),
        ),
        ("Compute three things and put them together: the mean, the variance beta_tilde, and mean + sigma z.",
         "sigma is the square root of beta_tilde, and alpha_bar_{t-1} is `schedule.alpha_bar[t - 1]`, which is 1 when t = 1.",
         "mean = (xt - beta / (1 - alpha_bar).sqrt() * eps_hat) / alpha.sqrt(), each table read at [t]; then add beta_tilde.sqrt() * z."),
        "taking the noise away and putting a little fresh noise back is what lets one noisy picture lead to many different clean ones.",
        "The library's `reverse_step(xt, eps_hat, t, t - 1, schedule, z).xs` gives the same, and can also skip steps.",
    ),
    Exercise(
        "03.walk", "All the way to a picture", "walk(model, xT, schedule, noises)",
        "Walk from pure noise `xT` down to x_0 and return it. Given: `model(xt, t)`, which returns eps_hat; `noises[t]`, the noise for the step that starts at t; and `reverse_step(xt, eps_hat, t, s, schedule, noise).xs`, one step from t to s.",
        walk, lambda g: [_walk_case("cosine", 10, (4, 2), g), _walk_case("linear", 8, (2, 1, 4, 4), g)],
        _slips(
            (_walk(lambda T: range(T - 1, 0, -1)), "It looks as if the walk begins at T - 1: xT is as noisy as time T, so the first step starts at t = T."),
            (_walk(lambda T: range(T, 1, -1)), "It looks as if the walk stops one step early: `range(T, 1, -1)` ends at 2, but the step from t = 1 makes the clean picture."),
            (_walk(lambda T: range(T, -1, -1)), "It looks as if the walk wants to step on from t = 0: the times are T, ..., 1, since the step from t = 1 lands on 0, the clean picture."),
            (_walk(lambda T: range(1, T + 1)), "It looks as if t counts upwards: the way back starts at T, in the noise, and ends at 1."),
            (_walk(lambda T: [T]), "It looks as if only one step is taken: the `return` may stand inside the loop."),
            (_walk(told=lambda t, T: t - 1), "It looks as if the model is told t - 1, where the step lands: tell it t, the time of the picture that it sees, or it expects too little noise."),
            (_walk(told=lambda t, T: T), "It looks as if the model is told T at every step: it has to know how noisy this picture is, and that changes with t."),
            (_walk(fed="xT"), "It looks as if the model is shown xT at every step: show it the picture as it is now, so that it can correct its first guess."),
            (_walk(keep="x0_hat"), "It looks as if the guess x0_hat is carried on: carry x_s, the picture that is only a little less noisy, since the model expects the noise of that time."),
            (_walk(keep="mean"), "It looks as if the mean is carried on without its noise: the model expects the noise of that time, and without it the pictures get too smooth."),
            (_walk(drawn=lambda t, T: t - 1), "It looks as if `noises` is read at t - 1: the noise for the step that starts at t is `noises[t]`."),
            (_walk(drawn=lambda t, T: T), "It looks as if the same noise is used at every step: each step needs fresh noise, `noises[t]`, or the walk is pushed the same way every time."),
            (lambda model, xT, s, z: _walk(v=1.0)(model, xT, s, z) + s.beta[1].sqrt() * z[1], "It looks as if the variance beta is used, and noise is added in the last step too: `reverse_step` with nothing more uses beta_tilde, which is 0 there."),
            (_walk(v=1.0), "It looks as if the variance beta is used: a fair choice, but here plain `reverse_step` is asked for, which uses beta_tilde."),
        ),
        ("A loop over falling t. Inside it: ask the model, take one step, carry the result on.",
         "The times are `range(schedule.T, 0, -1)`, and a step from t lands on t - 1.",
         "x = xT; in the loop: eps_hat = model(x, t), then x = reverse_step(x, eps_hat, t, t - 1, schedule, noises[t]).xs; return x after the loop."),
        "this loop is the whole generator: every diffusion picture that you have seen came out of one like it.",
        "The library's `sample` is this loop with a `yield` in it, so that you can watch every step.",
    ),
    Exercise(
        "03.copy", "Is it a copy?", "nearest(samples, data)",
        "For each of the B `samples` (B, ...) find the most similar of the N training pictures `data` (N, ...): the one with the smallest sum of squared differences over all pixels. Return their indices, shape (B,), whole numbers.",
        nearest, _copy_cases,
        _slips(
            (lambda x, d: _distances(x, d).argmax(1), "It looks as if the farthest picture is chosen: the nearest has the smallest distance, so `argmin`."),
            (lambda x, d: _distances(x, d).argmin(0), "It looks as if the smallest is taken along the wrong axis: this gives the nearest sample for each training picture, the question is the other way round."),
            (lambda x, d: _distances(x, d, 1.0).argmin(1), "It looks as if absolute differences are used: a fair distance too, but squares, asked for here, let one large difference count more than many small ones."),
            (lambda x, d: (x.flatten(1).sum(1)[:, None] - d.flatten(1).sum(1)).argmin(1), "It looks as if the differences are added up without squares: plus and minus cancel, so very different pictures can seem close."),
            (lambda x, d: (x.flatten(1).mean(1)[:, None] - d.flatten(1).mean(1)).abs().argmin(1), "It looks as if only the mean brightness of the pictures is compared: two very different pictures can have the same mean, so compare pixel by pixel."),
            (lambda x, d: (x.flatten(1) @ d.flatten(1).T).argmax(1), "It looks as if products are compared instead of differences: a bright training picture then wins against a similar one."),
            (lambda x, d: (x[:, None] - d[None]).square().sum(-1).argmin(1), "It looks as if only the last axis of the pictures is added up: one distance must count all pixels, so use `.flatten(1)` first."),
            (lambda x, d: _distances(x, d).argmin(), "It looks as if one index is given for all samples together: look along one axis, `argmin(1)`, to get one for each."),
            (lambda x, d: _distances(x, d).square().amin(1), "These are the smallest squared distances: the question is which picture has it, so `argmin` instead of `min`."),
            (lambda x, d: _distances(x, d).amin(1), "These are the smallest distances: the question is which picture has it, so `argmin` instead of `min`."),
            (lambda x, d: d[nearest(x, d)], "These are the nearest pictures themselves: return their indices, the places in `data` where they stand."),
        ),
        ("Make every picture one row of numbers with `.flatten(1)`. Then you have B rows and N rows to compare.",
         "`torch.cdist(a, b)` gives the distances of all pairs, (B, N), and the smallest distance is also the smallest squared one.",
         "On that (B, N) table, `.argmin(1)` gives for each row the place of its smallest number."),
        "before you call a generated picture new, look at its nearest training picture; a pixel distance finds exact copies, though not shifted or recoloured ones.",
        "The library's `metrics.nearest` also tells how far away it is.",
    ),
)}
