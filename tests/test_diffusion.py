"""The mathematics of noise against closed forms, Bayes' rule and autograd (float64, so that only algebra is tested)."""

import math
import warnings
from itertools import pairwise

import pytest
import torch
from small import dice
from torch import tensor
from torch.testing import assert_close

from diffusion_lib import data
from diffusion_lib.diffusion import (
    PREDICTIONS,
    SCHEDULES,
    Schedule,
    add_noise,
    convert,
    forward_path,
    forward_step,
    log_normal,
    log_q_chain,
    log_q_jump,
    log_q_step,
    posterior,
)
from diffusion_lib.evaluation import metrics
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser
from diffusion_lib.sampling import SAMPLERS, guess_x0, log_p_step, reverse_step, sample
from diffusion_lib.trace import Trace

F64 = torch.float64
TS = (5, 10, 20, 50, 100, 1000)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
exactly = {"rtol": 1e-12, "atol": 1e-12}


def randn(*shape, seed=0, dtype=F64):
    return torch.randn(*shape, generator=dice(seed), dtype=dtype)


@pytest.fixture(params=SCHEDULES)
def name(request):
    return request.param


# ---------------------------------------------------------------------------------------------------- schedules


@pytest.mark.parametrize("T", TS)
def test_schedule_falls_from_data_to_noise(name, T):
    s = Schedule.of(name, T)
    a = s.alpha_bar
    assert a.dtype == F64 and a.shape == (T + 1,) and s.T == T and a[0] == 1
    assert bool((a[1:] < a[:-1]).all()) and bool((a > 0).all())
    assert s.terminal_kl(torch.ones(1, 1)) < 1e-3
    assert_close(s.alpha.cumprod(0), a, **exactly)
    assert bool((s.beta[1:] > 0).all()) and bool((s.beta[1:] < 1).all()) and s.beta[0] == 0
    assert s.snr_db[0] == math.inf


def test_the_table_keeps_the_digits_of_a_small_step():
    """In float32, 1 - alpha_bar[1] would be wrong in its fourth digit."""
    beta = torch.full((1000,), 1e-4, dtype=F64).cumsum(0)
    small = 1 - Schedule.from_beta(beta).alpha_bar[1]
    assert float(small) == pytest.approx(1e-4, rel=1e-10)


def test_schedule_does_not_depend_on_how_many_steps_it_is_cut_into(name):
    assert_close(Schedule.of(name, 1000).alpha_bar[::10], Schedule.of(name, 100).alpha_bar, **exactly)


def test_linear_is_the_paper_table():
    paper = Schedule.from_beta(torch.linspace(1e-4, 0.02, 1000, dtype=F64))
    assert (paper.alpha_bar - Schedule.of("linear", 1000).alpha_bar).abs().max() < 9e-4


def test_cosine_is_nichol_and_dhariwals_up_to_its_floor():
    u = torch.arange(1001, dtype=F64) / 1000
    f = torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    assert (Schedule.of("cosine", 1000).alpha_bar - f / f[0]).abs().max() < 1.1e-4


@pytest.mark.parametrize("curved", ("cosine", "sigmoid", "flow"))
def test_a_curved_schedule_ends_at_its_floor(curved):
    assert float(Schedule.of(curved, 7).alpha_bar[-1]) == pytest.approx(1e-4, rel=2e-4)


def test_terminal_kl_is_the_kl_of_two_gaussians():
    s, x0 = Schedule.of("linear", 20), randn(6, 3)
    a = s.alpha_bar[-1]
    p = torch.distributions.Normal(a.sqrt() * x0, (1 - a).sqrt())
    q = torch.distributions.Normal(tensor(0.0, dtype=F64), tensor(1.0, dtype=F64))
    assert s.terminal_kl(x0) == pytest.approx(float(torch.distributions.kl_divergence(p, q).mean()), rel=1e-9)


def test_times_go_from_T_to_0_in_n_steps(name):
    s = Schedule.of(name, 50)
    assert s.times() == list(range(50, -1, -1))
    assert s.times(1) == [50, 0]
    for n in range(1, 51):
        times = s.times(n)
        assert len(times) == n + 1 and times[0] == 50 and times[-1] == 0
        assert all(t > u for t, u in pairwise(times))


