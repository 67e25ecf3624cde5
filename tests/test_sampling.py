"""What the samplers are: how fast they converge, how often they ask, and that flow matching's Euler is DDIM."""

import math
from functools import cache
from itertools import pairwise

import pytest
import torch
from small import denoiser, dice
from torch.overrides import TorchFunctionMode
from torch.testing import assert_close

from diffusion_lib.ddpm import ddpm_loss
from diffusion_lib.diffusion import Schedule
from diffusion_lib.nets import MLP
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import SAMPLERS, Step, guess_x0, sample

pytestmark = pytest.mark.usefixtures("one_thread")
F64 = torch.float64
ISLANDS, SD = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]], dtype=F64), 0.4


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=dice(seed), dtype=F64)


def end(walk) -> Step:
    *_, last = walk
    return last


# ---------------------------------------------------------------------------------------- order


ORDER = {"ddim": 1, "dpmpp_2m": 2, "ipndm": 2, "heun": 2}


@cache
def landed(name: str, sampler: str, steps: int):
    """Where the islands' own denoiser lands between two noise levels, in float64."""
    T = 2**14
    schedule = Schedule.of(name, T)
    times = [round(T * (0.8 - 0.7 * i / steps)) for i in range(steps + 1)]
    return end(sample(mixture_denoiser(ISLANDS, SD, schedule), randn(16, 2), schedule, times, sampler=sampler)).xs


@pytest.mark.parametrize("name", ["cosine", "flow"])
@pytest.mark.parametrize("sampler", ORDER)
def test_twice_the_steps_divide_the_error_by_two_to_the_order(sampler, name):
    """(iPNDM's weights are those of equal steps. Ours shrink, so its order in the end is 2; with few steps it gains more.)"""
    truth = landed(name, "heun", 512)
    errors = [float((landed(name, sampler, steps) - truth).abs().mean()) for steps in (8, 16, 32, 64)]
    slope = math.log2(errors[0] / errors[-1]) / 3
    assert ORDER[sampler] - 0.2 < slope < ORDER[sampler] + (1.0 if sampler == "ipndm" else 0.3), slope


def test_every_sampler_without_dice_has_its_order_measured():
    assert {*ORDER} == {name for name, s in SAMPLERS.items() if s.eta == 0}


# ---------------------------------------------------------------------------------------- calls


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_sampler_says_how_often_it_asks(sampler, steps):
    schedule, heard = Schedule.of("cosine", 40), []
    perfect = mixture_denoiser(ISLANDS, SD, schedule)
    model = lambda xt, t, y=None: heard.append(int(t[0])) or perfect(xt, t)
    list(sample(model, randn(2, 2), schedule, steps, sampler=sampler))
    method = SAMPLERS[sampler]
    assert len(heard) == method.calls(steps) and method.steps(method.calls(steps)) == steps
    assert method.calls(method.steps(10)) <= 10 < method.calls(method.steps(10) + 1)
    assert min(heard) >= 1


def test_heun_is_algorithm_1_written_out():
    """EDM's pictures x + sigma noise, without churn; the second slope where the first leads, and none at sigma = 0."""
    schedule, xT = Schedule.of("cosine", 60), randn(8, 2)
    times, perfect = schedule.times(6), mixture_denoiser(ISLANDS, SD, schedule)
    a = schedule.alpha_bar
    sigma = {t: float(((1 - a[t]) / a[t]).sqrt()) for t in times}
    slope = lambda x, t: (x - perfect.x0_hat(a[t].sqrt() * x, t)) / sigma[t]
    x = xT / a[60].sqrt()
    for step, (t, s) in zip(sample(perfect, xT, schedule, 6, sampler="heun"), pairwise(times), strict=True):
        d = slope(x, t)
        there = x + (sigma[s] - sigma[t]) * d
        x = there if s == 0 else x + (sigma[s] - sigma[t]) * (d + slope(there, s)) / 2
        assert_close(step.xs, a[s].sqrt() * x, rtol=1e-10, atol=1e-10)


def test_adams_bashforth_is_exact_where_the_noise_is_a_cubic_of_equal_steps():
    """Its weights are those of Adams and Bashforth: with equal steps they integrate 1, x, x^2 and x^3 without an error."""
    from diffusion_lib.solvers import ADAMS

    for order, weights in enumerate(ADAMS, 1):
        for power in range(order):  # the integral of x^p from 0 to 1, from values at 0, -1, -2, ...
            got = sum(w * (-i) ** power if power else w for i, w in enumerate(weights))
            assert got == pytest.approx(1 / (power + 1))


# ---------------------------------------------------------------------------------------- flow matching


def velocity(x, u: float):
    """E[eps - x0 | (1 - u) x0 + u eps = x] of the islands, by Bayes' rule; knows nothing of our code."""
    var = (1 - u) ** 2 * SD**2 + u**2
    off = x[:, None] - (1 - u) * ISLANDS
    r = torch.softmax(-off.square().sum(2) / (2 * var), 1)[:, :, None]
    x0 = (r * (ISLANDS + (1 - u) * SD**2 / var * off)).sum(1)
    return (x - (1 - u) * x0) / u - x0


