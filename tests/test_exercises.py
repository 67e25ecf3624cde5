"""The exercises: right answers pass however they are written, and each known slip, also in words that stand here, gets the sentence that belongs to it."""

import dataclasses
import inspect
import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from diffusion_lib.course import checking as c
from diffusion_lib.course.checking import exercises, hint, judge, solution
from diffusion_lib.course.exercise import stops
from diffusion_lib.diffusion import Schedule, add_noise, convert, forward_step, log_q_chain, log_q_jump, log_q_step
from diffusion_lib.evaluation.metrics import copied, mode_report, nearest, neighbourhoods, wilson
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import reverse_step, sample
from diffusion_lib.solvers import ADAMS, Moment, second_order

pytestmark = pytest.mark.usefixtures("one_thread")

EXERCISES = exercises()


def variance_back(t, s):
    return (1 - s.alpha_bar[t - 1]) / (1 - s.alpha_bar[t]) * s.beta[t]


def step_back(mean=None, sigma=lambda t, s: variance_back(t, s).sqrt()):
    def answer(x, e, t, z, s):
        m = (x - s.beta[t] / (1 - s.alpha_bar[t]).sqrt() * e) / s.alpha[t].sqrt() if mean is None else mean(x, e, t, s)
        return m + sigma(t, s) * z

    return answer


def walk(times, told=lambda t, T: t, noise=lambda t, T: t, part="xs"):
    def answer(model, x, s, z):
        for t in times(s.T):
            x = getattr(reverse_step(x, model(x, told(t, s.T)), t, t - 1, s, z[noise(t, s.T)]), part)
        return x

    return answer


def downwards(T):
    return range(T, 0, -1)


def ema(first, rows, step):
    def answer(w, d):
        m = first(w)
        for row in rows(w):
            m = step(m, row, d)
        return m

    return answer


def learned(mix):
    return lambda v, t, s: mix(s.beta[t], variance_back(t, s), v)


def jump(signal, noise):
    return lambda x, t, e, s: signal(s.alpha_bar[t]) * x + noise(s.alpha_bar[t]) * e


def batch(time):
    return lambda x, u, e, s: add_noise(x, time(u, s.T), e, s)


def modes(good=lambda d, sd: d < 3 * sd, enough=lambda n, all_, k: n >= 0.1 * max(1, n.sum()) / k):
    def answer(x, m, sd):
        d, i = torch.cdist(x, m).min(1)
        n = torch.bincount(i[good(d, sd)], minlength=len(m))
        return enough(n, len(x), len(m)).double()

    return answer


def shares(c_):
    return c_ / c_.sum(1, keepdim=True)


def kl(m, v):
    return (m**2 + v.exp() - 1 - v).sum(1) / 2


def angle(a, b):
    return ((a * b).sum(1, keepdim=True) / a.norm(dim=1, keepdim=True) / b.norm(dim=1, keepdim=True)).acos()


def radius(r, k):
    return torch.cdist(r, r).kthvalue(k + 1).values


def lesson(loss, cut=True):
    def answer(g, d, real, z):
        g, d = g.clone().requires_grad_(), d.clone().requires_grad_()
        fake = z * g
        loss(real @ d, (fake.detach() if cut else fake) @ d).mean().backward()
        return torch.stack([torch.zeros_like(g) if g.grad is None else g.grad, d.grad])

    return answer


def pays(r, f):
    return F.softplus(-r) + F.softplus(f)


def fooled(loss):
    def answer(g, d, z):
        g = g.clone().requires_grad_()
        loss((z * g) @ d).mean().backward()
        return g.grad

    return answer


def uphill(w, x0s, ts, epss, s, lr, sign=-1.0, total=False, piles=False, target=0, batches=None):
    pile = 0
    for i in range(len(x0s)) if batches is None else range(len(x0s))[batches]:
        x = add_noise(x0s[i], ts[i], epss[i], s)
        want = epss[i] if target == 0 else x0s[i]
        slope = 2 * ((w * x - want) * x).sum(0) / (1 if total else x.numel())
        pile = pile + slope if piles else slope
        w = w - sign * lr * pile
    return w


def wrong_train(**more):
    return lambda *args: uphill(*args, **({"sign": 1.0} | more))


def nats(x, s):
    """What each number of x costs: KL( N(sqrt(a) x, 1 - a) || N(0, 1) ) at t = T."""
    a = s.alpha_bar[-1]
    return (a * x**2 - a - torch.log(1 - a)) / 2


LUMA = torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64)  # how bright red, green and blue are

