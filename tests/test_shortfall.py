"""How far a network is from the best there is: against closed forms, and with a denoiser that makes no mistake."""

import math

import pytest
import torch

from diffusion_lib.diffusion import Schedule, add_noise
from diffusion_lib.evaluation.shortfall import PART, beside_ideal, time_of, walked_back
from diffusion_lib.guidance import guided
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser
from diffusion_lib.sampling import sample

S = Schedule.of("cosine", 1000)
SIGMAS = (0.25, 0.5, 1.0, 2.0, 5.0)


def g(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_time_of_a_noise():
    a = S.alpha_bar[[time_of(sigma, S) for sigma in SIGMAS]].double()
    assert (1 / a - 1).sqrt().tolist() == pytest.approx(SIGMAS, rel=5e-3)
    assert (time_of(1e-9, S), time_of(1e9, S)) == (1, 1000)


@pytest.mark.parametrize("sigma", [0, -1, math.nan, math.inf, "much", None, 1e10])
def test_what_is_no_noise_is_refused(sigma):
    with pytest.raises(ValueError, match="A noise sigma is a number above 0, but got"):
        time_of(sigma, S)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_on_a_gaussian_both_errors_have_a_closed_form(sigma):
    """For x0 ~ N(0, I) the least error of a coordinate is sigma^2 / (1 + sigma^2); a net that always says 0 errs by 1."""
    x0, others = torch.randn(1500, 2, generator=g(9)), torch.randn(8000, 2, generator=g(1))
    exact = mixture_denoiser(torch.zeros(1, 2), 1.0, S)
    least = sigma**2 / (1 + sigma**2)
    network, ideal = beside_ideal(exact, x0, others, sigma)
    assert (network, ideal) == pytest.approx((least, least), rel=0.08)
    assert network <= ideal * 1.002  # finitely many others know a little less
    silent = mixture_denoiser(torch.zeros(1, 2), 1e-6, S)  # sure that there is nothing but 0
    network, again = beside_ideal(silent, x0, others, sigma)
    assert (network, again) == pytest.approx((1.0, ideal), rel=0.08)
    assert beside_ideal(exact, x0, others, sigma, seed=1) != pytest.approx((network, ideal), rel=1e-6)


def test_each_is_told_its_own_word_and_meets_the_same_noise():
    """More than one portion. Told its class, a denoiser of both classes is as good as the ideal one of that class alone."""
    x, labels = (
        torch.randn(500, 2, generator=g(2)) + 4 * torch.arange(2).repeat(250)[:, None],
        torch.arange(2).repeat(250),
    )
    x0 = torch.randn(3 * PART + 7, 2, generator=g(3)) + 4
    model, others = ideal_denoiser(x, S, labels), x[labels == 1]
    told, ideal = beside_ideal(model, x0, others, 1.0, torch.ones(len(x0), dtype=torch.long))
    assert told == pytest.approx(ideal, rel=1e-6)
    assert beside_ideal(model, x0, others, 1.0)[0] > 1.02 * ideal
    mixed = (torch.arange(len(x0)) >= PART).long()  # the first portion is told the wrong class
    xt = add_noise(x0, time_of(1.0, S), torch.randn(x0.shape, generator=g(0)), S)
    whole = (model.x0_hat(xt, time_of(1.0, S), mixed) - x0).square().mean()
    assert (
        beside_ideal(model, x0, others, 1.0, mixed)[0] == pytest.approx(float(whole), rel=1e-5) and whole > 1.5 * ideal
    )


def test_a_walk_back_from_little_noise_keeps_what_is_there():
    x = torch.rand(6, 2, generator=g(4)).mul(2).sub(1)
    model = ideal_denoiser(x, S)
    assert torch.allclose(walked_back(model, x, 0.02), x, atol=1e-5)
    far = walked_back(model, x.repeat(200, 1), 20.0, seed=1)
    assert (far - x.repeat(200, 1)).abs().amax(1).gt(
        0.05
    ).float().mean() > 0.5  # from nearly pure noise: any of the six
    assert torch.cdist(far, x).amin(1).max() < 1e-3


def test_a_walk_back_is_told_and_drawn_out():
    """From much noise the words decide; at w = 2 the walk is that of `guided`, from the same start through the same times."""
    x, labels = torch.tensor([[-0.6, 0.0], [0.6, 0.0]]), torch.tensor([0, 1])
    model = mixture_denoiser(x, 0.2, S, labels=labels)
    x0, y = x.repeat(40, 1), labels.repeat(40)
    assert torch.equal(walked_back(model, x0, 20.0, y)[:, 0] > 0, y == 1)
    other = walked_back(model, x0, 20.0, 1 - y)
    assert torch.equal(other[:, 0] > 0, y == 0)
    start = time_of(2.0, S)
    noise = torch.randn(x0.shape, generator=g(5))
    a = S.alpha_bar[start]
    times = [start, *(t for t in S.times(20, "snr") if t < start)]
    *_, last = sample(
        guided(model, y, 2.0), a.sqrt() * x0 + (1 - a).sqrt() * noise, S, times, sampler="dpmpp_2m", clip=1.0, y=y
    )
    assert torch.allclose(walked_back(model, x0, 2.0, y, w=2.0, seed=5), last.xs, atol=1e-5)
    assert not torch.allclose(walked_back(model, x0, 2.0, y, seed=5), last.xs, atol=0.01)
