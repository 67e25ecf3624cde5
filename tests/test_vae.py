"""The VAE against formulas written down again here: the KL, the bound, and a linear model whose likelihood is known exactly."""

import math

import pytest
import torch
from small import dice
from torch import nn
from torch.distributions import Normal, kl_divergence

from diffusion_lib import data, store, vae
from diffusion_lib.train import fit
from diffusion_lib.vae import VAE, bits_per_dimension, kl_to_prior, reconstruction, vae_loss

pytestmark = pytest.mark.usefixtures("one_thread")


class Linear(nn.Module):
    """p(x | z) = N(W z, s^2), so p(x) = N(0, W W^T + s^2); q is the exact posterior, or one that is off by `shift`."""

    shape = (3,)

    def __init__(self, shift=0.0):
        super().__init__()
        # orthogonal columns: the posterior's numbers are independent, as q's are
        self.W = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
        self.s, self.shift, self.log_s = 0.5, shift, torch.tensor(math.log(0.5), dtype=torch.float64)
        self.config = {"latent": 2}

    def encode(self, x, y=None):
        precision = 1 + (self.W**2).sum(0) / self.s**2
        mean = x @ self.W / self.s**2 / precision
        return mean + self.shift, -precision.log().expand_as(mean)

    def decode(self, z, y=None):
        return z @ self.W.T

    def log_p(self, x):
        covariance = self.W @ self.W.T + self.s**2 * torch.eye(3)
        return torch.distributions.MultivariateNormal(torch.zeros(3).double(), covariance).log_prob(x)


def test_kl_is_torchs():
    mu, logvar = torch.randn(5, 4, generator=dice()), torch.randn(5, 4, generator=dice(1))
    truth = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(kl_to_prior(mu, logvar), truth, atol=1e-5)
    assert torch.equal(kl_to_prior(torch.zeros(2, 3), torch.zeros(2, 3)), torch.zeros(2))


def test_the_reconstruction_term_is_the_density():
    torch.manual_seed(0)
    model, x, z = VAE((1, 8, 8), latent=3, channels=4, sd=0.3), torch.rand(4, 1, 8, 8), torch.randn(4, 3)
    truth = -Normal(model.decode(z), 0.3).log_prob(x).flatten(1).sum(1)
    assert torch.allclose(reconstruction(model, x, z), truth, rtol=1e-4)


@torch.no_grad()
def test_grey_levels_share_one_unit_of_probability():
    torch.manual_seed(0)
    model, z = VAE((1, 8, 8), latent=3, channels=4, sd=0.3), torch.randn(1, 3)
    before = torch.full((1, 1, 8, 8), 0.25)
    total = 0.0
    for level in torch.linspace(-1, 1, 17):  # one pixel takes every level, the others stay
        x = before.clone()
        x[0, 0, 2, 5] = level
        total += math.exp(float(reconstruction(model, before, z, levels=17) - reconstruction(model, x, z, levels=17)))
    one = Normal(model.decode(z)[0, 0, 2, 5], 0.3)
    share = float(one.cdf(torch.tensor(0.25 + 1 / 16)) - one.cdf(torch.tensor(0.25 - 1 / 16)))
    assert total * share == pytest.approx(1, rel=1e-4)


def test_with_the_exact_posterior_the_bound_is_the_likelihood():
    model, x = Linear(), torch.randn(4, 3, generator=dice(), dtype=torch.float64)
    noise = torch.randn(200_000, 2, generator=dice(1), dtype=torch.float64)
    for item in x:
        bound = float(vae_loss(model, item.expand(len(noise), 3), noise).mean())
        assert bound == pytest.approx(-float(model.log_p(item)), abs=0.01)


def test_with_another_posterior_the_bound_stands_above_by_their_distance():
    exact, off = Linear(), Linear(shift=0.3)
    x = torch.randn(1, 3, generator=dice(), dtype=torch.float64)
    noise = torch.randn(200_000, 2, generator=dice(1), dtype=torch.float64)
    (mu, logvar), (other, _) = exact.encode(x), off.encode(x)
    sd = (0.5 * logvar).exp()
    gap = float(kl_divergence(Normal(other, sd), Normal(mu, sd)).sum())
    bound = float(vae_loss(off, x.expand(len(noise), 3), noise).mean())
    assert gap > 0.1 and bound == pytest.approx(-float(exact.log_p(x)) + gap, abs=0.01)


def test_beta_weighs_the_kl_alone():
    model, x = Linear(), torch.ones(2, 3).double()
    noise = torch.randn(2, 2, generator=dice(), dtype=torch.float64)
    none, whole, twice = (vae_loss(model, x, noise, beta=b) for b in (0, 1, 2))
    assert torch.allclose(whole - none, kl_to_prior(*model.encode(x)))
    assert torch.allclose(twice - whole, whole - none)


