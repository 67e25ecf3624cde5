"""Each hint and each sentence about a slip belongs where it stands: asked with answers that are written here, not with the table's own.

The words in the second column must be in the sentence that a learner gets; so a sentence that has changed places is found.
"""

import inspect
import math
import re

import pytest
import torch
from torch.nn import functional as F

from diffusion_lib.course import checking as c
from diffusion_lib.course import prediction as predictions
from diffusion_lib.course.checking import exercises, hint, judge, solution
from diffusion_lib.course.prediction import predict
from diffusion_lib.diffusion import add_noise, log_q_chain, log_q_jump, log_q_step, reverse_step

EXERCISES = exercises()

pytestmark = pytest.mark.usefixtures("one_thread")


def variance_back(t, s):
    return (1 - s.alpha_bar[t - 1]) / (1 - s.alpha_bar[t]) * s.beta[t]


def step_back(mean=None, sigma=lambda t, s: variance_back(t, s).sqrt()):
    def answer(x, e, t, z, s):
        m = (
            (x - s.beta[t] / (1 - s.alpha_bar[t]).sqrt() * e) / s.alpha[t].sqrt()
            if mean is None
            else mean(x, e, t, s)
        )
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
    "09.z": "(0.5 * logvar).exp() * noise",
    "09.kl": "- 1 - logvar).sum(1)",
    "09.arc": "w = c.acos()",
    "09.dial": ".min(1).values <",
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
        assert (
            f"Solution of {name}" in said
            and inspect.getsource(EXERCISES[name].reference).splitlines()[0] in said
        )


def test_too_large_and_too_small_and_the_numbers_that_differ():
    e = EXERCISES["01.half"]
    right = e.reference(*e.cases(torch.Generator())[0])
    assert "too large" in judge(e, right + 37).text and "too small" in judge(e, right - 37).text
    step = EXERCISES["01.step"]

    def off(*args):
        x = step.reference(*args).clone()
        x.view(-1)[0] += 1000
        return x

    said = re.search(r"expected (\S+), but got (\S+)\.", judge(step, off).text)
    assert float(said[2]) - float(said[1]) == pytest.approx(1000, rel=1e-3)


def test_a_guess_is_kept_compared_and_shut(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "display", shown.append)
    for guess in ("up", "down"):
        mine = predict("Which way?", ["up", "down"])
        mine.reveal("up", because="heat rises.")
        box = shown[-1]
        assert "Make your guess first" in box.value and not any(b.disabled for b in mine.buttons)
        next(b for b in mine.buttons if guess in b.description).click()
        assert mine.guess == guess and all(b.disabled for b in mine.buttons)
        assert [b.description for b in mine.buttons] == [
            f"{'●' if w == guess else '○'} {w}" for w in ("up", "down")
        ]
        assert ("Well guessed" in box.value) == (guess == "up")
        assert dict(box.note.pairs)["You guessed"] == guess and dict(box.note.pairs)["It is"] == "up"
