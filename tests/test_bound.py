"""The variational bound against closed forms, and the variance that is learned from it."""

import math

import pytest
import torch
from small import denoiser

from diffusion_lib import bound, data, ddpm
from diffusion_lib.diffusion import Schedule, add_noise, convert
from diffusion_lib.nets import MLP
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser

pytestmark = pytest.mark.usefixtures("one_thread")

SCHEDULE = Schedule.of("cosine", 100)


def test_the_ends_of_the_learned_variance_are_the_two_fixed_ones():
    """-1 means beta_tilde, 1 means beta (iDDPM's code): the denoiser says v = 0 and v = 1, and the loss uses them."""
    x0, eps, t = torch.randn(6, 2), torch.randn(6, 2), torch.arange(1, 7) * 15
    xt = add_noise(x0, t, eps, SCHEDULE)
    for raw, v in ((-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)):
        answer = torch.cat([eps + 0.1, torch.full_like(eps, raw)], 1)
        net = MLP((2,), SCHEDULE.T, width=8, depth=1, out=2)
        net.forward = lambda *a, answer=answer: answer
        assert torch.equal(ddpm.Denoiser(net, SCHEDULE, "eps").eps_and_v(xt, t)[1], torch.full_like(eps, v))
        x0_hat = convert(eps + 0.1, "eps", "x0", xt, t, SCHEDULE)
        extra = bound.vlb_term(x0, xt, x0_hat, t, v, SCHEDULE, None).mean()
        loss = ddpm.hybrid_loss(lambda *a, answer=answer: answer, x0, t, eps, SCHEDULE)
        assert float(loss) == pytest.approx(0.01 + 0.001 * SCHEDULE.T * float(extra), rel=1e-4)


def test_the_learned_variance_lies_between_beta_tilde_and_beta():
    x = torch.zeros(1, 2)
    for t in (2, 50, 100):
        a, b = SCHEDULE.alpha_bar[t], SCHEDULE.alpha_bar[t - 1]
        beta = 1 - a / b
        tilde = (1 - b) / (1 - a) * beta
        for v, variance in ((0.0, tilde), (1.0, beta), (0.5, (beta * tilde).sqrt())):
            assert float(bound.log_variance(t, v, x, SCHEDULE)) == pytest.approx(math.log(variance), rel=1e-5)
    assert float(bound.log_variance(1, 0.0, x, SCHEDULE)) == pytest.approx(
        float(bound.log_variance(2, 0.0, x, SCHEDULE))
    )


def test_a_term_of_the_bound_is_the_divergence_of_two_bell_curves():
    x0, x0_hat, xt = (torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(i)).double() for i in range(3))
    for t, v in ((2, 0.0), (40, 1.0), (100, 0.3)):
        a, b = SCHEDULE.alpha_bar[t], SCHEDULE.alpha_bar[t - 1]
        alpha = a / b

        def mean(x, a=a, b=b, alpha=alpha):
            return b.sqrt() * (1 - alpha) / (1 - a) * x + alpha.sqrt() * (1 - b) / (1 - a) * xt

        sd = [float(bound.log_variance(t, w, xt, SCHEDULE).exp().sqrt()) for w in (0.0, v)]
        p, q = torch.distributions.Normal(mean(x0_hat), sd[1]), torch.distributions.Normal(mean(x0), sd[0])
        expected = torch.distributions.kl_divergence(q, p).flatten(1).mean(1) / math.log(2)
        term = bound.vlb_term(x0, xt, x0_hat, torch.full((5,), t), v, SCHEDULE, None)
        assert torch.allclose(term, expected, rtol=1e-6)


def test_the_bins_of_all_grey_levels_share_one_unit_of_mass():
    levels = torch.linspace(-1, 1, 17, dtype=torch.float64)[:, None]
    for mean, sd in ((0.3, 0.2), (-1.4, 0.5), (0.0, 5.0)):
        mass = bound.log_bin(levels, torch.tensor(mean), torch.tensor(sd), 17).exp().sum()
        assert float(mass) == pytest.approx(1, abs=1e-6)