@pytest.mark.parametrize("T,steps", [(100, 100), (1000, 10), (1000, 1)])
def test_ddim_on_the_flow_schedule_is_euler_on_the_straight_path(T, steps):
    schedule, xT = Schedule.of("flow", T), randn(64, 2)
    size = lambda u: math.sqrt((1 - u) ** 2 + u**2)  # x_t has variance 1, the straight path this one
    us = [round(T * (steps - i) / steps) / T / 1.01 for i in range(steps + 1)]
    x = xT * size(us[0])
    walk = sample(mixture_denoiser(ISLANDS, SD, schedule), xT, schedule, steps, sampler="ddim")
    for step, (u, w) in zip(walk, pairwise(us), strict=True):
        x = x + (w - u) * velocity(x, u)
        assert_close(step.xs * size(w), x, rtol=1e-10, atol=1e-10)


def test_the_plain_flow_loss_teaches_what_is_taught_through_convert():
    """The same start, batches and dice: two networks end alike, and Euler by hand draws what DDIM draws."""
    T, (one, two) = 50, (denoiser(T=50).net.double().requires_grad_() for _ in range(2))
    schedule, data = Schedule.of("flow", T), randn(256, 2, seed=1)
    size = lambda u: ((1 - u) ** 2 + u**2).sqrt()
    u_of = lambda t: t.double()[:, None] / T / 1.01

    def network(x, t):
        """Sees the straight path; scales it to variance 1 first."""
        return two(x / size(u_of(t)), t)

    for net in (one, two):
        step, g = torch.optim.Adam(net.parameters(), 1e-2), dice(3)
        for _ in range(30):
            x0, t = data[torch.randint(256, (64,), generator=g)], torch.randint(1, T + 1, (64,), generator=g)
            eps = torch.randn(64, 2, generator=g, dtype=F64)
            if net is one:
                loss = ddpm_loss(one, x0, t, eps, schedule, "flow")
            else:
                x = (1 - u_of(t)) * x0 + u_of(t) * eps
                loss = (network(x, t) - (eps - x0)).square().mean()
            step.zero_grad(), loss.backward(), step.step()
    for p, q in zip(one.parameters(), two.parameters(), strict=True):
        assert_close(p, q, rtol=1e-3, atol=1e-4)  # ddpm_loss computes in float32
    moved = one.last.weight.detach() - denoiser(T=50).net.last.weight
    assert float(moved.abs().max()) > 0.05  # and they have learned
    xT = randn(16, 2, seed=5)
    ours = end(sample(one, xT, schedule, sampler="ddim", predicts="flow")).xs
    with torch.no_grad():
        x = xT * size(torch.tensor(1 / 1.01, dtype=F64))
        for k in range(T, 0, -1):
            t = torch.full((16,), k)
            x = x - network(x, t) / T / 1.01
    assert_close(ours, x, rtol=1e-2, atol=1e-2)
    same = end(sample(two, xT, schedule, sampler="ddim", predicts="flow")).xs
    assert_close(same, x, rtol=1e-9, atol=1e-9)
    assert isinstance(one, MLP)


# ---------------------------------------------------------------------------------------- what a step costs


class Counted(TorchFunctionMode):
    """How often torch is asked for something."""

    operations = 0

    def __torch_function__(self, operation, types, args=(), kwargs=None):
        self.operations += 1
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize(("name", "most"), [("ddpm", 110), ("ddim", 110), ("dpmpp_2m", 150), ("ipndm", 170)])
def test_a_step_asks_torch_for_little_beside_the_network(name, most):
    model, xT, steps = denoiser(), torch.zeros(4, 2), 20
    net = MLP((2,), model.schedule.T, width=8, depth=1)
    net.forward = lambda xt, t, y=None: xT
    model.net = net
    with Counted() as counted:
        end(sample(model, xT, steps=model.schedule.times(steps, SAMPLERS[name].even), sampler=name, clip=1.0))
    assert counted.operations / steps <= most


def test_an_answer_may_be_huge_but_must_be_numbers():
    """The quick look at the sum overflows where the numbers do not."""
    table, x = Schedule.of("linear", 50), torch.zeros(2, 3)
    largest = torch.finfo(torch.float32).max
    x0_hat, _ = guess_x0(lambda xt, t, y: torch.full_like(xt, largest), x, 1, schedule=table, predicts="x0")
    assert (x0_hat == largest).all()
    for broken in (math.nan, math.inf, -math.inf):
        answer = x.clone()
        answer[1, 2] = broken
        with pytest.raises(ValueError, match="returned NaN or infinity at t = 7"):
            guess_x0(lambda xt, t, y, answer=answer: answer, x, 7, schedule=table, predicts="x0")