@pytest.mark.parametrize("even", ["snr", "karras"])
def test_times_of_other_rulers_go_from_T_to_0_in_n_steps(even):
    s = Schedule.of("cosine", 50)
    for n in (1, 2, 7, 20, 49, 50):
        times = s.times(n, even)
        assert len(times) == n + 1 and times[0] == 50 and times[-1] == 0
        assert all(t > u for t, u in pairwise(times))
    assert times == list(range(50, -1, -1))


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_karras_times_are_nearest_to_equation_5(name):
    """sigma_i = (max^(1/7) + i/(n-1) (min^(1/7) - max^(1/7)))^7, in EDM's own letters."""
    s, n = Schedule.of(name, 1000), 8
    sigma = [math.sqrt((1 - a) / a) for a in s.alpha_bar.tolist()]
    low, high = sigma[1] ** (1 / 7), sigma[1000] ** (1 / 7)
    for i, t in enumerate(s.times(n, "karras")[:-1]):
        wanted = (high + i / (n - 1) * (low - high)) ** 7
        ways = [abs(math.log(sigma[u] / wanted)) for u in (t - 1, t, t + 1) if 1 <= u <= 1000]
        assert min(ways) == pytest.approx(abs(math.log(sigma[t] / wanted)), abs=1e-3)


def test_a_new_schedule_is_one_line_and_shows_up(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "mine", lambda u: (1 - 0.999 * u) ** 2)
    assert Schedule.of("mine", 10).alpha_bar[5] == pytest.approx((1 - 0.4995) ** 2)


# ---------------------------------------------------------------------------------------------------- forward


@pytest.mark.parametrize("T", TS)
@pytest.mark.heavy
def test_iterated_steps_have_the_mean_and_variance_of_the_jump(name, T):
    """Identity 1: push a mean and a variance through T steps, which are affine in x and eps."""
    s = Schedule.of(name, T)
    x0, zero, one = tensor([[1.0]], dtype=F64), tensor([[0.0]], dtype=F64), tensor([[1.0]], dtype=F64)
    mean, var = x0, zero
    for t in range(1, T + 1):
        gain = forward_step(one, t, zero, s)
        mean, var = forward_step(mean, t, zero, s), gain**2 * var + forward_step(zero, t, one, s) ** 2
        assert_close(mean, add_noise(x0, t, zero, s), **exactly)
        assert_close(var, add_noise(zero, t, one, s) ** 2, **exactly)


def test_a_simulated_path_has_the_distribution_of_the_jump():
    s, x0 = Schedule.of("cosine", 20), torch.full((40_000, 1), 0.7, dtype=F64)
    path = forward_path(x0, s, dice())
    assert path.shape == (21, 40_000, 1) and torch.equal(path[0], x0)
    for t in (1, 5, 20):
        a = s.alpha_bar[t]
        se = ((1 - a) / 40_000).sqrt()
        assert abs(path[t].mean() - a.sqrt() * 0.7) < 4 * se
        assert abs(path[t].var() / (1 - a) - 1) < 4 * math.sqrt(2 / 40_000)


def test_each_picture_may_have_its_own_time(name):
    s, x0, eps = Schedule.of(name, 50), randn(4, 1, 8, 8), randn(4, 1, 8, 8, seed=1)
    t = tensor([1, 20, 50, 3])
    together = add_noise(x0, t, eps, s), forward_step(x0, t, eps, s)
    for i, one in enumerate(t.tolist()):
        pick = slice(i, i + 1)
        assert torch.equal(together[0][pick], add_noise(x0[pick], one, eps[pick], s))
        assert torch.equal(together[1][pick], forward_step(x0[pick], one, eps[pick], s))


def test_time_zero_is_the_data():
    x0 = randn(2, 3)
    assert torch.equal(add_noise(x0, 0, randn(2, 3, seed=1), Schedule.of("linear", 10)), x0)


# ---------------------------------------------------------------------------------------------------- log-densities


def test_log_densities_are_torchs(name):
    s, x0, xs, xt = (Schedule.of(name, 20), randn(5, 1, 4, 4), randn(5, 1, 4, 4, seed=1), randn(5, 1, 4, 4, seed=2))
    for t in (1, 7, 20):
        a, b = s.alpha_bar[t], s.beta[t]
        step = torch.distributions.Normal((1 - b).sqrt() * xs, b.sqrt()).log_prob(xt).flatten(1).sum(1)
        jump = torch.distributions.Normal(a.sqrt() * x0, (1 - a).sqrt()).log_prob(xt).flatten(1).sum(1)
        assert_close(log_q_step(xt, xs, t, s), step, **exactly)
        assert_close(log_q_jump(xt, x0, t, s), jump, **exactly)