def test_the_bound_of_an_optimal_denoiser_nears_the_entropy():
    """Data N(0, 1) in two dimensions: -log2 p(x0) is 2.047 bits per dimension on average, and no bound lies below."""
    x0 = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    truth, gaps = 0.5 * math.log2(2 * math.pi * math.e), []
    for T in (20, 200):
        schedule = Schedule.of("cosine", T)
        model = mixture_denoiser(torch.zeros(1, 2), 1.0, schedule)
        gaps.append(float(bound.bound_terms(model, x0, schedule, None, v=1.0, n=600).sum()) - truth)
    assert 0 < gaps[1] < gaps[0] and gaps[1] < 0.1


@pytest.mark.parametrize("levels", (2, 5, 17))
@pytest.mark.heavy
def test_the_bound_of_grey_levels_lies_above_their_entropy_and_below_the_whole_chains(levels):
    """Each level equally often, and the optimal denoiser of them: -log2 p(x0) is log2(levels)."""
    x, schedule = torch.linspace(-1, 1, levels)[:, None].repeat(4000, 1), Schedule.of("cosine", 100)
    model = ideal_denoiser(x[:levels], schedule)
    found = bound.bits_per_dimension(model, x, x, schedule, levels, n=1000)
    assert math.log2(levels) < found < math.log2(levels) + 0.1
    whole = float(bound.bound_terms(model, x, schedule, levels, v=0.0, n=1000).sum())
    assert found < whole + 0.01


def test_the_bound_of_a_chain_of_two_steps_is_its_three_parts():
    """L_T, one divergence, and bell curves around x0_hat of x_1, as wide as the errors among the seen ones (not among x)."""
    x, schedule = torch.linspace(-1, 1, 5)[:, None].repeat(400, 1), Schedule.of("cosine", 2)
    model, seen = ideal_denoiser(x[:5], schedule), torch.zeros_like(x)
    terms = bound.bound_terms(model, x, schedule, 5, v=0.0, n=16)

    def errors(x):
        xt = add_noise(x, 1, torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), schedule)
        return x - convert(model(xt, 1), "eps", "x0", xt, 1, schedule)

    sd, e, half = errors(seen).pow(2).mean().sqrt(), errors(x), 1 / 4
    bell = torch.distributions.Normal(0.0, sd)
    left = torch.where(x < -0.9, torch.zeros(()), bell.cdf(e - half))  # the outermost bins reach to infinity
    right = torch.where(x > 0.9, torch.ones(()), bell.cdf(e + half))
    expected = terms[0] + terms[2] - (right - left).double().log2().mean()
    assert bound.bits_per_dimension(model, seen, x, schedule, 5) == pytest.approx(float(expected), rel=1e-4)
    assert abs(float(errors(x).pow(2).mean().sqrt() - sd)) > 0.05 * float(sd)


POINTS = data.load("ring", n=200)


def test_the_first_entry_of_the_bound_is_the_end_of_the_chain_in_bits():
    model = denoiser(T=4)
    terms = bound.bound_terms(model, POINTS.x, model.schedule, None, v=0.0, n=2)
    assert (
        float(terms[0]) == pytest.approx(model.schedule.terminal_kl(POINTS.x) / math.log(2), rel=1e-4)
        and len(terms) == 5
    )


def test_the_bound_takes_the_models_own_schedule():
    model, x = ddpm.build(POINTS, schedule=Schedule.of("sigmoid", 12))[0], POINTS.x[:4]
    own, told = (bound.bound_terms(model, x, s, v=0.0, n=1) for s in (None, model.schedule))
    assert torch.equal(own, told) and len(own) == 13
    one, two = (bound.bits_per_dimension(model, x, x, s, 9, n=1) for s in (None, model.schedule))
    assert one == two
