"""Counting kinds of stickers: how evenly they came, and how far a picture is from being one."""

import math

import pytest
import torch
from scipy.stats import entropy

from diffusion_lib import data
from diffusion_lib.data import stickers
from diffusion_lib.evaluation.kinds import found, nearest_sticker
from diffusion_lib.evaluation.metrics import uneven

D = data.thousand(12, seed=5, words=True)


def test_kl_is_scipys():
    g = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 60, (1000,), generator=g)
    assert uneven(counts) == pytest.approx(entropy(counts.numpy(), [1] * 1000), rel=1e-12)
    assert uneven(torch.full((7,), 3)) == 0 and uneven(torch.tensor([5, 0])) == pytest.approx(math.log(2))
    assert math.isnan(uneven(torch.zeros(4)))


def test_what_fair_draws_score():
    """All kinds, and (K - 1) / 2N on average: the floor of the benchmark."""
    g = torch.Generator().manual_seed(1)
    rows = [found(torch.randint(1000, (26_000,), generator=g)) for _ in range(20)]
    assert {r["modes"] for r in rows} == {r["strict"] for r in rows} == {1000}
    assert sum(r["kl"] for r in rows) / 20 == pytest.approx(999 / 52_000, rel=0.03)
    assert abs(sum(r["excess"] for r in rows)) / 20 < 0.0006


def test_found_counts_what_came():
    kinds = torch.cat([torch.zeros(990).long(), torch.arange(1, 11), torch.full((9000,), 20)])
    row = found(kinds)  # fair would be 10 of each: a tenth of it is one
    assert row["modes"] == row["strict"] == 12
    assert found(torch.cat([kinds, torch.full((10_001,), 20)]))["strict"] == 2
    with pytest.raises(ValueError, match="There are no samples to count"):
        found(kinds[:0])


def test_real_stickers_are_stickers_and_others_are_as_far_as_they_are():
    own = nearest_sticker(D.x, D.y)
    assert own.max() < 0.02
    for i in range(3):
        other = D.y.clone()
        other[:, i] = (other[:, i] + 1) % 10
        assert nearest_sticker(D.x, other, places=5).min() > 0.1
    noise = 0.2 * torch.randn(D.x.shape, generator=torch.Generator().manual_seed(0))
    assert nearest_sticker(D.x + noise, D.y).mean() == pytest.approx(0.2, rel=0.02)


def test_the_nearest_sticker_is_what_a_search_finds():
    """Against painting many stickers of the kind, at random places and brightnesses."""
    x, y = D.x[:1] + 0.1 * torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(2)), D.y[:1]
    many = 2 * stickers.paint(y.expand(4000, 3), torch.rand(4000, 4, generator=torch.Generator().manual_seed(3))) - 1
    searched = (many - x).square().mean((1, 2, 3)).sqrt().min()
    assert float(searched) - 0.003 < float(nearest_sticker(x, y)) <= float(searched) + 2e-4


def test_brightness_is_kept_in_its_bounds():
    """A thing that is darker than any sticker's is not one."""
    values = torch.tensor([[2, 0, 0]])
    part = stickers.shares(2, torch.zeros(1), torch.zeros(1))
    papers, body, ink = stickers.inks(values)
    darker = 2 * (part[:, :1] * papers + part[:, 1:2] * 0.5 * body + part[:, 2:] * ink) - 1
    share = float(part[:, 1].square().mean())
    assert float(nearest_sticker(darker, values)) == pytest.approx(2 * 0.35 * share**0.5, rel=0.03)


def test_values_and_pictures_go_together():
    with pytest.raises(ValueError, match="There are 2 pictures, but 1 rows of values"):
        nearest_sticker(D.x[:2], D.y[:1])
