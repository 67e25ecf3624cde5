"""What the exercises ask, and the slips that people make in them.

An exercise knows the right function and, beside it, the wrong ones: an answer that agrees with a wrong one on every case
gets that slip's own sentence. So a new exercise is data: ``check`` and its tests need no change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

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


def _between_cases(g):
    """(x_s, s, t, eps, schedule): from the data, from the step before, and from far away."""
    return [
        (_noise(shape, g), s, t, _noise(shape, g), Schedule.of(name, T))
        for name, T, shape in _SHAPES
        for s, t in ((0, 1), (1, 2), (0, T // 2), (T // 2, T), (1, T))
    ]


def _bell_cases(g):
    """(x_t, m, c, t, schedule): data that are bell curves of mean m and standard deviation c."""
    return [
        (_noise(shape, g), m, c, t, Schedule.of(name, T))
        for (name, T, shape), m, c in zip(_SHAPES, (0.7, -1.2, 0.4), (0.5, 1.7, 0.8), strict=True)
        for t in (1, 2, T // 2, T)
    ]


def _forgetful_cases(g):
    """(losses (N, T), schedule) of networks eps_hat = w x_t, each the best at one time and asked at all of them.

    On data from N(0, 1) the loss is (w - sqrt(1 - alpha_bar))^2 + alpha_bar.
    """
    cases = []
    for name, T, _ in _SHAPES:
        schedule = Schedule.of(name, T)
        noise = (1 - schedule.alpha_bar[1:]).sqrt()
        w = noise[torch.tensor([1, T // 2, T - 3])]
        cases.append(((w[:, None] - noise) ** 2 + schedule.alpha_bar[1:], schedule))
    return cases


def _copy_cases(g):
    pairs = (((6, 1, 2, 3), (9, 1, 2, 3)), ((8, 1, 8, 8), (5, 1, 8, 8)), ((7, 3, 2, 2), (7, 3, 2, 2)))
    return [(_noise(samples, g), _noise(data, g)) for samples, data in pairs]


def _tables(*more):
    """Cases whose first argument is a table alpha_bar (T + 1,), then one choice of `more`, if there are any."""

    def cases(g):
        tables = [
            Schedule.of(name, T).alpha_bar for name, T in (("cosine", 12), ("linear", 24), ("sigmoid", 48))
        ]
        return [(table, *extra) for table in tables for extra in (more or [()])]

    return cases


def _beta_cases(g):
    """Long tables of betas and the numbers of steps, all divisors, that they are to be walked in."""
    tables = [
        Schedule.of(name, T).beta[1:] for name, T in (("cosine", 60), ("linear", 120), ("sigmoid", 120))
    ]
    return [(betas, T) for betas in tables for T in (60, 30, 12, 5) if len(betas) > T]


def _kl_cases(g):
    shapes = ((5, 1, 8, 8), (3, 3, 4, 6), (6, 2))
    return [
        (torch.tanh((1 + i) / 2 * _noise(shape, g)), Schedule.of(name, T))
        for i, shape in enumerate(shapes)
        for name, T in (("cosine", 10), ("linear", 25))
    ]


def _decibel_cases(g):
    return [(torch.linspace(40, -40, n, dtype=torch.float64) + _noise((n,), g),) for n in (5, 12)]


def _batch_cases(g):
    """u reaches from 0 to just below 1, so that both ends of time are drawn."""
    cases = []
    for name, T, shape in _SHAPES:
        u = torch.rand(shape[0], generator=g, dtype=torch.float64)
        u[0], u[1] = 0.999, 0.0
        cases.append((_noise(shape, g), u, _noise(shape, g), Schedule.of(name, T)))
    return cases


def _mode_cases(g):
    """Rings and grids with modes that are full, thin, reached only from afar, and empty; the last has no good sample at all."""
    cases = []
    for k in (8, 9, 25, 16):
        modes, sd = 3 * _noise((k, 2), g), 0.05
        share = torch.rand(k, generator=g, dtype=torch.float64) ** 4
        share[:2] = (
            0  # the first has only samples that a square would take in, the second such as a diamond would leave out
        )
        corners = modes[:2] + torch.tensor([2.4, 1.9], dtype=torch.float64)[:, None] * sd
        near = modes[torch.multinomial(share, 600, True, generator=g)] + 1.6 * sd * _noise((600, 2), g)
        cases.append(
            (torch.cat([near, corners.repeat_interleave(60, 0), 3 * _noise((200, 2), g)]), modes, sd)
        )
    return [*cases, (modes.repeat(3, 1) + 9 * sd, modes, sd)]


def _count_cases(g):
    """Counts with empty modes among them."""
    return [
        (
            torch.randint(0, 40, (n, k), generator=g).double() * (torch.rand(n, k, generator=g) < 0.7)
            + torch.eye(n, k),
        )
        for n, k in ((4, 8), (3, 25))
    ] + [(1 + torch.arange(10.0, dtype=torch.float64).reshape(2, 5),)]


def _covered(
    distance=torch.cdist,
    good=lambda d, sd: d < 3 * sd,
    enough=lambda c, n: c >= 0.1 * c.sum().clamp(min=1) / len(c),
):
    """strict_modes, with one thing done otherwise. enough: counts (K,) and the number of all samples -> (K,) of bools."""

    def count(samples, modes, sd):
        d, which = distance(samples, modes).min(1)
        counts = torch.bincount(which[good(d, sd)], minlength=len(modes))
        return enough(counts, len(samples)).double()

    return count


def _uneven(
    term=lambda p, k: torch.special.xlogy(p, p * k),
    share=lambda c: c / c.sum(1, keepdim=True),
    total=lambda v: v.sum(1),
):
    return lambda counts: total(term(share(counts.double()), counts.shape[1]))


def _times_cases(make):
    """Cases (make(g, i), t, schedule) for several schedules and times, t = 1 and t = T among them."""
    return lambda g: [
        (make(g, i), t, Schedule.of(name, T))
        for i, (name, T, _) in enumerate(_SHAPES)
        for t in (1, 2, T // 2, T)
    ]


def _train_cases(g):
    cases = []
    for (name, T, _), (n, b, d) in zip(_SHAPES, ((4, 6, 2), (5, 3, 3), (3, 8, 2)), strict=True):
        ts = torch.randint(1, T + 1, (n, b), generator=g)
        ts[0, 0], ts[0, 1] = 1, T
        cases.append(
            (_noise((d,), g), _noise((n, b, d), g), ts, _noise((n, b, d), g), Schedule.of(name, T), 0.5)
        )
    return cases


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


def strict_modes(samples, modes, sd):
    """1.0 for each mode that holds at least a tenth of its fair share of the samples within 3 sd of a mode, else 0.0"""
    distance, which = torch.cdist(samples, modes).min(1)
    counts = torch.bincount(which[distance < 3 * sd], minlength=len(modes))
    return (counts >= 0.1 * counts.sum().clamp(min=1) / len(modes)).double()


def mode_kl(counts):
    """KL(share of each mode || even shares) = sum of p log(p K), for each row of counts (N, K), in nats"""
    p = counts / counts.sum(1, keepdim=True)
    return torch.special.xlogy(p, p * counts.shape[1]).sum(1)


def push_on_g(score):
    """|d loss / d score|: minimax sigmoid(score), non-saturating sigmoid(-score), (2, B)"""
    return torch.stack([score.sigmoid(), (-score).sigmoid()])


def game_radius(r, lr, n):
    """|(x, y)| after n steps of both players at once in min_x max_y x y: r (1 + lr^2)^(n / 2)"""
    return r * (1 + lr**2) ** (n / 2)


def radius_ahead(r, lr, n):
    """x' = (1 - lr^2) x - lr y and y' = (1 - lr^2) y + lr x, so the square grows by (1 - lr^2)^2 + lr^2 in each step"""
    return r * (1 - lr**2 + lr**4) ** (n / 2)


def runs_needed(share, z):
    """0 of n runs: Wilson's upper end is z^2 / (n + z^2). It is at most `share` from n = z^2 (1 - share) / share on"""
    return (z**2 * (1 - share) / share).ceil()


def _covers(
    reach=lambda samples, real, k: torch.cdist(real, real).kthvalue(k + 1).values,
    rule=lambda near: near.any(1),
):
    """Coverage made of its two parts, how far a ball reaches and what counts, so that a slip can differ in one."""

    def covers(samples, real, k):
        return rule(torch.cdist(real, samples) < reach(samples, real, k)[:, None]).double()

    return covers


def wilson_interval(hits, n, z):
    """(2,), low and high."""
    p, w = hits / n, z**2 / n
    half = z / (1 + w) * (p * (1 - p) / n + w / n / 4) ** 0.5
    middle = (p + w / 2) / (1 + w)
    return torch.stack([middle - half, middle + half])


def _half_width(hits, n, z):
    low, high = wilson_interval(hits, n, z)
    return (high - low) / 2


def _wilson_without(hits, n, z):
    p, w = hits / n, z**2 / n
    half = z / (1 + w) * (p * (1 - p) / n) ** 0.5
    return torch.stack([(p + w / 2) / (1 + w) - half, (p + w / 2) / (1 + w) + half])


def from_how_many(training_a, drawing_a, training_b, drawing_b):
    return (training_a - training_b) / (drawing_b - drawing_a)


def _race_cases(g):
    cases = []
    for b in (3, 5):
        low, high = torch.rand(2, b, generator=g, dtype=torch.float64) + 0.5
        cases.append((50 + 100 * low, 0.01 * low, 10 * high, 0.02 + high))
    return cases


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
    return [(_noise(shape, g), _noise(shape, g), u) for shape, u in (((4, 8), 0.25), ((3, 64), 0.5), ((5, 16), 0.9))]  # fmt: skip


def nearer_to_seen(samples, seen, fresh):
    """1.0 for each sample (B, d) whose nearest of seen (N, d) is nearer than its nearest of fresh (N, d), else 0.0: (B,)"""
    to_seen, to_fresh = (torch.cdist(samples, x).min(1).values for x in (seen, fresh))
    return (to_seen < to_fresh).double()


def _nearer(measure=torch.cdist, pick=lambda d: d.min(1).values, tell=lambda a, b: (a < b).double()):
    return lambda samples, seen, fresh: tell(pick(measure(samples, seen)), pick(measure(samples, fresh)))


def _dial_cases(g):
    def case(n, d):
        seen, fresh = _noise((n, d), g), _noise((n, d), g)
        return seen.roll(1, 0) + 0.8 * _noise((n, d), g), seen, fresh

    return [case(n, d) for n, d in ((60, 4), (45, 8), (80, 3))]


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


def d_pays(real, fake):
    """-log D(x) - log(1 - D(G(z))) for each pair, with D = sigmoid(score): softplus(-s) is -log sigmoid(s)"""
    return F.softplus(-real) + F.softplus(fake)


def g_pays(fake):
    """-log D(G(z)) for each fake, the non-saturating loss"""
    return F.softplus(-fake)


def best_d(p, q):
    """The best D against a fixed G (Goodfellow 2014, proposition 1)"""
    return p / (p + q)


def best_d_smoothed(p, q, a, b):
    """The slope of -(a p + b q) log D - ((1 - a) p + (1 - b) q) log(1 - D) is zero here"""
    return (a * p + b * q) / (p + q)


def teach_d(g, d, real, z):
    """The gradients that one lesson of D leaves in G's weights and in D's: (2, D)"""
    g, d = g.clone().requires_grad_(), d.clone().requires_grad_()
    fake = (z * g).detach()  # the way back to g is cut here
    d_pays(real @ d, fake @ d).mean().backward()
    return torch.stack([torch.zeros_like(g) if g.grad is None else g.grad, d.grad])


def fool_d(g, d, z):
    """The gradient that G's lesson leaves in G's weights: (D,)"""
    g = g.clone().requires_grad_()
    g_pays(z * g @ d).mean().backward()  # through D's score, with D's weights as they are
    return g.grad


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