# exercise: (a wrong answer, words of the sentence that belongs to it)
WRONG = {
    "01.step": [
        (lambda x, t, e, s: s.alpha[t].sqrt() * x + (1 - s.alpha[t]) * e, "the square root of beta is missing"),
        (lambda x, t, e, s: s.alpha[t] * x + (1 - s.alpha[t]).sqrt() * e, "the square root of alpha is missing"),
        (lambda x, t, e, s: s.alpha_bar[t].sqrt() * x + (1 - s.alpha_bar[t]).sqrt() * e, "alpha_bar stands where alpha"),
        (lambda x, t, e, s: (1 - s.alpha[t]).sqrt() * x + s.alpha[t].sqrt() * e, "changed places"),
        (lambda x, t, e, s: x + s.beta[t].sqrt() * e, "not shrunk"),
        (lambda x, t, e, s: s.alpha[t].sqrt() * x + e, "full strength"),
        (lambda x, t, e, s: s.alpha[t].sqrt() * x - s.beta[t].sqrt() * e, "subtracted"),
        (lambda x, t, e, s: s.alpha[t - 1].sqrt() * x + s.beta[t - 1].sqrt() * e, "too early"),
        (lambda x, t, e, s: s.alpha[t + 1].sqrt() * x + s.beta[t + 1].sqrt() * e, "too late"),
    ],
    "01.jump": [
        (lambda x, t, e, s: s.alpha[t].sqrt() * x + s.beta[t].sqrt() * e, "alpha stands where alpha_bar"),
        (jump(lambda a: a, lambda a: (1 - a).sqrt()), "in front of x0"),
        (jump(lambda a: a.sqrt(), lambda a: 1 - a), "in front of eps"),
        (jump(lambda a: a, lambda a: 1 - a), "both square roots"),
        (jump(lambda a: (1 - a).sqrt(), lambda a: a.sqrt()), "changed places"),
        (jump(lambda a: 1.0, lambda a: (1 - a).sqrt()), "not shrunk"),
        (jump(lambda a: a.sqrt(), lambda a: 1.0), "full strength"),
        (jump(lambda a: a.sqrt(), lambda a: 1 - a.sqrt()), "1 - sqrt(alpha_bar)"),
        (jump(lambda a: a.sqrt(), lambda a: -((1 - a).sqrt())), "subtracted"),
        (lambda x, t, e, s: s.alpha_bar[t - 1].sqrt() * x + (1 - s.alpha_bar[t - 1]).sqrt() * e, "too early"),
        (lambda x, t, e, s: s.alpha_bar[t + 1].sqrt() * x + (1 - s.alpha_bar[t + 1]).sqrt() * e, "too late"),
    ],
    "01.chain": [
        (lambda p, s: log_q_chain(p, s).exp().sum(0).log(), "densities are added"),
        (lambda p, s: log_q_chain(p, s).sum(0) / s.T, "averaged"),
        (lambda p, s: log_q_jump(p[s.T], p[0], s.T, s), "only x_T is judged"),
        (lambda p, s: log_q_step(p[s.T], p[s.T - 1], s.T, s), "only the last step"),
        (lambda p, s: log_q_step(p[1], p[0], 1, s), "only the first step"),
        (lambda p, s: log_q_chain(p, s)[1:].sum(0), "the first step, from x_0"),
        (lambda p, s: log_q_chain(p, s)[:-1].sum(0), "the last step, from x_{T-1}"),
    ],
    "02.beta": [(lambda a: a[1:] / a[:-1], "alpha"), (lambda a: 1 - a[1:], "1 - alpha_bar")],
    "03.walk": [
        (walk(lambda T: range(T - 1, 0, -1)), "begins at T - 1"),
        (walk(lambda T: range(T, 1, -1)), "stops one step early"),
        (walk(lambda T: range(1, T + 1)), "counts upwards"),
        (walk(lambda T: [T]), "only one step"),
        (walk(downwards, told=lambda t, T: t - 1), "told t - 1"),
        (walk(downwards, told=lambda t, T: T), "told T at every step"),
        (walk(downwards, part="x0_hat"), "x0_hat is carried on"),
        (walk(downwards, part="mean"), "the mean is carried on"),
        (walk(downwards, noise=lambda t, T: t - 1), "read at t - 1"),
        (walk(downwards, noise=lambda t, T: T), "same noise is used"),
    ],
    "03.copy": [
        (lambda x, d: torch.cdist(x.flatten(1), d.flatten(1)).argmax(1), "farthest"),
        (lambda x, d: torch.cdist(x.flatten(1), d.flatten(1)).argmin(0), "wrong axis"),
        (lambda x, d: torch.cdist(x.flatten(1), d.flatten(1), p=1).argmin(1), "absolute differences"),
        (lambda x, d: torch.cdist(x.flatten(1), d.flatten(1)).argmin(), "for all samples together"),
        (lambda x, d: torch.cdist(x.flatten(1), d.flatten(1)).min(1).values ** 2, "smallest squared distances"),
        (lambda x, d: torch.cdist(x.flatten(1), d.flatten(1)).min(1).values, "These are the smallest distances"),
    ],
    "04.batch": [
        (batch(lambda u, T: (u * T).long()), "0, ..., T - 1"),
        (batch(lambda u, T: 1 + (u * (T - 1)).long()), "1, ..., T - 1"),
        (batch(lambda u, T: T - (u * T).long()), "the other way round"),
        (batch(lambda u, T: torch.full((len(u),), 1 + int(u[0] * T))), "one and the same t"),
    ],
    "04.error": [
        (lambda e, t, s: e, "The same error for both"),
        (lambda e, t, s: e * s.alpha_bar[t] / (1 - s.alpha_bar[t]), "upside down"),
        (lambda e, t, s: e * (1 - s.alpha_bar[t]), "division by sqrt(alpha_bar)"),
        (lambda e, t, s: e / s.alpha_bar[t], "weight of eps_hat"),
    ],
    "04.ema": [
        (lambda w, d: w.mean(0), "plain mean"),
        (lambda w, d: w[-1], "last weights"),
        (ema(lambda w: w[0], lambda w: w[1:], lambda m, r, d: (1 - d) * m + d * r), "wrong way round"),
        (ema(lambda w: 0 * w[0], lambda w: w, lambda m, r, d: d * m + (1 - d) * r), "begins at zero"),
        (ema(lambda w: w[0], lambda w: w[1:-1], lambda m, r, d: d * m + (1 - d) * r), "last row is left out"),
        (ema(lambda w: w[0], lambda w: w[2:], lambda m, r, d: d * m + (1 - d) * r), "second row is left out"),
        (ema(lambda w: w[0], lambda w: w[1:], lambda m, r, d: d * m + r), "comes in whole"),
    ],
    "04.train": [
        (wrong_train(sign=-1.0), "uphill"),
        (wrong_train(total=True), "added up"),
        (wrong_train(piles=True), "zero_grad"),
        (wrong_train(target=1), "target is x0"),
        (wrong_train(batches=slice(0, -1)), "last batch"),
        (wrong_train(batches=slice(0, 1)), "only the first batch"),
    ],
    "04.variance": [
        (learned(lambda b, t, v: v * b + (1 - v) * t), "between the variances"),
        (learned(lambda b, t, v: b ** (1 - v) * t**v), "changed places"),
        (learned(lambda b, t, v: (b**v * t ** (1 - v)).sqrt()), "this is sigma"),
        (learned(lambda b, t, v: b + 0 * v), "beta whatever"),
        (learned(lambda b, t, v: t + 0 * v), "beta_tilde whatever"),
    ],
    "05.d_loss": [
        (lambda r, f: F.softplus(-r), "the fakes are missing"),
        (lambda r, f: F.softplus(f), "the real ones are missing"),
        (lambda r, f: F.softplus(r) + F.softplus(-f), "labels are swapped"),
        (lambda r, f: F.softplus(-r) + F.softplus(-f), "labelled as real"),
        (lambda r, f: F.softplus(r) + F.softplus(f), "labelled as fakes"),
        (lambda r, f: pays(r, f) / 2, "half of it"),
        (lambda r, f: -pays(r, f), "minus is missing"),
    ],
    "05.g_loss": [
        (lambda f: F.softplus(f), "G plays for D"),
        (lambda f: -F.softplus(f), "minimax"),
        (lambda f: -f, "Wasserstein"),
        (lambda f: -F.softplus(-f), "minus is missing"),
    ],
    "05.best": [
        (lambda p, q: q / (p + q), "changed places"),
        (lambda p, q: p / q, "the odds"),
        (lambda p, q: p.log() - q.log(), "the best score"),
        (lambda p, q: p - q, "difference"),
        (lambda p, q: torch.full_like(p, 0.5), "One half"),
    ],
    "05.detach": [
        (lesson(pays, cut=False), "The detach is forgotten"),
        (lesson(lambda r, f: pays(f, r)), "labels are swapped: D"),
        (lesson(lambda r, f: F.softplus(f)), "no real ones"),
        (lesson(lambda r, f: F.softplus(-r) + 0 * f), "no fakes"),
    ],
    "05.fool": [
        (lambda g, d, z: 0 * g, "no gradient"),
        (fooled(lambda f: F.softplus(f)), "labelled fake"),
        (fooled(lambda f: -F.softplus(f)), "minimax"),
        (fooled(lambda f: -f), "minus the mean score"),
    ],
    "06.modes": [
        (modes(good=lambda d, sd: d < 1e9), "all samples are counted"),
        (modes(good=lambda d, sd: d < sd), "1 sd"),
        (modes(enough=lambda n, a, k: n > 0), "a single good sample"),
        (modes(enough=lambda n, a, k: n >= 0.1 * a / k), "one of all samples"),
        (modes(enough=lambda n, a, k: n >= max(1, n.sum()) / k), "whole fair share"),
    ],
    "06.kl": [
        (lambda n: torch.special.entr(shares(n)).sum(1), "entropy"),
        (lambda n: torch.special.xlogy(shares(n), shares(n) * n.shape[1]).sum(1) / math.log(2), "bits"),
        (lambda n: torch.special.xlogy(shares(n), shares(n) * n.shape[1]).mean(1), "averaged"),
        (lambda n: torch.special.xlogy(shares(n), shares(n) / n.shape[1]).sum(1), "divided by K"),
    ],
    "06.vanish": [
        (lambda s: torch.stack([(-s).sigmoid(), s.sigmoid()]), "changed places"),
        (lambda s: torch.stack([s.sigmoid(), s.sigmoid()]), "Both are minimax"),
        (lambda s: torch.stack([(-s).sigmoid(), (-s).sigmoid()]), "Both are the non-saturating"),
    ],
    "06.bilinear": [
        (lambda r, lr, n: r * (1 + lr**2) ** n, "what multiplies its square"),
        (lambda r, lr, n: r, "stays"),
        (lambda r, lr, n: r * (1 + lr) ** n, "grows by lr"),
        (lambda r, lr, n: r**2 * (1 + lr**2) ** n, "square of the distance"),
    ],
    "07.coverage": [
        (lambda s, r, k: (torch.cdist(r, s) < torch.cdist(r, r).kthvalue(k).values[:, None]).any(1).double(), "own first neighbour"),
        (lambda s, r, k: (torch.cdist(r, s) < radius(r, k)[:, None] ** 2).any(1).double(), "squared radius"),
        (lambda s, r, k: (torch.cdist(r, s) < radius(r, k)[:, None]).sum(1).double(), "counts the samples"),
        (lambda s, r, k: (torch.cdist(r, s) < radius(r, k)[:, None]).double().mean(1), "share of all samples"),
        (lambda s, r, k: (torch.cdist(s, r) < radius(r, k)).any(1).double(), "precision"),
    ],
    "07.even": [
        (lambda a, p, b, q: (a + b) / (q - p), "trainings are added"),
        (lambda a, p, b, q: (a - b) / (q + p), "drawing times are added"),
        (lambda a, p, b, q: (a - b) / (p - q), "sign is turned"),
        (lambda a, p, b, q: (q - p) / (a - b), "upside down"),
        (lambda a, p, b, q: (a - b) / q, "a drew for nothing"),
        (lambda a, p, b, q: a / (q - p), "b needed no training"),
    ],
    "09.z": [
        (lambda m, v, n: m + v.exp() * n, "multiplied by the variance"),
        (lambda m, v, n: m + v * n, "logvar itself"),
        (lambda m, v, n: m, "noise is forgotten"),
        (lambda m, v, n: (v / 2).exp() * n, "mean is forgotten"),
        (lambda m, v, n: m + n, "keeps its variance of 1"),
        (lambda m, v, n: m - (v / 2).exp() * n, "the sign is the other"),
    ],
    "09.kl": [
        (lambda m, v: -kl(m, v), "sign is turned"),
        (lambda m, v: 2 * kl(m, v), "one half in front"),
        (lambda m, v: kl(m, v) / m.shape[1], "averaged"),
        (lambda m, v: kl(0 * m, v), "means are free"),
        (lambda m, v: kl(m, v) / math.log(2), "bits"),
    ],
    "09.arc": [
        (lambda a, b, u: (1 - u) * a + u * b, "This is the straight line: half way"),
        (lambda a, b, u: ((u * angle(a, b)).sin() * a + ((1 - u) * angle(a, b)).sin() * b) / angle(a, b).sin(), "changed places"),
        (lambda a, b, u: ((1 - u) * angle(a, b)).sin() * a + (u * angle(a, b)).sin() * b, "sin w is missing"),
    ],
    "09.dial": [
        (lambda x, s, f: (torch.cdist(x, s).mean(1) < torch.cdist(x, f).mean(1)).double(), "mean distances"),
        (lambda x, s, f: (torch.cdist(x, s).amax(1) < torch.cdist(x, f).amax(1)).double(), "farthest"),
        (lambda x, s, f: (torch.cdist(x, s).amin(1) > torch.cdist(x, f).amin(1)).double(), "turned round"),
        (lambda x, s, f: (torch.cdist(x, s).amin(0) < torch.cdist(x, f).amin(0)).double(), "nearest sample of each picture"),
    ],
    "01.noise": [
        (lambda x, xt, t, s: xt - x, "This is xt - x0"),
        (lambda x, xt, t, s: xt - s.alpha_bar[t].sqrt() * x, "the division is missing"),
        (lambda x, xt, t, s: (xt - x) / (1 - s.alpha_bar[t]).sqrt(), "all of x0 is subtracted"),
        (lambda x, xt, t, s: (s.alpha_bar[t].sqrt() * x - xt) / (1 - s.alpha_bar[t]).sqrt(), "-eps"),
    ],
    "01.between": [
        (lambda x, s, t, e, S: add_noise(x, t, e, S), "the jump from x_0"),
        (lambda x, s, t, e, S: add_noise(x, t - s, e, S), "t - s is looked up"),
    ],
    "02.db": [
        (lambda d: 10 ** (d / 10), "the ratio signal : noise itself"),
        (lambda d: 1 / (1 + 10 ** (d / 10)), "a sign is turned"),
        (lambda d: 1 / (1 + 10 ** (-d / 20)), "20 stands where 10"),
        (lambda d: (1 / (1 + 10 ** (-d / 10))).sqrt(), "the picture's weight"),
    ],
    "02.kl": [
        (lambda x, s: nats(x, s).flatten(1).mean(1), "mean over the pixels"),
        (lambda x, s: nats(x, s).sum(), "all pictures are added up"),
        (lambda x, s: 2 * nats(x, s).flatten(1).sum(1), "the factor 1/2"),
    ],
    "02.repair": [
        (lambda b, T: b[:T], "the first T betas"),
        (lambda b, T: b.reshape(T, -1).sum(1), "added up"),
        (lambda b, T: b.reshape(T, -1).mean(1), "averaged"),
        (lambda b, T: (1 - b).reshape(T, -1).prod(1), "alphas"),
    ],
    "02.straight": [(lambda a: torch.cat([a[:1], torch.linspace(float(a[1]), float(a[-1]), len(a) - 1, dtype=a.dtype)]), "straight in alpha_bar itself")],
    "03.guess": [
        (lambda x, e, t, s: x - (1 - s.alpha_bar[t]).sqrt() / s.alpha_bar[t].sqrt() * e, "brackets are missing"),
        (lambda x, e, t, s: x - (1 - s.alpha_bar[t]).sqrt() * e, "the division by sqrt(alpha_bar)"),
        (lambda x, e, t, s: (x + (1 - s.alpha_bar[t]).sqrt() * e) / s.alpha_bar[t].sqrt(), "added where it should be subtracted"),
        (lambda x, e, t, s: (x - e) / s.alpha_bar[t].sqrt(), "all of eps_hat"),
        (lambda x, e, t, s: (x - (1 - s.alpha_bar[t - 1]).sqrt() * e) / s.alpha_bar[t - 1].sqrt(), "too early"),
    ],
    "03.step": [
        (step_back(sigma=variance_back), "beta_tilde itself multiplies z"),
        (step_back(sigma=lambda t, s: s.beta[t].sqrt()), "sigma^2 is beta: that is the other choice"),
        (step_back(sigma=lambda t, s: 0.0), "z is forgotten"),
        (step_back(sigma=lambda t, s: 1.0), "full strength"),
        (step_back(sigma=lambda t, s: -variance_back(t, s).sqrt()), "z is subtracted"),
        (step_back(mean=lambda x, e, t, s: (x - (1 - s.alpha_bar[t]).sqrt() * e) / s.alpha_bar[t].sqrt()), "the whole noise is removed"),
        (step_back(mean=lambda x, e, t, s: x - s.beta[t] / (1 - s.alpha_bar[t]).sqrt() * e), "the division by sqrt(alpha)"),
    ],
    "03.bell": [
        (lambda x, m, c_, t, s: x / s.alpha_bar[t].sqrt(), "believes x_t completely"),
        (lambda x, m, c_, t, s: m.expand_as(x) if isinstance(m, torch.Tensor) else 0 * x + m, "This is m whatever"),
    ],
    "04.forgotten": [(lambda losses, s: losses.argmin(1) + 1, "This is where the loss is smallest. But"), (lambda losses, s: losses.argmin(1), "counted from 0")],
    "05.smooth": [(lambda p, q, a, b: p / (p + q), "labels 1 and 0"), (lambda p, q, a, b: (b * p + a * q) / (p + q), "changed places"), (lambda p, q, a, b: 1 - (a * p + b * q) / (p + q), "the probability of \"fake\"")],
    "06.ahead": [(lambda r, lr, n: r * (1 + lr**2) ** (n / 2), "without looking ahead"), (lambda r, lr, n: r + 0 * lr, "stays")],
    "07.wilson": [(lambda h, n, z: torch.stack([h / n - z * (h / n * (1 - h / n) / n) ** 0.5, h / n + z * (h / n * (1 - h / n) / n) ** 0.5]), "as if the coin were known")],
    "07.enough": [(lambda u, z: (z**2 * (1 - u) / u).floor(), "rounded down"), (lambda u, z: z**2 * (1 - u) / u, "no fractions of a run")],
    "10.guide": [(lambda n, y, w: (1 - w) * y + w * n, "changed places"), (lambda n, y, w: (1 + w) * y - w * n, "0 is told"), (lambda n, y, w: w * y - w * n, "alone"), (lambda n, y, w: (1 + w) * n - w * y, "wrong way"), (lambda n, y, w: w * y, "stretched")],
    "10.drop": [(lambda u, y, p: torch.where(u >= p, -1, y), "turned round"), (lambda u, y, p: y * (u >= p), "0 is a class"), (lambda u, y, p: y, "None is forgotten")],
    "10.avoid": [(lambda n, y, x, w: (1 - w) * n + w * y, "not used"), (lambda n, y, x, w: n + w * y - w * x, "two steps"), (lambda n, y, x, w: n + w * (y - x), "begins at eps_none"), (lambda n, y, x, w: (1 + w) * y - w * x, "counted from 0")],
    "10.both": [(lambda n, a, b, w: (1 - w) * n + w * (a + b) / 2, "mean of both"), (lambda n, a, b, w: n + w * a + w * b - w * n, "in each of the two"), (lambda n, a, b, w: (2 - 2 * w) * n + w * a + w * b, "counts twice")],
    "13.centimetres": [(lambda n, d: n / d, "These are inches"), (lambda n, d: d / n * 2.54, "upside down"), (lambda n, d: n * d * 2.54, "are multiplied")],
    "13.letters": [(lambda f, w, s: f / w * s, "points are taken for inches"), (lambda f, w, s: f * 4 / 3, "in its own size"), (lambda f, w, s: f * s / 72, "one inch wide"), (lambda f, w, s: f / (72 * w), "share of the width")],
    "13.frames": [(lambda n, a, b: n // a, "as large as the first"), (lambda n, a, b: n // b, "as small as the others"), (lambda n, a, b: ((n - a) // b).clamp(min=0), "missing from the count"), (lambda n, a, b: 1 + (n - a) // b, "there are 0")],
    "13.contrast": [(lambda a, b: (torch.maximum(a @ LUMA, b @ LUMA) + 0.05) / (torch.minimum(a @ LUMA, b @ LUMA) + 0.05), "numbers of the screen are weighed")],
    "10.middle": [(lambda m, r, s, w: w * m, "equally wide"), (lambda m, r, s, w: m, "at w = 1 only"), (lambda m, r, s, w: w * m / r**2 / (s**-2 + w * r**-2), "power 1"), (lambda m, r, s, w: 1 / ((1 - w) / s**2 + w / r**2), "variance of the bell")],
    "08.score": [
        (lambda e, t, s: e / (1 - s.alpha_bar[t]).sqrt(), "The sign is turned: eps_hat points"),
        (lambda e, t, s: -e / (1 - s.alpha_bar[t]), "1 - alpha_bar is sigma^2"),
        (lambda e, t, s: -e * (1 - s.alpha_bar[t]).sqrt(), "multiplied by sigma"),
        (lambda e, t, s: -e / s.beta[t].sqrt(), "the noise of one step"),
    ],
    "08.ddim": [
        (lambda x, e, t, r, s: reverse_step(x, e, t, r, s, e, eta=0.0).x0_hat, "the guess x0_hat alone"),
        (lambda x, e, t, r, s: reverse_step(x, e, t, t - 1, s, e, eta=0.0).xs, "lands on t - 1"),
        (lambda x, e, t, r, s: x, "Nothing moves"),
        (lambda x, e, t, r, s: s.alpha_bar[r].sqrt() * convert(e, "eps", "x0", x, t, s), "the noise is left out"),
    ],
    "08.euler": [
        (lambda x, f, u, w: x - (w - u) * f, "w - u is negative already"),
        (lambda x, f, u, w: x - u * f, "all the way to u = 0"),
        (lambda x, f, u, w: x + f * w, "w stands for the length"),
    ],
    "08.velocity": [
        (lambda m, x, u, t, s: convert(m(x, t), "eps", "flow", x, t, s), "shown x as it is"),
        (lambda m, x, u, t, s: m(x / math.sqrt(1 - 2 * u + 2 * u * u), t), "This is eps_hat"),
    ],
    "08.look_back": [
        (lambda n, b, h, k: n + (n - b) / 2, "weights of equal steps"),
        (lambda n, b, h, k: n + (n - b) * h / k, "at the end of the coming step"),
        (lambda n, b, h, k: (b + n) * 0.5, "the mean of the two answers"),
    ],
    "09.best_s": [(lambda e: (e**2).mean(1), "This is s^2"), (lambda e: (e**2).sum(1).sqrt(), "added up"), (lambda e: e.abs().mean(1), "mean size"), (lambda e: (e**2).mean().sqrt() + 0 * e[:, 0], "one s for all"), (lambda e: 1 / (e**2).mean(1).sqrt(), "1 / s")],
}  # fmt: skip
CASES = [(name, answer, words) for name, rows in WRONG.items() for answer, words in rows]


@pytest.mark.parametrize(("name", "answer", "words"), CASES, ids=[f"{n}-{w}" for n, _, w in CASES])
def test_a_slip_written_here_gets_the_sentence_that_belongs_to_it(name, answer, words):
    note = judge(EXERCISES[name], answer)
    assert note.kind == "wrong" and words in note.text, note.text


def test_every_function_that_is_asked_for_has_wrong_answers_here():
    assert {e.name for e in EXERCISES.values() if e.arguments} == set(WRONG)


@pytest.mark.parametrize("e", EXERCISES.values(), ids=lambda e: e.name)
def test_only_the_last_hint_gives_the_answer_away(e, capsys):
    """Hints come in the order in which they stand, from a question to a formula, and the last one stays."""
    c._hints_given.pop(e.name, None)
    for n in (1, 2, 3, 3):
        hint(e.name)
        said = capsys.readouterr().out
        assert f"Hint {n} of 3" in said and e.hints[n - 1].split("`")[0][:60] in said
        assert ("Still stuck" in said) == (n == 3)


# the last hint holds this piece of the answer, and the two before it do not
GIVEN_AWAY = {
    "01.half": "alpha_bar[t] < 0.5",
    "01.step": "sqrt(1 - beta_t) x_{t-1}",
    "01.jump": "sqrt(alpha_bar_t) x_0 +",
    "01.chain": "after the loop",
    "02.beta": "alpha_bar[:-1]",
    "02.db": "r / (1 + r)",
    "02.kl": "flatten(1).sum(1)",
    "02.repair": "kept_t / kept_{t-1}",
    "03.guess": "/ sqrt(alpha_bar_t)",
    "03.step": "beta_tilde.sqrt() * z",
    "03.walk": "return x after the loop",
    "03.copy": ".argmin(1)",
    "04.batch": "1 + (u * schedule.T).long()",
    "04.error": "/ alpha_bar * eps_error",
    "04.ema": "for w in weights[1:]",
    "04.variance": "beta ** v * beta_tilde ** (1 - v)",
    "05.d_loss": "softplus(-real) + F.softplus(fake)",
    "05.g_loss": "F.softplus(-fake)",
    "05.best": "p / (p + q)",
    "05.detach": "torch.stack([",
    "05.fool": "return g.grad",
    "06.kl": "xlogy(p, p * K)",
    "06.vanish": "torch.stack([",
    "06.bilinear": "** (n / 2)",
    "07.coverage": ".any(1)",
    "07.wilson": "middle + half",
    "07.even": "(drawing_b - drawing_a)",
    "08.score": "-eps_hat / (1 - schedule.alpha_bar[t]).sqrt()",
    "08.ddim": "* x0_hat + (1 - schedule",
    "08.calls": "18 + 17",
    "08.euler": "(w - u) * flow",
    "08.velocity": "xt = x / ",
    "08.look_back": "(h / 2)",
    "09.z": "(0.5 * logvar).exp() * noise",
    "09.kl": "- 1 - logvar).sum(1)",
    "09.arc": "w = c.acos()",
    "09.dial": ".min(1).values <",
    "10.guide": "w * (eps_y - eps_none)",
    "10.drop": "u < p, -1",
    "10.avoid": "eps_not + w",
    "10.both": "w * (eps_b - eps_none)",
    "10.middle": "(w * m / r**2)",
    "13.centimetres": "2.54 * pixels",
    "13.letters": "72 * shown",
    "13.frames": "budget < first, 0",
    "13.contrast": "def bright",
}


@pytest.mark.parametrize("name", GIVEN_AWAY)
def test_the_formula_stands_in_the_last_hint_alone(name):
    first, second, last = EXERCISES[name].hints
    assert GIVEN_AWAY[name] in last and GIVEN_AWAY[name] not in first + second
    assert len({first, second, last}) == 3


def test_a_solution_is_that_of_its_exercise(capsys):
    for name in ("01.jump", "03.guess", "09.kl"):
        solution(name)
        said = capsys.readouterr().out
        assert f"Solution of {name}" in said and inspect.getsource(EXERCISES[name].reference).splitlines()[0] in said


FUNCTIONS = [e for e in EXERCISES.values() if e.arguments]

SLIPS = [(e, slip) for e in EXERCISES.values() for slip in e.slips]


def by_name(e):
    return e.name if hasattr(e, "name") else None


def cases(e):
    return e.cases(torch.Generator().manual_seed(1))


def as_answer(e, function):
    """What a learner would hand over: the function, or the number that it gives."""
    return function if e.arguments else function(*cases(e)[0])


# ---------------------------------------------------------------------------------------- the table of exercises


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_exercise_is_complete(e):
    said = [sentence for _, sentence in e.slips.values()]
    assert EXERCISES[e.name] is e and e.praise.endswith(".")
    assert len(e.hints) == 3 and len(set(said)) == len(said) >= 6
    assert all(s[0].isupper() or s[0].isdigit() for s in said) and all(s.endswith(".") for s in said)


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_reference_is_accepted(e):
    note = judge(e, as_answer(e, e.reference))
    assert (note.kind, note.text) == ("right", e.praise)


@pytest.mark.parametrize(("e", "slip"), SLIPS, ids=[f"{e.name}-{s}" for e, s in SLIPS])
def test_every_slip_is_called_by_its_own_name(e, slip):
    wrong, sentence = e.slips[slip]
    note = judge(e, as_answer(e, wrong))
    assert (note.kind, note.text) == ("wrong", sentence)


def test_a_slip_that_raises_is_no_diagnosis_unless_it_is_marked():
    """Two equal errors are no proof of a slip: our own sentence may be what is broken (as 07.wilson's were)."""

    def broken(*_):
        raise TypeError("of our own")

    e = dataclasses.replace(EXERCISES["01.step"], slips={"never": (broken, "Never said.")})
    assert "TypeError: of our own" in judge(e, broken).text
    e = dataclasses.replace(e, slips={"ours": (stops(lambda *a: broken(*a)), "Said.")})
    assert judge(e, broken).text == "Said."


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_only_marked_slips_end_in_an_error_and_each_of_them_does(e):
    for name, (slip, _) in e.slips.items():
        stops = [isinstance(c._run(slip, case), Exception) for case in cases(e)]
        assert any(stops) == hasattr(slip, "stops"), name


@pytest.mark.parametrize("e", FUNCTIONS, ids=by_name)
def test_cases_cover_both_ends_of_time_and_several_shapes(e):
    tensors = [next(a for a in case if isinstance(a, torch.Tensor)) for case in cases(e)]
    assert len({t.shape for t in tensors}) >= 2 and all(t.dtype == torch.float64 for t in tensors)
    if "t" in e.arguments:
        where = [(case[e.arguments.index("t")], case[-1].T) for case in cases(e)]
        assert all((1, T) in where and (T, T) in where for T in {T for _, T in where})


# ---------------------------------------------------------------------------------------- right answers, other words
# Written from the papers, not from the library; nearest neighbours by a loop.


def jump_from_steps(x0, t, eps, schedule):
    kept = math.prod(1 - float(b) for b in schedule.beta[1 : t + 1])
    return math.sqrt(kept) * x0 + math.sqrt(1 - kept) * eps


def chain_from_normal(path, schedule):
    total = torch.zeros(path.shape[1], dtype=torch.float64)
    for t in range(1, len(path)):
        b = schedule.beta[t]
        step = torch.distributions.Normal((1 - b).sqrt() * path[t - 1], b.sqrt())
        total += step.log_prob(path[t]).flatten(1).sum(1)
    return total


def step_from_x0(xt, eps_hat, t, z, schedule):
    a, s, b = schedule.alpha_bar[t], schedule.alpha_bar[t - 1], schedule.beta[t]
    x0_hat = (xt - (1 - a).sqrt() * eps_hat) / a.sqrt()
    mean = s.sqrt() * b / (1 - a) * x0_hat + (1 - b).sqrt() * (1 - s) / (1 - a) * xt  # DDPM eq. 7
    return mean + ((1 - s) / (1 - a) * b).sqrt() * z


def walk_with_time_tensors(model, xT, schedule, noises):
    t = schedule.T
    while t > 0:
        eps_hat = model(xT, torch.full((len(xT),), t))
        xT = step_from_x0(xT, eps_hat, t, noises[t], schedule)
        t -= 1
    return xT


def train_by_hand(w, x0s, ts, epss, s, lr):
    """The gradient of a mean square, by pencil: 2 mean over the batch of (w x - eps) x, over D coordinates."""
    for x0, t, eps in zip(x0s, ts, epss, strict=True):
        x = add_noise(x0, t, eps, s)
        w = w - lr * 2 * ((w * x - eps) * x).mean(0) / x.shape[1]
    return w


def tilde(t, s):
    return (1 - s.alpha_bar[t - 1]) / (1 - s.alpha_bar[t]) * s.beta[t]


def modes_by_a_loop(samples, modes, sd):
    owners = [min(range(len(modes)), key=lambda k: math.dist(x, modes[k])) for x in samples.tolist()]
    good = [k for x, k in zip(samples.tolist(), owners, strict=True) if math.dist(x, modes[k]) < 3 * sd]
    return torch.tensor([float(good.count(k) * len(modes) * 10 >= len(good) > 0) for k in range(len(modes))])


def slopes_by_autograd(score):
    s = score.clone().requires_grad_()
    losses = -torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)
    return torch.stack([torch.autograd.grad(v.sum(), s)[0].abs() for v in losses])


def game_by_steps(r, lr, n):
    x, y = r, 0 * r
    for _ in range(n):
        x, y = x - lr * y, y + lr * x
    return (x * x + y * y).sqrt()


def between_by_steps(xs, s, t, eps, schedule):
    """What one step after another does to the picture's weight and to the noise's variance."""
    weight, variance = 1.0, 0.0
    for i in range(s + 1, t + 1):
        keep = 1 - float(schedule.beta[i])
        weight, variance = weight * math.sqrt(keep), variance * keep + 1 - keep
    return weight * xs + math.sqrt(variance) * eps


def ahead_by_steps(r, lr, n):
    x, y = r, 0 * r
    for _ in range(n):
        ahead = x - lr * y, y + lr * x
        x, y = x - lr * ahead[1], y + lr * ahead[0]
    return (x * x + y * y).sqrt()


def runs_by_counting(share, z):
    """The first n whose interval ends low enough."""

    def upper(n):
        return float(wilson_by_its_equation(torch.tensor([0.0]), torch.tensor([float(n)]), z)[1])

    return torch.tensor([float(next(n for n in range(1, 200) if upper(n) <= u)) for u in share.tolist()]).to(
        share.dtype
    )


def ddim_in_edm(xt, eps_hat, t, s, schedule):
    """Euler on pictures x + sigma noise, scaled back (Karras et al. 2022)."""
    sigma = ((1 - schedule.alpha_bar) / schedule.alpha_bar).sqrt()
    x = xt / schedule.alpha_bar[t].sqrt() + (sigma[s] - sigma[t]) * eps_hat
    return x * schedule.alpha_bar[s].sqrt()


def velocity_of_the_path(model, x, u, t, schedule):
    """Solved from x = (1 - u) x0 + u eps, without alpha_bar: flow = (eps - x) / (1 - u)."""
    return (model(x / math.hypot(1 - u, u), t) - x) / (1 - u)


def arc_by_hand(a, b, u):
    one, other = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
    w = 2 * torch.atan2((one - other).norm(dim=1), (one + other).norm(dim=1))[:, None]
    return a * ((w - u * w).sin() / w.sin()) + b * ((u * w).sin() / w.sin())


def dial_by_a_loop(samples, seen, fresh):
    hits = [
        min(math.dist(x, y) for y in seen.tolist()) < min(math.dist(x, y) for y in fresh.tolist())
        for x in samples.tolist()
    ]
    return torch.tensor(hits).double()


bce = torch.nn.functional.binary_cross_entropy_with_logits


def lesson_by_hand(g, d, real, z):
    fake = z * g
    slope = -((1 - (real @ d).sigmoid())[:, None] * real).mean(0) + ((fake @ d).sigmoid()[:, None] * fake).mean(0)
    return torch.stack([0 * g, slope])


def covered_by_a_loop(samples, real, k):
    found = []
    for x in real.tolist():
        radius = sorted(math.dist(x, y) for y in real.tolist())[k]
        found.append(min(math.dist(x, y) for y in samples.tolist()) < radius)
    return torch.tensor(found).double()


def wilson_by_its_equation(hits, n, z):
    """The two p with (p - hits / n)^2 = z^2 p (1 - p) / n."""
    a, b, c = 1 + z**2 / n, -(2 * hits / n + z**2 / n), (hits / n) ** 2
    root = (b * b - 4 * a * c).clamp(min=0).sqrt()
    return torch.stack([(-b - root) / (2 * a), (-b + root) / (2 * a)])


def mean_of_a_line(now, before, h, h_before):
    """The line through both answers, read at a thousand places of the coming step."""
    ahead = (torch.arange(1000) + 0.5) / 1000 * h
    return torch.stack([torch.lerp(before, now, 1 + float(a) / h_before) for a in ahead]).mean(0)


def with_equal_steps(now, before, h, h_before):
    """The library's weights of equal steps, and the `before` that would have been if the last step had been h long."""
    return sum(w * x for w, x in zip(ADAMS[1], (now, torch.lerp(now, before, h / h_before)), strict=True))


def bell_by_search(m, r, s, w):
    """The middle of q(x)^(1 - w) q(x | y)^w without the formula: Newton's method on the slope of its logarithm, from 0."""
    log = lambda x: -(1 - w) * x**2 / (2 * s**2) - w * (x - m) ** 2 / (2 * r**2)
    x = torch.zeros_like(m, requires_grad=True)
    (slope,) = torch.autograd.grad(log(x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    return -slope.detach() / bend


def frames_by_counting(budget, first, more):
    found = []
    for n, a, b in zip(budget.tolist(), first.tolist(), more.tolist(), strict=True):
        k = 0
        while (a + k * b if k else a) <= n:
            k += 1
        found.append(k)
    return torch.tensor(found).double()


def contrast_by_hand(a, b):
    bright = lambda c: sum(
        w * (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4)
        for w, v in zip((0.2126, 0.7152, 0.0722), c.tolist(), strict=True)
    )
    pairs = [sorted((bright(p), bright(q))) for p, q in zip(a, b, strict=True)]
    return torch.tensor([(high + 0.05) / (low + 0.05) for low, high in pairs], dtype=torch.float64)


RIGHT = {
    "07.coverage": [covered_by_a_loop],
    "07.wilson": [wilson_by_its_equation],
    "07.even": [lambda a, p, b, q: -(b - a) / (q - p)],
    "09.z": [lambda m, v, n: m + v.exp().sqrt() * n, lambda m, v, n: torch.distributions.Normal(m, (v / 2).exp()).icdf(torch.distributions.Normal(0.0, 1.0).cdf(n))],
    "09.kl": [lambda m, v: torch.distributions.kl_divergence(torch.distributions.Normal(m, v.exp().sqrt()), torch.distributions.Normal(0.0, 1.0)).sum(1)],
    "09.arc": [arc_by_hand],
    "09.dial": [dial_by_a_loop],
    "05.d_loss": [lambda r, f: bce(r, torch.ones_like(r), reduction="none") + bce(f, torch.zeros_like(f), reduction="none"), lambda r, f: -(r.sigmoid() * (1 - f.sigmoid())).log()],
    "05.g_loss": [lambda f: bce(f, torch.ones_like(f), reduction="none")],
    "05.best": [lambda p, q: (p.log() - q.log()).sigmoid()],
    "05.detach": [lesson_by_hand],
    "05.fool": [lambda g, d, z: -((1 - (z * g @ d).sigmoid())[:, None] * z * d).mean(0)],
    "06.modes": [modes_by_a_loop],
    "06.kl": [
        lambda c: torch.distributions.kl_divergence(
            torch.distributions.Categorical(c), torch.distributions.Categorical(torch.ones_like(c)))
    ],
    "06.vanish": [slopes_by_autograd],
    "06.bilinear": [game_by_steps],
    "04.batch": [
        lambda x0, u, eps, s: torch.stack(
            [add_noise(x[None], int(r * s.T) + 1, e[None], s)[0] for x, r, e in zip(x0, u, eps, strict=True)]
        )
    ],
    "04.error": [lambda e, t, s: e / 10 ** (s.snr_db[t] / 10)],
    "04.ema": [
        lambda w, d: w[0] * d ** (len(w) - 1) + sum((1 - d) * d ** (len(w) - 1 - k) * w[k] for k in range(1, len(w)))
    ],
    "04.train": [train_by_hand],
    "04.variance": [lambda v, t, s: (v * s.beta[t].log() + (1 - v) * tilde(t, s).log()).exp() if t > 1 else v * 0 + (v >= 1) * s.beta[1]],
    "02.beta": [lambda a: torch.stack([(a[t - 1] - a[t]) / a[t - 1] for t in range(1, len(a))])],
    "02.db": [lambda d: 1 / (1 + 10 ** (-d / 10)), lambda d: torch.sigmoid(d * math.log(10) / 10)],
    "02.kl": [
        lambda x0, s: torch.stack([x[0].numel() * s.terminal_kl(x) * torch.ones(()) for x in x0.split(1)]),
        lambda x0, s: torch.distributions.kl_divergence(
            torch.distributions.Normal(s.alpha_bar[-1].sqrt() * x0.flatten(1), (1 - s.alpha_bar[-1]).sqrt()),
            torch.distributions.Normal(0.0, 1.0)).sum(1),
    ],
    "02.repair": [lambda betas, T: 1 - (1 - betas).reshape(T, -1).prod(1)],
    "02.straight": [
        lambda a: torch.cat([torch.ones(1, dtype=a.dtype), torch.linspace(float(a[1].logit()), float(a[-1].logit()), len(a) - 1, dtype=a.dtype).sigmoid()]),
    ],
    "01.step": [
        lambda xs, t, eps, s: math.sqrt(1 - s.beta[t]) * xs + math.sqrt(s.beta[t]) * eps,
        lambda xs, t, eps, s: torch.lerp(xs, eps, 0.0) * s.alpha[t] ** 0.5 + eps * (1 - s.alpha[t]) ** 0.5,
    ],
    "01.jump": [jump_from_steps],
    "01.chain": [chain_from_normal, lambda path, s: log_q_chain(path, s).sum(0)],
    "03.guess": [
        lambda xt, eps_hat, t, s: xt / s.alpha_bar[t].sqrt() - (1 / s.alpha_bar[t] - 1).sqrt() * eps_hat,
        lambda xt, eps_hat, t, s: convert(eps_hat, "eps", "x0", xt, t, s),
    ],
    "03.step": [step_from_x0, lambda xt, e, t, z, s: reverse_step(xt, e, t, t - 1, s, z).xs],
    "03.walk": [walk_with_time_tensors],
    "03.copy": [
        lambda x, d: torch.tensor([min(range(len(d)), key=lambda i: float(((d[i] - one) ** 2).sum())) for one in x]),
        lambda x, d: nearest(x, d)[1],
        lambda x, d: nearest(x, d)[1].int(),
    ],
    "01.half": [lambda s: next(t for t in range(1, 1001) if s.alpha_bar[t] < 0.5)],
    "01.noise": [lambda x0, xt, t, s: convert(x0, "x0", "eps", xt, t, s)],
    "01.between": [between_by_steps],
    "03.bell": [lambda xt, m, c, t, s: (m / c**2 + s.alpha_bar[t].sqrt() * xt / (1 - s.alpha_bar[t])) / (1 / c**2 + s.alpha_bar[t] / (1 - s.alpha_bar[t]))],
    "04.forgotten": [lambda losses, s: (losses - s.alpha_bar[1:]).sqrt().argmin(1) + 1],
    "05.smooth": [lambda p, q, a, b: b + (a - b) * p / (p + q)],
    "06.ahead": [ahead_by_steps],
    "07.enough": [runs_by_counting],
    "08.score": [
        lambda e, t, s: -e / math.sqrt(1 - s.alpha_bar[t]),
        lambda e, t, s: convert(e, "eps", "score", e, t, s),
    ],
    "08.ddim": [
        lambda x, e, t, r, s: reverse_step(x, e, t, r, s, e, eta=0.0).xs,
        lambda x, e, t, r, s: add_noise(convert(e, "eps", "x0", x, t, s), r, e, s),
        ddim_in_edm,
    ],
    "08.calls": [lambda: sum(2 if step < 18 else 1 for step in range(1, 19))],
    "08.euler": [lambda x, f, u, w: torch.lerp(x, x - u * f, (u - w) / u)],
    "08.velocity": [velocity_of_the_path],
    "08.look_back": [mean_of_a_line, with_equal_steps],
    "09.best_s": [lambda e: e.norm(dim=1) / e.shape[1] ** 0.5],
    "10.guide": [lambda n, y, w: torch.lerp(n, y, w), lambda n, y, w: (1 - w) * n + w * y],
    "10.drop": [lambda u, y, p: y.masked_fill(u < p, -1), lambda u, y, p: torch.stack([v if d >= p else torch.tensor(-1) for d, v in zip(u, y, strict=True)])],
    "10.avoid": [lambda n, y, x, w: torch.lerp(x, y, w)],
    "10.both": [lambda n, a, b, w: (1 - 2 * w) * n + w * a + w * b],
    "10.middle": [bell_by_search],
    "13.centimetres": [lambda n, d: n / (d / 2.54)],
    "13.letters": [lambda f, w, s: s / (72 * w) * f],
    "13.frames": [lambda n, a, b: ((n - a) // b + 1).clamp(min=0), frames_by_counting],
    "13.contrast": [contrast_by_hand],
}  # fmt: skip


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_right_answers_in_other_words(e):
    for function in RIGHT[e.name]:
        assert judge(e, as_answer(e, function)).kind == "right"


@pytest.mark.parametrize("e", FUNCTIONS, ids=by_name)
def test_float32_is_accurate_enough(e):
    def in_float32(*args):
        return RIGHT[e.name][0](
            *[a.float() if isinstance(a, torch.Tensor) and a.is_floating_point() else a for a in args]
        )

    assert judge(e, in_float32).kind == "right"


def test_the_strict_count_is_the_librarys():
    for x, modes, sd in cases(EXERCISES["06.modes"]):
        assert EXERCISES["06.modes"].reference(x, modes, sd).sum() == mode_report(x, modes, sd)["modes"]


def test_coverage_and_wilson_are_the_librarys():
    for case in cases(EXERCISES["07.coverage"]):
        assert float(EXERCISES["07.coverage"].reference(*case).mean()) == neighbourhoods(*case)["coverage"]
    for hits, n, z in cases(EXERCISES["07.wilson"])[:2]:
        both = EXERCISES["07.wilson"].reference(hits, n, z).T.tolist()
        for pair, h, m in zip(both, hits.tolist(), n.tolist(), strict=True):
            assert pair == pytest.approx(wilson(int(h), int(m)))


def test_looking_back_is_what_dpmpp_2m_does():
    """With x0_hat for the answer, and lengths in lambda = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar))."""
    schedule, g = Schedule.of("cosine", 20), torch.Generator().manual_seed(0)
    before, now, xt = (torch.randn(3, 2, generator=g) for _ in range(3))
    at = {t: float(0.5 * torch.logit(schedule.alpha_bar[t])) for t in (15, 9, 2)}
    mine = EXERCISES["08.look_back"].reference(now, before, at[2] - at[9], at[9] - at[15])
    led = second_order(Moment(9, xt, now), 2, [Moment(15, xt, before)], None, schedule)
    assert torch.allclose(convert(led, "eps", "x0", xt, 9, schedule), mine, atol=1e-5)


def test_the_dial_is_the_librarys():
    for case in cases(EXERCISES["09.dial"]):
        assert float(EXERCISES["09.dial"].reference(*case).mean()) == copied(*case)["share"]


def test_the_bell_curves_denoiser_is_the_oracles():
    for xt, m, width, t, schedule in cases(EXERCISES["03.bell"]):
        model = mixture_denoiser(torch.full((1, *xt.shape[1:]), m, dtype=xt.dtype), width, schedule)
        torch.testing.assert_close(EXERCISES["03.bell"].reference(xt, m, width, t, schedule), model.x0_hat(xt, t))


def test_the_way_between_two_times_joins_step_and_jump():
    for xs, s, t, eps, schedule in cases(EXERCISES["01.between"]):
        now = EXERCISES["01.between"].reference(xs, s, t, eps, schedule)
        if s == 0:
            torch.testing.assert_close(now, add_noise(xs, t, eps, schedule))
        if s == t - 1:
            torch.testing.assert_close(now, forward_step(xs, t, eps, schedule))


def test_the_forgetful_losses_are_those_of_a_network_trained_at_one_time():
    """The loss by dice, of eps_hat = w x_t with the w that least squares finds at t = 6 of 10."""
    losses, schedule = cases(EXERCISES["04.forgotten"])[0]
    g = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 400_000, 1, dtype=torch.float64, generator=g)
    xt = add_noise(x0, 6, eps, schedule)
    w = (xt * eps).mean() / xt.pow(2).mean()
    measured = [float((w * add_noise(x0, t, eps, schedule) - eps).pow(2).mean()) for t in range(1, 11)]
    assert measured == pytest.approx(losses[1].tolist(), abs=0.01)
    assert EXERCISES["04.forgotten"].reference(losses, schedule).tolist() == [2, 6, 8]
    assert losses.argmin(1).tolist() != [1, 5, 7]  # the smallest loss is no answer


@pytest.mark.parametrize("turn", [-0.01, 0.01])
def test_soft_labels_and_a_learned_s_pay_the_least(turn):
    """A small change of the answer costs more, at every place."""
    for p, q, a, b in cases(EXERCISES["05.smooth"]):

        def price(d, p=p, q=q, a=a, b=b):
            return -p * (a * d.log() + (1 - a) * (1 - d).log()) - q * (b * d.log() + (1 - b) * (1 - d).log())

        best = EXERCISES["05.smooth"].reference(p, q, a, b)
        assert bool((price(best + turn * best) > price(best)).all())
    for (errors,) in cases(EXERCISES["09.best_s"]):

        def surprise(s, errors=errors):
            return -torch.distributions.Normal(0.0, s[:, None]).log_prob(errors).sum(1)

        best = EXERCISES["09.best_s"].reference(errors)
        assert bool((surprise(best + turn * best) > surprise(best)).all())


def test_every_exercise_is_asked_in_its_lesson_and_nowhere_else():
    for path in (Path(__file__).parent.parent / "notebooks").glob("[0-9]*.ipynb"):
        code = "\n".join(
            "".join(c["source"]) for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"
        )
        for verb in ("check", "hint", "solution"):
            asked = re.findall(rf'{verb}\("([^"]+)"', code)
            assert asked == sorted(asked, key=asked.index) and len(set(asked)) == len(asked)
            assert set(asked) == {name for name in EXERCISES if name.startswith(path.name[:2])}


def test_the_walk_is_the_librarys_sample():
    """With the noises that sample would draw, in its order."""
    model, xT, schedule, noises = cases(EXERCISES["03.walk"])[0]
    generator = torch.Generator().manual_seed(5)
    for t in range(schedule.T, 0, -1):
        noises[t] = torch.randn(xT.shape, dtype=xT.dtype, generator=generator)
    *_, last = sample(model, xT, schedule, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(EXERCISES["03.walk"].reference(model, xT, schedule, noises), last.xs)


# ---------------------------------------------------------------------------------------- slips, as learners write them
# Other code than the table's, some of it in float32: the words of the table must still be found.


def wrong_step_back(xt, eps_hat, t, z, schedule):
    t = t - 1  # as in a library whose tables begin at t = 1
    a, ab, ab_before = schedule.alpha[t], schedule.alpha_bar[t], schedule.alpha_bar[t - 1]
    x0_hat = (xt - (1 - ab).sqrt() * eps_hat) / ab.sqrt()
    mean = ab_before.sqrt() * (1 - a) / (1 - ab) * x0_hat + a.sqrt() * (1 - ab_before) / (1 - ab) * xt
    return mean + ((1 - ab_before) / (1 - ab) * (1 - a)).sqrt() * z


def noisy_last_step(xt, eps_hat, t, z, schedule):
    mean = reverse_step(xt, eps_hat, t, t - 1, schedule, z).mean
    return mean + schedule.beta[t].float().sqrt() * z.float()


def chain_with_a_product(path, schedule):
    total = 1
    for t in range(1, schedule.T + 1):
        total = total * log_q_chain(path, schedule)[t - 1].exp()
    return total


def chain_with_a_sum(path, schedule):
    return sum(log_q_chain(path, schedule)[t].exp() for t in range(schedule.T)).log()


def walk_from_zero(model, xT, schedule, noises):
    for t in reversed(range(schedule.T)):
        xT = reverse_step(xT, model(xT, t), t, t - 1, schedule, noises[t]).xs
    return xT


def walk_that_returns_early(model, xT, schedule, noises):
    for t in range(schedule.T, 0, -1):
        return reverse_step(xT, model(xT, t), t, t - 1, schedule, noises[t]).xs


TABLE = Schedule.of("cosine", 1000).alpha_bar  # as a notebook's cells have it, outside the function


def walk_without_xs(model, xT, schedule, noises):
    for t in range(schedule.T, 0, -1):
        xT = reverse_step(xT, model(xT, t), t, t - 1, schedule, noises[t])
    return xT


NATURAL = [
    ("01.step", lambda xs, t, e, s: (1 - s.beta[t].float()).sqrt() * xs.float() + s.beta[t].float() * e.float(), "root of beta"),
    ("01.step", lambda xs, t, e, s: s.alpha[t + 1].sqrt() * xs + s.beta[t + 1].sqrt() * e, "one place too late"),
    ("01.jump", lambda x0, t, e, s: s.alpha_bar[t] ** 0.5 * x0 + (1 - s.alpha_bar[t] ** 0.5) * e, "1 - sqrt(alpha_bar)"),
    ("01.jump", lambda x0, t, e, s: s.beta[:t].sum() * e + x0, None),
    ("01.chain", chain_with_a_product, "exponential"),
    ("01.chain", chain_with_a_sum, "densities are added"),
    ("03.guess", lambda xt, e, t, s: xt - (1 - s.alpha_bar[t]).sqrt() * e / s.alpha_bar[t].sqrt(), "brackets"),
    ("03.step", wrong_step_back, "one place too early"),
    ("03.step", noisy_last_step, "sigma^2 is beta: that is the other choice"),
    ("03.step", lambda xt, e, t, z, s: reverse_step(xt, e, t, t - 1, s, z).mean, "z is forgotten"),
    ("03.step", lambda xt, e, t, z, s: reverse_step(xt, e, t, t - 1, s, z, v=1.0).xs, "with no noise in the last step"),
    ("03.step", lambda xt, e, t, z, s: reverse_step(xt, e, t, t - 1, s, z).x0_hat, None),
    ("03.walk", walk_that_returns_early, "inside the loop"),
    ("03.walk", walk_from_zero, "step on from t = 0"),
    ("03.copy", lambda x, d: ((x[:, None] - d) ** 2).flatten(2).sum(2).min(1).values, "smallest squared distances"),
    # what used to be told as raw numbers, or in a tool's own words
    ("01.step", lambda xs, t, e, s: s.alpha[t].sqrt() * xs, "the noise is forgotten"),
    ("01.step", lambda xs, t, e, s: s.alpha[t] ** 0.5 * xs + s.beta[t] ** 0.5, "without eps"),
    ("01.step", lambda xs, t, e, s: (s.alpha[t].sqrt() * xs + e) * s.beta[t].sqrt(), "brackets"),
    ("01.jump", lambda x0, t, e, s: s.alpha_bar[t].sqrt() * x0, "the noise is forgotten"),
    ("01.jump", lambda x0, t, e, s: TABLE[t].sqrt() * x0 + (1 - TABLE[t]).sqrt() * e, "does not change with `schedule`"),
    ("01.jump", lambda x0, t, e, s: math.sqrt(s.alpha_bar) * x0, "read one entry of a table"),
    ("01.jump", lambda x0, t, e, s: s.alpha_bar[3] * x0 + e * s.beta[2], "does not change when `t` does"),
    ("01.chain", lambda p, s: math.prod(log_q_chain(p, s)), "logs are multiplied"),
    ("01.chain", lambda p, s: math.prod(log_q_chain(p, s).exp()).log(), "range of numbers"),
    ("01.chain", lambda p, s: -sum(log_q_chain(p, s)), "sign is turned"),
    ("02.kl", lambda x0, s: ((s.alpha_bar[-1] * (x0**2 - 1) - s.alpha_bar[-1].log()) / 2).flatten(1).sum(1), "log(alpha_bar) stands"),
    ("02.straight", lambda a: torch.cat([a[:1], (torch.linspace(float(10 * (a[1] / (1 - a[1])).log10()), float(10 * (a[-1] / (1 - a[-1])).log10()), len(a) - 1) / 10).sigmoid()]), "powers of e"),
    ("03.guess", lambda xt, e, t, s: (xt - (1 - TABLE[t]).sqrt() * e) / TABLE[t].sqrt(), "does not change with `schedule`"),
    ("03.guess", lambda xt, e, t, s: xt / s.alpha_bar[t].sqrt() - s.beta[t], "does not change when `eps_hat` does"),
    ("03.step", lambda xt, e, t, z, s: s.alpha_bar[t - 1].sqrt() * (xt - (1 - s.alpha_bar[t]).sqrt() * e) / s.alpha_bar[t].sqrt() + (1 - s.alpha_bar[t - 1] - s.beta[t]).sqrt() * e + s.beta[t].sqrt() * z, "beta stands where beta_tilde"),
    ("03.step", lambda xt, e, t, z, s: reverse_step(xt, e, t, t - 1, s, z), "its `.xs`"),
    ("03.walk", walk_without_xs, "its `.xs`"),
    ("07.coverage", lambda s, r, k: (torch.cdist(r, s) < torch.cdist(r, r).kthvalue(k + 1).values[:, None]).sum(1), "counts the samples in each ball"),
    ("06.modes", lambda x, m, sd: torch.cdist(x, m).min(1)[1].bincount(minlength=len(m)) > 0, "The numbers are torch.bool"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "function", "words"), NATURAL)
def test_slips_in_other_words(name, function, words):
    note = judge(EXERCISES[name], function)
    assert note.kind == "wrong"
    assert words in note.text if words else note.text not in [said for _, said in EXERCISES[name].slips.values()]
    assert "largest difference" not in note.text or words is None