@pytest.mark.parametrize("T", (5, 50))
def test_the_chain_read_forwards_is_the_chain_read_backwards(name, T):
    """For data N(m, v) everything is Gaussian, so q(x0) q(x_{1:T} | x0) = q(x_T) prod_t q(x_{t-1} | x_t), exactly."""
    s, m, v = Schedule.of(name, T), 0.3, 0.5
    x0 = m + math.sqrt(v) * randn(6, 2)
    path = forward_path(x0, s, dice(3))
    terms = log_q_chain(path, s)
    assert terms.shape == (T, 6)
    forwards = log_normal(x0, torch.full_like(x0, m), v) + terms.sum(0)

    a = s.alpha_bar
    d = a * v + 1 - a  # variance of q(x_t)
    backwards = log_normal(path[T], torch.full_like(x0, float(a[T].sqrt() * m)), d[T])
    for t in range(1, T + 1):
        gain = s.alpha[t].sqrt() * d[t - 1] / d[t]  # regression of x_{t-1} on x_t
        mean = a[t - 1].sqrt() * m + gain * (path[t] - a[t].sqrt() * m)
        backwards = backwards + log_normal(path[t - 1], mean, d[t - 1] - gain**2 * d[t])
    assert_close(forwards, backwards, rtol=1e-9, atol=1e-9)


def test_log_p_step_is_the_density_of_the_draw_and_nothing_where_nothing_is_drawn():
    s, x = Schedule.of("cosine", 10), randn(3, 2)
    step = reverse_step(x, randn(3, 2, seed=1), 5, 4, s, randn(3, 2, seed=2))
    want = torch.distributions.Normal(step.mean, step.sigma).log_prob(step.xs).sum(1)
    assert_close(log_p_step(step), want, **exactly)
    last = reverse_step(x, randn(3, 2, seed=1), 1, 0, s, randn(3, 2, seed=2))
    assert last.sigma == 0 and torch.equal(log_p_step(last), torch.zeros(3, dtype=F64))


# ---------------------------------------------------------------------------------------------------- conversions