def _from_s(weights):
    """from_s_to_t with other weights; weights(alpha_bar_t, alpha_bar_s, schedule, s, t) gives x_s's and eps's."""

    def formula(xs, s, t, eps, schedule):
        p, e = weights(schedule.alpha_bar[t], schedule.alpha_bar[s], schedule, s, t)
        return p * xs + e * eps

    return formula


def _belief(gain=lambda a, c: a.sqrt() * c**2 / (a * c**2 + 1 - a), off=lambda xt, m, a: xt - a.sqrt() * m, start=lambda m: m):  # fmt: skip
    """bell_guess with another gain, another surprise to multiply it with, or another place to start from."""

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


def _distances(samples, data, p=2.0):
    return torch.cdist(samples.flatten(1), data.flatten(1), p=p)


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


def _train(seen=diffusion.add_noise, target=lambda x0, eps: eps, mean=True, sign=1.0, piles=False, batches=lambda n: range(n)):  # fmt: skip
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


def _between(*, beta=lambda b, bt: b, tilde=lambda b, bt: bt, mix=lambda b, bt, v: b**v * bt ** (1 - v), form=lambda s: s):  # fmt: skip
    """learned_variance with other ends, another way between them, another form of the result."""

    def formula(v, t, schedule):
        a = schedule.alpha_bar
        b, bt = schedule.beta[t], (1 - a[t - 1]) / (1 - a[t]) * schedule.beta[t]
        return form(mix(beta(b, bt), tilde(b, bt), v))

    return formula


def _scores(g):
    """Scores of real ones and of fakes, of every size."""
    return [(scale * _noise((n,), g), scale * _noise((n,), g)) for n, scale in ((6, 1.0), (5, 3.0), (9, 0.3))]


def _lesson(loss=d_pays, cut=True, order=(0, 1)):
    """teach_d with another loss, without the cut, or with its rows in another order."""

    def formula(g, d, real, z):
        g, d = g.clone().requires_grad_(), d.clone().requires_grad_()
        fake = (z * g).detach() if cut else z * g
        slopes = torch.autograd.grad(
            loss(real @ d, fake @ d).mean(), (g, d), allow_unused=True, materialize_grads=True
        )
        return torch.stack(slopes)[list(order)]

    return formula


def _fooled(loss, sign=1.0, of="g"):
    """fool_d with another loss, sign, or the gradient of d's weights."""

    def formula(g, d, z):
        w = {"g": g.clone().requires_grad_(), "d": d.clone().requires_grad_()}
        (slope,) = torch.autograd.grad(loss(z * w["g"] @ w["d"]).mean(), w[of])
        return sign * slope

    return formula


def _linear_gan(*names):
    """Cases for G(z) = z g and a score x d: weights (D,), and batches (B, D)."""

    def cases(g):
        sizes = ((5, 3), (8, 2), (4, 6))
        shapes = {
            "g": lambda b, d: (d,),
            "d": lambda b, d: (d,),
            "real": lambda b, d: (b, d),
            "z": lambda b, d: (b, d),
        }
        return [tuple(_noise(shapes[name](b, d), g) for name in names) for b, d in sizes]

    return cases


def _slips(*pairs: tuple[Callable, str]) -> dict[str, Callable]:
    """Written the other way round, since the functions are short and the sentences long."""
    return {sentence: wrong for wrong, sentence in pairs}


