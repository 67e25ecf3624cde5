"""Step by step against diffusers' DDPMScheduler and DDIMScheduler, with the same betas, the same eps and the same noise."""

from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from diffusion_lib.diffusion import SCHEDULES, Schedule
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import reverse_step, sample

F64 = torch.float64


@pytest.fixture(scope="module", autouse=True)
def diffusers():
    """Loaded by the one worker that compares with it, and not by who only looks which tests there are."""
    why = "diffusers is a test package: install with pip install -e '.[test]'"
    return pytest.importorskip("diffusers", reason=why)


@pytest.fixture
def same_noise(monkeypatch):
    """DDPMScheduler takes no noise, so the function that it draws with hands out ours."""
    from diffusers.schedulers import scheduling_ddpm

    box = {}
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda shape, **_: box["noise"].reshape(shape))
    return box


def theirs(kind, schedule, steps, **options):
    """Their scheduler on our float64 table: what is left to differ is the algebra."""
    import diffusers

    cls = {"ddpm": diffusers.DDPMScheduler, "ddim": diffusers.DDIMScheduler}[kind]
    them = cls(
        num_train_timesteps=schedule.T,
        trained_betas=schedule.beta[1:].tolist(),
        clip_sample=options.pop("clip", None) is not None,
        timestep_spacing="leading",
        steps_offset=0,
        **options,
    )
    them.alphas_cumprod = schedule.alpha_bar[1:].clone()
    them.one = torch.ones((), dtype=F64)
    them.betas = schedule.beta[1:].clone()
    if kind == "ddim":
        them.final_alpha_cumprod = torch.ones((), dtype=F64)
    them.set_timesteps(steps)
    return them


def chains(kind, schedule, steps, dtype, same_noise, eta=1.0, v=0.0, clip=None, n=64, seed=0, **options):
    """Both walks from one x_T, in lockstep; yields (ours, theirs) at every step, each fed with its OWN last picture."""
    g = torch.Generator().manual_seed(seed)
    angle = torch.arange(8, dtype=F64) * torch.pi / 4
    model = mixture_denoiser(torch.stack([angle.cos(), angle.sin()], 1).to(dtype), 0.1, schedule)
    them = theirs(kind, schedule, steps, clip=clip, **options)
    x = torch.randn(n, 2, generator=g, dtype=dtype)
    ours, other = x, x
    stride = schedule.T // steps
    for index in them.timesteps.tolist():  # their index i is our time i + 1
        t, s = index + 1, max(index + 1 - stride, 0)
        step = next(sample(model, ours, schedule, [t, s], generator=g, eta=eta, v=v, clip=clip))
        ours, noise = step.xs, step.noise
        same_noise["noise"] = noise
        extra = {"eta": eta, "variance_noise": noise} if kind == "ddim" and eta > 0 else {}
        if kind == "ddim" and clip is not None:
            extra["use_clipped_model_output"] = True
        other = them.step(model(other, t), index, other, **extra).prev_sample
        yield ours, other


CASES = [
    ("ddpm", {"variance_type": "fixed_small"}, {}),
    ("ddpm", {"variance_type": "fixed_large"}, {"v": 1.0}),
    ("ddim", {}, {"eta": 0.0}),
    ("ddim", {}, {"eta": 0.4}),
    ("ddim", {}, {"eta": 1.0}),
]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T,steps", [(10, 10), (50, 50), (100, 20), (1000, 50)])
@pytest.mark.parametrize("kind,options,ours", CASES)
def test_a_chain_in_float64(name, T, steps, kind, options, ours, same_noise):
    for a, b in chains(kind, Schedule.of(name, T), steps, F64, same_noise, n=16, **ours, **options):
        assert_close(a, b, rtol=1e-10, atol=1e-10)


FIRST, *OTHERS = SCHEDULES


