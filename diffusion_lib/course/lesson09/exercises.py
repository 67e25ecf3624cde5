"""The exercises of lesson 09: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import math

import torch

from ..exercise import Exercise, gaussian, slips


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
    return [(gaussian(shape, g), gaussian(shape, g), u) for shape, u in (((4, 8), 0.25), ((3, 64), 0.5), ((5, 16), 0.9))]  # fmt: skip


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
        "09.z", "One z, by the reparametrisation trick", "draw_z(mu, logvar, noise)",
        "The encoder says q(z | x) = N(mu, exp(logvar)), number by number; `mu` and `logvar` are (B, d). Turn `noise` (B, d), drawn from N(0, I), into a z from q(z | x), so that gradients find their way back to mu and logvar.",
        reparametrised, lambda g: [tuple(gaussian(shape, g) for _ in range(3)) for shape in ((4, 2), (3, 16), (1, 8))],
        slips(
            (lambda m, v, n: m + v.exp() * n, "It looks as if the noise is multiplied by the variance: exp(logvar) is a variance, and a standard deviation is its root, exp(logvar / 2)."),
            (lambda m, v, n: m + v * n, "It looks as if logvar itself is taken for the standard deviation: it is the logarithm of the variance, and may be negative."),
            (lambda m, v, n: m + 0.5 * v * n, "The half is right, the exponential is missing: the standard deviation is exp(logvar / 2)."),
            (lambda m, v, n: m + 0 * n, "The noise is forgotten: this is the middle of q(z | x), and always the same z. Then nothing teaches the decoder to draw what lies around it."),
            (lambda m, v, n: (0.5 * v).exp() * n, "The mean is forgotten: such a z knows nothing of where x was put."),
            (lambda m, v, n: m + n, "The noise keeps its variance of 1: it has to become exp(logvar)."),
            (lambda m, v, n: (m + n) * (0.5 * v).exp(), "It looks as if the mean is stretched too: only the noise is multiplied by the standard deviation."),
            (lambda m, v, n: m + (-0.5 * v).exp() * n, "It looks as if the noise is divided by the standard deviation."),
            (lambda m, v, n: m - (0.5 * v).exp() * n, "As a draw this is just as good, for noise and its negative are equally likely; but with the noise that you are given, the sign is the other."),
        ),
        ("A number from N(0, 1), multiplied by c, has the standard deviation c; then move it.",
         "The variance is exp(logvar). Its root?",
         "mu + (0.5 * logvar).exp() * noise"),
        "the dice are outside, and mu and logvar are plain numbers in a sum and a product: gradients pass.",
        "The library has it inside `vae.vae_loss`.",
    ),
    Exercise(
        "09.kl", "What a latent code costs", "kl(mu, logvar)",
        "For each row of `mu` and `logvar`, (B, d) each: how many nats is N(mu, exp(logvar)) away from N(0, I), KL( q || p )? The d numbers are independent, so their KLs add up. Return (B,).",
        kl_to_standard, lambda g: [(gaussian(shape, g), gaussian(shape, g)) for shape in ((4, 2), (3, 16), (2, 5))],
        slips(
            (lambda m, v: -kl_to_standard(m, v), "The sign is turned round: a KL is never below 0. In the paper's equation stands -KL, a part of the ELBO."),
            (lambda m, v: 2 * kl_to_standard(m, v), "This is twice as much: the one half in front is missing."),
            (lambda m, v: kl_to_standard(m, v) / m.shape[1], "It looks as if the numbers of z are averaged: independent costs add up."),
            (lambda m, v: 0.5 * (m**2 + v.exp() - 1 + v).sum(1), "It looks as if logvar has the wrong sign: a narrow q (logvar far below 0) must cost more, not less."),
            (lambda m, v: 0.5 * (m**2 + (0.5 * v).exp() - 1 - v).sum(1), "It looks as if the standard deviation stands where the variance belongs: exp(logvar), without a half."),
            (lambda m, v: 0.5 * (v.exp() - 1 - v).sum(1), "It looks as if the means are free: mu^2 is missing."),
            (lambda m, v: 0.5 * (m**2 + v.exp() - v).sum(1), "The -1 is missing: N(0, 1) itself must cost nothing."),
            (lambda m, v: 0.5 * ((1 + m**2) * (-v).exp() - 1 + v).sum(1), "This is the other direction, KL( N(0, I) || q ): a KL is not symmetric, and the average is taken under the first one, here q."),
            (lambda m, v: 0.5 * (m.abs() + v.exp() - 1 - v).sum(1), "It looks as if |mu| stands where mu^2 belongs."),
            (lambda m, v: kl_to_standard(m, v) / math.log(2), "This is in bits: nats are asked for, so take no logarithm of 2."),
            (lambda m, v: kl_to_standard(m, v).mean() + 0 * m[:, 0], "This is the mean of the batch: say for each row what it costs."),
        ),
        ("For one number: KL( N(mu, v) || N(0, 1) ) = (mu^2 + v - 1 - log v) / 2, with v the variance.",
         "Here v = exp(logvar), so log v is logvar itself. Then add up over the d numbers.",
         "0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)"),
        "0 for a code that says nothing of x; each number that says something has its price.",
        "The library calls this `vae.kl_to_prior`.",
    ),
    Exercise(
        "09.arc", "Along the arc", "arc(a, b, u)",
        "Walk from `a` to `b`, (B, d) each, along an arc: return [ sin((1 - u) w) a + sin(u w) b ] / sin w at the share `u` of the way (a number in 0..1), where w is the angle between a and b, for each row its own. cos w = a·b / (|a| |b|). Shape (B, d).",
        on_the_arc, _arc_cases,
        slips(
            (lambda a, b, u: (1 - u) * a + u * b, "This is the straight line: half way it is too short by far."),
            (_arc(weights=lambda w, u: ((u * w).sin() / w.sin(), ((1 - u) * w).sin() / w.sin())), "The two have changed places: at u = 0 one should stand at a."),
            (_arc(weights=lambda w, u: (((1 - u) * w).sin(), (u * w).sin())), "The division by sin w is missing: at u = 0 this is sin w times a."),
            (_arc(cosine=lambda a, b: (a * b).sum(1, keepdim=True).clamp(-1, 1)), "It looks as if the lengths are missing in the angle: divide a·b by |a| |b|."),
            (_arc(cosine=lambda a, b: ((a * b).sum() / (a.norm() * b.norm()))), "It looks as if there is one angle for the whole batch: each row has its own."),
            (_stretched, "This is the straight line, stretched to length: the same places but at another pace, for equal shares of a chord are unequal shares of an arc."),
            (_arc(weights=lambda w, u: ((1 - u) ** 0.5 + 0 * w, u**0.5 + 0 * w)), "These are the roots of the shares: they keep the length of vectors at right angles only, and the pace is another."),
            (_arc(weights=lambda w, u: (((1 - u) * w).cos() / w.cos(), (u * w).cos() / w.cos())), "It looks as if cosines stand where sines belong: at u = 0 the share of b must be 0."),
        ),
        ("First cos w for each row, with keepdim=True so that it can be multiplied with rows later.",
         "w = cosine.acos(); the two shares are sin((1 - u) w) / sin w and sin(u w) / sin w.",
         "c = (a * b).sum(1, keepdim=True) / (a.norm(dim=1, keepdim=True) * b.norm(dim=1, keepdim=True)), w = c.acos(), and the formula."),
        "equal steps of u are equal steps of the angle, and vectors of one length keep it all the way.",
        "The library calls this `views.slerp`.",
    ),
    Exercise(
        "09.dial", "The memorisation dial", "dial(samples, seen, fresh)",
        "`seen` (N, d) are the training pictures, `fresh` (N, d) as many that nobody has learned from, `samples` (B, d) what a network drew. For each sample, say 1.0 if its nearest picture in `seen` is nearer than its nearest picture in `fresh`, else 0.0: (B,). Their mean is the dial.",
        nearer_to_seen, _dial_cases,
        slips(
            (_nearer(tell=lambda a, b: (a > b).double()), "It looks as if it is turned round: these are the ones that lie nearer to unseen pictures."),
            (_nearer(tell=lambda a, b: (a < b).double().mean() + 0 * a), "This is the share of all samples: say for each one what it is, the mean comes later."),
            (_nearer(pick=lambda d: d.mean(1)), "It looks as if mean distances to all pictures are compared: a copy is far from most of what was seen. The nearest one is asked for."),
            (_nearer(pick=lambda d: d.max(1).values), "It looks as if the farthest pictures are compared: `min`, not `max`."),
            (_nearer(pick=lambda d: d.diagonal()), "It looks as if sample i is compared with picture i only: look for the nearest among all."),
            (_nearer(pick=lambda d: d.min(0).values), "It looks as if the nearest sample of each picture is looked for: the nearest picture of each sample is asked for, so the minimum goes along the other direction."),
            (_nearer(tell=lambda a, b: b - a), "This is how much nearer it is: 1.0 or 0.0 is asked for."),
            (_nearer(tell=lambda a, b: a / b), "This is a ratio of distances: 1.0 where it is below 1, else 0.0."),
            (_nearer(tell=lambda a, b: (a < 0.1).double()), "It looks as if small distances are counted: whether one is small depends on the pictures. That is what the unseen ones are for."),
        ),
        ("`torch.cdist(samples, seen)` has all distances, (B, N). Which direction does the minimum go along?",
         "Do the same with fresh, and compare the two (B,) tensors.",
         "(torch.cdist(samples, seen).min(1).values < torch.cdist(samples, fresh).min(1).values).double()"),
        "the mean is about 0.5 for samples that do not depend on what was seen, and 1 for a copier; an interval belongs beside it.",
        "The library's `metrics.copied` adds the interval.",
    ),
    Exercise(
        "09.best_s", "Which s would be learned?", "best_s(errors)",
        "A VAE's decoder is fixed, and only the s of p(x|z) = N(decoder(z), s^2) may still be learned. `errors` (N, d) are the differences x - decoder(z), number by number. For each row, which s makes -log p(x|z) smallest? Return (N,).",
        best_s, lambda g: [(scale * gaussian(shape, g) + shift,) for shape, scale, shift in (((4, 8), 0.3, 0.1), ((3, 64), 1.0, 0.5), ((5, 16), 2.0, -1.0))],
        slips(
            (lambda e: e.square().mean(1), "This is s^2, the variance: s is its root."),
            (lambda e: e.square().sum(1).sqrt(), "It looks as if the squares are added up: s is the size of the error of one number, so take their mean."),
            (lambda e: e.abs().mean(1), "This is the mean size of the errors: a bell curve pays with squares, so a few large errors count for more."),
            (lambda e: e.std(1), "It looks as if the mean error is taken away first: the bell curve is centred at the decoder's answer, so an error that all pixels share counts too."),
            (lambda e: e.std(1, correction=0), "It looks as if the mean error of the row is taken away first: an error that all pixels share is an error too, for the bell curve is centred at the decoder's answer."),
            (lambda e: (e.square().sum(1) / (e.shape[1] - 1)).sqrt(), "It looks as if d - 1 stands below: no mean was estimated, so all d numbers count."),
            (lambda e: e.square().mean().sqrt() + 0 * e[:, 0], "This is one s for all rows: each row has its own here."),
            (lambda e: e.abs().amax(1), "This is the largest error: a bell curve lets a few lie beyond its s."),
            (lambda e: 1 / e.square().mean(1).sqrt(), "This is 1 / s."),
        ),
        ("Write -log p(x|z) with s in it: d log s + sum(errors^2) / (2 s^2) + what does not depend on s.",
         "Set its slope in s to zero: d / s = sum(errors^2) / s^3.",
         "errors.square().mean(1).sqrt()"),
        "a learned s is the typical error of a pixel. So a network that reconstructs better gets a smaller s, and each code a narrower cloud.",
    ),
)