def _stops(slip: Callable) -> Callable:
    """Marks a slip whose code stops with an error, as its learner's does. An error of any other slip is a fault of ours."""
    slip.stops = True
    return slip


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
            (_stops(_sum(lambda a, ab, s: (a.sqrt(), (1 - a).sqrt()), shift=1)), _LATE),
            (_sum(lambda a, ab, s: (a.sqrt(), -(1 - a).sqrt())), _MINUS),
            (_sum(lambda a, ab, s: (a.sqrt(), 0)), "It looks as if the noise is forgotten: a step that only shrinks leads to an even grey and not to noise."),
            (lambda xs, t, eps, s: s.alpha[t].sqrt() * xs + s.beta[t].sqrt(), "It looks as if sqrt(beta) is added without eps: that makes every pixel brighter by the same amount. The noise is sqrt(beta) times eps."),
            (_sum(lambda a, ab, s: (a.sqrt() * (1 - a).sqrt(), (1 - a).sqrt())), "It looks as if the brackets go round too much: only eps is multiplied by sqrt(beta), the picture is not."),
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
            (_stops(_sum(lambda a, ab, s: (ab.sqrt(), (1 - ab).sqrt()), shift=1)), _LATE),
            (_sum(lambda a, ab, s: (ab.sqrt(), -(1 - ab).sqrt())), _MINUS),
            (_sum(lambda a, ab, s: (ab.sqrt(), 0)), "It looks as if the noise is forgotten: this picture fades to grey, but x_t is to be as loud as before and full of noise."),
            (lambda x0, t, eps, s: s.alpha_bar[t].sqrt() * x0 + (1 - s.alpha_bar[t]).sqrt(), "It looks as if sqrt(1 - alpha_bar) is added without eps: that makes every pixel brighter by the same amount. The noise is that number times eps."),
        ),
        ("It has the same shape as one step: a weight times `x0` plus a weight times `eps`. Which table knows about all the steps up to t?",
         "At time t the signal has variance alpha_bar[t] and the noise has 1 - alpha_bar[t]. A weight is the root of a variance.",
         "x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps."),
        "any x_t costs one line instead of t steps, and this is what makes training quick: every example can have a time of its own.",
        "`schedule.at(t, x0, lowest=0)` is `schedule.alpha_bar[t]`, and it also takes one t for each picture.",
    ),
    Exercise(
        "01.noise", "Which noise was it?", "noise_of(x0, xt, t, schedule)",
        "Somebody jumped from the clean picture `x0` to the noisy one `xt`. You have both. Which noise eps, of variance 1, did they add? (A network of lesson 04 is asked just this, and is shown only xt.)",
        noise_of, _cases("xxts"),
        _slips(
            (_sum(lambda a, ab, s: (-ab.sqrt(), 1)), "It looks as if the division is missing: with the picture gone, sqrt(1 - alpha_bar) eps is left; eps itself has variance 1."),
            (_sum(lambda a, ab, s: (-1, 1)), "This is xt - x0: but the picture in xt is faded, and the noise has a weight as well."),
            (_sum(lambda a, ab, s: (-1 / (1 - ab).sqrt(), 1 / (1 - ab).sqrt())), "It looks as if all of x0 is subtracted: in xt it is faded, with the weight sqrt(alpha_bar)."),
            (_sum(lambda a, ab, s: (-(ab / (1 - ab)).sqrt(), 1)), "It looks as if brackets are missing: all of (xt - picture) is divided by sqrt(1 - alpha_bar), here only the picture is."),
            (_sum(lambda a, ab, s: (-ab / (1 - ab).sqrt(), 1 / (1 - ab).sqrt())), "It looks as if the root of alpha_bar is missing: alpha_bar is a variance, and the picture's weight is its root."),
            (_sum(lambda a, ab, s: (-ab.sqrt() / (1 - ab), 1 / (1 - ab))), "It looks as if the root of 1 - alpha_bar is missing: that is the noise's variance, and its weight is the root."),
            (_sum(lambda a, ab, s: (-ab / (1 - ab), 1 / (1 - ab))), _ROOTS),
            (_sum(lambda a, ab, s: ((ab / (1 - ab)).sqrt(), 1 / (1 - ab).sqrt())), "It looks as if the picture is added where it should be taken away."),
            (_sum(lambda a, ab, s: ((ab / (1 - ab)).sqrt(), -1 / (1 - ab).sqrt())), "The sign is turned round: this is -eps."),
            (_sum(lambda a, ab, s: (-((1 - ab) / ab).sqrt(), 1 / ab.sqrt())), "It looks as if the two weights have changed places: alpha_bar goes with the picture, 1 - alpha_bar with the noise."),
            (_sum(lambda a, ab, s: (-(a / (1 - a)).sqrt(), 1 / (1 - a).sqrt())), "It looks as if alpha stands where alpha_bar belongs: that is one step, but xt is t steps away from x0."),
        ),
        ("Write down the jump, x_t = ... x_0 + ... eps, and solve it for eps.",
         "First take the faded picture away, then divide by the noise's weight.",
         "(xt - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt(), with alpha_bar read at t"),
        "who has two of x0, x_t and eps has the third; a denoiser has only x_t, so it can only guess.",
        'The library calls this `convert(x0, "x0", "eps", xt, t, schedule)`.',
    ),
    Exercise(
        "01.chain", "How likely was this path?", "chain_log_prob(path, schedule)",
        "`path` holds x_0, x_1, ..., x_T of B pictures, shape (T + 1, B, ...). Return log q(x_{1:T} | x_0), one number for each picture, shape (B,). Given: `log_q_step(xt, xs, t, schedule)`, the log density of x_t given xs = x_{t-1}, for t = 1..T.",
        chain_log_prob, _cases("ps", lambda T: (1,)),
        _slips(
            (lambda p, s: log_q_chain(p, s).logsumexp(0), "It looks as if densities are added and then the log is taken: every step must happen, so densities multiply, and the log of a product is a sum of logs."),
            (lambda p, s: log_q_chain(p, s).prod(0), "It looks as if the logs are multiplied: it is the densities that multiply, and the log of a product is a sum of logs."),
            (lambda p, s: log_q_chain(p, s).exp().prod(0).log(), "It looks as if the densities are multiplied and the log is taken at the end: right on paper, but the product leaves the range of numbers that a computer has, and then its log is infinite. Add the logs instead."),
            (lambda p, s: -log_q_chain(p, s).sum(0), "It looks as if the sign is turned round: that is a loss, -log q; the log density itself is asked for."),
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
            (_stops(lambda p, s: log_q_step(p[1], p[0], 0, s)), "It looks as if the loop begins at t = 0: the first step, from x_0 to x_1, has t = 1, so count t = 1..T."),
        ),
        ("The path happens if step 1 happens and step 2 happens and ... Do densities of such steps add or multiply?",
         "They multiply. What becomes of a product when you take its log?",
         "Start with `total = 0`, add `log_q_step(path[t], path[t - 1], t, schedule)` for t = 1..T, and return after the loop."),
        "in logs, a product over a thousand steps is a plain sum that no computer rounds to 0, and DDPM's training loss comes from such a sum.",
    ),
    _half("01.half", "cosine", "linear"),
    Exercise(
        "01.between", "From any time to any later one", "from_s_to_t(xs, s, t, eps, schedule)",
        "A picture `xs` has already been noised up to time s. Take it on to a later time t in one jump, with a single `eps` of variance 1: a draw from q(x_t | x_s), 0 <= s < t.",
        from_s_to_t, _between_cases,
        _slips(
            (_from_s(lambda at, as_, *_: (at.sqrt(), (1 - at).sqrt())), "This is the jump from x_0: but xs has s steps behind it already, and only those from s + 1 to t are still to come."),
            (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), (1 - at).sqrt())), "The picture's weight is right. But 1 - alpha_bar_t is all the noise since t = 0, and a part of it is in xs already."),
            (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), (as_ - at).sqrt())), "The picture's weight is right. But the noise that is in xs shrinks on the way too, so the two amounts cannot just be subtracted."),
            (_from_s(lambda at, as_, *_: (at / as_, (1 - at / as_).sqrt())), "It looks as if the root in front of xs is missing: the ratio is a variance, and a weight is the root of one."),
            (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), 1 - at / as_)), "It looks as if the root in front of eps is missing: 1 minus the ratio is a variance, and a weight is the root of one."),
            (_from_s(lambda at, as_, *_: (at / as_, 1 - at / as_)), _ROOTS),
            (_from_s(lambda at, as_, *_: ((as_ / at).sqrt(), (1 - at / as_).sqrt())), "It looks as if the fraction is upside down: the later time has the smaller alpha_bar, so the ratio alpha_bar_t / alpha_bar_s is below 1."),
            (_from_s(lambda at, as_, sch, s, t: (sch.alpha[t].sqrt(), (1 - sch.alpha[t]).sqrt())), "This is one step, the one that ends at t: from s to t there are t - s of them."),
            (_from_s(lambda at, as_, sch, s, t: (sch.alpha_bar[t - s].sqrt(), (1 - sch.alpha_bar[t - s]).sqrt())), "It looks as if t - s is looked up: the steps from s to t are not the first t - s steps, and their betas differ."),
            (_from_s(lambda at, as_, *_: ((1 - at / as_).sqrt(), (at / as_).sqrt())), "It looks as if the two weights have changed places."),
            (_from_s(lambda at, as_, *_: (1, (1 - at / as_).sqrt())), "It looks as if the picture is not shrunk on the way."),
            (_from_s(lambda at, as_, *_: ((at / as_).sqrt(), 1 - (at / as_).sqrt())), "It looks as if the noise's weight is 1 minus the picture's: not the weights but their squares add up to 1."),
        ),
        ("The steps from s + 1 to t melt into one as those from 1 to t do. Which of the alphas does their product hold?",
         "The product of the alphas from s + 1 to t is alpha_bar_t / alpha_bar_s. Variances add up to 1 here too.",
         "a = schedule.alpha_bar[t] / schedule.alpha_bar[s], then a.sqrt() * xs + (1 - a).sqrt() * eps"),
        "with s = 0 this is the jump and with s = t - 1 the step: both were cases of one formula.",
        "Samplers that skip times are built on this ratio: `posterior` in `diffusion.py` has it in its third line.",
    ),
    Exercise(
        "02.beta", "Back to the betas", "betas_of(alpha_bar)",
        "Somebody gives you only the table `alpha_bar`, (T + 1,), with alpha_bar[0] = 1. Find the betas of its T steps, (T,): the first belongs to t = 1.",
        betas_of, _tables(),
        _slips(
            (lambda a: 1 - a[1:], "It looks as if these are 1 - alpha_bar: that is all the noise since t = 0, but beta_t is the noise of one step."),
            (lambda a: a[1:] / a[:-1], "These are the alphas, the shares that each step keeps: beta is what it replaces, 1 - alpha."),
            (lambda a: a[:-1] - a[1:], "It looks as if neighbours are subtracted: the betas multiply to alpha_bar, so the way back divides. A step takes its share of what was still there."),
            (lambda a: 1 - a[:-1] / a[1:], "It looks as if the fraction is upside down: then the betas are negative. A step keeps alpha_bar_t / alpha_bar_{t-1}."),
            (lambda a: a[:-1] / a[1:] - 1, "It looks as if the change is divided by alpha_bar_t: beta is a share of what was there before the step, alpha_bar_{t-1}."),
            (lambda a: 1 - (a[1:] / a[:-1]).sqrt(), "It looks as if there is a square root too many: alpha_bar is a product of variances, not of weights."),
            (lambda a: (1 - a[1:] / a[:-1]).sqrt(), "These are the standard deviations of the noise: beta is the variance, so leave the root out."),
            (lambda a: torch.cumprod(1 - a, 0)[1:], "It looks as if alpha_bar is multiplied up once more: it is a product already, and you want its factors."),
            (lambda a: torch.cat([1 - a[:1], 1 - a[1:] / a[:-1]]), "The betas are right, but there is one too many at the front: t = 0 is the data, which no step has made. Return T numbers."),
        ),
        ("alpha_bar_t is a product of t factors, alpha_bar_{t-1} of the first t - 1 of them. What is their quotient?",
         "alpha_bar_t / alpha_bar_{t-1} = alpha_t = 1 - beta_t, for every t from 1 to T.",
         "Two slices of the table, shifted by one: `alpha_bar[1:]` and `alpha_bar[:-1]`."),
        "betas and alpha_bar tell the same story, one step by step and one in total, and now you can read either.",
    ),
    Exercise(
        "02.db", "From decibels to alpha_bar", "alpha_bar_from_db(db)",
        "A sound engineer describes a schedule by its signal-to-noise ratios `db`, in decibels (data of variance 1). Which alpha_bar has each of them? Return a tensor of the same shape.",
        alpha_bar_from_db, _decibel_cases,
        _slips(
            (lambda d: 10 ** (d / 10), "This is the ratio signal : noise itself, alpha_bar / (1 - alpha_bar): solve it for alpha_bar."),
            (lambda d: 1 / (1 + 10 ** (d / 10)), "It looks as if a sign is turned round: this is the noise's share, 1 - alpha_bar. Many decibels mean much signal."),
            (lambda d: 1 / (1 + 10 ** (-d / 20)), "It looks as if 20 stands where 10 belongs: 20 is for ratios of weights (amplitudes), 10 for ratios of variances, and alpha_bar is one."),
            (lambda d: 1 / (1 + 10**-d), "It looks as if the division by 10 is missing: a decibel is a tenth of a bel, and a bel is a factor of 10."),
            (lambda d: torch.sigmoid(d), "It looks as if decibels were taken for natural logarithms: 10 decibels are a factor of 10, not of e to the 10."),
            (lambda d: torch.sigmoid(d / 10), "It looks as if the exponential has the base e: decibels count factors of 10, so write `10 ** (db / 10)`."),
            (lambda d: (1 / (1 + 10 ** (-d / 10))).sqrt(), "This is the picture's weight, sqrt(alpha_bar): the question is about alpha_bar, the variance."),
            (lambda d: 1 - 10 ** (-d / 10), "It looks as if the noise's share is 10^(-db/10): that number is noise : signal, while 1 - alpha_bar is noise : all."),
            (lambda d: _db(1 / (1 + torch.exp(-d))), "It looks as if you turn something into decibels once more: the decibels are given, go the other way."),
        ),
        ("Decibels are 10 log10 of a ratio. Which ratio is it, in letters? First undo the logarithm.",
         "`10 ** (db / 10)` is r = alpha_bar / (1 - alpha_bar). Now solve for alpha_bar.",
         "alpha_bar = r / (1 + r): check that 0 dB gives one half."),
        "0 dB is half and half, and every 10 dB further down leaves about a tenth: -10 dB is 0.09, -20 dB is 0.01.",
    ),
    Exercise(
        "02.kl", "The gauge, for whole pictures", "picture_kl(x0, schedule)",
        "How far is x_T from pure noise for each picture as a whole? Return KL(q(x_T | x_0) || N(0, I)) in nats for each of the B pictures of `x0` (B, ...), summed over all of its numbers, shape (B,).",
        picture_kl, _kl_cases,
        _slips(
            (_kl(add=lambda v: v.flatten(1).mean(1)), "This is the mean over the pixels, nats per dimension as on the gauge: here the whole picture is asked for, so add its pixels up."),
            (_kl(add=lambda v: v.sum()), "It looks as if all pictures are added up: each of the B pictures has a KL of its own, so flatten and sum over the second axis."),
            (_kl(add=lambda v: v.flatten(1).sum(0)), "It looks as if the wrong axis is added up: the first axis counts the pictures, all the others belong to one picture."),
            (_kl(form=lambda a, x2: a * x2 - a - torch.log1p(-a)), "It looks as if the factor 1/2 is missing: it stands before the whole bracket."),
            (_kl(form=lambda a, x2: (a * x2 - a + torch.log1p(-a)) / 2), "It looks as if the logarithm has the wrong sign: it is subtracted. log(1 - alpha_bar) is negative, so it makes the KL larger."),
            (_kl(form=lambda a, x2: (a * x2 + a - torch.log1p(-a)) / 2), "It looks as if alpha_bar is added where it is subtracted: the variance of x_T is 1 - alpha_bar, less than pure noise has."),
            (_kl(form=lambda a, x2: (a * x2 - a - a.log()) / 2), "It looks as if log(alpha_bar) stands where log(1 - alpha_bar) belongs: the variance of x_T is what the noise has, 1 - alpha_bar."),
            (_kl(form=lambda a, x2: (a * x2 - a - torch.log1p(-a) / math.log(10)) / 2), "It looks as if the logarithm has the base 10: nats come from the natural logarithm, `torch.log`."),
            (_kl(form=lambda a, x2: (a * x2 - a - torch.log1p(-a) / 2) / 2), "It looks as if the standard deviation stands in the logarithm: with the factor 1/2 in front it is the variance, 1 - alpha_bar."),
            (_kl(form=lambda a, x2: (a.sqrt() * x2 - a - torch.log1p(-a)) / 2), "It looks as if the mean is not squared properly: it is sqrt(alpha_bar) x_0, so its square is alpha_bar x_0^2."),
            (_kl(form=lambda a, x2: (a * x2.sqrt() - a - torch.log1p(-a)) / 2), "It looks as if x_0 is not squared: black and white are equally far from grey, so the square counts."),
            (_kl(form=lambda a, x2: (-a - torch.log1p(-a)) / 2 + 0 * x2), "It looks as if the picture is missing: what is left of it, alpha_bar x_0^2, is part of the distance to pure noise."),
            (_kl(form=lambda a, x2: (1 / (1 - a) + a * x2 / (1 - a) - 1 + torch.log1p(-a)) / 2), "It looks as if the two distributions have changed places: this is KL(N(0, I) || q), but q(x_T | x_0) comes first."),
            (_kl(a=lambda s: s.alpha[-1]), "It looks as if alpha stands where alpha_bar belongs: alpha_T is the last step only."),
            (_kl(a=lambda s: s.alpha_bar[1]), "It looks as if the wrong end of the table is read: x_T belongs to `alpha_bar[-1]`."),
        ),
        ("The formula for one number x_0 of a picture is in section 3. The numbers of x_T are independent given x_0: what happens to their KLs?",
         "They add up. Put the whole tensor into the formula, then add up all axes but the first.",
         "`.flatten(1).sum(1)` turns (B, ...) into (B,)."),
        "this sum is what a clever detective gets to see: per number it may be tiny, but a large picture has very many numbers.",
    ),
    Exercise(
        "02.repair", "Repair it", "repair(betas, T)",
        "`betas`, (N,), is a good schedule of N steps. Make it a schedule of T steps (N is a multiple of T) that does not stop half way: after its step t, alpha_bar must be what the long schedule has after t N / T steps. Return its T betas.",
        repair, _beta_cases,
        _slips(
            (lambda b, T: b[:: len(b) // T], "This is every (N/T)th beta, unchanged: T small steps where there were N, so far too little noise, and x_T still shows the picture. It is the accident itself."),
            (lambda b, T: b[len(b) // T - 1 :: len(b) // T], "This is every (N/T)th beta, unchanged: one long step must do the work of N/T short ones, so its beta is larger than any of theirs."),
            (lambda b, T: b[:T], "These are the first T betas: the schedule then stops after T of its N steps, with most of the picture still there."),
            (lambda b, T: torch.linspace(float(b[0]), float(b[-1]), T, dtype=b.dtype), "The same range with fewer steps is the accident itself: too few steps of the old size, and x_T still shows the picture."),
            (lambda b, T: b[:: len(b) // T] * (len(b) // T), "It looks as if betas are multiplied by N/T: a good rule while they are small, but betas do not add, and where they are large this passes 1, which no variance share can."),
            (lambda b, T: b[len(b) // T - 1 :: len(b) // T] * (len(b) // T), "It looks as if betas are multiplied by N/T: a good rule while they are small, but it passes 1 where they are large, and no step can replace more than everything."),
            (lambda b, T: (b[:: len(b) // T] * (len(b) // T)).clamp(max=0.999), "It looks as if betas are multiplied by N/T and cut off below 1: a valid schedule, but another curve. Only dividing alpha_bar by alpha_bar keeps the curve."),
            (_groups(lambda v: v.sum(1)), "It looks as if each group of betas is added up: every step also shrinks the noise of the steps before it, so it is the (1 - beta) that multiply."),
            (_groups(lambda v: v.mean(1)), "It looks as if each group of betas is averaged: then T steps do the work of T, not of N, and the schedule is still too weak."),
            (_groups(lambda v: v.prod(1)), "It looks as if each group of betas is multiplied: it is the shares that are kept, 1 - beta, that multiply."),
            (_groups(lambda v: (1 - v).prod(1)), "These are the alphas of the T steps, what each keeps: the betas are 1 minus them."),
            (_coarse(betas_from=lambda a: a[1:]), "This is the right alpha_bar, but the betas of its steps are asked for."),
            (_coarse(betas_from=lambda a: 1 - a[1:]), "It looks as if beta is 1 - alpha_bar: that is all the noise since t = 0. One step replaces 1 - alpha_bar_t / alpha_bar_{t-1}."),
            (_coarse(betas_from=lambda a: a[:-1] - a[1:]), "It looks as if neighbours of alpha_bar are subtracted: a step keeps a share of what was there, so divide."),
            (lambda b, T: betas_of(torch.cumprod(1 - b, 0)[:: len(b) // T]), "It looks as if the table has no place for t = 0: alpha_bar begins with a 1, or the first step is lost."),
        ),
        ("Do not stretch the betas: stretch the curve. Which table tells where the picture is after any number of steps?",
         "Make alpha_bar with a 1 in front, (N + 1,), and keep every (N/T)th of its values: T + 1 numbers from 1 to the same end.",
         "`kept = alpha_bar[:: len(betas) // T]`, and each beta is 1 - kept_t / kept_{t-1}, as in exercise 1."),
        "the curve is the schedule and the betas only follow from it; a schedule written as a function of t/T ends alike for every T.",
    ),
    Exercise(
        "02.straight", "Straight in decibels", "straight_in_db(alpha_bar)",
        "Take the first and the last noise of a schedule, alpha_bar_1 and alpha_bar_T, and put the times between them at equal distances in decibels. Return the new table, (T + 1,), with alpha_bar_0 = 1 in front.",
        straight_in_db, _tables(),
        _slips(
            (_line(lambda a: a, lambda v: v), "This is straight in alpha_bar itself: nearly all of the change that you can see is then crowded into the two ends."),
            (_line(torch.log, torch.exp), "This is straight in log alpha_bar: decibels compare the signal with the noise, so it is alpha_bar / (1 - alpha_bar) that goes into the logarithm."),
            (_line(torch.sqrt, torch.square), "This is straight in sqrt(alpha_bar), the picture's weight: decibels are a logarithm of signal : noise."),
            (_line(lambda a: a, lambda v: v, first=0), "This is straight in alpha_bar, and from t = 0 on: go over to decibels, and begin at t = 1."),
            (_line(_db, lambda v: 10 ** (v / 10)), "The decibels are right, but the way back stops half way: 10^(db/10) is signal : noise, r, and alpha_bar is r / (1 + r)."),
            (_line(_db, lambda v: 1 / (1 + 10 ** (v / 10))), "The decibels are right, but the way back gives the noise's share: alpha_bar = 1 / (1 + 10^(-db/10)), with a minus."),
            (_line(_db, lambda v: 1 / (1 + torch.exp(-v / 10))), "The decibels are right, but the way back takes powers of e: decibels count factors of 10, so write 10 ** (db / 10)."),
            (_line(_db, torch.sigmoid), "The decibels are right, but the way back takes them for natural logarithms: undo 10 log10, that is 10 ** (db / 10)."),
            (_line(lambda a: torch.log(a / (1 - a)), lambda v: 1 / (1 + 10 ** (-v / 10))), "It looks as if the way there takes the natural logarithm and the way back powers of 10: use one of them for both."),
            (_line(_db, lambda v: 1 / (1 + 10**-v)), "The decibels are right, but in the way back the division by 10 is missing: 10 ** (db / 10)."),
            (lambda a: torch.cat([a[:1], straight_in_db(a)[1:].flip(0)]), "It looks as if the line runs backwards: many decibels belong to early times, few to late ones."),
            (lambda a: _line(_db, lambda v: 1 / (1 + 10 ** (-v / 10)))(a)[1:], "The values are right, but alpha_bar_0 = 1 in front is missing: the table has T + 1 places."),
            (lambda a: _line(_db, lambda v: 1 / (1 + 10 ** (-v / 10)))(torch.cat([a, a[-1:]]))[:-1], "It looks as if the line is one step too long and never reaches alpha_bar_T: T values have T - 1 gaps between them."),
        ),
        ("At t = 0 the ratio is infinite, so leave that place alone. Turn the two given ends, t = 1 and t = T, into decibels.",
         "`torch.linspace` (or arange) makes T evenly spaced numbers from one end to the other. Then turn decibels into alpha_bar, as in exercise 2.",
         "Put `alpha_bar[:1]` in front with `torch.cat`."),
        "on this schedule every step changes signal : noise by the same factor, and the picture on the fair ruler sinks at an even speed.",
    ),
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
            (_stops(_sum(lambda a, ab, s: (1 / ab.sqrt(), -((1 - ab) / ab).sqrt()), shift=1)), _LATE),
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
            (_back(_via_x0(lambda a, ab, s: (a - s).sqrt()), lambda a, ab, s: (1 - a).sqrt()), "It looks as if beta stands where beta_tilde belongs, under the root as well: 1 - alpha_bar_{t-1} - beta is below 0 in the last steps, and the root of that is NaN."),
            (_back(_via_x0(lambda a, ab, s: (a - s).sqrt())), "It looks as if beta is taken away under the root where beta_tilde belongs: 1 - alpha_bar_{t-1} - beta is below 0 in the last steps, and the root of that is NaN."),
            (_back(_via_x0(lambda a, ab, s: 0), lambda a, ab, s: (1 - s).sqrt()), "It looks as if x0_hat is made noisy again with nothing but z: one step keeps most of the noise that is there, so eps_hat has its part in x_{t-1}."),
            (_stops(_back(land=1)), "It looks as if alpha_bar_{t+1} stands where alpha_bar_{t-1} belongs: a step back lands on t - 1."),
            (_back(shift=-1), _EARLY),
            (_stops(_back(shift=1)), _LATE),
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
            (_stops(_walk(lambda T: range(T, -1, -1))), "It looks as if the walk wants to step on from t = 0: the times are T, ..., 1, since the step from t = 1 lands on 0, the clean picture."),
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
        "this loop is the whole generator. Others take longer steps, throw no dice, or walk among a VAE's latents, but a loop around a denoiser it stays.",
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
    Exercise(
        "03.bell", "The optimal denoiser of a bell curve", "bell_guess(xt, m, c, t, schedule)",
        "Now the data are no finite set of pictures: each number of x_0 is drawn from N(m, c^2), with given `m` and `c`. Then the optimal denoiser is a formula. Which guess x0_hat = E[x_0 | x_t] has the smallest squared error, for each number of `xt`?",
        bell_guess, _bell_cases,
        _slips(
            (_belief(gain=lambda a, c: 1 / a.sqrt()), "This is x_t / sqrt(alpha_bar): it believes x_t completely, noise and all. The more noise, the nearer the best guess lies to m."),
            (_belief(gain=lambda a, c: 0 * a), "This is m whatever x_t says: right at the end of time only, when x_t says nothing."),
            (_belief(start=lambda m: 0), "It looks as if m is not added at the end: what x_t tells is how far x_0 lies from m."),
            (_belief(off=lambda xt, m, a: xt - m), "It looks as if m is not shrunk: before x_0 is known, x_t is expected at sqrt(alpha_bar) m."),
            (_belief(off=lambda xt, m, a: xt), "It looks as if x_t itself is multiplied: what counts is how far it lies from where it was expected, sqrt(alpha_bar) m."),
            (_belief(gain=lambda a, c: a.sqrt()), "This is right for c = 1: for other data the variance of x_t is alpha_bar c^2 + 1 - alpha_bar."),
            (_belief(gain=lambda a, c: a.sqrt() * c / (a * c + 1 - a)), "It looks as if c stands where c^2 belongs: variances add, standard deviations do not."),
            (_belief(gain=lambda a, c: a * c**2 / (a * c**2 + 1 - a)), "This is the share of the picture in x_t: it guesses the faded picture, sqrt(alpha_bar) x_0. Divide by sqrt(alpha_bar) once more."),
            (_belief(gain=lambda a, c: c**2 / (a * c**2 + 1 - a)), "It looks as if a root of alpha_bar is missing above: x_0 and sqrt(alpha_bar) x_0 move together with sqrt(alpha_bar) c^2."),
            (_belief(gain=lambda a, c: (1 - a) / (a * c**2 + 1 - a)), "It looks as if the noise's share is the gain: with much noise x_t should move the guess little."),
            (_belief(gain=lambda a, c: a.sqrt() * c**2 / (a * c**2 + (1 - a).sqrt())), "It looks as if a root is too much below: variances add, and that of the noise is 1 - alpha_bar."),
        ),
        ("x_0 is a bell curve, the noise is one, so x_t is one too. What are its mean and its variance? How much do x_0 and x_t move together?",
         "x_t has the mean sqrt(alpha_bar) m and the variance alpha_bar c^2 + 1 - alpha_bar; the covariance with x_0 is sqrt(alpha_bar) c^2.",
         "m + gain * (xt - sqrt(alpha_bar) m), and the gain is covariance / variance, the slope of a regression line."),
        "this denoiser is optimal too, and it copies nothing: a walk with it draws new numbers from N(m, c^2). What copied in section 6 was the optimum for a finite set of pictures.",
        "`oracle.mixture_denoiser` is this formula for each island, mixed by how likely each is.",
    ),
    Exercise(
        "04.batch", "A batch to learn from", "noisy_batch(x0, u, eps, schedule)",
        "Make the noisy pictures of one training step. Each of the B pictures `x0` (B, ...) gets a time of its own: turn `u` (B,), even random numbers with 0 <= u < 1, into whole times t = 1, 2, ..., T, all equally likely. Then return x_t (B, ...), made with the noise `eps`. `schedule.alpha_bar` has T + 1 places, `schedule.T` is T; `add_noise(x0, t, eps, schedule)` takes a t of shape (B,).",
        noisy_batch, _batch_cases,
        _slips(
            (_drawn(lambda u, T: (u * T).long()), "It looks as if the times are 0, ..., T - 1: t = 0 is the clean picture, where there is nothing to learn, and the noisiest time is never trained, but that is where sampling begins."),
            (_drawn(lambda u, T: 1 + (u * (T - 1)).long()), "It looks as if the times are 1, ..., T - 1: u is below 1, so `u * T` rounded down already ends at T - 1, and adding 1 gives 1, ..., T."),
            (_drawn(lambda u, T: 1 + (u * (T - 1)).round().long()), "It looks as if the times are rounded to the nearest: then the first and the last time are drawn only half as often as the others."),
            (_drawn(lambda u, T: (u * T).round().long().clamp(1, T)), "It looks as if `u * T` is rounded to the nearest: not all times are then equally likely."),
            (_drawn(lambda u, T: torch.full_like(u, 1 + int(u[0] * T)).long()), "It looks as if the whole batch has one and the same t: each picture needs a time of its own, or every step trains one noise level only."),
            (_drawn(lambda u, T: T - (u * T).long()), "The times are right but run the other way round: small u gives late times. That would train as well; here t = 1 + floor(u T) is asked for."),
            (_drawn(jump=_weighted(lambda a: (a, 1 - a))), _ROOTS),
            (_drawn(jump=_weighted(lambda a: (a.sqrt(), 1 - a))), "It looks as if the square root of 1 - alpha_bar is missing: it is the noise's variance, and the weight is its root."),
            (_drawn(jump=_weighted(lambda a: ((1 - a).sqrt(), a.sqrt()))), "It looks as if the two weights have changed places: alpha_bar goes with the picture, 1 - alpha_bar with the noise."),
            (_drawn(jump=_weighted(lambda a: (1, (1 - a).sqrt()))), "It looks as if the picture is not shrunk: x_t has sqrt(alpha_bar) x0 in it."),
        ),
        ("Two things: turn each u into a whole number from 1 to T, then jump to that time.",
         "`(u * T).long()` rounds down and gives 0, ..., T - 1. What is missing?",
         "t = 1 + (u * schedule.T).long(), and then add_noise(x0, t, eps, schedule)."),
        "every step of training now sees all noise levels at once, from nearly clean to nearly lost.",
    ),
    Exercise(
        "04.error", "A small error that grows", "x0_error(eps_error, t, schedule)",
        "A network's guess of the noise has the mean square errors `eps_error` (B,), one for each picture. Its guess of the picture is x0_hat = (x_t - sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_bar_t). Which mean square errors has x0_hat?",
        x0_error, _times_cases(lambda g, i: torch.rand(3 + i, generator=g, dtype=torch.float64)),
        _slips(
            (_sum(lambda a, ab, s: (((1 - ab) / ab).sqrt(),)), "It looks as if a square is missing: an error is multiplied by sqrt((1 - alpha_bar) / alpha_bar), so a squared error by its square."),
            (_sum(lambda a, ab, s: (((1 - ab) / ab) ** 2,)), "It looks as if it is squared once too often: alpha_bar and 1 - alpha_bar are squared weights already."),
            (_sum(lambda a, ab, s: (ab / (1 - ab),)), "It looks as if the ratio is upside down: the more noise, the more an error in eps_hat spoils x0_hat."),
            (_sum(lambda a, ab, s: (1 - ab,)), "It looks as if the division by sqrt(alpha_bar) is forgotten: x0_hat is stretched back to full strength, and its error with it."),
            (_sum(lambda a, ab, s: (1 / ab,)), "It looks as if the weight of eps_hat is forgotten: before the division it is multiplied by sqrt(1 - alpha_bar)."),
            (_sum(lambda a, ab, s: (1,)), "The same error for both? That holds only where alpha_bar is one half."),
            (_sum(lambda a, ab, s: (-(1 - ab) / ab,)), "A mean square cannot be negative: the minus vanishes when it is squared."),
            (_sum(lambda a, ab, s: ((1 - a) / a,)), "It looks as if alpha stands where alpha_bar belongs: x_t is t steps away from x0, not one."),
            (_sum(lambda a, ab, s: ((1 - ab) / ab,), shift=-1), _EARLY),
            (_stops(_sum(lambda a, ab, s: ((1 - ab) / ab,), shift=1)), _LATE),
        ),
        ("Write x0 and x0_hat with the same formula, once with eps and once with eps_hat, and subtract. What is left?",
         "x0_hat - x0 = -sqrt(1 - alpha_bar) / sqrt(alpha_bar) (eps_hat - eps). Now square.",
         "(1 - alpha_bar) / alpha_bar * eps_error, with alpha_bar = schedule.alpha_bar[t]"),
        "so one and the same loss means little to the picture at t = 1 and everything at t = T.",
    ),
    Exercise(
        "04.ema", "A steady hand", "average(weights, decay)",
        "`weights` (N, D) are a network's D weights after each of N steps. Begin with the first row. Then let each later row in a little: the average keeps the share `decay` of itself and takes the rest from the new row. Return the average after the last row, (D,).",
        average, lambda g: [(_noise(shape, g), decay) for shape in ((6, 3), (9, 2), (4, 5)) for decay in (0.9, 0.7)],
        _slips(
            (_ema(step=lambda ema, w, d: (1 - d) * ema + d * w), "It looks as if decay stands the wrong way round: this keeps only 1 - decay of the average and follows the newest weights, wobbles and all."),
            (_ema(first=lambda w: torch.zeros_like(w[0]), rest=lambda w: w), "It looks as if the average begins at zero: for a long time it is then much too small. Begin with the first row."),
            (_ema(step=lambda ema, w, d: d * ema + w), "It looks as if the new row comes in whole: its share is 1 - decay, so that the shares add up to 1."),
            (_ema(step=lambda ema, w, d: d * ema), "It looks as if the new rows never come in: add (1 - decay) times the new row."),
            (_ema(step=lambda ema, w, d: ema + (1 - d) * w), "It looks as if the old average keeps all of itself: it keeps the share decay."),
            (lambda w, d: w.mean(0), "This is the plain mean of all rows: the first steps, when the network knew nothing, count as much as the last."),
            (lambda w, d: w[-1], "These are the last weights, with no average at all."),
            (_ema(first=lambda w: w[-1], rest=lambda w: w.flip(0)[1:]), "It looks as if the rows are taken from last to first: the newest should count most."),
            (_ema(rest=lambda w: w[1:-1]), "It looks as if the last row is left out: a `range` that ends one too early? See where the loop ends."),
            (_ema(rest=lambda w: w[2:]), "It looks as if the second row is left out: begin with the first, and go on from the second."),
        ),
        ("A loop over the rows after the first, that changes one average.",
         "In each round: new average = decay * old average + (1 - decay) * row.",
         "ema = weights[0]; for w in weights[1:]: ema = decay * ema + (1 - decay) * w; return ema"),
        "the network that draws is this average: its last steps smoothed out, for the price of one more copy of the weights.",
        "The library's `EMA` lets decay grow with the step, so that the training need not know its length.",
    ),
    Exercise(
        "04.train", "A training, whole", "train(w, x0s, ts, epss, schedule, lr)",
        "Train the smallest of all networks, eps_hat = w * x_t, with one weight for each coordinate: `w` (D,). For each of the N batches take one step downhill: make x_t from `x0s[i]` (B, D), `ts[i]` (B,), `epss[i]` (B, D), let the loss be the mean over all numbers of (eps_hat - eps)^2, and go `lr` times its gradient down. Return the last w. Use autograd (`w.clone().requires_grad_()`, `loss.backward()`), or the gradient by hand.",
        train, _train_cases,
        _slips(
            (_train(piles=True), "It looks as if zero_grad is forgotten: PyTorch adds each new gradient to the old ones, so every batch is followed again and again."),
            (_train(target=lambda x0, eps: x0), "It looks as if the target is x0: this network is asked for eps, the noise."),
            (_train(seen=lambda x0, t, eps, s: x0), "It looks as if the network is shown x0: it must find the noise in x_t, the clean picture has none."),
            (_train(seen=lambda x0, t, eps, s: x0 + eps), "It looks as if x_t is x0 + eps: the noise has the strength that t says, so use add_noise."),
            (_train(seen=lambda x0, t, eps, s: diffusion.add_noise(x0, t[:1].expand(len(x0)), eps, s)), "It looks as if the whole batch has one and the same t, the first: each item has a time of its own."),
            (_train(mean=False), "It looks as if the squares are added up: their mean is asked for, or a larger batch would take larger steps."),
            (_train(sign=-1.0), "It looks as if the steps go uphill: the gradient points to where the loss grows, so subtract it."),
            (_train(batches=lambda n: range(n - 1)), "It looks as if the last batch is left out: a `range` that ends one too early? See where the loop ends."),
            (_train(batches=lambda n: range(1)), "It looks as if only the first batch is used: the `return` may stand inside the loop."),
            (_train(batches=lambda n: range(0)), "The answer is w as it was: is the new w stored, `w = w - lr * gradient`, or was the optimizer's step forgotten."),
        ),
        ("In each round: make x_t, compute the loss, get the gradient, change w. What must not stay from the round before?",
         "With autograd: after `loss.backward()` the gradient is in `w.grad`. Make a fresh w for the next round, `(w - lr * w.grad).detach().requires_grad_()`, or set the gradient to zero.",
         "By hand: gradient = (2 * (w * xt - eps) * xt).mean(0) / D, then w = w - lr * gradient."),
        "that was a whole training; a U-Net has a million weights where this has a few, and the loop around it is the same.",
    ),
    Exercise(
        "04.variance", "A variance of its own", "learned_variance(v, t, schedule)",
        "Improved DDPM lets the network say, with a number v, where the variance of a step lies between beta_tilde (v = 0) and beta (v = 1): on the straight line between their logarithms. Compute sigma^2 for each of `v` (B,). beta_tilde_t = (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t) beta_t.",
        learned_variance, _times_cases(lambda g, i: 0.05 + 0.9 * torch.rand(3 + i, generator=g, dtype=torch.float64)),
        _slips(
            (_between(mix=lambda b, bt, v: v * b + (1 - v) * bt), "It looks as if the line is drawn between the variances themselves: between their logarithms is asked for, which is beta^v beta_tilde^(1-v)."),
            (_between(mix=lambda b, bt, v: b ** (1 - v) * bt**v), "It looks as if the two ends have changed places: v = 1 is beta, v = 0 is beta_tilde."),
            (_between(form=torch.sqrt), "It looks as if this is sigma: the variance sigma^2 is asked for, so leave the root out."),
            (_between(form=torch.log), "This is the logarithm of the variance: `exp` is missing at the end."),
            (_between(mix=lambda b, bt, v: b**v + bt ** (1 - v)), "It looks as if the two powers are added: a sum of logarithms is the logarithm of a product."),
            (_between(mix=lambda b, bt, v: b + 0 * v), "This is beta whatever v says."),
            (_between(mix=lambda b, bt, v: bt + 0 * v), "This is beta_tilde whatever v says."),
            (_between(mix=lambda b, bt, v: (v * b.sqrt() + (1 - v) * bt.sqrt()) ** 2), "It looks as if the line is drawn between the standard deviations: between the logarithms is asked for."),
            (lambda v, t, s: learned_variance(v, min(t + 1, s.T), s), _LATE),
        ),
        ("Compute beta and beta_tilde at t. What is half way between them, in logarithms?",
         "log sigma^2 = v log beta + (1 - v) log beta_tilde. Now take exp of both sides.",
         "beta ** v * beta_tilde ** (1 - v), with both read at t. At t = 1 beta_tilde is 0, and so is the result."),
        "a line between logarithms keeps the variance positive, and lets the network choose between two numbers that can differ by powers of ten.",
    ),
    Exercise(
        "04.forgotten", "Diagnose: trained at one time only", "trained_at(losses, schedule)",
        "Broken runs. Somebody forgot to draw t and trained an eps-network at a single time. The data are bell curves of mean 0 and variance 1, so the network has become eps_hat = w x_t with one number w. There were N such runs: `losses` (N, T) holds what each network scores at t = 1, ..., T. At which t was each trained? Return (N,), whole numbers. The smallest loss is no answer: first find the smallest loss that is *possible* at each t.",
        trained_at, _forgetful_cases,
        _slips(
            (lambda l, s: 1 + l.argmin(1), "This is where the loss is smallest. But some times are easier than others for every network: at t near T, x_t is nearly eps. Compare with the smallest loss that is possible at each t."),
            (lambda l, s: l.argmin(1), "This is where the loss is smallest, counted from 0. But some times are easier than others for every network: compare with the smallest loss that is possible at each t."),
            (lambda l, s: (l - s.alpha_bar[1:]).argmin(1), "Nearly: the first of the losses belongs to t = 1, not to t = 0."),
            (lambda l, s: 1 + (l - s.alpha_bar[:-1]).argmin(1), "It looks as if the floors are one place too early: alpha_bar[0] belongs to t = 0, where there is no loss."),
            (lambda l, s: 1 + (l - s.alpha_bar[1:]).argmax(1), "This is where the network is worst: it was trained where it is as good as can be."),
            (lambda l, s: 1 + (l / s.alpha_bar[1:]).argmax(1), "It looks as if the largest ratio of loss and floor is chosen: the network was trained where the loss touches its floor."),
        ),
        ("For such data the best network at time t is eps_hat = sqrt(1 - alpha_bar_t) x_t. Which loss does it have, if x_t has variance 1?",
         "E (eps - w x_t)^2 = 1 - 2 w sqrt(1 - alpha_bar) + w^2, and with the best w that is 1 - (1 - alpha_bar) = alpha_bar_t.",
         "In which place is each row of `losses - schedule.alpha_bar[1:]` smallest? The first place belongs to t = 1."),
        "a loss says something only beside the smallest one that is possible there: here the floor falls from nearly 1 to nearly 0.",
        "Its own loss at t is (w - sqrt(1 - alpha_bar_t))^2 + alpha_bar_t, so the excess is 0 at one t only.",
    ),
    Exercise(
        "05.d_loss", "What D wants", "d_loss(real, fake)",
        "D gives a score to each real one, `real` (B,), and to each fake, `fake` (B,); sigmoid(score) is the probability of \"real\". For each pair, compute what D pays, (B,): -log D for the real one plus -log(1 - D) for the fake. (The loss is the mean over pairs.) `F.softplus(s)` is log(1 + exp(s)), which is -log sigmoid(-s), and never overflows.",
        d_pays, _scores,
        _slips(
            (lambda r, f: F.softplus(r) + F.softplus(-f), "It looks as if the labels are swapped: this D learns to call real ones fake and fakes real."),
            (lambda r, f: F.softplus(-r.sigmoid()) + F.softplus(f.sigmoid()), "It looks as if sigmoid is taken twice: softplus and `binary_cross_entropy_with_logits` want the score itself, they have a sigmoid in them. A probability put through another sigmoid never leaves 0.5 to 0.73, so this D can never be sure."),
            (lambda r, f: F.softplus(-r), "It looks as if the fakes are missing: a D that sees only real ones learns to say \"real\" to everything."),
            (lambda r, f: F.softplus(f), "It looks as if the real ones are missing: a D that sees only fakes learns to say \"fake\" to everything."),
            (lambda r, f: F.softplus(-r) + F.softplus(-f), "It looks as if the fakes are labelled as real ones too: for a fake D wants -log(1 - D), which is softplus(+score)."),
            (lambda r, f: F.softplus(r) + F.softplus(f), "It looks as if the real ones are labelled as fakes: for a real one D wants -log D, which is softplus(-score)."),
            (lambda r, f: -d_pays(r, f), "It looks as if the minus is missing: log D is negative, and a loss is made small, so D would learn to be wrong."),
            (lambda r, f: d_pays(r, f) / 2, "This is half of it: the mean of the two. It teaches the same with half the learning rate; the paper adds them, and then log 4 is what a D pays that cannot tell."),
            (lambda r, f: d_pays(r, f).mean() + 0 * r, "This is the mean for all of them: say for each pair what it costs."),
            (lambda r, f: (1 - r.sigmoid()) + f.sigmoid(), "It looks as if the logarithms are missing: these are the shares that D gets wrong, and their slope vanishes where D is very wrong."),
        ),
        ("Two prices for each pair, one for the real score and one for the fake, added.",
         "-log sigmoid(s) = softplus(-s), and 1 - sigmoid(s) = sigmoid(-s).",
         "F.softplus(-real) + F.softplus(fake)"),
        "a D that answers one half everywhere pays log 4 = 1.386; whoever pays less can tell the two apart.",
        "The library calls this `gan.d_logistic`.",
    ),
    Exercise(
        "05.g_loss", "What G wants", "g_loss(fake)",
        "G wants D to say \"real\" to its fakes. Compute the non-saturating loss from D's scores of them, `fake` (B,): -log D for each, (B,).",
        g_pays, lambda g: [case[1:] for case in _scores(g)],
        _slips(
            (lambda f: F.softplus(f), "It looks as if G plays for D: this is small where D says \"fake\", so G would learn to be found out."),
            (lambda f: -F.softplus(f), "This is the minimax loss, log(1 - D): right in its goal, but almost flat where D is sure, and there G most needs a slope. The non-saturating loss is asked for."),
            (lambda f: F.softplus(-f.sigmoid()), "It looks as if sigmoid is taken twice: softplus wants the score itself."),
            (lambda f: -g_pays(f), "It looks as if the minus is missing: log D is negative, and -log D is to be made small."),
            (lambda f: -f, "This is the loss of a Wasserstein GAN or of the hinge loss: uphill on the score itself, with no logarithm."),
            (lambda f: -f.sigmoid(), "It looks as if the logarithm is missing: the slope of sigmoid vanishes where D is sure."),
            (lambda f: (1 - f.sigmoid()), "It looks as if the logarithm is missing: this is the share that is found out, and its slope vanishes where D is sure."),
        ),
        ("Which label would G like its fakes to have?",
         "-log sigmoid(s) = softplus(-s).",
         "F.softplus(-fake)"),
        "it is what D pays for a real one: G's loss is D's, with the label that G would like.",
        "The library calls this `gan.g_non_saturating`.",
    ),
    Exercise(
        "05.best", "The best D there is", "best_d(p, q)",
        "At some places real ones have the density `p` (N,) and fakes the density `q` (N,). What probability of \"real\" does the best D against this G answer there, (N,)?",
        best_d, lambda g: [(0.05 + torch.rand(n, generator=g, dtype=torch.float64), 0.05 + torch.rand(n, generator=g, dtype=torch.float64)) for n in (5, 7, 4)],
        _slips(
            (lambda p, q: q / (p + q), "It looks as if p and q have changed places: this is the probability of \"fake\"."),
            (lambda p, q: p / q, "This is the ratio of the densities, the odds: a probability lies between 0 and 1. Divide by the sum."),
            (lambda p, q: (p / q).log(), "This is the best score, log p - log q: its sigmoid is asked for."),
            (lambda p, q: p - q, "A difference of densities is no probability: it can be negative."),
            (lambda p, q: p, "That does not look at the fakes at all: where there are many fakes, a D should doubt."),
            (lambda p, q: p * (p > q), "Where fakes are denser D still does best not to be sure: some things there are real."),
            (lambda p, q: (p > q).double(), "This D is always sure. Its loss would be infinite: now and then it is wrong, and log 0 is what it pays."),
            (lambda p, q: 0.5 + 0 * p, "One half is right only where p = q, that is everywhere once G is perfect."),
        ),
        ("Of 100 things that lie at this place, how many are real?",
         "Half of what D sees is real, half is fake; so near x there are p(x) real ones for every q(x) fakes.",
         "p / (p + q)"),
        "one half where both are equally dense: so a G that is perfect leaves D nothing but guessing.",
    ),
    Exercise(
        "05.detach", "Whose lesson is it?", "teach_d(g, d, real, z)",
        "The smallest GAN: fakes `z * g`, and the score of x (B, D) is `x @ d`; the weights `g` and `d` are (D,), `real` and `z` (B, D). Make copies that take gradients (`g = g.clone().requires_grad_()`), compute D's loss (the mean over the batch), call `backward()`, and return both gradients, (2, D): first g's (zeros if `g.grad` is None), then d's. D's lesson must leave nothing in g.",
        teach_d, _linear_gan("g", "d", "real", "z"),
        _slips(
            (_lesson(cut=False), "The detach is forgotten: D's loss has run on through the fakes into G's weights. If an optimizer of G meets this gradient, G learns to be found out."),
            (_lesson(lambda r, f: d_pays(f, r)), "It looks as if the labels are swapped: D's gradient points to calling fakes real."),
            (_lesson(lambda r, f: d_pays(f, r), cut=False), "It looks as if the labels are swapped, and the detach is forgotten."),
            (_lesson(lambda r, f: d_pays(r.sigmoid(), f.sigmoid())), "It looks as if sigmoid is taken twice: the loss wants the scores themselves."),
            (_lesson(lambda r, f: d_pays(r.sigmoid(), f.sigmoid()), cut=False), "It looks as if sigmoid is taken twice, and the detach is forgotten."),
            (_lesson(order=(1, 0)), "It looks as if the rows are the wrong way round: first g's gradient, then d's."),
            (_lesson(lambda r, f: F.softplus(f)), "It looks as if D is shown no real ones."),
            (_lesson(lambda r, f: F.softplus(-r)), "It looks as if D is shown no fakes."),
            (_lesson(lambda r, f: d_pays(r, f) / 2), "This is half of it: D's loss is a sum of two means, not one mean over all."),
        ),
        ("Write D's loss of exercise 1 with `real @ d` and `fake @ d`. What must be between `z * g` and D?",
         "`fake = (z * g).detach()` is a tensor with the same numbers that has forgotten where it comes from.",
         "After backward: torch.stack([torch.zeros_like(g) if g.grad is None else g.grad, d.grad])"),
        "nothing went back to G: no time is lost on the way there, and no gradient lies about that an optimizer of both would follow, towards fakes that are easier to spot.",
    ),
    Exercise(
        "05.fool", "Through D, not into D", "fool_d(g, d, z)",
        "The same smallest GAN. Now G's lesson: make a copy of `g` (D,) that takes gradients, draw the fakes `z * g`, score them with `d`, compute the non-saturating loss (a mean), and return g's gradient, (D,).",
        fool_d, _linear_gan("g", "d", "z"),
        _slips(
            (lambda g, d, z: torch.zeros_like(g), "G gets no gradient: the graph is frozen between its loss and its weights. Here the fakes must NOT be detached, and the score not be computed under `torch.no_grad()`: the only way to G leads through D."),
            (_fooled(g_pays, of="d"), "This is the gradient of D's weights: in G's lesson D lets the gradient through, and stays as it is."),
            (_fooled(g_pays, sign=-1.0), "It looks as if the sign is turned round: the gradient itself is asked for; the step goes against it."),
            (_fooled(lambda f: F.softplus(f)), "It looks as if the fakes are labelled fake, as in D's lesson: G wants D to say \"real\"."),
            (_fooled(lambda f: -F.softplus(f)), "This is the gradient of the minimax loss: almost nothing where D is sure. The non-saturating one is asked for."),
            (_fooled(lambda f: g_pays(f.sigmoid())), "It looks as if sigmoid is taken twice: the loss wants the scores themselves."),
            (_fooled(lambda f: -f), "It looks as if the loss is minus the mean score: -log sigmoid(score) is asked for."),
            (_fooled(lambda f: F.softplus(-f) * len(f)), "It looks as if it is a sum over the batch: take the mean."),
        ),
        ("The loss of exercise 2, on the scores `(z * g) @ d`.",
         "No detach this time: the gradient has to come back from the loss through D's score to g.",
         "g = g.clone().requires_grad_(); F.softplus(-(z * g) @ d).mean().backward(); return g.grad"),
        "all that G ever hears of the real ones has come this way: as a gradient, through D.",
    ),
    Exercise(
        "05.smooth", "The best D with softer labels", "best_d(p, q, a, b)",
        "A D that is never allowed to be sure: for real ones the label is not 1 but `a`, for fakes not 0 but `b` (0 <= b < a <= 1), so it pays -a log D - (1 - a) log(1 - D) for a real one and -b log D - (1 - b) log(1 - D) for a fake. Real ones have the density `p` (N,), fakes `q` (N,). Which probability does the best D answer, (N,)?",
        best_d_smoothed, lambda g: [(0.05 + torch.rand(n, generator=g, dtype=torch.float64), 0.05 + torch.rand(n, generator=g, dtype=torch.float64), a, b) for n, a, b in ((5, 0.9, 0.0), (7, 0.8, 0.1), (4, 1.0, 0.3))],
        _slips(
            (lambda p, q, a, b: p / (p + q), "This is the best D with labels 1 and 0: write down what D pays at a place with these labels, and set the slope in D to zero."),
            (lambda p, q, a, b: a * p / (p + q), "It looks as if the fakes' label is left out: a fake too asks for some \"real\", the share b."),
            (lambda p, q, a, b: a * p / (a * p + b * q), "It looks as if the labels were taken for how many there are of each: the sum below stays p + q, for each item pays a + (1 - a) = 1 in all."),
            (lambda p, q, a, b: (b * p + a * q) / (p + q), "It looks as if a and b have changed places."),
            (lambda p, q, a, b: ((1 - a) * p + (1 - b) * q) / (p + q), "This is the probability of \"fake\": 1 minus the answer."),
            (lambda p, q, a, b: (a * p + (1 - b) * q) / (p + q), "It looks as if the fakes' label is 1 - b: b is the share of \"real\" that D is told for a fake."),
            (lambda p, q, a, b: torch.where(p > q, a + 0 * p, b + 0 * p), "This D takes the label of whoever is denser: but both kinds are there, and both are paid for."),
            (lambda p, q, a, b: (a * p - b * q) / (p + q), "It looks as if the fakes' part is subtracted: what asks for \"real\" is a p + b q together."),
        ),
        ("At x, D pays -(a p + b q) log D and something times log(1 - D). What is it that stands there?",
         "((1 - a) p + (1 - b) q). Now, as in section 3: which D makes -A log D - B log(1 - D) smallest?",
         "A / (A + B), and A + B = p + q."),
        "with b = 0 D is only less sure. With b > 0 it tells more \"real\" where there are many fakes, as if to say: stay there. So one softens the label of real ones only.",
        "The idea is called one-sided label smoothing (Salimans et al. 2016, section 3.4).",
    ),
    Exercise(
        "06.modes", "Modes, strictly counted", "covered(samples, modes, sd)",
        "Which of the K `modes` (K, 2) are covered by `samples` (N, 2)? A sample is good if it lies within 3 `sd` of its nearest mode. A mode is covered if it holds at least a tenth of its fair share of the good samples; the fair share of each is 1/K of them. Return 1.0 for each covered mode and 0.0 for the others, (K,): their sum is the strict count. Without any good sample, no mode is covered.",
        strict_modes, _mode_cases,
        _slips(
            (_covered(enough=lambda c, n: c > 0), "It looks as if a single good sample is enough: with thousands of samples, stray ones would cover every mode. A tenth of the fair share is asked for."),
            (_covered(good=lambda d, sd: d < math.inf), "It looks as if all samples are counted at their nearest mode, however far away: first keep those within 3 sd."),
            (_covered(enough=lambda c, n: c >= 0.1 * n / len(c)), "It looks as if the fair share is one of all samples: only the good ones are shared out."),
            (_covered(enough=lambda c, n: c >= c.sum().clamp(min=1) / len(c)), "It looks as if a mode must hold its whole fair share: a tenth of it is enough, or luck alone would lose half of the modes."),
            (_covered(enough=lambda c, n: c >= 0.1 * c.sum().clamp(min=1)), "It looks as if each mode must hold a tenth of all good samples: a tenth of its fair share is asked for, so divide by K once more."),
            (_covered(enough=lambda c, n: c >= 0.1 * c.sum() / len(c)), "With good samples it is right. Without any, 0 >= 0 is true and every mode counts as covered: let the threshold be above 0."),
            (_covered(good=lambda d, sd: d < sd), "It looks as if the limit is 1 sd: in the plane only 39 % of true samples lie so near, within 3 sd 99 %."),
            (_covered(good=lambda d, sd: d**2 < 3 * sd), "It looks as if squared distances are compared with 3 sd: compare distances, or squares with 9 sd^2."),
            (_covered(distance=lambda a, b: (a[:, None] - b).abs().amax(2)), "It looks as if each coordinate is compared by itself: that is a square, and a distance in the plane makes a circle."),
            (_covered(distance=lambda a, b: (a[:, None] - b).abs().sum(2)), "It looks as if the two coordinates' distances are added: the distance in the plane is the root of the sum of squares."),
        ),
        ("Three steps: the nearest mode of each sample and how far it is; the good ones among them; how many of those each mode has.",
         "`torch.cdist(samples, modes).min(1)` gives distances and indices; `torch.bincount(indices, minlength=K)` counts.",
         "Compare the counts with 0.1 * counts.sum() / K, but at least with something above 0, and turn True and False into numbers with `.double()`."),
        "this is the number of the lab and of the table: strict enough that stray samples do not count, mild enough that luck does not either.",
        "The library's `metrics.mode_report` says more: share within 3 sd, KL and width.",
    ),
    Exercise(
        "06.kl", "How uneven are the shares?", "uneven(counts)",
        "Each row of `counts` (N, K) says how many good samples each of K modes has in one run. Turn a row into shares p (they add up to 1) and return KL(p || even) = sum of p log(p / (1/K)) in nats, for each row: (N,). A mode with p = 0 adds 0.",
        mode_kl, _count_cases,
        _slips(
            (_uneven(lambda p, k: -torch.special.xlogy(p, p)), "This is the entropy of the shares: it is largest when all is well. KL is log K minus it."),
            (_uneven(lambda p, k: torch.special.xlogy(p, p)), "It looks as if the even shares are left out: p log p, without the division by 1/K, is below 0."),
            (_uneven(lambda p, k: torch.special.xlogy(p, p / k)), "It looks as if p is divided by K: p / (1/K) is p times K."),
            (_uneven(lambda p, k: torch.special.xlogy(p, p * k) / math.log(2)), "It looks as if this is in bits: for nats take the natural logarithm."),
            (_uneven(total=lambda v: v.mean(1)), "It looks as if the terms are averaged over the modes: a KL is their sum."),
            (_uneven(lambda p, k: -torch.special.xlogy(p, p * k)), "The sign is turned round: a KL is never below 0."),
            (_uneven(share=lambda c: c / c.sum()), "It looks as if all rows are divided by one total: each run has shares of its own."),
            (_uneven(lambda p, k: (p * k + (p == 0)).log() / k), "It looks as if the logarithms are weighted by 1/K: in KL(p || even) the weight is p."),
            (lambda c: (c / c.sum(1, keepdim=True) * (c / c.sum(1, keepdim=True) * c.shape[1]).log()).sum(1), "The formula is right, but 0 times log 0 is NaN for a computer: a mode with p = 0 should add 0. `torch.special.xlogy(p, q)` is p log q and knows that."),
        ),
        ("First the shares: each row divided by its own sum, `counts.sum(1, keepdim=True)`.",
         "One term is p log(p K). What does your computer make of 0 * log(0)?",
         "`torch.special.xlogy(p, p * K).sum(1)`"),
        "0 is perfectly even and log K is one single mode; remember that N true samples give about (K - 1) / 2N, not 0.",
    ),
    Exercise(
        "06.vanish", "What reaches G", "push(score)",
        "D gives each fake a `score` (B,). G minimises log(1 - D) = -softplus(score) (minimax) or -log D = softplus(-score) (non-saturating), where D = sigmoid(score). How steep is each loss in the score, without its sign? Return both, (2, B): minimax first.",
        push_on_g, lambda g: [(3 * _noise((n,), g),) for n in (5, 9)],
        _slips(
            (lambda s: torch.stack([(-s).sigmoid(), s.sigmoid()]), "The two have changed places: where D is sure of a fake (score far below 0), it is minimax whose slope vanishes."),
            (lambda s: -torch.stack([s.sigmoid(), (-s).sigmoid()]), "Right but for the sign: the size of the slope is asked for. Both losses push the score up."),
            (lambda s: torch.stack([-torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)]), "These are the losses themselves: their slopes are asked for."),
            (lambda s: torch.stack([torch.nn.functional.softplus(s), torch.nn.functional.softplus(-s)]), "These are the sizes of the losses themselves: their slopes are asked for."),
            (lambda s: torch.stack([s.sigmoid(), s.sigmoid()]), "Both are minimax's slope: the other loss has softplus(-score) in it."),
            (lambda s: torch.stack([(-s).sigmoid(), (-s).sigmoid()]), "Both are the non-saturating loss's slope: minimax has softplus(score) in it."),
            (lambda s: torch.stack([s.sigmoid() * (-s).sigmoid()] * 2), "This is the slope of D = sigmoid(score) itself: the logarithm around it changes it."),
            (lambda s: torch.stack([1 / (-s).sigmoid(), 1 / s.sigmoid()]), "These are the slopes in D, not in the score: multiply by sigmoid's own slope, D (1 - D)."),
        ),
        ("The slope of softplus(u) = log(1 + e^u) in u is sigmoid(u).",
         "For softplus(-score) there is an inner slope of -1, and its size is asked for.",
         "`torch.stack([score.sigmoid(), (-score).sigmoid()])`"),
        "at score -10 minimax pushes with 0.00005 and the other loss with 0.99995, towards the same goal.",
    ),
    Exercise(
        "06.bilinear", "The game that circles outwards", "radius(r, lr, n)",
        "Two players start at distance `r` (B,) from the balance of x·y. In every step both move at once: x_new = x - lr y, y_new = y + lr x. How far away are they after `n` steps? Compute x_new^2 + y_new^2 on paper first.",
        game_radius, lambda g: [(1 + torch.rand(b, generator=g, dtype=torch.float64), lr, n) for b, lr, n in ((4, 0.2, 1), (3, 0.1, 50), (5, 0.5, 7))],
        _slips(
            (lambda r, lr, n: r * (1 + lr**2) ** n, "This multiplies the distance by what multiplies its square: take the root, that is, half the exponent."),
            (lambda r, lr, n: r + 0 * lr * n, "It looks as if the distance stays: that holds for infinitely small steps only; here the term lr^2 is left."),
            (lambda r, lr, n: r * (1 + lr) ** n, "It looks as if the distance grows by lr in a step: the step is at a right angle to the radius, so Pythagoras gives sqrt(1 + lr^2)."),
            (lambda r, lr, n: r * (1 - lr**2) ** (n / 2), "It looks as if there is a minus in the squares: the mixed terms -2 lr x y and +2 lr x y cancel, and both lr^2 are added."),
            (lambda r, lr, n: r * (1 + n * lr**2) ** 0.5, "It looks as if the squared step is added n times: the step grows with the distance, so multiply n times."),
            (lambda r, lr, n: r * n * (1 + lr**2) ** 0.5, "It looks as if one step's factor is multiplied by n: n steps are n factors, a power."),
            (lambda r, lr, n: r * (1 + lr**2) ** 0.5 + 0 * n, "This is after one step: n of them multiply."),
            (lambda r, lr, n: r**2 * (1 + lr**2) ** n, "This is the square of the distance: take the root at the end."),
        ),
        ("x_new^2 + y_new^2 = (x - lr y)^2 + (y + lr x)^2. Which terms cancel?",
         "It is (1 + lr^2)(x^2 + y^2): the square of the distance gets the same factor in every step.",
         "r * (1 + lr**2) ** (n / 2)"),
        "for steps of both at once, a smaller learning rate only makes the way out slower. What ends elsewhere is another step (in turns, or with a look ahead) or another game.",
    ),
    Exercise(
        "06.ahead", "Looking one step ahead", "radius(r, lr, n)",
        "The same game, another step. Each player first looks where both would be after a step, x_look = x - lr y and y_look = y + lr x, and then steps from the old place by what it has seen there: x_new = x - lr y_look, y_new = y + lr x_look. They start at distance `r` (B,). How far from the balance are they after `n` steps?",
        radius_ahead, lambda g: [(1 + torch.rand(b, generator=g, dtype=torch.float64), lr, n) for b, lr, n in ((4, 0.2, 1), (3, 0.1, 50), (5, 0.5, 7))],
        _slips(
            (lambda r, lr, n: r * (1 + lr**2) ** (n / 2), "This is the game without looking ahead: put x_look and y_look into the step, and multiply out."),
            (lambda r, lr, n: r * (1 - lr**2 + lr**4) ** n, "This multiplies the distance by what multiplies its square: take the root, that is, half the exponent."),
            (lambda r, lr, n: r * (1 - lr**2) ** n, "It looks as if the sideways part is forgotten: x_new = (1 - lr^2) x - lr y, and the lr y counts as well."),
            (lambda r, lr, n: r * (1 - lr**2) ** (n / 2), "Nearly: (1 - lr^2)^2 is 1 - 2 lr^2 + lr^4, and with lr^2 from the sideways part that leaves 1 - lr^2 + lr^4."),
            (lambda r, lr, n: r * (1 + lr**2 + lr**4) ** (n / 2), "It looks as if a sign is turned round: x_look pulls back, x_new = x - lr (y + lr x) = (1 - lr^2) x - lr y."),
            (lambda r, lr, n: r * ((1 + lr**2) ** 2 + lr**2) ** (n / 2), "It looks as if a sign is turned round: x_new = x - lr (y + lr x) = (1 - lr^2) x - lr y."),
            (lambda r, lr, n: r * (1 - lr**2 + lr**4) ** 0.5 + 0 * n, "This is after one step: n of them multiply."),
            (lambda r, lr, n: r**2 * (1 - lr**2 + lr**4) ** n, "This is the square of the distance: take the root at the end."),
            (lambda r, lr, n: r + 0 * lr * n, "It looks as if the distance stays: compute x_new^2 + y_new^2."),
        ),
        ("Put x_look and y_look into the step: x_new is a number times x plus a number times y.",
         "x_new = (1 - lr^2) x - lr y and y_new = (1 - lr^2) y + lr x. Square and add; the mixed terms cancel.",
         "r * (1 - lr**2 + lr**4) ** (n / 2)"),
        "below r for every lr between 0 and 1: in the same game, with the same learning rate, another kind of step arrives.",
        "This step is called extragradient.",
    ),
    Exercise(
        "07.coverage", "Who is covered?", "covered(samples, real, k)",
        "Around each of the `real` points (N, D) lies a ball that just reaches its `k`-th nearest other real point. Which balls hold a sample, of `samples` (M, D), strictly inside? Return 1.0 for those and 0.0 for the others, (N,): their mean is the coverage.",
        _covers(), lambda g: [(spread * _noise((m, d), g), _noise((n, d), g), k) for m, n, d, k, spread in ((40, 30, 2, 3, 0.5), (25, 40, 5, 5, 0.8), (15, 20, 3, 2, 0.7))],
        _slips(
            (_covers(reach=lambda s, r, k: torch.cdist(r, r).kthvalue(k).values), "Each real point is its own first neighbour here, at distance 0: ask for the (k + 1)-th smallest of its distances."),
            (_covers(reach=lambda s, r, k: torch.cdist(r, s).kthvalue(k).values), "The balls reach to the k-th *sample*: they belong to the real points alone, or they grow until they hold whatever there is."),
            (_covers(reach=lambda s, r, k: torch.cdist(r, r).kthvalue(k + 1).values.mean().expand(len(r))), "All balls have one size: each reaches to its own k-th neighbour, so that they are small where the data are dense."),
            (_covers(reach=lambda s, r, k: torch.cdist(r, r).kthvalue(k + 1).values ** 2), "It looks as if a distance is compared with a squared radius: both squared, or neither."),
            (_covers(rule=lambda near: near.double().mean(1)), "This is the share of all samples that lie in each ball: one sample inside is enough, and ten count no more."),
            (_covers(rule=lambda near: near.sum(1)), "This counts the samples in each ball, as density does: for coverage one is enough."),
            (lambda s, r, k: (torch.cdist(s, r) < torch.cdist(r, r).kthvalue(k + 1).values).any(1).double(), "This asks which *samples* lie in a ball: that is precision. Coverage asks which real points' balls are not empty."),
            (lambda s, r, k: (torch.cdist(r, s) < torch.cdist(s, s).kthvalue(min(k + 1, len(s))).values).any(1).double(), "These are balls around the samples: that is recall, which a few samples far out can raise with huge balls. Put them around the real points."),
        ),
        ("Two tables of distances: real to real for the balls, real to samples for what lies inside.",
         "In `torch.cdist(real, real)` each row has a 0 for the point itself; `kthvalue(k + 1).values` is the distance to the k-th other one.",
         "`(torch.cdist(real, samples) < radius[:, None]).any(1).double()`"),
        "and its mean for perfect samples is not 1: some balls stay empty by luck. `metrics.coverage_ceiling` has the closed form.",
        "The library has it, with three more, in `metrics.neighbourhoods`.",
    ),
    Exercise(
        "07.wilson", "0 of 5 is not never", "interval(hits, n, z)",
        "`hits` of `n` runs failed, (B,) each. Return Wilson's interval for the share that fails in the long run, (2, B), low and high. With p = hits / n and w = z²/n: the middle is (p + w/2) / (1 + w), half the width z / (1 + w) · sqrt(p (1 - p) / n + w / (4 n)).",
        wilson_interval, lambda g: [(torch.tensor(h).double(), torch.tensor(n).double(), z) for h, n, z in (([0.0, 5, 2], [5.0, 5, 5], 1.96), ([1.0, 9, 0, 50], [10.0, 10, 20, 60], 1.96), ([3.0, 7], [8.0, 12], 1.0))],
        _slips(
            (lambda h, n, z: torch.stack([h / n - z * (h / n * (1 - h / n) / n) ** 0.5, h / n + z * (h / n * (1 - h / n) / n) ** 0.5]), "This is p ± z sqrt(p (1 - p) / n): with 0 of 5 its width is 0, as if the coin were known. Wilson's has w in it."),
            (lambda h, n, z: wilson_interval(h, n, z) * (1 + z**2 / n), "The division by 1 + w is missing."),
            (lambda h, n, z: torch.stack([h / n - _half_width(h, n, z), h / n + _half_width(h, n, z)]), "The middle is p itself: Wilson's is drawn towards one half, (p + w/2) / (1 + w)."),
            (lambda h, n, z: wilson_interval(h, n, z).flip(0), "Low and high are exchanged."),
            (lambda h, n, z: _wilson_without(h, n, z), "The term w / (4 n) under the root is missing: for 0 failures nothing would be left of the width."),
            (lambda h, n, z: wilson_interval(h, n, z**0.5), "It looks as if w = z / n: the square is missing, w = z²/n."),
            (lambda h, n, z: torch.stack([wilson_interval(h, n, z).mean(0) - 2 * _half_width(h, n, z), wilson_interval(h, n, z).mean(0) + 2 * _half_width(h, n, z)]), "Half the width goes to each side, not the whole of it."),
            (lambda h, n, z: wilson_interval(h, n, z).mean(0).expand(2, -1), "This is the middle twice: subtract half the width for low, add it for high."),
        ),
        ("Compute p and w first; both are (B,).",
         "`middle = (p + w / 2) / (1 + w)` and `half = z / (1 + w) * (p * (1 - p) / n + w / (4 * n)) ** 0.5`.",
         "`torch.stack([middle - half, middle + half])`"),
        "0 failures of 5 still allow a share of up to 43 %, and 0 of 10 of up to 28 %.",
        "The library has it for one pair of numbers: `metrics.wilson`.",
    ),
    Exercise(
        "07.even", "From how many samples on?", "even(training_a, drawing_a, training_b, drawing_b)",
        "a needs `training_a` seconds of training and `drawing_a` seconds for each sample, b needs `training_b` and `drawing_b`, all (B,). a trains longer and draws faster. For how many samples, (B,), do both take equally long in all? (A fraction is fine.)",
        from_how_many, _race_cases,
        _slips(
            (lambda a, p, b, q: (a - b) / (p - q), "The sign is turned: a has to make up a - b, and gains drawing_b - drawing_a with each sample."),
            (lambda a, p, b, q: (a - b) / q, "It looks as if a drew for nothing: with each sample it gains only the difference."),
            (lambda a, p, b, q: a / (q - p), "It looks as if b needed no training: only the difference has to be made up."),
            (lambda a, p, b, q: (q - p) / (a - b), "This is upside down: seconds to make up, divided by seconds gained with each sample."),
            (lambda a, p, b, q: (a + b) / (q - p), "The trainings are added: the difference has to be made up."),
            (lambda a, p, b, q: (a - b) / (p + q), "The drawing times are added: with each sample a gains their difference."),
            (lambda a, p, b, q: a / p - b / q, "Solve training_a + n drawing_a = training_b + n drawing_b for n."),
        ),
        ("Write down both totals for n samples.",
         "training_a + n drawing_a = training_b + n drawing_b. Bring n to one side.",
         "(training_a - training_b) / (drawing_b - drawing_a)"),
        "below that number the quick learner is cheaper, above it the quick painter.",
        "`arena.break_even` also knows the cases in which one is cheaper for every n.",
    ),
    Exercise(
        "07.enough", "How many runs are enough?", "runs_needed(share, z)",
        "You want to be able to write \"it fails in at most the share u of all runs\". None of your n runs has failed. From how many runs n on does Wilson's interval end at u or below? `share` (B,) holds several u; return the smallest whole n for each, (B,), as floating-point numbers.",
        runs_needed, lambda g: [(torch.tensor(u, dtype=torch.float64), z) for u, z in (([0.1, 0.05, 0.2, 0.33], 1.96), ([0.15, 0.3], 2.0), ([0.12, 0.07, 0.4], 1.64))],
        _slips(
            (lambda u, z: z**2 * (1 - u) / u, "The formula is right, but there are no fractions of a run: take the next whole number, `.ceil()`."),
            (lambda u, z: (z**2 * (1 - u) / u).floor(), "It looks as if this is rounded down: with so few runs the interval still reaches beyond u."),
            (lambda u, z: (z**2 * (1 - u) / u).round(), "It looks as if this is rounded to the nearest: the interval must end at u or below, so round up."),
            (lambda u, z: (z**2 / u).ceil(), "It looks as if the division by 1 + w is forgotten: with 0 failures the upper end is w / (1 + w)."),
            (lambda u, z: (z * (1 - u) / u).ceil(), "It looks as if w = z / n: the square is missing, w = z^2 / n."),
            (lambda u, z: (z**2 * u / (1 - u)).ceil(), "It looks as if a fraction is upside down: the smaller the share you want to rule out, the more runs it takes."),
            (lambda u, z: (3 / u).ceil(), "This is the \"rule of three\", another interval, with 95 % on one side: Wilson's, with the given z, is asked for."),
            (lambda u, z: (math.log(0.05) / (1 - u).log()).ceil(), "This is the exact one-sided answer, (1 - u)^n = 0.05: Wilson's interval, with the given z, is asked for."),
            (lambda u, z: (1 / u).ceil(), "This is how many runs one failure is expected in: luck alone often spares so few."),
        ),
        ("Put 0 hits into Wilson's interval. What is left of its upper end?",
         "With p = 0 middle and half the width are both (w/2) / (1 + w), so it ends at w / (1 + w), where w = z^2 / n. Solve w / (1 + w) <= u for n.",
         "(z**2 * (1 - share) / share).ceil()"),
        "35 runs without a failure for \"at most 10 %\" at 95 %, and 73 for \"at most 5 %\": five seeds say little about rare failures.",
    ),
    Exercise(
        "09.z", "One z, by the reparametrisation trick", "draw_z(mu, logvar, noise)",
        "The encoder says q(z | x) = N(mu, exp(logvar)), number by number; `mu` and `logvar` are (B, d). Turn `noise` (B, d), drawn from N(0, I), into a z from q(z | x), so that gradients find their way back to mu and logvar.",
        reparametrised, lambda g: [tuple(_noise(shape, g) for _ in range(3)) for shape in ((4, 2), (3, 16), (1, 8))],
        _slips(
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
        kl_to_standard, lambda g: [(_noise(shape, g), _noise(shape, g)) for shape in ((4, 2), (3, 16), (2, 5))],
        _slips(
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
        _slips(
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
        _slips(
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
        best_s, lambda g: [(scale * _noise(shape, g) + shift,) for shape, scale, shift in (((4, 8), 0.3, 0.1), ((3, 64), 1.0, 0.5), ((5, 16), 2.0, -1.0))],
        _slips(
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
)}
