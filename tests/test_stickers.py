"""A thousand kinds of sticker: each as often as any other, each factor on its own, and each to be seen in the pixels."""

import itertools

import numpy as np
import pytest
import torch

from diffusion_lib import data
from diffusion_lib.data import stickers
from diffusion_lib.data.paint import rgb
from diffusion_lib.data.stickers import COLOURS, FACTORS, KINDS, PAPERS, SIZE, kept_back, kind, values_of

EVERY = torch.tensor([*itertools.product(range(10), repeat=3)])


@pytest.fixture(scope="module")
def rounds():
    return data.thousand(2000, seed=3, words=True)


def test_every_thousand_are_one_of_each_kind(rounds):
    for part in rounds.y.split(1000):
        assert kind(part).sort().values.tolist() == [*range(1000)]
    assert not torch.equal(rounds.y[:1000], rounds.y[1000:])  # in an order of its own
    assert rounds.names == tuple(FACTORS.values()) and rounds.counts == [10, 10, 10] and KINDS == 1000


def test_a_kind_has_three_digits():
    assert kind(EVERY).tolist() == [*range(1000)] and torch.equal(values_of(torch.arange(1000)), EVERY)
    assert stickers.caption((1, 8, 4)) == "red fish, falling"


def test_the_first_of_a_seed_are_the_same_however_many_and_words_change_no_pixel(rounds):
    few = data.thousand(30, seed=3)
    assert few.y is None and torch.equal(few.x, rounds.x[:30]) and few.captions == rounds.captions[:30]
    told = [stickers.caption(v) for v in rounds.y[:30].tolist()]
    assert list(few.captions) == told
    assert not torch.equal(few.x, data.thousand(30, seed=4).x)


def test_stickers_are_bytes_between_black_and_white(rounds):
    bytes_ = (rounds.x + 1) * 127.5
    assert rounds.x.shape == (2000, 3, SIZE, SIZE) and (bytes_ - bytes_.round()).abs().max() < 1e-3
    assert rounds.x.min() >= -1 and rounds.x.max() <= 1


def test_each_factor_changes_its_own_pixels_only():
    """A colour is seen where the thing is, a paper where it is not; the shares of both and of the ink sum to 1."""
    still = torch.full((1, 4), 0.5)
    part = stickers.shares(0, torch.zeros(1), torch.zeros(1))
    assert torch.allclose(part.sum(1), torch.ones(1, SIZE, SIZE)) and part.min() >= 0
    paint = lambda *v: stickers.paint(torch.tensor([v]), still)[0]
    differ = lambda a, b: (a - b).abs().sum(0) > 1e-6
    assert torch.equal(differ(paint(0, 1, 2), paint(0, 8, 2)), part[0, 1] > 0)
    by_paper = differ(paint(0, 1, 0), paint(0, 1, 2))  # plain, bars
    assert torch.equal(by_paper, (part[0, 0] > 0) & (torch.from_numpy(PAPERS["bars"]) > 0))


def test_what_is_shaken_stays_in_its_bounds():
    """The thing is moved by less than a pixel, and thing and paper are at most so much darker."""
    at = lambda *u: stickers.paint(torch.tensor([[3, 9, 0]]), torch.tensor([u]))[0]
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")

    def centre(x):  # of what is darker than the paper
        dark = (x[:, :1, :1] - x).sum(0)
        return torch.stack([(dark * rows).sum(), (dark * columns).sum()]) / dark.sum()

    far = 2 * stickers.REACH * SIZE / 2
    assert torch.allclose(centre(at(1.0, 0.5, 0, 0)) - centre(at(0.0, 0.5, 0, 0)), torch.tensor([0, far]), atol=0.05)
    assert torch.allclose(centre(at(0.5, 1.0, 0, 0)) - centre(at(0.5, 0.0, 0, 0)), torch.tensor([-far, 0]), atol=0.05)
    bright, dull = at(0.5, 0.5, 0, 0), at(0.5, 0.5, 0, 1)
    assert torch.allclose(dull[:, 0, 0], 0.9 * bright[:, 0, 0])
    bright, dull = at(0.5, 0.5, 0, 0), at(0.5, 0.5, 1, 0)
    assert float(dull[0, 8, 8] / bright[0, 8, 8]) == pytest.approx(0.85, abs=0.01)


def test_a_tenth_is_kept_back_evenly():
    """Each value loses exactly a tenth of its kinds, each two values one kind of ten."""
    away = kept_back(EVERY)
    assert int(away.sum()) == 100
    for i, j in itertools.combinations(range(3), 2):
        assert torch.equal(torch.bincount(10 * EVERY[away, i] + EVERY[away, j]), torch.ones(100, dtype=torch.long))
    seen, unseen = (data.thousand(900, words=True, unseen=which).y for which in (False, True))
    assert len(kind(seen).unique()) == 900 and not kept_back(seen).any()
    assert kept_back(unseen).all() and torch.bincount(kind(unseen), minlength=1000)[away].unique().tolist() == [9]


# Machado, Oliveira, Fernandes 2009, severity 1.0: what linear RGB becomes for three kinds of colour-blind eyes
EYES = {
    "all cones": np.eye(3),
    "no red ones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green ones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue ones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize(("eye", "least"), [*zip(EYES, (40, 15, 20, 20), strict=True)])
def test_colours_differ_for_every_eye(eye, least):
    """Distance in CIELAB; 2 or 3 can just be seen."""
    c = np.stack([rgb(code) for code in COLOURS.values()])
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ np.array(EYES[eye]).T
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x = linear.clip(0, 1) @ np.array(xyz).T / (0.95047, 1, 1.08883)
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    apart = np.linalg.norm(lab[:, None] - lab, axis=2)[np.triu_indices(10, 1)]
    assert apart.min() > least


@pytest.mark.parametrize("n", [0, -1, 2.5, "many", True])
def test_a_number_that_is_none_is_one_sentence(n):
    with pytest.raises(ValueError, match="The number of stickers must be a whole number of at least 1"):
        data.thousand(n)


def test_unseen_is_one_of_three():
    with pytest.raises(ValueError, match="unseen is True, False or None"):
        data.thousand(10, unseen="some")