@pytest.mark.heavy
@pytest.mark.parametrize("name", [FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
@pytest.mark.parametrize("kind,options,ours", CASES)
def test_a_chain_of_a_thousand_steps_in_float64(name, kind, options, ours, same_noise):
    test_a_chain_in_float64(name, 1000, 1000, kind, options, ours, same_noise)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind,options,ours", CASES)
@pytest.mark.parametrize("T,steps", [(50, 50), (1000, 50)])
def test_each_step_in_float32(name, kind, options, ours, T, steps, same_noise):
    """1e-5 a step, from the same picture each time. Their float32 x_t comes from float64 tables, as ours does."""
    schedule = Schedule.of(name, T)
    g = torch.Generator().manual_seed(1)
    them = theirs(kind, schedule, steps, **options)
    for index in them.timesteps.tolist():
        t, s = index + 1, max(index + 1 - T // steps, 0)
        x0, eps, noise = (torch.randn(8, 1, 8, 8, generator=g) for _ in range(3))
        a = schedule.alpha_bar[t]
        xt = (a.sqrt() * x0.clamp(-1, 1) + (1 - a).sqrt() * eps).float()
        same_noise["noise"] = noise
        extra = {"eta": ours["eta"], "variance_noise": noise} if ours.get("eta") else {}
        want = them.step(eps, index, xt, **extra).prev_sample
        got = reverse_step(xt, eps, t, s, schedule, noise, ours.get("eta", 1.0), ours.get("v", 0.0)).xs
        assert_close(got.double(), want.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind,options,ours", [CASES[0], CASES[2], CASES[4]])
def test_clipped_chains(kind, options, ours, same_noise):
    for a, b in chains(kind, Schedule.of("cosine", 50), 50, F64, same_noise, clip=1.0, **ours, **options):
        assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_the_comparison_would_notice(same_noise):
    """A test that cannot fail proves nothing: the wrong variance must part the two chains."""
    pairs = list(chains("ddpm", Schedule.of("cosine", 50), 50, F64, same_noise, v=1.0, variance_type="fixed_small"))
    assert (pairs[10][0] - pairs[10][1]).abs().max() > 1e-3


# ---------------------------------------------------------------------------------------- two orders, learned variance


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
@pytest.mark.parametrize("T,steps", [(50, 10), (100, 20), (1000, 20)])
def test_second_order_walks_are_dpm_solver_2m(name, predicts, T, steps):
    """DPMSolverMultistep (dpmsolver++, midpoint, order 2), told our table and our times, even and uneven."""
    from itertools import pairwise

    import diffusers

    from diffusion_lib.diffusion import convert

    schedule = Schedule.of(name, T)
    angle = torch.arange(8, dtype=F64) * torch.pi / 4
    perfect = mixture_denoiser(torch.stack([angle.cos(), angle.sin()], 1), 0.1, schedule)

    def model(xt, t, y=None):
        return convert(perfect(xt, t), "eps", predicts, xt, t, schedule)

    kinds = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}
    xT = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    for times in (schedule.times(steps), schedule.times(steps, "snr")):
        them = diffusers.DPMSolverMultistepScheduler(
            num_train_timesteps=T,
            trained_betas=schedule.beta[1:].tolist(),
            prediction_type=kinds[predicts],
            final_sigmas_type="zero",
            lower_order_final=True,
        )
        them.set_timesteps(steps)
        a = schedule.alpha_bar[times[:-1]]
        them.sigmas = torch.cat([((1 - a) / a).sqrt(), torch.zeros(1, dtype=F64)])
        them.timesteps = torch.tensor([t - 1 for t in times[:-1]])
        them.num_inference_steps = steps
        x = xT
        walk = sample(model, xT, schedule, times, sampler="dpmpp_2m", predicts=predicts)
        for step, (t, _) in zip(walk, pairwise(times), strict=True):
            x = them.step(model(x, t), t - 1, x).prev_sample
            # 1e-5, not 1e-10: their step computes in float32 whatever it is given
            assert_close(step.xs, x.double(), rtol=1e-5, atol=1e-5)


def ring_of_islands(schedule):
    angle = torch.arange(8, dtype=F64) * torch.pi / 4
    return mixture_denoiser(torch.stack([angle.cos(), angle.sin()], 1), 0.1, schedule)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T,steps", [(50, 10), (1000, 20)])
def test_ipndm_walks_as_ipndm(name, T, steps):
    """Their alphas and betas are the weights of picture and noise, and their model answers with v."""
    import diffusers

    from diffusion_lib.diffusion import convert

    schedule = Schedule.of(name, T)
    perfect, times = ring_of_islands(schedule), schedule.times(steps)
    them = diffusers.IPNDMScheduler(num_train_timesteps=T)
    them.set_timesteps(steps)
    them.timesteps = torch.tensor(times[:-1])
    them.alphas, them.betas = schedule.alpha_bar[times].sqrt(), (1 - schedule.alpha_bar[times]).sqrt()
    x = xT = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    for step in sample(perfect, xT, schedule, times, sampler="ipndm"):
        x = them.step(convert(perfect(x, step.t), "eps", "v", x, step.t, schedule), step.t, x).prev_sample
        assert_close(step.xs, x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T,steps", [(50, 10), (1000, 20)])
def test_heun_walks_as_heun_discrete(name, T, steps):
    """Two steps of theirs are one of ours, and their pictures have the noise sigma on the data as they are."""
    import diffusers

    schedule = Schedule.of(name, T)
    perfect, times = ring_of_islands(schedule), schedule.times(steps)
    them = diffusers.HeunDiscreteScheduler(num_train_timesteps=T)
    them.set_timesteps(steps)
    a = schedule.alpha_bar[times]
    sigma = ((1 - a) / a).sqrt()
    them.sigmas = torch.cat([sigma[:1], sigma[1:-1].repeat_interleave(2), sigma[-1:]])
    asked = [times[0], *(t for t in times[1:-1] for _ in range(2))]
    them.timesteps = torch.arange(len(asked))  # a name for each of their steps
    xT = torch.randn(16, 2, generator=torch.Generator().manual_seed(0), dtype=F64)
    x, landed = xT / a[0].sqrt(), []
    for i, t in enumerate(asked):
        eps_hat = perfect(x * schedule.alpha_bar[t].sqrt(), t)
        x = them.step(eps_hat, them.timesteps[i], x).prev_sample
        if i % 2 or i == len(asked) - 1:
            landed.append(x)
    walk = list(sample(perfect, xT, schedule, times, sampler="heun"))
    assert len(walk) == len(landed) == steps
    for step, theirs_ in zip(walk, landed, strict=True):
        b = schedule.alpha_bar[step.s]
        assert_close(step.xs, b.sqrt() * theirs_, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("T,steps", [(50, 50), (1000, 50)])
def test_a_learned_variance_walks_as_learned_range_does(T, steps, same_noise):
    """Their model answers with 2C channels and a number in -1..1 for each; ours with eps_hat and a v in 0..1."""
    from diffusion_lib.ddpm import share_of_beta

    schedule, g = Schedule.of("cosine", T), torch.Generator().manual_seed(0)
    them = theirs("ddpm", schedule, steps, variance_type="learned_range")
    means = torch.randn(5, 16, generator=g, dtype=F64)
    perfect = mixture_denoiser(means, 0.3, schedule)

    def answers(xt, t):
        eps = perfect(xt.flatten(1), t).reshape(xt.shape)
        return eps, torch.sin(5 * xt + t / T)

    xT = torch.randn(6, 1, 4, 4, generator=g, dtype=F64)
    x, stride, dice = xT, T // steps, torch.Generator().manual_seed(1)
    times = [index + 1 for index in them.timesteps.tolist()] + [0]

    def both(xt, t, y=None):
        eps, raw = answers(xt, int(t[0]))
        return eps, share_of_beta(raw)

    model = SimpleNamespace(learns_variance=True, eps_and_v=both)
    walk = sample(model, xT, schedule, times, generator=torch.Generator().manual_seed(1))
    assert stride == times[0] - times[1]
    for step, index in zip(walk, them.timesteps.tolist(), strict=True):
        same_noise["noise"] = torch.randn(x.shape, generator=dice, dtype=F64)
        x = them.step(torch.cat(answers(x, index + 1), 1), index, x).prev_sample
        assert_close(step.xs, x, rtol=1e-9, atol=1e-9)
