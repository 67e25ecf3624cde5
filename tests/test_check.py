"""The checker is checked: right answers pass however they are written, and every known slip is called by its own name."""

import dataclasses
import json
import math
import re
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_lib.course import checking as c
from diffusion_lib.course import prediction as predictions
from diffusion_lib.course.checking import check, exercises, hint, judge, same, solution
from diffusion_lib.course.exercise import stops
from diffusion_lib.course.note import _KINDS, Note
from diffusion_lib.course.prediction import predict
from diffusion_lib.diffusion import (
    Schedule,
    add_noise,
    convert,
    forward_step,
    log_q_chain,
    reverse_step,
    sample,
)
from diffusion_lib.evaluation.metrics import copied, mode_report, nearest, neighbourhoods, wilson
from diffusion_lib.oracle import mixture_denoiser

pytestmark = pytest.mark.usefixtures("one_thread")

EXERCISES = exercises()
FUNCTIONS = [e for e in EXERCISES.values() if e.arguments]
NUMBERS = [e for e in EXERCISES.values() if not e.arguments]
SLIPS = [(e, slip) for e in EXERCISES.values() for slip in e.slips]


def by_name(e):
    return e.name if hasattr(e, "name") else None


def cases(e):
    return e.cases(torch.Generator().manual_seed(1))


def as_answer(e, function):
    """What a learner would hand over: the function, or the number that it gives."""
    return function if e.arguments else function(*cases(e)[0])


def say(name, answer, capsys):
    check(name, answer)
    return capsys.readouterr().out


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
    slope = -((1 - (real @ d).sigmoid())[:, None] * real).mean(0) + (
        (fake @ d).sigmoid()[:, None] * fake
    ).mean(0)
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
    "09.best_s": [lambda e: e.norm(dim=1) / e.shape[1] ** 0.5],
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


def test_the_dial_is_the_librarys():
    for case in cases(EXERCISES["09.dial"]):
        assert float(EXERCISES["09.dial"].reference(*case).mean()) == copied(*case)["share"]


def test_the_bell_curves_denoiser_is_the_oracles():
    for xt, m, width, t, schedule in cases(EXERCISES["03.bell"]):
        model = mixture_denoiser(torch.full((1, *xt.shape[1:]), m, dtype=xt.dtype), width, schedule)
        torch.testing.assert_close(
            EXERCISES["03.bell"].reference(xt, m, width, t, schedule), model.x0_hat(xt, t)
        )


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
            "".join(c["source"])
            for c in json.loads(path.read_text("utf-8"))["cells"]
            if c["cell_type"] == "code"
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


def test_gradients_and_numbers_of_any_make_are_welcome():
    e = EXERCISES["01.step"]
    assert judge(e, lambda *a: e.reference(*a).requires_grad_()).kind == "right"
    for number in (497, 497.0, torch.tensor(497), torch.tensor([497]), np.int64(497), Fraction(497)):
        assert judge(EXERCISES["01.half"], number).kind == "right"


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
]  # fmt: skip


TABLE = Schedule.of("cosine", 1000).alpha_bar  # as a notebook's cells have it, outside the function


def walk_without_xs(model, xT, schedule, noises):
    for t in range(schedule.T, 0, -1):
        xT = reverse_step(xT, model(xT, t), t, t - 1, schedule, noises[t])
    return xT


