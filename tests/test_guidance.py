"""Guidance: two answers of one network, and a line drawn out through them; on points, where the truth is known."""

import pytest
import torch

from diffusion_lib import ddpm, store
from diffusion_lib.diffusion import Schedule, convert
from diffusion_lib.guidance import guided
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import SAMPLERS, sample

SCHEDULE = Schedule.of("cosine", 50)
MEANS = torch.tensor([[-1.0, 0.3], [1.0, 0.5], [0.4, -1.2]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 1])
MODEL = mixture_denoiser(MEANS, 0.3, SCHEDULE, labels=LABELS)
X = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 0, 1, 1, 0])


def log_q(x, t, y=None):
    """log q(x_t | y) of the mixture, written out: nothing of it is the package's but the schedule."""
    a = SCHEDULE.alpha_bar[t]
    var = a * 0.3**2 + 1 - a
    each = -((x[:, None] - a.sqrt() * MEANS) ** 2).sum(2) / (2 * var)
    if y is not None:
        each = each.masked_fill(y[:, None] != LABELS, -torch.inf)
    return each.logsumexp(1)


def score(x, t, y=None):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(log_q(x, t, y).sum(), x)[0]


@pytest.mark.parametrize("w", (0.0, 0.5, 1.0, 2.0, 5.0))
@pytest.mark.parametrize("t", (1, 25, 50))
def test_guidance_is_a_sum_of_two_scores(w, t):
    """grad log q(x_t) + w grad log p(y | x_t): the score of q(x_t) p(y | x_t)^w, not normalised."""
    x = X.clone().requires_grad_()
    log_class = log_q(x, t, Y) - log_q(x, t)
    wanted = score(X, t) + w * torch.autograd.grad(log_class.sum(), x)[0]
    got = convert(guided(MODEL, Y, w)(X, t), "eps", "score", X, t, SCHEDULE)
    assert torch.allclose(got, wanted, atol=1e-9)


def test_negative_words_take_the_place_of_none():
    other = 1 - Y
    wanted = score(X, 30, other) + 3 * (score(X, 30, Y) - score(X, 30, other))
    got = convert(guided(MODEL, Y, 3.0, other)(X, 30), "eps", "score", X, 30, SCHEDULE)
    assert torch.allclose(got, wanted, atol=1e-9)
    assert torch.equal(guided(MODEL, Y, 1, other)(X, 30), MODEL(X, 30, Y))  # at w = 1 they count for nothing
    assert torch.equal(guided(MODEL, Y, 0, other)(X, 30), MODEL(X, 30, other))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_any_sampler_walks_with_it_and_more_weight_means_more_of_the_class(sampler):
    x = torch.randn(400, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y, share = torch.zeros(400, dtype=torch.long), []
    for w in (0, 1, 4):
        walk = sample(guided(MODEL, y, w), x, sampler=sampler, generator=torch.Generator().manual_seed(2))
        *_, last = walk
        share.append(float(((last.xs - MEANS[0]).norm(dim=1) < 1.2).double().mean()))
        spread = last.xs.std(0).mean()
    assert share[0] < 0.5 < 0.97 < share[1] <= share[2] and spread < 0.3


def test_both_are_asked_in_one_batch():
    asked = []

    def model(xt, t, y):
        asked.append((len(xt), len(t), y.tolist()))
        return xt

    assert torch.equal(guided(model, Y, 2.5)(X, 7), X) and asked == [(12, 12, [-1] * 6 + Y.tolist())]
    assert guided(MODEL, Y, 2).schedule is SCHEDULE and guided(model, Y, 2).schedule is None


def test_draw_takes_w_and_negative():
    model, y = store.load("digits"), torch.tensor([3, 5, 3])

    def drawn(**more):
        return torch.cat(list(ddpm.draw(model, 3, 5, y=y, **more)))

    assert torch.equal(drawn(), drawn(w=1)) and not torch.equal(drawn(), drawn(w=3))
    assert torch.equal(drawn(w=3), drawn(w=3, batch=2)) or torch.allclose(drawn(w=3), drawn(w=3, batch=2), atol=1e-4)
    assert torch.equal(drawn(w=0), torch.cat(list(ddpm.draw(model, 3, 5, y="none"))))
    assert not torch.equal(drawn(w=3), drawn(w=3, negative=torch.tensor([8, 8, 8])))


@pytest.mark.parametrize(
    "call",
    [
        *(lambda w=w: guided(MODEL, Y, w) for w in (-1, 21, 1e9, float("nan"), float("inf"), "2", None)),
        lambda: next(ddpm.draw(store.load("digits"), 2, w=-3)),
        lambda: next(ddpm.draw(store.load("digits_twenty"), 2, w=2)),
        lambda: next(ddpm.draw(store.load("digits"), 2, w=2, negative=torch.tensor([1]))),
        lambda: next(ddpm.draw(store.load("digits"), 2, w=2, negative=torch.tensor([1, 77]))),
    ],
)
def test_bad_input_gets_one_sentence(call):
    with pytest.raises(ValueError, match=r"guidance weight|without classes|one for each sample|no class 77") as error:
        call()
    assert "\n" not in str(error.value)
