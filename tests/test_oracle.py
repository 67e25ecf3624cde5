"""The optimal denoiser against autograd, numerical integration and the data it knows."""

import math

import pytest
import torch
from small import dice
from torch.testing import assert_close

from diffusion_lib.diffusion import Schedule, add_noise
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser, mixture_step_back
from diffusion_lib.sampling import sample
from diffusion_lib.trace import Trace

F64 = torch.float64
S = Schedule.of("cosine", 50)


def randn(*shape, seed=0, dtype=F64):
    return torch.randn(*shape, generator=dice(seed), dtype=dtype)


@pytest.mark.parametrize("t", (1, 10, 50))
@pytest.mark.parametrize("sd", (0.0, 0.3))
def test_tweedie(t, sd):
    """Identity 7: E[x0 | xt] = (xt + (1 - alpha_bar) score) / sqrt(alpha_bar), score by autograd of the log density."""
    model = mixture_denoiser(randn(5, 3), sd, S, weights=torch.tensor([1, 2, 3, 4, 5.0]))
    xt = randn(7, 3, seed=1).requires_grad_()
    (score,) = torch.autograd.grad(model.log_density(xt, t).sum(), xt)
    a = S.alpha_bar[t]
    tweedie = (xt + (1 - a) * score) / a.sqrt()
    assert_close(model.x0_hat(xt, t).detach(), tweedie.detach(), rtol=1e-7, atol=1e-7)
    assert_close(model(xt, t).detach(), -(1 - a).sqrt() * score, rtol=1e-7, atol=1e-7)


def test_denoiser_is_bayes_rule_by_numerical_integration():
    means, sd, w = torch.tensor([[-1.0], [0.5]], dtype=F64), 0.4, torch.tensor([0.3, 0.7])
    model, t = mixture_denoiser(means, sd, S, w), 20
    a = S.alpha_bar[t]
    x0 = torch.linspace(-6, 6, 20_001, dtype=F64)
    prior = sum(
        wk * torch.distributions.Normal(m, sd).log_prob(x0).exp() for wk, m in zip(w.double(), means[:, 0], strict=True)
    )
    for xt in (-1.5, 0.0, 0.8):
        like = torch.distributions.Normal(a.sqrt() * x0, (1 - a).sqrt()).log_prob(torch.tensor(xt, dtype=F64)).exp()
        evidence = torch.trapezoid(prior * like, x0)
        guess = torch.trapezoid(x0 * prior * like, x0) / evidence
        point = torch.tensor([[xt]], dtype=F64)
        assert_close(model.x0_hat(point, t)[0, 0], guess, rtol=1e-8, atol=1e-8)
        assert_close(model.log_density(point, t)[0], evidence.log(), rtol=1e-8, atol=1e-8)


def test_quick_distances_agree_with_careful_ones():
    """Above 32 dimensions distances come from matrix products; near the data that must not cost the answer."""
    x = randn(50, 1, 8, 8)
    linear = Schedule.of("linear", 1000)
    model = ideal_denoiser(x, linear)
    for t in (1, 5, 500):
        xt = add_noise(x[:4], t, randn(4, 1, 8, 8, seed=2), linear)
        a = linear.alpha_bar[t]
        d2 = (xt.flatten(1)[:, None] - a.sqrt() * x.flatten(1)[None]).pow(2).sum(2)
        assert_close(model.posterior_weights(xt, t), (-d2 / (2 * (1 - a))).softmax(1), rtol=1e-6, atol=1e-9)


def test_it_returns_training_pictures_and_only_those():
    x = randn(30, 1, 8, 8, dtype=torch.float32)
    trace = Trace().record(
        sample(ideal_denoiser(x, S), randn(20, 1, 8, 8, seed=1, dtype=torch.float32), S, generator=dice(2))
    )
    d, i = torch.cdist(trace.final.flatten(1).double(), x.flatten(1).double()).min(1)
    assert d.max() < 1e-6 and len(i.unique()) > 5
    weights = ideal_denoiser(x, S).posterior_weights(trace.steps[0].xt, 50)
    assert_close(weights.sum(1), torch.ones(20, dtype=F64))


def test_asked_for_a_class_it_answers_with_that_class():
    x, labels = randn(30, 1, 8, 8), torch.arange(30) % 3
    model = ideal_denoiser(x, S, labels)
    y = torch.tensor([0, 1, 2, 1])
    *_, last = sample(model, randn(4, 1, 8, 8, seed=1), S, generator=dice(2), y=y)
    nearest = torch.cdist(last.xs.flatten(1), x.flatten(1)).argmin(1)
    assert labels[nearest].tolist() == y.tolist()


def geometric(T, low=5e-4, high=80.0, rho=7.0):
    """Noise levels spaced as in EDM, fine near the data: the last jump must be small beside the modes' width."""
    sigma = torch.linspace(low ** (1 / rho), high ** (1 / rho), T, dtype=F64) ** rho
    return Schedule(torch.cat([torch.ones(1, dtype=F64), 1 / (1 + sigma**2)]))


def ring():
    angle = torch.arange(8, dtype=F64) * math.pi / 4
    return 2 * torch.stack([angle.cos(), angle.sin()], 1), 0.02


def grid():
    c = torch.tensor([-4.0, -2, 0, 2, 4], dtype=F64)
    return torch.cartesian_prod(c, c), 0.05


