"""The exercises of lesson 09: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import math

import torch

from ...words import N_
from ..exercise import Exercise, gaussian


def reparametrised(mu, logvar, noise):
    """z = mu + exp(logvar / 2) noise ~ N(mu, exp(logvar)), (B, d) (Kingma, Welling 2014, section 2.4)"""
    return mu + (0.5 * logvar).exp() * noise


def kl_to_standard(mu, logvar):
    """KL( N(mu, exp(logvar)) || N(0, I) ) = sum (mu^2 + exp(logvar) - 1 - logvar) / 2, (B,) (2014, appendix B)"""
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)


def best_s(errors):
    """The slope of d log s + sum(errors^2) / (2 s^2) is zero where s^2 is the mean square, (N,)"""
    return errors.square().mean(1).sqrt()


def on_the_arc(a, b, u):
    """[ sin((1 - u) w) a + sin(u w) b ] / sin w, with w the angle between a and b, (B, d)"""
    cosine = (a * b).sum(1, keepdim=True) / (a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True))
    w = cosine.acos()
    return (((1 - u) * w).sin() * a + (u * w).sin() * b) / w.sin()


def _arc(cosine=None, weights=lambda w, u: (((1 - u) * w).sin() / w.sin(), (u * w).sin() / w.sin())):
    def function(a, b, u):
        c = (a * b).sum(1, keepdim=True) / (a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True))
        here, there = weights((c if cosine is None else cosine(a, b)).acos(), u)
        return here * a + there * b

    return function


def _stretched(a, b, u):
    line = (1 - u) * a + u * b
    long = (1 - u) * a.norm(dim=1, keepdim=True) + u * b.norm(dim=1, keepdim=True)
    return line / line.norm(dim=1, keepdim=True) * long


def _arc_cases(g):
    return [
        (gaussian(shape, g), gaussian(shape, g), u) for shape, u in (((4, 8), 0.25), ((3, 64), 0.5), ((5, 16), 0.9))
    ]


def nearer_to_seen(samples, seen, fresh):
    """1.0 for each sample (B, d) whose nearest of seen (N, d) is nearer than its nearest of fresh (N, d), else 0.0: (B,)"""
    to_seen, to_fresh = (torch.cdist(samples, x).min(1).values for x in (seen, fresh))
    return (to_seen < to_fresh).double()


def _nearer(measure=torch.cdist, pick=lambda d: d.min(1).values, tell=lambda a, b: (a < b).double()):
    return lambda samples, seen, fresh: tell(pick(measure(samples, seen)), pick(measure(samples, fresh)))


def _dial_cases(g):
    def case(n, d):
        seen, fresh = gaussian((n, d), g), gaussian((n, d), g)
        return seen.roll(1, 0) + 0.8 * gaussian((n, d), g), seen, fresh

    return [case(n, d) for n, d in ((60, 4), (45, 8), (80, 3))]


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "09.z",
        reparametrised, lambda g: [tuple(gaussian(shape, g) for _ in range(3)) for shape in ((4, 2), (3, 16), (1, 8))],
        {
            "noise multiplied variance": (lambda m, v, n: m + v.exp() * n, N_("It looks as if the noise is multiplied by the variance: exp(logvar) is a variance, and a standard deviation is its root, exp(logvar / 2).")),
            "logvar itself taken": (lambda m, v, n: m + v * n, N_("It looks as if logvar itself is taken for the standard deviation: it is the logarithm of the variance, and may be negative.")),
            "half right": (lambda m, v, n: m + 0.5 * v * n, N_("The half is right, the exponential is missing: the standard deviation is exp(logvar / 2).")),
            "noise forgotten": (lambda m, v, n: m + 0 * n, N_("The noise is forgotten: this is the middle of q(z | x), and always the same z. Then nothing teaches the decoder to draw what lies around it.")),
            "mean forgotten": (lambda m, v, n: (0.5 * v).exp() * n, N_("The mean is forgotten: such a z knows nothing of where x was put.")),
            "noise keeps variance": (lambda m, v, n: m + n, N_("The noise keeps its variance of 1: it has to become exp(logvar).")),
            "mean stretched": (lambda m, v, n: (m + n) * (0.5 * v).exp(), N_("It looks as if the mean is stretched too: only the noise is multiplied by the standard deviation.")),
            "noise divided standard": (lambda m, v, n: m + (-0.5 * v).exp() * n, N_("It looks as if the noise is divided by the standard deviation.")),
            "draw just good": (lambda m, v, n: m - (0.5 * v).exp() * n, N_("As a draw this is just as good, for noise and its negative are equally likely; but with the noise that you are given, the sign is the other.")),
        },
        (N_("A number from N(0, 1), multiplied by c, has the standard deviation c; then move it."),
         N_("The variance is exp(logvar). Its root?"),
         N_("mu + (0.5 * logvar).exp() * noise")),
        N_("the dice are outside, and mu and logvar are plain numbers in a sum and a product: gradients pass."),
        N_("The library has it inside `vae.vae_loss`."),
    ),
    Exercise(
        "09.kl",
        kl_to_standard, lambda g: [(gaussian(shape, g), gaussian(shape, g)) for shape in ((4, 2), (3, 16), (2, 5))],
        {
            "sign turned round": (lambda m, v: -kl_to_standard(m, v), N_("The sign is turned round: a KL is never below 0. In the paper's equation stands -KL, a part of the ELBO.")),
            "twice much": (lambda m, v: 2 * kl_to_standard(m, v), N_("This is twice as much: the one half in front is missing.")),
            "numbers z averaged": (lambda m, v: kl_to_standard(m, v) / m.shape[1], N_("It looks as if the numbers of z are averaged: independent costs add up.")),
            "logvar wrong sign": (lambda m, v: 0.5 * (m**2 + v.exp() - 1 + v).sum(1), N_("It looks as if logvar has the wrong sign: a narrow q (logvar far below 0) must cost more, not less.")),
            "standard deviation stands": (lambda m, v: 0.5 * (m**2 + (0.5 * v).exp() - 1 - v).sum(1), N_("It looks as if the standard deviation stands where the variance belongs: exp(logvar), without a half.")),
            "means free": (lambda m, v: 0.5 * (v.exp() - 1 - v).sum(1), N_("It looks as if the means are free: mu^2 is missing.")),
            "1 missing": (lambda m, v: 0.5 * (m**2 + v.exp() - v).sum(1), N_("The -1 is missing: N(0, 1) itself must cost nothing.")),
            "other direction": (lambda m, v: 0.5 * ((1 + m**2) * (-v).exp() - 1 + v).sum(1), N_("This is the other direction, KL( N(0, I) || q ): a KL is not symmetric, and the average is taken under the first one, here q.")),
            "mu stands where": (lambda m, v: 0.5 * (m.abs() + v.exp() - 1 - v).sum(1), N_("It looks as if |mu| stands where mu^2 belongs.")),
            "bits": (lambda m, v: kl_to_standard(m, v) / math.log(2), N_("This is in bits: nats are asked for, so take no logarithm of 2.")),
            "mean batch": (lambda m, v: kl_to_standard(m, v).mean() + 0 * m[:, 0], N_("This is the mean of the batch: say for each row what it costs.")),
        },
        (N_("For one number: KL( N(mu, v) || N(0, 1) ) = (mu^2 + v - 1 - log v) / 2, with v the variance."),
         N_("Here v = exp(logvar), so log v is logvar itself. Then add up over the d numbers."),
         N_("0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)")),
        N_("0 for a code that says nothing of x; each number that says something has its price."),
        N_("The library calls this `vae.kl_to_prior`."),
    ),
    Exercise(
        "09.arc",
        on_the_arc, _arc_cases,
        {
            "straight line": (lambda a, b, u: (1 - u) * a + u * b, N_("This is the straight line: half way it is too short by far.")),
            "two changed places": (_arc(weights=lambda w, u: ((u * w).sin() / w.sin(), ((1 - u) * w).sin() / w.sin())), N_("The two have changed places: at u = 0 one should stand at a.")),
            "division sin w": (_arc(weights=lambda w, u: (((1 - u) * w).sin(), (u * w).sin())), N_("The division by sin w is missing: at u = 0 this is sin w times a.")),
            "lengths missing angle": (_arc(cosine=lambda a, b: (a * b).sum(1, keepdim=True).clamp(-1, 1)), N_("It looks as if the lengths are missing in the angle: divide a·b by |a| |b|.")),
            "angle whole batch": (_arc(cosine=lambda a, b: ((a * b).sum() / (a.norm() * b.norm()))), N_("It looks as if there is one angle for the whole batch: each row has its own.")),
            "straight line 2": (_stretched, N_("This is the straight line, stretched to length: the same places but at another pace, for equal shares of a chord are unequal shares of an arc.")),
            "roots shares": (_arc(weights=lambda w, u: ((1 - u) ** 0.5 + 0 * w, u**0.5 + 0 * w)), N_("These are the roots of the shares: they keep the length of vectors at right angles only, and the pace is another.")),
            "cosines stand where": (_arc(weights=lambda w, u: (((1 - u) * w).cos() / w.cos(), (u * w).cos() / w.cos())), N_("It looks as if cosines stand where sines belong: at u = 0 the share of b must be 0.")),
        },
        (N_("First cos w for each row, with keepdim=True so that it can be multiplied with rows later."),
         N_("w = cosine.acos(); the two shares are sin((1 - u) w) / sin w and sin(u w) / sin w."),
         N_("c = (a * b).sum(1, keepdim=True) / (a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True)), w = c.acos(), and the formula.")),
        N_("equal steps of u are equal steps of the angle, and vectors of one length keep it all the way."),
        N_("The library calls this `measures.slerp`."),
    ),
    Exercise(
        "09.dial",
        nearer_to_seen, _dial_cases,
        {
            "turned round": (_nearer(tell=lambda a, b: (a > b).double()), N_("It looks as if it is turned round: these are the ones that lie nearer to unseen pictures.")),
            "share all samples": (_nearer(tell=lambda a, b: (a < b).double().mean() + 0 * a), N_("This is the share of all samples: say for each one what it is, the mean comes later.")),
            "mean distances all": (_nearer(pick=lambda d: d.mean(1)), N_("It looks as if mean distances to all pictures are compared: a copy is far from most of what was seen. The nearest one is asked for.")),
            "farthest pictures compared": (_nearer(pick=lambda d: d.max(1).values), N_("It looks as if the farthest pictures are compared: `min`, not `max`.")),
            "sample i compared": (_nearer(pick=lambda d: d.diagonal()), N_("It looks as if sample i is compared with picture i only: look for the nearest among all.")),
            "nearest sample each": (_nearer(pick=lambda d: d.min(0).values), N_("It looks as if the nearest sample of each picture is looked for: the nearest picture of each sample is asked for, so the minimum goes along the other direction.")),
            "how much nearer": (_nearer(tell=lambda a, b: b - a), N_("This is how much nearer it is: 1.0 or 0.0 is asked for.")),
            "ratio distances": (_nearer(tell=lambda a, b: a / b), N_("This is a ratio of distances: 1.0 where it is below 1, else 0.0.")),
            "small distances counted": (_nearer(tell=lambda a, b: (a < 0.1).double()), N_("It looks as if small distances are counted: whether one is small depends on the pictures. That is what the unseen ones are for.")),
        },
        (N_("`torch.cdist(samples, seen)` has all distances, (B, N). Which direction does the minimum go along?"),
         N_("Do the same with fresh, and compare the two (B,) tensors."),
         N_("(torch.cdist(samples, seen).min(1).values < torch.cdist(samples, fresh).min(1).values).double()")),
        N_("the mean is about 0.5 for samples that do not depend on what was seen, and 1 for a copier; an interval belongs beside it."),
        N_("The library's `metrics.copied` adds the interval."),
    ),
    Exercise(
        "09.best_s",
        best_s, lambda g: [(scale * gaussian(shape, g) + shift,) for shape, scale, shift in (((4, 8), 0.3, 0.1), ((3, 64), 1.0, 0.5), ((5, 16), 2.0, -1.0))],
        {
            "s^2": (lambda e: e.square().mean(1), N_("This is s^2, the variance: s is its root.")),
            "squares added up": (lambda e: e.square().sum(1).sqrt(), N_("It looks as if the squares are added up: s is the size of the error of one number, so take their mean.")),
            "mean size errors": (lambda e: e.abs().mean(1), N_("This is the mean size of the errors: a bell curve pays with squares, so a few large errors count for more.")),
            "mean error taken": (lambda e: e.std(1), N_("It looks as if the mean error is taken away first: the bell curve is centred at the decoder's answer, so an error that all pixels share counts too.")),
            "mean error row": (lambda e: e.std(1, correction=0), N_("It looks as if the mean error of the row is taken away first: an error that all pixels share is an error too, for the bell curve is centred at the decoder's answer.")),
            "d 1 stands": (lambda e: (e.square().sum(1) / (e.shape[1] - 1)).sqrt(), N_("It looks as if d - 1 stands below: no mean was estimated, so all d numbers count.")),
            "s all rows": (lambda e: e.square().mean().sqrt() + 0 * e[:, 0], N_("This is one s for all rows: each row has its own here.")),
            "largest error": (lambda e: e.abs().amax(1), N_("This is the largest error: a bell curve lets a few lie beyond its s.")),
            "1 s": (lambda e: 1 / e.square().mean(1).sqrt(), N_("This is 1 / s.")),
        },
        (N_("Write -log p(x|z) with s in it: d log s + sum(errors^2) / (2 s^2) + what does not depend on s."),
         N_("Set its slope in s to zero: d / s = sum(errors^2) / s^3."),
         N_("errors.square().mean(1).sqrt()")),
        N_("a learned s is the typical error of a pixel. So a network that reconstructs better gets a smaller s, and each code a narrower cloud."),
    ),
)