def test_the_gradient_finds_its_way_through_the_dice():
    torch.manual_seed(0)
    model, x = VAE((2,), latent=2, channels=8), torch.randn(6, 2)
    noise = torch.randn(6, 2, generator=dice())
    mu, logvar = model.encode(x)
    reconstruction(model, x, mu + (0.5 * logvar).exp() * noise).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.body.parameters())


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8), (1, 28, 28), (3, 16, 16)])
@pytest.mark.parametrize("classes", [0, 3])
def test_shapes_and_every_weight_learns(shape, classes):
    torch.manual_seed(0)
    model, x = VAE(shape, latent=4, classes=classes, channels=8), torch.randn(6, *shape)
    y = torch.arange(6) % 3 if classes else None
    mu, logvar = model.encode(x, y)
    assert mu.shape == logvar.shape == (6, 4) and model.decode(mu, y).shape == x.shape
    vae_loss(model, x, torch.randn(6, 4), y).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_beta_rises_from_nothing_to_one(monkeypatch):
    seen = []
    truth = vae.vae_loss
    monkeypatch.setattr(vae, "vae_loss", lambda m, x, n, y, beta: seen.append(beta) or truth(m, x, n, y, beta))
    _, parts = vae.build(data.ring(500), warmup=10, channels=8)
    for _ in fit(*parts, steps=15):
        pass
    assert seen == pytest.approx([min(1, (i + 1) / 10) for i in range(15)])
    _, parts = vae.build(data.ring(500), warmup=0, channels=8)
    next(fit(*parts, steps=1))
    assert seen[-1] == 1


def test_the_model_is_the_moving_average():
    model, parts = vae.build(data.ring(500), channels=8)
    for _ in fit(*parts, steps=5):
        pass
    assert model is parts.learners[0].ema
    assert not torch.equal(model.decoder.body[1][0].weight, parts.learners[0].model.decoder.body[1][0].weight)


@pytest.mark.parametrize("sd", [None, 0.2])
@pytest.mark.heavy
def test_s_is_learned_unless_it_is_given(sd):
    model, parts = vae.build(data.ring(2000), sd=sd, channels=32, warmup=500, lr=5e-3)
    before = float(model.log_s.exp())
    for _ in fit(*parts, steps=250):
        pass
    after = float(model.log_s.exp())
    assert after == pytest.approx(0.2) if sd else after < 0.7 * before


@pytest.mark.heavy
def test_digits_are_learned_and_the_bound_says_how_well():
    d = data.digits()
    learn, unseen = d.split(1000)
    model, parts = vae.build(learn, channels=8, warmup=50)
    untrained = bits_per_dimension(model, unseen.x[:200], 17, y=unseen.y[:200], n=2)
    for _ in fit(*parts, steps=200):
        pass
    trained = bits_per_dimension(model, unseen.x[:200], 17, y=unseen.y[:200], n=2)
    assert trained < untrained - 0.5 and trained < math.log2(17)


def test_samples_are_the_same_for_a_seed_and_grain_is_s_of_noise():
    torch.manual_seed(0)
    model = VAE((1, 8, 8), latent=3, classes=10, channels=8, sd=0.05)
    with torch.no_grad():
        model.decoder.last.bias.zero_()
    plain, again, rough = (
        torch.cat(list(vae.draw(model, 300, seed=s, grain=g))) for s, g in ((4, None), (4, False), (4, True))
    )
    assert plain.shape == (300, 1, 8, 8) and torch.equal(plain, again) and plain.abs().max() <= 1
    inside = plain.abs() < 0.7
    assert float((rough - plain)[inside].std()) == pytest.approx(0.05, rel=0.05)
    assert not torch.equal(plain, torch.cat(list(vae.draw(model, 300, seed=5))))


def test_points_are_drawn_with_their_spread():
    torch.manual_seed(0)
    model = VAE((2,), latent=2, channels=8, sd=0.4)
    mean, x = (torch.cat(list(vae.draw(model, 2000, grain=g))) for g in (False, None))
    assert float((x - mean).std()) == pytest.approx(0.4, rel=0.05)


def test_it_comes_back_from_a_file(tmp_path):
    torch.manual_seed(0)
    model = VAE((1, 8, 8), latent=3, classes=10, channels=8, sd=0.3)
    again = store.load(store.save(tmp_path / "vae.safetensors", model, {"data": "digits"}))
    assert again.config == model.config and again.card == {"data": "digits"}
    assert torch.equal(next(vae.draw(model, 5)), next(vae.draw(again, 5)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda m: m.encode(torch.zeros(2, 1, 9, 9), torch.zeros(2).long()), "samples of shape"),
        (lambda m: m.encode(torch.zeros(2, 1, 8, 8)), "told which class"),
        (lambda m: m.decode(torch.zeros(2, 7), torch.zeros(2).long()), "z of shape"),
        (lambda m: vae.build(data.digits(), sd=-1.0), "above 0"),
        (lambda m: vae.build(data.digits(), latent=0), "at least 1"),
    ],
)
def test_mistakes_get_one_sentence(wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        wrong(VAE((1, 8, 8), latent=3, classes=10, channels=8))


POINTS = data.load("ring", n=200)
SIXTY = data.digits().subset(60)


def test_vae_build_hands_on_its_s_and_draws_grain_for_points_only():
    model, _ = vae.build(POINTS, sd=0.3, channels=8, latent=3)
    assert float(model.log_s.exp()) == pytest.approx(0.3, rel=1e-5) and model.config["latent"] == 3
    z = model.decoder.noise(200, torch.Generator().manual_seed(4))
    grain = torch.cat(list(vae.draw(model, 200, seed=4))) - model.decode(z).detach()
    assert float(grain.std()) == pytest.approx(0.3, rel=0.15)
    picture, _ = vae.build(SIXTY, sd=0.3, channels=8)
    y = torch.zeros(3, dtype=torch.long)
    z = picture.decoder.noise(3, torch.Generator().manual_seed(4))
    with torch.no_grad():
        want = picture.decode(z, y).clamp(-1, 1)
        assert torch.allclose(torch.cat(list(vae.draw(picture, 3, y=y, seed=4))), want, atol=1e-6)
        assert not torch.allclose(torch.cat(list(vae.draw(picture, 3, y=y, seed=4, grain=True))), want, atol=0.05)