# what used to be told as raw numbers, or in a tool's own words
TOLD = [
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


@pytest.mark.parametrize(("name", "function", "words"), NATURAL + TOLD)
def test_slips_in_other_words(name, function, words):
    note = judge(EXERCISES[name], function)
    assert note.kind == "wrong"
    assert (
        words in note.text if words else note.text not in [said for _, said in EXERCISES[name].slips.values()]
    )
    assert "largest difference" not in note.text or words is None


# ---------------------------------------------------------------------------------------- not yet


def computes_with_dots(*args):
    weight = ...
    return weight * args[0]


def counts_to_dots(*args):
    for t in range(...):
        print(t)


def not_implemented(*args):
    raise NotImplementedError


STUBS = [lambda *a: None, lambda *a: ..., computes_with_dots, counts_to_dots, not_implemented]


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_unfilled_is_not_yet(e, capsys):
    for stub in (None, ..., *(STUBS if e.arguments else [])):
        said = say(e.name, stub, capsys)
        assert said.startswith("○ Not yet: fill in ") and f'hint("{e.name}")' in said


# ---------------------------------------------------------------------------------------- wrong in no known way


def test_unknown_slip_gets_the_largest_difference_and_its_place(capsys):
    def five_more_at_one_place(xs, t, eps, schedule):
        x = EXERCISES["01.step"].reference(xs, t, eps, schedule)
        if t == 5 and x.shape == (4, 2):
            x[3, 1] += 5
        return x

    said = say("01.step", five_more_at_one_place, capsys)
    assert (
        "✗ Try again: The largest difference is 5, with t = 5, T = 10, xs of shape (4, 2): at [3, 1] expected "
        in said
    )
    expected, got = (float(word.strip(",.\n ")) for word in said.split("expected ")[1].split("but got "))
    assert got - expected == pytest.approx(5, abs=1e-4)


@pytest.mark.parametrize("e", FUNCTIONS, ids=by_name)
def test_an_unrelated_function_is_no_known_slip(e):
    def unrelated(*args):
        return (e.reference(*args) * 3 + 7).to(e.reference(*args).dtype)

    assert "The largest difference is " in judge(e, unrelated).text


FAULTS = {
    "The shape is (": lambda right: right[:-1],
    "a list, but should be a tensor": lambda right: right.tolist(),
    "a tuple, but should be a tensor": lambda right: (right, 0),
    "The numbers are torch.": lambda right: right.long() if right.is_floating_point() else right.double(),
    "There is NaN or infinity": lambda right: right * math.nan,
    "There is NaN or infinity ": lambda right: right / 0,
}


@pytest.mark.parametrize("words", FAULTS)
@pytest.mark.parametrize("e", FUNCTIONS, ids=by_name)
def test_faults_of_form(e, words):
    note = judge(e, lambda *args: FAULTS[words](e.reference(*args)))
    if e.name in ("03.copy", "04.forgotten") and "NaN" in words:
        words = "The numbers are torch."  # NaN is no whole number either
    assert note.kind == "wrong" and words in note.text


def test_a_slip_is_known_by_its_values_whatever_their_kind():
    """Who counts in whole numbers makes the same slip, and fractions are not rounded to make them one."""
    near = lambda s, r, k: torch.cdist(r, s) < torch.cdist(r, r).kthvalue(k + 1).values[:, None]
    for kind in (torch.int64, torch.int32, torch.float32, torch.float64):
        note = judge(EXERCISES["07.coverage"], lambda s, r, k, kind=kind: near(s, r, k).sum(1).to(kind))
        assert "This counts the samples" in note.text, kind
    counts = lambda x: x.abs().floor().long() + 1
    e = dataclasses.replace(
        EXERCISES["07.coverage"],
        cases=lambda g: [(torch.randn(9),)],
        reference=lambda x: x,
        slips={"counts": (counts, "It counts.")},
    )
    assert judge(e, counts).text == judge(e, lambda x: counts(x).double()).text == "It counts."
    assert judge(e, lambda x: counts(x) + 0.5).text != "It counts."


def test_a_return_missing_on_one_way_only():
    def only_late(xs, t, eps, schedule):
        if t > 1:
            return EXERCISES["01.step"].reference(xs, t, eps, schedule)

    assert (
        "nothing (is a `return` missing?), but should be a tensor, with t = 1"
        in judge(EXERCISES["01.step"], only_late).text
    )


def breaks_at_the_end(xs, t, eps, schedule):
    b = schedule.beta[t]
    if t == schedule.T:
        return xs + schedule.betas[t]  # no such table
    return (1 - b).sqrt() * xs + b.sqrt() * eps


def test_errors_are_one_line_with_the_learners_own_line():
    text = judge(EXERCISES["01.step"], breaks_at_the_end).text
    assert "Your code stops with AttributeError: 'Schedule' object has no attribute 'betas'" in text
    assert (
        "(in `return xs + schedule.betas[t]  # no such table`), with t = 10, T = 10" in text
        and "\n" not in text
    )


def test_an_error_inside_the_library_points_at_the_learners_line():
    text = judge(EXERCISES["03.guess"], lambda xt, e, t, s: convert(e, "noise", "x0", xt, t, s)).text
    assert "A network cannot predict 'noise'" in text and 'convert(e, "noise"' in text


def test_wrong_arguments_and_values_for_functions():
    e = EXERCISES["01.step"]
    assert "takes 2 positional arguments but 4 were given" in judge(e, lambda xs, t: xs).text
    assert judge(e, torch.zeros(3)).text == "Hand over the function itself, without brackets."
    assert judge(EXERCISES["01.half"], len).text == "Hand over a number, not a function."


def test_numbers_are_judged_without_giving_them_away():
    e = EXERCISES["01.half"]
    assert judge(e, 3).text == "That is too small." and judge(e, 700).text == "That is too large."
    assert "whole number" in judge(e, 0.26).text and "whole number" in judge(e, "497").text
    assert not any("497" in judge(e, n).text for n in (3, 700, 0.26, 496, 498, 500, [497]))


def test_drawing_own_noise_is_noticed():
    e = EXERCISES["01.step"]
    assert (
        "another one each time"
        in judge(e, lambda xs, t, eps, s: e.reference(xs, t, torch.randn_like(xs), s)).text
    )


def test_input_changed_in_place_fools_nobody():
    e = EXERCISES["01.step"]

    def zeroes_everything(xs, t, eps, schedule):
        schedule.alpha_bar.fill_(1)
        eps.zero_()
        return xs.zero_()

    def right_but_careless(xs, t, eps, schedule):
        xs *= schedule.alpha[t].sqrt()
        xs += schedule.beta[t].sqrt() * eps
        return xs

    assert judge(e, zeroes_everything).kind == "wrong"
    assert "right, but your function also changes `xs`" in judge(e, right_but_careless).text
    assert judge(e, e.reference).kind == "right"


def test_a_result_that_is_changed_later_is_judged_as_it_was():
    e, kept = EXERCISES["01.step"], {}

    def one_box_for_all(xs, t, eps, schedule):
        box = kept.setdefault(xs.shape, torch.empty_like(xs))
        return box.copy_(e.reference(xs, t, eps, schedule))

    assert judge(e, one_box_for_all).kind == "right"


# ---------------------------------------------------------------------------------------- hint, solution, same


def test_hints_come_one_by_one_and_the_last_one_stays(capsys, monkeypatch):
    monkeypatch.setattr(c, "_hints_given", {})
    said = []
    for _ in range(4):
        hint("01.jump")
        said.append(capsys.readouterr().out)
    assert [s.split(":")[0] for s in said] == [f"▸ Hint {n} of 3" for n in (1, 2, 3, 3)]
    assert all(h in s for h, s in zip(EXERCISES["01.jump"].hints, said, strict=False))
    assert 'solution("01.jump")' in said[2] and 'solution("01.jump")' not in said[1]
    hint("01.step")
    assert "Hint 1" in capsys.readouterr().out


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_solution_shows_code(e, capsys):
    solution(e.name)
    said = capsys.readouterr().out
    assert f"def {e.reference.__name__}(" in said and "return " in said


@pytest.mark.parametrize("verb", [hint, solution, lambda name: check(name, None)])
def test_unknown_name_is_one_sentence_with_the_known_ones(verb):
    with pytest.raises(
        ValueError, match=r"no exercise called '01.leap': choose one of 01.step, 01.jump, .*03.copy.*\.$"
    ):
        verb("01.leap")


def test_same(capsys):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    for other, words in (
        (x.double() + 1e-7, "✓ The same: largest difference 1e-07"),
        (x * 1.01, "✗ Not the same: largest difference 0.0"),
        (x[0], "✗ Not the same: The shape is (3, 4), but should be (4,)"),
        (x[None], "✓ The same: largest difference 0."),
    ):
        same(x, other)
        assert words in capsys.readouterr().out


def test_notes_escape_and_never_rely_on_colour():
    def bad(*args):
        raise RuntimeError("<script>alert(1)</script>")

    for shown in (judge(EXERCISES["01.step"], bad), Note("open", "<b>", "<i>", (("<u>", "<s>"),), "<p>")):
        html = shown._repr_html_()
        assert not any(tag in html for tag in ("<script", "<i>", "<u>", "<s>", "<p>"))
        assert shown.title in ("Try again", "<b>") and _KINDS[shown.kind][0] in html
        assert "&lt;" in html and "font-size:17px" in html and "var(--jp-" in html


# ---------------------------------------------------------------------------------------- predict


@pytest.fixture
def guess():
    return predict("Do densities add or multiply?", ["add", "multiply"])


@pytest.fixture
def boxes(monkeypatch):
    """What reveal puts on the screen."""
    shown = []
    monkeypatch.setattr(predictions, "display", shown.append)
    return shown


def test_guess_is_recorded_and_may_change(guess):
    assert guess.guess is None
    guess.buttons[0].click()
    assert guess.guess == "add" and [b.description for b in guess.buttons] == ["● add", "○ multiply"]
    guess.buttons[1].click()
    assert guess.guess == "multiply" and [b.description for b in guess.buttons] == ["○ add", "● multiply"]
    assert "multiply" in guess.children[0].value


def test_reveal_after_the_guess_opens_at_once_and_locks(guess, boxes):
    guess.buttons[1].click()
    guess.reveal("multiply", because="each step must happen.")
    said = repr(boxes[0])
    assert said.startswith("✓ Well guessed: each step must happen.")
    assert "You guessed: multiply" in said and "It is: multiply" in said
    assert all(b.disabled for b in guess.buttons)
    guess.buttons[0].click()
    assert guess.guess == "multiply"


def test_reveal_before_the_guess_holds_the_outcome_back_and_then_opens(guess, boxes):
    guess.reveal("multiply", because="each step must happen.")
    (box,) = boxes
    assert "Make your guess first (above)" in box.value
    assert not any(word in str(box.get_state()) + repr(box) for word in ("multiply", "each step"))
    assert not any(b.disabled for b in guess.buttons)
    guess.buttons[0].click()
    for words in ("Not this time", "You guessed", "add", "It is", "multiply", "each step must happen."):
        assert words in box.value and words in repr(box)
    assert guess.revealed and all(b.disabled for b in guess.buttons)


def test_a_reveal_cell_may_run_twice(guess, boxes):
    for _ in range(2):
        guess.reveal("multiply", because="so.")
    guess.buttons[1].click()
    guess.reveal("multiply", because="so.")
    assert ["Well guessed" in box.value for box in boxes] == [True] * 3


def test_clicks_from_another_thread(boxes):
    """As in JupyterLab: whichever comes first, click or reveal, the box opens in the end and shows the locked guess."""
    for _ in range(30):
        guess = predict("?", ["a", "b"])
        boxes.clear()
        clicks = [threading.Thread(target=b.click) for b in guess.buttons]
        for thread in clicks:
            thread.start()
        guess.reveal("a", because="so.")
        for thread in clicks:
            thread.join()
        assert guess.revealed and f"You guessed: <b>{guess.guess}</b>" in boxes[0].value


def test_predict_escapes_everything(boxes):
    guess = predict("<script>?", ["<b>yes</b>", "no"])
    guess.reveal("no", because="<img src=x>")
    guess.buttons[0].click()
    stored = guess._repr_mimebundle_()["text/html"]
    for html in (guess.children[0].value, boxes[-1].value, stored):
        assert not any(tag in html for tag in ("<script", "<img", "<b>yes"))


def test_impossible_predictions_are_one_sentence(guess):
    with pytest.raises(ValueError, match=r"The outcome 'divide' is none of the options: add, multiply\."):
        guess.reveal("divide", because="")
    for options in ([], ["one"], ["a", "a"], ["a", 1], ["a", ""]):
        with pytest.raises(ValueError, match="at least two options, all different words"):
            predict("?", options)


def test_stored_words_do_not_spoil_the_answer(guess, boxes):
    guess.reveal("multiply", because="each step must happen.")
    bundle = boxes[0]._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "multiply" not in str(bundle)
    assert "Choose one: add / multiply" in guess._repr_mimebundle_()["text/plain"]


# ---------------------------------------------------------------------------------------- in a notebook


@pytest.mark.heavy
def test_a_notebook_runs_through_unfilled_and_filled(tmp_path):
    sources = [
        "from diffusion_lib.course import check, hint, predict, solution",
        "def mine(xs, t, eps, schedule):\n    return ...\n\ncheck('01.step', mine)",
        "def mine(xs, t, eps, schedule):\n    return schedule.alpha[t].sqrt() * xs + schedule.beta[t] * eps\n\ncheck('01.step', mine)",
        "def mine(xs, t, eps, schedule):\n    return xs @ eps @ schedule\n\ncheck('01.step', mine)",
        "hint('01.step')\nsolution('01.step')",
        "guess = predict('Add or multiply?', ['add', 'multiply'])",
        "guess.reveal('multiply', because='each step must happen')",
        "guess.buttons[1].click(); print(guess.guess)",
        "guess.reveal('multiply', because='each step must happen')",
    ]
    import nbformat  # a second and a half
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    said = [
        "".join(o.get("text") or o["data"]["text/plain"] for o in cell.outputs) for cell in notebook.cells
    ]
    for text, words in zip(
        said[1:],
        [
            "○ Not yet: fill in `mine`",
            "the square root of beta is missing",
            "(in `return xs @ eps @ schedule`)",
            "def forward_step(",
            "Choose one: add / multiply",
            "Make your guess first",
            "multiply",
            "✓ Well guessed",
        ],
        strict=True,
    ):
        assert words in text
    assert "each step" not in said[6] and all("text/html" in o.data for o in notebook.cells[2].outputs)