@pytest.mark.parametrize("T", TS)
def test_every_prediction_says_the_same(name, T):
    """Identity 6, from the definitions and as round trips."""
    s, x0, eps = Schedule.of(name, T), randn(4, 3), randn(4, 3, seed=1)
    for t in {1, 2, T // 2, T}:
        a = s.alpha_bar[t]
        xt = a.sqrt() * x0 + (1 - a).sqrt() * eps
        words = {
            "eps": eps,
            "x0": x0,
            "v": a.sqrt() * eps - (1 - a).sqrt() * x0,
            "flow": eps - x0,
            "score": torch.distributions.Normal(a.sqrt() * x0, (1 - a).sqrt()).log_prob(xt) * 0 - eps / (1 - a).sqrt(),
        }
        assert set(words) == set(PREDICTIONS)
        for source in words:
            for target in words:
                got = convert(words[source], source, target, xt, t, s)
                # dividing by a small number costs its digits
                tol = 1e-12 / min(float(a.sqrt()), float((1 - a).sqrt()))
                assert_close(got, words[target], rtol=tol * 10, atol=tol * 10)


# ---------------------------------------------------------------------------------------------------- reverse


def bayes(xt, x0, t, s_, schedule):
    """q(x_s | x_t, x0) as the product of two Gaussians in x_s: q(x_s | x0) and q(x_t | x_s)."""
    a, b = schedule.alpha_bar[t], schedule.alpha_bar[s_]
    r = a / b
    precision = 1 / (1 - b) + r / (1 - r)
    mean = (b.sqrt() * x0 / (1 - b) + r.sqrt() * xt / (1 - r)) / precision
    return mean, 1 / precision


@pytest.mark.parametrize("T", TS)
@pytest.mark.parametrize("stride", (1, 3))
def test_ddpm_step_is_bayes_rule(name, T, stride):
    """Identities 2 and 3: mean from (x0, xt) = mean from eps = product of Gaussians; variance = beta_tilde; strided too."""
    s, x0, eps = Schedule.of(name, T), randn(4, 2), randn(4, 2, seed=1)
    for t in range(1 + stride, T + 1, max(1, T // 10)):
        xt = add_noise(x0, t, eps, s)
        mean, var = bayes(xt, x0, t, t - stride, s)
        step = reverse_step(xt, eps, t, t - stride, s, torch.zeros_like(eps))
        closed, closed_var = posterior(xt, x0, t, t - stride, s)
        assert_close(step.mean, mean, rtol=1e-10, atol=1e-10)
        assert_close(closed, mean, rtol=1e-10, atol=1e-10)
        assert_close(closed_var, var, rtol=1e-11, atol=0)
        assert step.sigma**2 == pytest.approx(float(var), rel=1e-11)


def test_ddpm_step_is_the_papers_algorithm_2(name):
    s, xt, eps, z = Schedule.of(name, 50), randn(3, 2), randn(3, 2, seed=1), randn(3, 2, seed=2)
    for t in range(2, 51):
        b, a = s.beta[t], s.alpha_bar[t]
        mean = (xt - b / (1 - a).sqrt() * eps) / (1 - b).sqrt()
        assert_close(reverse_step(xt, eps, t, t - 1, s, z, v=1.0).xs, mean + b.sqrt() * z, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("T", TS)
@pytest.mark.parametrize("eta", (0.0, 0.3, 1.0))
@pytest.mark.parametrize("v", (0.0, 1.0))
def test_the_last_step_returns_x0_hat(name, T, eta, v):
    s, xt, eps = Schedule.of(name, T), randn(3, 2), randn(3, 2, seed=1)
    step = reverse_step(xt, eps, 1, 0, s, randn(3, 2, seed=2), eta, v)
    assert step.sigma == 0
    assert_close(step.xs, step.x0_hat, **exactly)


@pytest.mark.parametrize("eta", (0.0, 0.5, 1.0))
@pytest.mark.parametrize("T", TS)
def test_true_noise_keeps_the_forward_marginals(name, T, eta):
    """Identity 4: with the true eps, x_s has mean sqrt(alpha_bar_s) x0 and variance 1 - alpha_bar_s, for any s and eta.

    At eta < 1 part of that variance is the old noise, so xs = sqrt(alpha_bar_s) x0 + direction eps + sigma z.
    """
    s, x0, zero, one = (Schedule.of(name, T), randn(3, 2), torch.zeros(3, 2, dtype=F64), torch.ones(3, 2, dtype=F64))
    for t in (2, T // 2 + 1, T):
        for to in {t - 1, t // 2, 1} - {t}:
            a = s.alpha_bar[to]
            still = reverse_step(add_noise(x0, t, zero, s), zero, t, to, s, zero, eta)
            assert_close(still.xs, a.sqrt() * x0, rtol=1e-11, atol=1e-11)
            moved = reverse_step(add_noise(x0, t, one, s), one, t, to, s, zero, eta)
            direction = moved.xs - a.sqrt() * x0
            total = direction**2 + moved.sigma**2
            assert_close(total, torch.full_like(total, float(1 - a)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("steps", (None, 7))
@pytest.mark.parametrize("eta,v", [(0.0, 0.0), (0.4, 0.0), (1.0, 0.0), (1.0, 1.0)])
def test_gaussian_data_have_a_closed_form_output(name, steps, eta, v):
    """Identity 8: for data N(m, v0) the optimal eps_hat is affine in x_t, so mean and variance follow a scalar recursion."""
    s, m, v0 = Schedule.of(name, 40), 0.4, 0.25
    a = s.alpha_bar

    def model(xt, t, y=None):
        at = a[t].reshape(-1, 1)
        return (1 - at).sqrt() * (xt - at.sqrt() * m) / (at * v0 + 1 - at)

    mean, var = 0.0, 1.0
    times = s.times(steps)
    for t, to in pairwise(times):
        at, as_ = float(a[t]), float(a[to])
        beta = 1 - at / as_
        tilde = (1 - as_) / (1 - at) * beta
        c = math.sqrt(1 - at) / (at * v0 + 1 - at)  # eps_hat = c (xt - sqrt(at) m)
        direction = math.sqrt(max(0.0, 1 - as_ - eta**2 * tilde))
        gain = math.sqrt(as_ / at) * (1 - math.sqrt(1 - at) * c) + direction * c
        shift = (math.sqrt(as_ / at) * math.sqrt(1 - at) - direction) * c * math.sqrt(at) * m
        sigma2 = 0.0 if to == 0 else eta**2 * (beta if v else tilde)
        mean, var = gain * mean + shift, gain**2 * var + sigma2
    # push three probes through: 0 and 1 give the affine part; the noise part is tested by the total variance of a sample
    n = 20_000
    xT = randn(n, 1)
    *_, last = sample(model, xT, s, steps, generator=dice(5), eta=eta, v=v)
    assert abs(last.xs.mean() - mean) < 5 * math.sqrt(var / n)
    assert abs(last.xs.var() / var - 1) < 5 * math.sqrt(2 / n)
    if eta == 0:  # no noise: exact
        got = [q for q in sample(model, tensor([[0.0], [1.0]], dtype=F64), s, steps, eta=0.0)][-1].xs
        assert_close(got[0, 0], tensor(mean, dtype=F64), rtol=1e-10, atol=1e-10)
        assert_close((got[1, 0] - got[0, 0]) ** 2, tensor(var, dtype=F64), rtol=1e-10, atol=1e-10)


def test_ddim_converges_with_order_one():
    """Identity 12: on Gaussian data the DDIM map tends to the exact flow, gain sqrt(v0 / var(x_T)), with error ~ 1/n."""
    s, v0 = Schedule.of("cosine", 2048), 0.25
    a = s.alpha_bar

    def model(xt, t, y=None):
        at = a[t].reshape(-1, 1)
        return (1 - at).sqrt() * xt / (at * v0 + 1 - at)

    exact = math.sqrt(v0 / float(a[-1] * v0 + 1 - a[-1]))
    errors = []
    for n in (32, 64, 128, 256):
        *_, last = sample(model, torch.ones(1, 1, dtype=F64), s, n, eta=0.0)
        errors.append(abs(float(last.xs) - exact))
    slopes = [math.log2(p / q) for p, q in pairwise(errors)]
    assert all(0.8 < k < 1.2 for k in slopes), slopes


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_guess_of_a_clipped_walk_is_louder_than_asked(sampler):
    """What a sampler makes of its guesses may be drawn out a little; the guess itself is not."""
    schedule, heard = Schedule.of("cosine", 40), []
    far = lambda xt, t, y=None: heard.append(xt) or 3 * torch.ones_like(xt)
    steps = list(sample(far, torch.randn(2, 1, 4, 4), schedule, 5, sampler=sampler, clip=0.5, predicts="x0"))
    assert len(heard) == SAMPLERS[sampler].calls(5)
    assert all(torch.allclose(step.x0_hat, torch.tensor(0.5), atol=1e-4) for step in steps)


def test_clip_keeps_x0_in_range_and_eps_consistent():
    s, xt = Schedule.of("cosine", 50), randn(4, 2) * 3
    step = next(sample(lambda *_: randn(4, 2, seed=1), xt, s, [40, 39], clip=1.0))
    assert step.x0_hat.abs().max() <= 1
    assert_close(add_noise(step.x0_hat, 40, step.eps_hat, s), xt, **exactly)
    assert_close(step.mean, posterior(xt, step.x0_hat, 40, 39, s)[0], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", (torch.float32, torch.float64))
@pytest.mark.parametrize("shape", ((3, 2), (2, 1, 8, 8), (1, 3, 5, 7)))
@pytest.mark.parametrize("eta", (0.0, 0.5, 1.0))
def test_shape_dtype_and_device_are_kept_and_float32_agrees_with_float64(name, device, dtype, shape, eta):
    s = Schedule.of(name, 20)
    x, eps, z = (randn(*shape, seed=i).to(device, dtype) for i in range(3))
    for out in (
        add_noise(x, 7, eps, s),
        forward_step(x, 7, eps, s),
        reverse_step(x, eps, 7, 3, s, z, eta).xs,
        convert(eps, "eps", "v", x, 7, s),
    ):
        assert out.shape == shape and out.dtype == dtype and out.device.type == device and bool(out.isfinite().all())
    want = reverse_step(x.double(), eps.double(), 7, 3, s, z.double(), eta).xs
    assert_close(reverse_step(x, eps, 7, 3, s, z, eta).xs.double(), want, rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------------------------------------------- sample, Trace


def zero_model(xt, t, y=None):
    return torch.zeros_like(xt)


def test_two_runs_share_their_noise_whatever_eta_is():
    s, x = Schedule.of("cosine", 10), randn(2, 2)
    noises = [[q.noise for q in sample(zero_model, x, s, generator=dice(7), eta=eta)] for eta in (0.0, 0.5, 1.0)]
    for a, b, c in zip(*noises, strict=True):
        assert torch.equal(a, b) and torch.equal(b, c)
    again = [q.xs for q in sample(zero_model, x, s, generator=dice(7))]
    other = [q.xs for q in sample(zero_model, x, s, generator=dice(8))]
    assert torch.equal(again[-2], [q.xs for q in sample(zero_model, x, s, generator=dice(7))][-2])
    assert not torch.equal(again[-2], other[-2])


def test_a_walk_can_be_branched_from_any_step():
    s, x = Schedule.of("cosine", 10), randn(2, 2)
    walk = list(sample(zero_model, x, s, generator=dice(7)))
    middle = walk[4]  # landed on s = 5
    g = dice(7)
    for _ in range(5):
        torch.randn(2, 2, dtype=F64, generator=g)
    same = list(sample(zero_model, middle.xs, s, range(middle.s, -1, -1), generator=g))
    assert torch.equal(same[-1].xs, walk[-1].xs)
    other = list(sample(zero_model, middle.xs, s, range(5, -1, -1), generator=dice(1)))
    assert not torch.equal(other[0].xs, same[0].xs)


def test_the_model_is_told_the_time_of_its_input_and_the_class():
    s, seen = Schedule.of("linear", 6), []

    def spy(xt, t, y=None):
        seen.append((t.tolist(), y))
        return torch.zeros_like(xt)

    list(sample(spy, randn(2, 2), s, [6, 4, 1, 0], y="label"))
    assert seen == [([6, 6], "label"), ([4, 4], "label"), ([1, 1], "label")]


samplers = pytest.mark.parametrize("sampler", SAMPLERS)


@samplers
@pytest.mark.parametrize("kind", PREDICTIONS)
def test_what_the_network_predicts_does_not_change_the_walk(kind, sampler):
    s, x = Schedule.of("cosine", 10), randn(3, 2)
    a = s.alpha_bar

    def eps_model(xt, t, y=None):
        return xt * (1 - a[t]).sqrt().reshape(-1, 1)

    def model(xt, t, y=None):
        return convert(eps_model(xt, t), "eps", kind, xt, t, s)

    *_, want = sample(eps_model, x, s, sampler=sampler, generator=dice(1))
    *_, got = sample(model, x, s, sampler=sampler, generator=dice(1), predicts=kind)
    assert_close(got.xs, want.xs, rtol=1e-9, atol=1e-9)


@samplers
def test_a_walk_of_any_sampler_ends_at_the_only_picture_there_is(sampler):
    s, only = Schedule.of("cosine", 50), randn(1, 2, seed=3)
    model, seen = ideal_denoiser(only, s), []
    for step in sample(model, randn(4, 2), steps=6, sampler=sampler, generator=dice(1), clip=9.0):
        seen.append((step.t, step.s))
        assert_close(
            step.xt, s.at(step.t, step.xt).sqrt() * step.x0_hat + (1 - s.at(step.t, step.xt)).sqrt() * step.eps_hat
        )
    assert_close(step.xs, only.expand(4, 2), rtol=1e-9, atol=1e-9)
    assert seen == list(pairwise(s.times(6)))


@samplers
def test_only_the_sampler_with_fresh_noise_hears_the_dice(sampler):
    s, x = Schedule.of("cosine", 20), randn(3, 2)
    model = mixture_denoiser(randn(4, 2, seed=5), 0.3, s)
    (*_, one), (*_, two) = (sample(model, x, steps=5, sampler=sampler, generator=dice(i)) for i in (1, 2))
    assert torch.equal(one.xs, two.xs) == (SAMPLERS[sampler].eta == 0)
    (*_, by_name), (*_, by_eta) = (
        sample(model, x, steps=5, generator=dice(1), **k) for k in ({"sampler": "ddim"}, {"eta": 0.0})
    )
    assert torch.equal(by_name.xs, by_eta.xs)


@pytest.mark.parametrize(
    "sampler,eta,says",
    [
        ("dpm", None, "no sampler 'dpm': choose one of ddpm, ddim, dpmpp_2m"),
        (["ddpm"], None, "no sampler"),
        (None, 0.0, "no sampler"),
        ("dpmpp_2m", 0.5, "walks without fresh noise"),
        ("ddim", 1.5, "eta must lie in 0..1"),
        ("dpmpp_2m", float("nan"), "eta must"),
    ],
)
def test_a_sampler_that_there_is_not(sampler, eta, says):
    with pytest.raises(ValueError, match=says):
        next(sample(zero_model, randn(2, 2), Schedule.of("cosine", 9), sampler=sampler, eta=eta))


def test_a_learned_variance_is_asked_for_and_a_given_one_wins():
    s, x = Schedule.of("cosine", 20), randn(3, 2)

    class Learned:
        schedule, learns_variance = s, True

        def eps_and_v(self, xt, t, y=None):
            return 0.1 * xt, torch.full_like(xt, 0.3)

    x0_hat, v = guess_x0(Learned(), x, 7)
    assert torch.equal(x0_hat, convert(0.1 * x, "eps", "x0", x, 7, s)) and bool((v == 0.3).all())
    assert guess_x0(zero_model, x, 7, schedule=s)[1] is None
    for told, want in ((None, 0.3), (0.0, 0.0), (1.0, 1.0)):
        step = next(sample(Learned(), x, steps=4, v=told, generator=dice(1)))
        by_hand = reverse_step(x, 0.1 * x, 20, 15, s, step.noise, v=want)
        assert_close(step.xs, by_hand.xs, rtol=1e-9, atol=1e-9)
    Learned.eps_and_v = lambda self, xt, t, y=None: (xt, xt / 0)
    with pytest.raises(ValueError, match="has learned its variance returned NaN or infinity at t = 20"):
        next(sample(Learned(), x))


def test_a_model_brings_its_schedule_and_a_function_does_not():
    s, x = Schedule.of("linear", 30), randn(3, 2)
    model = mixture_denoiser(randn(4, 2, seed=5), 0.3, s)
    (*_, own), (*_, told) = (sample(model, x, k, 5, eta=0.0) for k in (None, s))
    assert torch.equal(own.xs, told.xs)
    with pytest.raises(ValueError, match="schedule must be a Schedule"):
        next(sample(zero_model, x))


@samplers
def test_gradients_are_off_inside_the_walk_and_on_outside(sampler):
    w = torch.ones(1, dtype=F64, requires_grad=True)
    for step in sample(lambda x, t, y: x * w, randn(2, 2), Schedule.of("linear", 5), sampler=sampler):
        assert not step.xs.requires_grad and torch.is_grad_enabled()


# ---------------------------------------------------------------------------------------------------- bad input


X, S = torch.zeros(2, 3), Schedule.of("cosine", 10)


@pytest.mark.parametrize(
    "call,says",
    [
        (lambda: Schedule.of("cosine", 1), "at least 2 steps"),
        (lambda: Schedule.of("cosine", 10.0), "whole number"),
        (lambda: Schedule.of("cosinus", 10), "choose one of linear, cosine, sigmoid"),
        (lambda: Schedule.from_beta([0.1, 1.0]), "strictly between 0 and 1"),
        (lambda: Schedule(tensor([1.0, 0.5, 0.6])), "fall at every step"),
        (lambda: Schedule(tensor([0.9, 0.5, 0.001])), "start at exactly 1"),
        (lambda: Schedule(tensor([1.0, 0.5, 0.0])), "stay above 0"),
        (lambda: Schedule(tensor([1.0, float("nan"), 0.0])), "fall at every step"),
        (lambda: forward_step(X, 0, X, S), "t must lie in 1..10, but got 0 (t = 0 is the clean data"),
        (lambda: forward_step(X, 11, X, S), "t must lie in 1..10, but got 11"),
        (lambda: forward_step(X, -1, X, S), "got -1"),
        (lambda: add_noise(X, 11, X, S), "t must lie in 0..10, but got 11"),
        (lambda: add_noise(X, 2.0, X, S), "whole number, but got 2.0"),
        (lambda: add_noise(X, True, X, S), "whole number, but got True"),
        (lambda: add_noise(X, tensor([1.0, 2.0]), X, S), "whole number, but got float32"),
        (lambda: add_noise(X, tensor([1, 12]), X, S), "got 12"),
        (lambda: add_noise(X, tensor([1, 2, 3]), X, S), "give one t, or one for each"),
        (lambda: add_noise(X, 3, torch.zeros(2, 4), S), "eps has shape (2, 4), but must match (2, 3)"),
        (lambda: add_noise(X * float("nan"), 3, X, S), "x0 contains NaN"),
        (lambda: add_noise(X, 3, X / 0, S), "eps contains NaN or infinity"),
        (lambda: add_noise(torch.zeros(2, 3, dtype=torch.uint8), 3, X, S), "floating-point"),
        (lambda: add_noise([[0.0]], 3, X, S), "floating-point torch tensor"),
        (lambda: add_noise(torch.zeros(3), 3, torch.zeros(3), S), "x[None]"),
        (lambda: reverse_step(X, X, 3, 3, S, X), "s must be smaller than t"),
        (lambda: reverse_step(X, X, 0, 0, S, X), "t must lie in 1..10"),
        (lambda: reverse_step(X, X, 3, -1, S, X), "t must lie in 0..10"),
        (lambda: reverse_step(X, X, 3, 2, S, X, eta=1.5), "eta must lie in 0..1"),
        (lambda: convert(X, "epsilon", "x0", X, 3, S), "choose one of eps, x0, v, flow, score"),
        (lambda: log_q_chain(torch.zeros(5, 2, 3), S), "needs T + 1 = 11"),
        (lambda: list(sample(zero_model, X, S, 0)), "whole number in 1..10"),
        (lambda: list(sample(zero_model, X, S, 11)), "whole number in 1..10"),
        (lambda: list(sample(zero_model, X, S, 5.0)), "whole number in 1..10"),
        (lambda: list(sample(zero_model, X, S, [5, 7, 0])), "s must be smaller than t"),
        (lambda: list(sample(zero_model, X, S, [5])), "at least two times"),
        (lambda: list(sample(lambda x, t, y: x[:1], X, S)), "must return a tensor of x_t's shape (2, 3)"),
        (lambda: list(sample(lambda x, t, y: x * float("nan"), X, S)), "NaN or infinity at t = 10"),
        (lambda: Trace().frames("xs"), "still empty"),
        (lambda: Trace(keep=1).record(sample(zero_model, X, S)), "at least 2"),
        (lambda: Trace(max_bytes=100).record(sample(zero_model, X, S)), "lower keep"),
        (lambda: Trace().record(sample(zero_model, X, S)).frames("nothing"), "choose one of t, s, xt"),
    ],
)
def test_bad_input_gets_one_sentence(call, says):
    with pytest.raises(ValueError) as error:
        call()
    text = str(error.value)
    assert says in text and "\n" not in text and text.endswith(".")


def test_a_schedule_that_does_not_end_in_noise_warns():
    with pytest.warns(UserWarning, match=r"alpha_bar_T = 0\.[56]0") as seen:
        Schedule.from_beta(torch.linspace(1e-4, 0.02, 50))
        Schedule(torch.linspace(1, 0.5, 5))
    # it points at the reader's line, not into the library
    assert [w.filename for w in seen] == [__file__] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Schedule.of("linear", 5)


def test_the_second_order_reaches_all_islands_in_twenty_calls():
    d = data.grid(10)
    schedule = Schedule.of("cosine", 1000)
    xT = torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0))
    model = mixture_denoiser(d.modes, d.sd, schedule)
    *_, last = sample(model, xT, schedule, schedule.times(20, "snr"), sampler="dpmpp_2m")
    report = metrics.mode_report(last.xs, d.modes, d.sd)
    assert (
        report["modes"] == 25 and report["kl"] < 0.004 and report["high_quality"] > 0.97 and report["sd_ratio"] > 0.85
    )
    *_, first = sample(model, xT, schedule, schedule.times(20, "snr"), eta=0.0)
    assert metrics.mode_report(first.xs, d.modes, d.sd)["high_quality"] < report["high_quality"]


@pytest.mark.parametrize("T", [2, 5, 50, 1000])
@pytest.mark.parametrize("name", ["linear", "cosine", "sigmoid"])
def test_steps_even_in_decibels_fall_strictly_and_are_as_many_as_asked(T, name):
    schedule = Schedule.of(name, T)
    for n in {1, 2, min(3, T), T // 2, T - 1, T} - {0}:
        times = schedule.times(n, "snr")
        assert len(times) == n + 1 and times[0] == T and times[-1] == 0
        assert all(a > b for a, b in pairwise(times))