@pytest.mark.heavy
@pytest.mark.parametrize("eta,T", [(0.0, 200), (1.0, 400)])
@pytest.mark.parametrize("data", (ring, grid))
def test_reverse_sampling_reproduces_the_mixture(data, eta, T):
    """Identity 10. An exact sampler has 98.89 % within 3 sd, sd ratio .974 after that cut, KL (K-1)/(2n)."""
    means, sd = data()
    unit = (means.pow(2).mean() + sd**2).sqrt()
    means, sd, n, s = means / unit, float(sd / unit), 10_000, geometric(T)
    *_, last = sample(mixture_denoiser(means, sd, s), randn(n, 2), s, generator=dice(1), eta=eta)
    d, i = torch.cdist(last.xs, means).min(1)
    good = d < 3 * sd
    share = torch.bincount(i[good], minlength=len(means)).double() / good.sum()
    kl = float((share * (share * len(means)).log()).sum())
    ratio = float((last.xs - means[i])[good].std() / sd)
    assert 0.983 <= good.double().mean() <= 0.995
    assert kl < 3 * (len(means) - 1) / (2 * n)
    assert 0.95 <= ratio <= 1.0


def test_the_papers_unscaled_betas_fail_even_the_optimal_denoiser():
    """T = 50 with betas made for 1000 leaves alpha_bar_T = 0.60: sampling from pure noise starts in the wrong place."""
    with pytest.warns(UserWarning):
        bad = Schedule.from_beta(torch.linspace(1e-4, 0.02, 50, dtype=F64))
    means, sd = grid()
    for s, fails in ((bad, True), (Schedule.of("linear", 50), False)):
        # the bug's usual company: data not scaled to unit variance
        means1 = means / 2.83 if not fails else means
        *_, last = sample(mixture_denoiser(means1, sd, s), randn(5000, 2), s, generator=dice(1))
        share = torch.bincount(torch.cdist(last.xs, means1).argmin(1), minlength=25) / 5000
        assert (int((share > 0.1 / 25).sum()) < 20) == fails


@pytest.mark.parametrize(
    "call,says",
    [
        (lambda: ideal_denoiser(torch.zeros(0, 2), S), "empty"),
        (lambda: ideal_denoiser(torch.zeros(3, 2) / 0, S), "The data contains NaN"),
        (lambda: mixture_denoiser(torch.zeros(3, 2), 0.1, S, torch.ones(2)), "3 numbers"),
        (lambda: ideal_denoiser(torch.zeros(3, 2), S)(torch.zeros(1, 3), 4), "knows samples of shape (B, 2)"),
        (lambda: ideal_denoiser(torch.zeros(3, 2), S)(torch.zeros(1, 2), 4, torch.tensor([1])), "without labels"),
        (
            lambda: ideal_denoiser(torch.zeros(3, 2), S, torch.arange(3))(torch.zeros(1, 2), 4, torch.tensor([7])),
            "no class 7",
        ),
        (lambda: ideal_denoiser(torch.zeros(3, 2), S)(torch.zeros(1, 2), 51), "1..50"),
        (
            lambda: mixture_step_back(torch.zeros(1), 1.0, torch.zeros(2), 0.1, torch.ones(2)),
            "strictly between 0 and 1",
        ),
    ],
)
def test_bad_input_gets_one_sentence(call, says):
    with pytest.raises(ValueError) as error:
        call()
    assert says in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("beta", (0.01, 0.3, 0.95))
def test_the_step_back_is_bayes_rule_by_numerical_integration(beta):
    means, w, sd = torch.tensor([-1.0, 0.8], dtype=F64), torch.tensor([0.3, 0.7], dtype=F64), 0.25
    x = torch.linspace(-4, 4, 40_001, dtype=F64)
    normal = torch.distributions.Normal
    prior = (w * normal(means, sd).log_prob(x[:, None]).exp()).sum(1)
    for xt in (-0.9, 0.1, 1.4):
        like = normal((1 - beta) ** 0.5 * x, beta**0.5).log_prob(torch.tensor(xt, dtype=F64)).exp()
        truth = prior * like / torch.trapezoid(prior * like, x)
        r, m, v = mixture_step_back(torch.tensor([xt], dtype=F64), beta, means, sd, w)
        got = (r[0] * normal(m[0], v**0.5).log_prob(x[:, None]).exp()).sum(1)
        assert_close(got, truth, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", (5, 40))
def test_the_weights_are_those_of_the_distances_however_they_are_computed(size, monkeypatch):
    """Few numbers: differences. Many: products, without torch.cdist, which would copy all means in each of a walk's steps."""
    g = torch.Generator().manual_seed(0)
    m, xt = torch.randn(30, size, generator=g), torch.randn(4, size, generator=g)
    schedule = Schedule.of("cosine", 20)
    model = ideal_denoiser(m, schedule)
    if size > 32:
        monkeypatch.setattr(torch, "cdist", None)
    for t in (2, 10, 19):
        a = float(schedule.alpha_bar[t])
        d2 = (xt.double()[:, None] - a**0.5 * m.double()).square().sum(2)
        assert torch.allclose(model.posterior_weights(xt, t), (-d2 / (2 * (1 - a))).softmax(1), atol=1e-9)
