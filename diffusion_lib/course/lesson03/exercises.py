"""The exercises of lesson 03: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import torch

from ...diffusion import Schedule
from ...oracle import mixture_denoiser
from ...sampling import reverse_step
from ...words import N_
from ..exercise import EARLY, LATE, ROOTS, SHAPES, Exercise, cases_of, gaussian, stops, weighted_sum


def _walk_case(name, T, shape, g):
    schedule = Schedule.of(name, T)
    # wide components: narrow ones would pull every walk, right or wrong, to the same picture
    optimal = mixture_denoiser(gaussian((3, *shape[1:]), g), 0.5, schedule)

    def model(
        xt, t, y=None
    ):  # lenient at t = 0: a walk that tells it s, not t, gets that slip's sentence, not an error
        return optimal(xt, torch.as_tensor(t).clamp(min=1), y)

    return model, gaussian(shape, g), schedule, gaussian((T + 1, *shape), g)


def _bell_cases(g):
    """(x_t, m, c, t, schedule): data that are bell curves of mean m and standard deviation c."""
    return [
        (gaussian(shape, g), m, c, t, Schedule.of(name, T))
        for (name, T, shape), m, c in zip(SHAPES, (0.7, -1.2, 0.4), (0.5, 1.7, 0.8), strict=True)
        for t in (1, 2, T // 2, T)
    ]


def _copy_cases(g):
    pairs = (((6, 1, 2, 3), (9, 1, 2, 3)), ((8, 1, 8, 8), (5, 1, 8, 8)), ((7, 3, 2, 2), (7, 3, 2, 2)))
    return [(gaussian(samples, g), gaussian(data, g)) for samples, data in pairs]


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


def bell_guess(xt, m, c, t, schedule):
    """E[x_0 | x_t] for data from N(m, c^2): as much of the way from m towards x_t as x_t deserves to be believed"""
    a = schedule.alpha_bar[t]
    gain = a.sqrt() * c**2 / (a * c**2 + 1 - a)  # the covariance of x_0 and x_t, over the variance of x_t
    return m + gain * (xt - a.sqrt() * m)


def _belief(
    gain=lambda a, c: a.sqrt() * c**2 / (a * c**2 + 1 - a), off=lambda xt, m, a: xt - a.sqrt() * m, start=lambda m: m
):
    """bell_guess with another gain, another deviation to multiply it with, or another place to start from."""

    def formula(xt, m, c, t, schedule):
        a = schedule.alpha_bar[t]
        return start(m) + gain(a, c) * off(xt, m, a)

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
    return weighted_sum(lambda *p: (*mean(*p), sigma(*p)), **shifts)


def _walk(times=lambda T: range(T, 0, -1), told=lambda t, T: t, drawn=lambda t, T: t, keep="xs", fed=None, v=0.0):
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


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "03.guess",
        guess_x0, cases_of("xxts"),
        {
            "brackets missing": (weighted_sum(lambda a, ab, s: (1, -((1 - ab) / ab).sqrt())), N_("It looks as if brackets are missing: only the noise is divided by sqrt(alpha_bar), but all of (xt - noise) must be.")),
            "division sqrt alpha_bar": (weighted_sum(lambda a, ab, s: (1, -(1 - ab).sqrt())), N_("It looks as if the division by sqrt(alpha_bar) is missing: with the noise gone the picture is still faded, and dividing brings it back to full strength.")),
            "picture multiplied sqrt": (weighted_sum(lambda a, ab, s: (ab.sqrt(), -((1 - ab) * ab).sqrt())), N_("It looks as if the picture is multiplied by sqrt(alpha_bar) once more: the way to noise multiplied, so the way back divides.")),
            "square root 1": (weighted_sum(lambda a, ab, s: (1 / ab.sqrt(), -(1 - ab) / ab.sqrt())), N_("It looks as if the square root of 1 - alpha_bar is missing: that is the noise's variance, but its weight in x_t was the root.")),
            "square root alpha_bar": (weighted_sum(lambda a, ab, s: (1 / ab, -(1 - ab).sqrt() / ab)), N_("It looks as if the square root of alpha_bar is missing: the picture was shrunk by the root, so divide by the root.")),
            "both square roots": (weighted_sum(lambda a, ab, s: (1 / ab, -(1 - ab) / ab)), ROOTS),
            "noise added where": (weighted_sum(lambda a, ab, s: (1 / ab.sqrt(), ((1 - ab) / ab).sqrt())), N_("It looks as if the noise is added where it should be subtracted: it was added on the way here, so now take it away.")),
            "all eps_hat subtracted": (weighted_sum(lambda a, ab, s: (1 / ab.sqrt(), -1 / ab.sqrt())), N_("It looks as if all of eps_hat is subtracted: x_t holds it only with the weight sqrt(1 - alpha_bar).")),
            "alpha stands where": (weighted_sum(lambda a, ab, s: (1 / a.sqrt(), -((1 - a) / a).sqrt())), N_("It looks as if alpha stands where alpha_bar belongs: that undoes one step, but x_t is t steps away from x_0.")),
            "two weights changed": (weighted_sum(lambda a, ab, s: (1 / (1 - ab).sqrt(), -(ab / (1 - ab)).sqrt())), N_("It looks as if the two weights have changed places: alpha_bar goes with the picture, 1 - alpha_bar with the noise.")),
            "table read place": (weighted_sum(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt()), shift=-1), EARLY),
            "table read place late": (stops(weighted_sum(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt()), shift=1)), LATE),
        },
        (N_("Take the equation for x_t, put x0_hat and eps_hat into it, and solve it for x0_hat."),
         N_("First subtract the noise with its weight, then divide what is left by the picture's weight."),
         N_("x0_hat = (x_t - sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_bar_t): mind the brackets.")),
        N_("knowing the noise and knowing the picture are the same knowledge; near t = T you divide by a small number, so a small error in eps_hat is a large one in the picture."),
        N_('The library calls this `convert(eps_hat, "eps", "x0", xt, t, schedule)`.'),
    ),
    Exercise(
        "03.step",
        ddpm_step, cases_of("xxtxs"),
        {
            "beta_tilde itself multiplies": (_back(sigma=_variance), N_("It looks as if beta_tilde itself multiplies z: it is a variance, so its weight sigma is the square root.")),
            "sigma^2 beta": (_back(sigma=lambda a, ab, s: (1 - a).sqrt()), N_("It looks as if sigma^2 is beta: that is the other choice in the DDPM paper, and a fair one, but then z must be left out at t = 1, or the finished picture is grainy; beta_tilde, asked for here, is 0 there by itself.")),
            "sigma^2 beta no": (_back(sigma=lambda a, ab, s: (1 - a).sqrt() * (s < 1)), N_("It looks as if sigma^2 is beta (with no noise in the last step): that is the other choice in the DDPM paper, and a fair one, but here beta_tilde is asked for.")),
            "noise added last": (_back(sigma=lambda a, ab, s: (_variance(a, ab, s) if s < 1 else 1 - a).sqrt()), N_("It looks as if noise is added in the last step too: the step to t = 0 shows the picture itself, and beta_tilde is 0 there.")),
            "z forgotten": (_back(sigma=lambda a, ab, s: 0), N_("It looks as if z is forgotten: the mean alone is an average over many possible pictures, and a walk without fresh noise ends too smooth.")),
            "z comes full": (_back(sigma=lambda a, ab, s: 1), N_("It looks as if z comes in at full strength: its weight is sigma, the square root of beta_tilde.")),
            "z subtracted": (_back(sigma=lambda *p: -_variance(*p).sqrt()), N_("It looks as if z is subtracted: -z is as likely as z, so the pictures would look right, but the exercise adds it.")),
            "alpha_bar stands where": (_back(lambda a, ab, s: (1 / ab.sqrt(), -(1 - a) / (1 - ab).sqrt() / ab.sqrt())), N_("It looks as if alpha_bar stands where alpha belongs, in 1 / sqrt(alpha): this is one step back, so one step's shrinking is undone.")),
            "square root alpha": (_back(lambda a, ab, s: (1 / a, -(1 - a) / (1 - ab).sqrt() / a)), N_("It looks as if the square root of alpha is missing in the mean: the step here shrank by the root, so divide by the root.")),
            "square root 1": (_back(lambda a, ab, s: (1 / a.sqrt(), -(1 - a) / (1 - ab) / a.sqrt())), N_("It looks as if the square root of 1 - alpha_bar is missing under beta: the noise in x_t has the weight sqrt(1 - alpha_bar), so the root belongs here too.")),
            "brackets missing": (_back(lambda a, ab, s: (1 / a.sqrt(), -(1 - a) / (1 - ab).sqrt())), N_("It looks as if brackets are missing: all of (xt - noise) is divided by sqrt(alpha), here only xt is.")),
            "brackets missing 2": (_back(lambda a, ab, s: (1, _mean(a, ab, s)[1])), N_("It looks as if brackets are missing: all of (xt - noise) is divided by sqrt(alpha), here only the noise is.")),
            "division sqrt alpha": (_back(lambda a, ab, s: (1, -(1 - a) / (1 - ab).sqrt())), N_("It looks as if the division by sqrt(alpha) is missing: the step here shrank the picture, and the step back undoes that.")),
            "predicted noise added": (_back(lambda a, ab, s: (_mean(a, ab, s)[0], -_mean(a, ab, s)[1])), N_("It looks as if the predicted noise is added where it should be subtracted: this walks further into the noise.")),
            "whole noise removed": (_back(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt())), N_("It looks as if the whole noise is removed at once: this is the guess x0_hat, but one step goes only a little of the way.")),
            "weight eps_hat sqrt": (_back(_via_x0(lambda a, ab, s: (1 - s).sqrt())), N_("It looks as if the weight of eps_hat is sqrt(1 - alpha_bar_{t-1}): then adding z makes too much noise, so take beta_tilde away under the root first.")),
            "beta stands where": (_back(_via_x0(lambda a, ab, s: (a - s).sqrt()), lambda a, ab, s: (1 - a).sqrt()), N_("It looks as if beta stands where beta_tilde belongs, under the root as well: 1 - alpha_bar_{t-1} - beta is below 0 in the last steps, and the root of that is NaN.")),
            "beta taken away": (_back(_via_x0(lambda a, ab, s: (a - s).sqrt())), N_("It looks as if beta is taken away under the root where beta_tilde belongs: 1 - alpha_bar_{t-1} - beta is below 0 in the last steps, and the root of that is NaN.")),
            "x0_hat made noisy": (_back(_via_x0(lambda a, ab, s: 0), lambda a, ab, s: (1 - s).sqrt()), N_("It looks as if x0_hat is made noisy again with nothing but z: one step keeps most of the noise that is there, so eps_hat has its part in x_{t-1}.")),
            "alpha_bar t 1": (stops(_back(land=1)), N_("It looks as if alpha_bar_{t+1} stands where alpha_bar_{t-1} belongs: a step back lands on t - 1.")),
            "table read place": (_back(shift=-1), EARLY),
            "table read place late": (stops(_back(shift=1)), LATE),
        },
        (N_("Compute three things and put them together: the mean, the variance beta_tilde, and mean + sigma z."),
         N_("sigma is the square root of beta_tilde, and alpha_bar_{t-1} is `schedule.alpha_bar[t - 1]`, which is 1 when t = 1."),
         N_("mean = (xt - beta / (1 - alpha_bar).sqrt() * eps_hat) / alpha.sqrt(), each table read at [t]; then add beta_tilde.sqrt() * z.")),
        N_("taking the noise away and putting a little fresh noise back is what lets one noisy picture lead to many different clean ones."),
        N_("The library's `reverse_step(xt, eps_hat, t, t - 1, schedule, z).xs` gives the same, and can also skip steps."),
    ),
    Exercise(
        "03.walk",
        walk, lambda g: [_walk_case("cosine", 10, (4, 2), g), _walk_case("linear", 8, (2, 1, 4, 4), g)],
        {
            "walk begins t": (_walk(lambda T: range(T - 1, 0, -1)), N_("It looks as if the walk begins at T - 1: xT is as noisy as time T, so the first step starts at t = T.")),
            "walk stops step": (_walk(lambda T: range(T, 1, -1)), N_("It looks as if the walk stops one step early: `range(T, 1, -1)` ends at 2, but the step from t = 1 makes the clean picture.")),
            "walk wants step": (stops(_walk(lambda T: range(T, -1, -1))), N_("It looks as if the walk wants to step on from t = 0: the times are T, ..., 1, since the step from t = 1 lands on 0, the clean picture.")),
            "t counts upwards": (_walk(lambda T: range(1, T + 1)), N_("It looks as if t counts upwards: the way back starts at T, in the noise, and ends at 1.")),
            "only step taken": (_walk(lambda T: [T]), N_("It looks as if only one step is taken: the `return` may stand inside the loop.")),
            "model told t": (_walk(told=lambda t, T: t - 1), N_("It looks as if the model is told t - 1, where the step lands: tell it t, the time of the picture that it sees, or it expects too little noise.")),
            "model told t every": (_walk(told=lambda t, T: T), N_("It looks as if the model is told T at every step: it has to know how noisy this picture is, and that changes with t.")),
            "model shown xt": (_walk(fed="xT"), N_("It looks as if the model is shown xT at every step: show it the picture as it is now, so that it can correct its first guess.")),
            "guess x0_hat carried": (_walk(keep="x0_hat"), N_("It looks as if the guess x0_hat is carried on: carry x_s, the picture that is only a little less noisy, since the model expects the noise of that time.")),
            "mean carried without": (_walk(keep="mean"), N_("It looks as if the mean is carried on without its noise: the model expects the noise of that time, and without it the pictures get too smooth.")),
            "noises read t": (_walk(drawn=lambda t, T: t - 1), N_("It looks as if `noises` is read at t - 1: the noise for the step that starts at t is `noises[t]`.")),
            "same noise used": (_walk(drawn=lambda t, T: T), N_("It looks as if the same noise is used at every step: each step needs fresh noise, `noises[t]`, or the walk is pushed the same way every time.")),
            "variance beta used": (lambda model, xT, s, z: _walk(v=1.0)(model, xT, s, z) + s.beta[1].sqrt() * z[1], N_("It looks as if the variance beta is used, and noise is added in the last step too: `reverse_step` with nothing more uses beta_tilde, which is 0 there.")),
            "variance beta used 2": (_walk(v=1.0), N_("It looks as if the variance beta is used: a fair choice, but here plain `reverse_step` is asked for, which uses beta_tilde.")),
        },
        (N_("A loop over falling t. Inside it: ask the model, take one step, carry the result on."),
         N_("The times are `range(schedule.T, 0, -1)`, and a step from t lands on t - 1."),
         N_("x = xT; in the loop: eps_hat = model(x, t), then x = reverse_step(x, eps_hat, t, t - 1, schedule, noises[t]).xs; return x after the loop.")),
        N_("this loop is the whole generator. Others take longer steps, throw no dice, or walk among a VAE's latents, but a loop around a denoiser it stays."),
        N_("The library's `sample` is this loop with a `yield` in it, so that you can watch every step."),
    ),
    Exercise(
        "03.copy",
        nearest, _copy_cases,
        {
            "farthest picture chosen": (lambda x, d: _distances(x, d).argmax(1), N_("It looks as if the farthest picture is chosen: the nearest has the smallest distance, so `argmin`.")),
            "smallest taken along": (lambda x, d: _distances(x, d).argmin(0), N_("It looks as if the smallest is taken along the wrong axis: this gives the nearest sample for each training picture, the question is the other way round.")),
            "absolute differences used": (lambda x, d: _distances(x, d, 1.0).argmin(1), N_("It looks as if absolute differences are used: a fair distance too, but squares, asked for here, let one large difference count more than many small ones.")),
            "differences added up": (lambda x, d: (x.flatten(1).sum(1)[:, None] - d.flatten(1).sum(1)).argmin(1), N_("It looks as if the differences are added up without squares: plus and minus cancel, so very different pictures can seem close.")),
            "only mean brightness": (lambda x, d: (x.flatten(1).mean(1)[:, None] - d.flatten(1).mean(1)).abs().argmin(1), N_("It looks as if only the mean brightness of the pictures is compared: two very different pictures can have the same mean, so compare pixel by pixel.")),
            "products compared instead": (lambda x, d: (x.flatten(1) @ d.flatten(1).T).argmax(1), N_("It looks as if products are compared instead of differences: a bright training picture then wins against a similar one.")),
            "only last axis": (lambda x, d: (x[:, None] - d[None]).square().sum(-1).argmin(1), N_("It looks as if only the last axis of the pictures is added up: one distance must count all pixels, so use `.flatten(1)` first.")),
            "index given all": (lambda x, d: _distances(x, d).argmin(), N_("It looks as if one index is given for all samples together: look along one axis, `argmin(1)`, to get one for each.")),
            "smallest squared distances": (lambda x, d: _distances(x, d).square().amin(1), N_("These are the smallest squared distances: the question is which picture has it, so `argmin` instead of `min`.")),
            "smallest distances": (lambda x, d: _distances(x, d).amin(1), N_("These are the smallest distances: the question is which picture has it, so `argmin` instead of `min`.")),
            "nearest pictures themselves": (lambda x, d: d[nearest(x, d)], N_("These are the nearest pictures themselves: return their indices, the places in `data` where they stand.")),
        },
        (N_("Make every picture one row of numbers with `.flatten(1)`. Then you have B rows and N rows to compare."),
         N_("`torch.cdist(a, b)` gives the distances of all pairs, (B, N), and the smallest distance is also the smallest squared one."),
         N_("On that (B, N) table, `.argmin(1)` gives for each row the place of its smallest number.")),
        N_("before you call a generated picture new, look at its nearest training picture; a pixel distance finds exact copies, though not shifted or recoloured ones."),
        N_("The library's `metrics.nearest` also tells how far away it is."),
    ),
    Exercise(
        "03.bell",
        bell_guess, _bell_cases,
        {
            "x_t sqrt alpha_bar": (_belief(gain=lambda a, c: 1 / a.sqrt()), N_("This is x_t / sqrt(alpha_bar): it believes x_t completely, noise and all. The more noise, the nearer the best guess lies to m.")),
            "m whatever x_t": (_belief(gain=lambda a, c: 0 * a), N_("This is m whatever x_t says: right at the end of time only, when x_t says nothing.")),
            "m not added": (_belief(start=lambda m: 0), N_("It looks as if m is not added at the end: what x_t tells is how far x_0 lies from m.")),
            "m not shrunk": (_belief(off=lambda xt, m, a: xt - m), N_("It looks as if m is not shrunk: before x_0 is known, x_t is expected at sqrt(alpha_bar) m.")),
            "x_t itself multiplied": (_belief(off=lambda xt, m, a: xt), N_("It looks as if x_t itself is multiplied: what counts is how far it lies from where it was expected, sqrt(alpha_bar) m.")),
            "right c 1": (_belief(gain=lambda a, c: a.sqrt()), N_("This is right for c = 1: for other data the variance of x_t is alpha_bar c^2 + 1 - alpha_bar.")),
            "c stands where": (_belief(gain=lambda a, c: a.sqrt() * c / (a * c + 1 - a)), N_("It looks as if c stands where c^2 belongs: variances add, standard deviations do not.")),
            "share picture x_t": (_belief(gain=lambda a, c: a * c**2 / (a * c**2 + 1 - a)), N_("This is the share of the picture in x_t: it guesses the faded picture, sqrt(alpha_bar) x_0. Divide by sqrt(alpha_bar) once more.")),
            "root alpha_bar missing": (_belief(gain=lambda a, c: c**2 / (a * c**2 + 1 - a)), N_("It looks as if a root of alpha_bar is missing above: x_0 and sqrt(alpha_bar) x_0 move together with sqrt(alpha_bar) c^2.")),
            "noise share gain": (_belief(gain=lambda a, c: (1 - a) / (a * c**2 + 1 - a)), N_("It looks as if the noise's share is the gain: with much noise x_t should move the guess little.")),
            "root much below": (_belief(gain=lambda a, c: a.sqrt() * c**2 / (a * c**2 + (1 - a).sqrt())), N_("It looks as if a root is too much below: variances add, and that of the noise is 1 - alpha_bar.")),
        },
        (N_("x_0 is a bell curve, the noise is one, so x_t is one too. What are its mean and its variance? How much do x_0 and x_t move together?"),
         N_("x_t has the mean sqrt(alpha_bar) m and the variance alpha_bar c^2 + 1 - alpha_bar; the covariance with x_0 is sqrt(alpha_bar) c^2."),
         N_("m + gain * (xt - sqrt(alpha_bar) m), and the gain is covariance / variance, the slope of a regression line.")),
        N_("this denoiser is optimal too, and it copies nothing: a walk with it draws new numbers from N(m, c^2). What copied in section 6 was the optimum for a finite set of pictures."),
        N_("`oracle.mixture_denoiser` is this formula for each island, mixed by how likely each is."),
    ),
)
