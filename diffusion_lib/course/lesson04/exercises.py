"""The exercises of lesson 04: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import torch

from ... import diffusion
from ...diffusion import Schedule
from ...words import N_
from ..exercise import EARLY, LATE, ROOTS, SHAPES, Exercise, gaussian, stops, weighted_sum


def _forgetful_cases(g):
    """(losses (N, T), schedule) of networks eps_hat = w x_t, each the best at one time and asked at all of them.

    On data from N(0, 1) the loss is (w - sqrt(1 - alpha_bar))^2 + alpha_bar.
    """
    cases = []
    for name, T, _ in SHAPES:
        schedule = Schedule.of(name, T)
        noise = (1 - schedule.alpha_bar[1:]).sqrt()
        w = noise[torch.tensor([1, T // 2, T - 3])]
        cases.append(((w[:, None] - noise) ** 2 + schedule.alpha_bar[1:], schedule))
    return cases


def _batch_cases(g):
    """u reaches from 0 to just below 1, so that both ends of time are drawn."""
    cases = []
    for name, T, shape in SHAPES:
        u = torch.rand(shape[0], generator=g, dtype=torch.float64)
        u[0], u[1] = 0.999, 0.0
        cases.append((gaussian(shape, g), u, gaussian(shape, g), Schedule.of(name, T)))
    return cases


def _times_cases(make):
    """Cases (make(g, i), t, schedule) for several schedules and times, t = 1 and t = T among them."""
    return lambda g: [
        (make(g, i), t, Schedule.of(name, T)) for i, (name, T, _) in enumerate(SHAPES) for t in (1, 2, T // 2, T)
    ]


def _train_cases(g):
    cases = []
    for (name, T, _), (n, b, d) in zip(SHAPES, ((4, 6, 2), (5, 3, 3), (3, 8, 2)), strict=True):
        ts = torch.randint(1, T + 1, (n, b), generator=g)
        ts[0, 0], ts[0, 1] = 1, T
        cases.append((gaussian((d,), g), gaussian((n, b, d), g), ts, gaussian((n, b, d), g), Schedule.of(name, T), 0.5))
    return cases


def noisy_batch(x0, u, eps, schedule):
    """Each picture its own time, t = 1 + floor(u T) in 1..T, and its x_t (DDPM eq. 4)"""
    t = 1 + (u * schedule.T).long()
    return diffusion.add_noise(x0, t, eps, schedule)


def x0_error(eps_error, t, schedule):
    """x0_hat - x0 = -sqrt((1 - alpha_bar) / alpha_bar) (eps_hat - eps), squared"""
    alpha_bar = schedule.alpha_bar[t]
    return (1 - alpha_bar) / alpha_bar * eps_error


def average(weights, decay):
    """ema <- decay ema + (1 - decay) w, beginning with the first weights"""
    ema = weights[0]
    for w in weights[1:]:
        ema = decay * ema + (1 - decay) * w
    return ema


def train(w, x0s, ts, epss, schedule, lr):
    """For each batch one step downhill on mean((w x_t - eps)^2): w <- w - lr gradient"""
    for x0, t, eps in zip(x0s, ts, epss, strict=True):
        w = w.detach().requires_grad_()  # a fresh leaf, so the gradient begins at zero
        loss = (w * diffusion.add_noise(x0, t, eps, schedule) - eps).pow(2).mean()
        loss.backward()
        w = w - lr * w.grad
    return w.detach()


def trained_at(losses, schedule):
    """The t whose loss lies the least above the smallest possible one, which is alpha_bar_t for data from N(0, 1)"""
    return 1 + (losses - schedule.alpha_bar[1:]).argmin(1)


def learned_variance(v, t, schedule):
    """sigma^2 = beta^v beta_tilde^(1 - v): a straight line between the two, in logarithms (iDDPM eq. 15)"""
    alpha_bar = schedule.alpha_bar
    beta_tilde = (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t]) * schedule.beta[t]
    return schedule.beta[t] ** v * beta_tilde ** (1 - v)


def _drawn(time=lambda u, T: 1 + (u * T).long(), jump=diffusion.add_noise):
    """noisy_batch with other times drawn or another jump made."""
    return lambda x0, u, eps, schedule: jump(x0, time(u, schedule.T), eps, schedule)


def _weighted(weights):
    """A jump with other weights; weights(alpha_bar_t) gives x0's and eps's."""

    def jump(x0, t, eps, schedule):
        p, e = weights(schedule.at(t, x0))
        return p * x0 + e * eps

    return jump


def _ema(first=lambda w: w[0], rest=lambda w: w[1:], step=lambda ema, w, d: d * ema + (1 - d) * w):
    def formula(weights, decay):
        ema = first(weights)
        for w in rest(weights):
            ema = step(ema, w, decay)
        return ema

    return formula


def _train(
    seen=diffusion.add_noise, target=lambda x0, eps: eps, mean=True, sign=1.0, piles=False, batches=lambda n: range(n)
):
    """train with another input, target or loss, uphill, on other batches, or with gradients that pile up."""

    def formula(w, x0s, ts, epss, schedule, lr):
        pile = torch.zeros_like(w)
        for i in batches(len(x0s)):
            xt, want = seen(x0s[i], ts[i], epss[i], schedule), target(x0s[i], epss[i])
            gradient = (2 * (w * xt - want) * xt).sum(0) / (xt.numel() if mean else 1)
            pile = pile + gradient if piles else gradient
            w = w - sign * lr * pile
        return w

    return formula


def _between(
    *, beta=lambda b, bt: b, tilde=lambda b, bt: bt, mix=lambda b, bt, v: b**v * bt ** (1 - v), form=lambda s: s
):
    """learned_variance with other ends, another way between them, another form of the result."""

    def formula(v, t, schedule):
        a = schedule.alpha_bar
        b, bt = schedule.beta[t], (1 - a[t - 1]) / (1 - a[t]) * schedule.beta[t]
        return form(mix(beta(b, bt), tilde(b, bt), v))

    return formula


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "04.batch",
        noisy_batch, _batch_cases,
        {
            "times 0": (_drawn(lambda u, T: (u * T).long()), N_("It looks as if the times are 0, ..., T - 1: t = 0 is the clean picture, where there is nothing to learn, and the noisiest time is never trained, but that is where sampling begins.")),
            "times 1": (_drawn(lambda u, T: 1 + (u * (T - 1)).long()), N_("It looks as if the times are 1, ..., T - 1: u is below 1, so `u * T` rounded down already ends at T - 1, and adding 1 gives 1, ..., T.")),
            "times rounded nearest": (_drawn(lambda u, T: 1 + (u * (T - 1)).round().long()), N_("It looks as if the times are rounded to the nearest: then the first and the last time are drawn only half as often as the others.")),
            "u t rounded": (_drawn(lambda u, T: (u * T).round().long().clamp(1, T)), N_("It looks as if `u * T` is rounded to the nearest: not all times are then equally likely.")),
            "whole batch same": (_drawn(lambda u, T: torch.full_like(u, 1 + int(u[0] * T)).long()), N_("It looks as if the whole batch has one and the same t: each picture needs a time of its own, or every step trains one noise level only.")),
            "times right but": (_drawn(lambda u, T: T - (u * T).long()), N_("The times are right but run the other way round: small u gives late times. That would train as well; here t = 1 + floor(u T) is asked for.")),
            "both square roots": (_drawn(jump=_weighted(lambda a: (a, 1 - a))), ROOTS),
            "square root 1": (_drawn(jump=_weighted(lambda a: (a.sqrt(), 1 - a))), N_("It looks as if the square root of 1 - alpha_bar is missing: it is the noise's variance, and the weight is its root.")),
            "two weights changed": (_drawn(jump=_weighted(lambda a: ((1 - a).sqrt(), a.sqrt()))), N_("It looks as if the two weights have changed places: alpha_bar goes with the picture, 1 - alpha_bar with the noise.")),
            "picture not shrunk": (_drawn(jump=_weighted(lambda a: (1, (1 - a).sqrt()))), N_("It looks as if the picture is not shrunk: x_t has sqrt(alpha_bar) x0 in it.")),
        },
        (N_("Two things: turn each u into a whole number from 1 to T, then jump to that time."),
         N_("`(u * T).long()` rounds down and gives 0, ..., T - 1. What is missing?"),
         N_("t = 1 + (u * schedule.T).long(), and then add_noise(x0, t, eps, schedule).")),
        N_("every step of training now sees all noise levels at once, from nearly clean to nearly lost."),
    ),
    Exercise(
        "04.error",
        x0_error, _times_cases(lambda g, i: torch.rand(3 + i, generator=g, dtype=torch.float64)),
        {
            "square missing": (weighted_sum(lambda a, ab, s: (((1 - ab) / ab).sqrt(),)), N_("It looks as if a square is missing: an error is multiplied by sqrt((1 - alpha_bar) / alpha_bar), so a squared error by its square.")),
            "squared once often": (weighted_sum(lambda a, ab, s: (((1 - ab) / ab) ** 2,)), N_("It looks as if it is squared once too often: alpha_bar and 1 - alpha_bar are squared weights already.")),
            "ratio upside down": (weighted_sum(lambda a, ab, s: (ab / (1 - ab),)), N_("It looks as if the ratio is upside down: the more noise, the more an error in eps_hat spoils x0_hat.")),
            "division sqrt alpha_bar": (weighted_sum(lambda a, ab, s: (1 - ab,)), N_("It looks as if the division by sqrt(alpha_bar) is forgotten: x0_hat is stretched back to full strength, and its error with it.")),
            "weight eps_hat forgotten": (weighted_sum(lambda a, ab, s: (1 / ab,)), N_("It looks as if the weight of eps_hat is forgotten: before the division it is multiplied by sqrt(1 - alpha_bar).")),
            "same error both": (weighted_sum(lambda a, ab, s: (1,)), N_("The same error for both? That holds only where alpha_bar is one half.")),
            "mean square cannot": (weighted_sum(lambda a, ab, s: (-(1 - ab) / ab,)), N_("A mean square cannot be negative: the minus vanishes when it is squared.")),
            "alpha stands where": (weighted_sum(lambda a, ab, s: ((1 - a) / a,)), N_("It looks as if alpha stands where alpha_bar belongs: x_t is t steps away from x0, not one.")),
            "table read place": (weighted_sum(lambda a, ab, s: ((1 - ab) / ab,), shift=-1), EARLY),
            "table read place late": (stops(weighted_sum(lambda a, ab, s: ((1 - ab) / ab,), shift=1)), LATE),
        },
        (N_("Write x0 and x0_hat with the same formula, once with eps and once with eps_hat, and subtract. What is left?"),
         N_("x0_hat - x0 = -sqrt(1 - alpha_bar) / sqrt(alpha_bar) (eps_hat - eps). Now square."),
         N_("(1 - alpha_bar) / alpha_bar * eps_error, with alpha_bar = schedule.alpha_bar[t]")),
        N_("so one and the same loss means little to the picture at t = 1 and everything at t = T."),
    ),
    Exercise(
        "04.ema",
        average, lambda g: [(gaussian(shape, g), decay) for shape in ((6, 3), (9, 2), (4, 5)) for decay in (0.9, 0.7)],
        {
            "decay stands wrong": (_ema(step=lambda ema, w, d: (1 - d) * ema + d * w), N_("It looks as if decay stands the wrong way round: this keeps only 1 - decay of the average and follows the newest weights, wobbles and all.")),
            "average begins zero": (_ema(first=lambda w: torch.zeros_like(w[0]), rest=lambda w: w), N_("It looks as if the average begins at zero: for a long time it is then much too small. Begin with the first row.")),
            "new row comes": (_ema(step=lambda ema, w, d: d * ema + w), N_("It looks as if the new row comes in whole: its share is 1 - decay, so that the shares add up to 1.")),
            "new rows never": (_ema(step=lambda ema, w, d: d * ema), N_("It looks as if the new rows never come in: add (1 - decay) times the new row.")),
            "old average keeps": (_ema(step=lambda ema, w, d: ema + (1 - d) * w), N_("It looks as if the old average keeps all of itself: it keeps the share decay.")),
            "plain mean all": (lambda w, d: w.mean(0), N_("This is the plain mean of all rows: the first steps, when the network knew nothing, count as much as the last.")),
            "last weights": (lambda w, d: w[-1], N_("These are the last weights, with no average at all.")),
            "rows taken last": (_ema(first=lambda w: w[-1], rest=lambda w: w.flip(0)[1:]), N_("It looks as if the rows are taken from last to first: the newest should count most.")),
            "last row left": (_ema(rest=lambda w: w[1:-1]), N_("It looks as if the last row is left out: a `range` that ends one too early? See where the loop ends.")),
            "second row left": (_ema(rest=lambda w: w[2:]), N_("It looks as if the second row is left out: begin with the first, and go on from the second.")),
        },
        (N_("A loop over the rows after the first, that changes one average."),
         N_("In each round: new average = decay * old average + (1 - decay) * row."),
         N_("ema = weights[0]; for w in weights[1:]: ema = decay * ema + (1 - decay) * w; return ema")),
        N_("the network that draws is this average: its last steps smoothed out, for the price of one more copy of the weights."),
        N_("The library's `EMA` lets decay grow with the step, so that the training need not know its length."),
    ),
    Exercise(
        "04.train",
        train, _train_cases,
        {
            "zero_grad forgotten": (_train(piles=True), N_("It looks as if zero_grad is forgotten: PyTorch adds each new gradient to the old ones, so every batch is followed again and again.")),
            "target x0": (_train(target=lambda x0, eps: x0), N_("It looks as if the target is x0: this network is asked for eps, the noise.")),
            "network shown x0": (_train(seen=lambda x0, t, eps, s: x0), N_("It looks as if the network is shown x0: it must find the noise in x_t, the clean picture has none.")),
            "x_t x0 eps": (_train(seen=lambda x0, t, eps, s: x0 + eps), N_("It looks as if x_t is x0 + eps: the noise has the strength that t says, so use add_noise.")),
            "whole batch same": (_train(seen=lambda x0, t, eps, s: diffusion.add_noise(x0, t[:1].expand(len(x0)), eps, s)), N_("It looks as if the whole batch has one and the same t, the first: each item has a time of its own.")),
            "squares added up": (_train(mean=False), N_("It looks as if the squares are added up: their mean is asked for, or a larger batch would take larger steps.")),
            "steps go uphill": (_train(sign=-1.0), N_("It looks as if the steps go uphill: the gradient points to where the loss grows, so subtract it.")),
            "last batch left": (_train(batches=lambda n: range(n - 1)), N_("It looks as if the last batch is left out: a `range` that ends one too early? See where the loop ends.")),
            "only first batch": (_train(batches=lambda n: range(1)), N_("It looks as if only the first batch is used: the `return` may stand inside the loop.")),
            "answer w": (_train(batches=lambda n: range(0)), N_("The answer is w as it was: is the new w stored, `w = w - lr * gradient`, or was the optimizer's step forgotten.")),
        },
        (N_("In each round: make x_t, compute the loss, get the gradient, change w. What must not stay from the round before?"),
         N_("With autograd: after `loss.backward()` the gradient is in `w.grad`. Make a fresh w for the next round, `(w - lr * w.grad).detach().requires_grad_()`, or set the gradient to zero."),
         N_("By hand: gradient = (2 * (w * xt - eps) * xt).mean(0) / D, then w = w - lr * gradient.")),
        N_("that was a whole training; a U-Net has a million weights where this has a few, and the loop around it is the same."),
    ),
    Exercise(
        "04.variance",
        learned_variance, _times_cases(lambda g, i: 0.05 + 0.9 * torch.rand(3 + i, generator=g, dtype=torch.float64)),
        {
            "line drawn between": (_between(mix=lambda b, bt, v: v * b + (1 - v) * bt), N_("It looks as if the line is drawn between the variances themselves: between their logarithms is asked for, which is beta^v beta_tilde^(1-v).")),
            "two ends changed": (_between(mix=lambda b, bt, v: b ** (1 - v) * bt**v), N_("It looks as if the two ends have changed places: v = 1 is beta, v = 0 is beta_tilde.")),
            "sigma": (_between(form=torch.sqrt), N_("It looks as if this is sigma: the variance sigma^2 is asked for, so leave the root out.")),
            "logarithm variance": (_between(form=torch.log), N_("This is the logarithm of the variance: `exp` is missing at the end.")),
            "two powers added": (_between(mix=lambda b, bt, v: b**v + bt ** (1 - v)), N_("It looks as if the two powers are added: a sum of logarithms is the logarithm of a product.")),
            "beta whatever v": (_between(mix=lambda b, bt, v: b + 0 * v), N_("This is beta whatever v says.")),
            "beta_tilde whatever v": (_between(mix=lambda b, bt, v: bt + 0 * v), N_("This is beta_tilde whatever v says.")),
            "line drawn between standard": (_between(mix=lambda b, bt, v: (v * b.sqrt() + (1 - v) * bt.sqrt()) ** 2), N_("It looks as if the line is drawn between the standard deviations: between the logarithms is asked for.")),
            "table read place": (lambda v, t, s: learned_variance(v, min(t + 1, s.T), s), LATE),
        },
        (N_("Compute beta and beta_tilde at t. What is half way between them, in logarithms?"),
         N_("log sigma^2 = v log beta + (1 - v) log beta_tilde. Now take exp of both sides."),
         N_("beta ** v * beta_tilde ** (1 - v), with both read at t. At t = 1 beta_tilde is 0, and so is the result.")),
        N_("a line between logarithms keeps the variance positive, and lets the network choose between two numbers that can differ by powers of ten."),
    ),
    Exercise(
        "04.forgotten",
        trained_at, _forgetful_cases,
        {
            "where loss smallest": (lambda l, s: 1 + l.argmin(1), N_("This is where the loss is smallest. But some times are easier than others for every network: at t near T, x_t is nearly eps. Compare with the smallest loss that is possible at each t.")),
            "where loss smallest 2": (lambda l, s: l.argmin(1), N_("This is where the loss is smallest, counted from 0. But some times are easier than others for every network: compare with the smallest loss that is possible at each t.")),
            "nearly": (lambda l, s: (l - s.alpha_bar[1:]).argmin(1), N_("Nearly: the first of the losses belongs to t = 1, not to t = 0.")),
            "floors place early": (lambda l, s: 1 + (l - s.alpha_bar[:-1]).argmin(1), N_("It looks as if the floors are one place too early: alpha_bar[0] belongs to t = 0, where there is no loss.")),
            "where network worst": (lambda l, s: 1 + (l - s.alpha_bar[1:]).argmax(1), N_("This is where the network is worst: it was trained where it is as good as can be.")),
            "largest ratio loss": (lambda l, s: 1 + (l / s.alpha_bar[1:]).argmax(1), N_("It looks as if the largest ratio of loss and floor is chosen: the network was trained where the loss touches its floor.")),
        },
        (N_("For such data the best network at time t is eps_hat = sqrt(1 - alpha_bar_t) x_t. Which loss does it have, if x_t has variance 1?"),
         N_("E (eps - w x_t)^2 = 1 - 2 w sqrt(1 - alpha_bar) + w^2, and with the best w that is 1 - (1 - alpha_bar) = alpha_bar_t."),
         N_("In which place is each row of `losses - schedule.alpha_bar[1:]` smallest? The first place belongs to t = 1.")),
        N_("a loss says something only beside the smallest one that is possible there: here the floor falls from nearly 1 to nearly 0."),
        N_("Its own loss at t is (w - sqrt(1 - alpha_bar_t))^2 + alpha_bar_t, so the excess is 0 at one t only."),
    ),
)
