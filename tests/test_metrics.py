"""Each metric against another library or its closed form, and what it does not see."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, wasserstein_distance
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors
from torch.testing import assert_close

from diffusion_lib import data
from diffusion_lib.evaluation.metrics import (
    copied,
    coverage_ceiling,
    frechet,
    kernel_distance,
    mode_report,
    nearest,
    neighbourhoods,
    sliced_wasserstein,
    student,
    wilson,
)


def test_nearest_finds_the_copy_and_measures_the_rest():
    x = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([3, 49, 0])
    d, i = nearest(x[order], x)
    assert i.tolist() == order.tolist() and torch.equal(d, torch.zeros(3, dtype=torch.float64))
    d, i = nearest(x[:1] + 0.01, x)
    assert i.tolist() == [0]
    assert_close(d, torch.tensor([0.01], dtype=torch.float64), rtol=1e-5, atol=0)


def test_bad_input():
    with pytest.raises(ValueError, match="like with like"):
        nearest(torch.zeros(1, 3), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="x is empty"):
        nearest(torch.zeros(1, 2), torch.zeros(0, 2))


# ---------------------------------------------------------------------------------------- quality, coverage, copies


def cloud(n, seed, shift=0.0):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed)) + shift


@pytest.mark.heavy
def test_neighbourhoods_are_what_another_library_counts():
    real, samples = cloud(300, 0).numpy(), cloud(200, 1, 0.5).numpy()
    k = 5

    def reach(x):
        return NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, k]

    in_real = np.array([np.linalg.norm(real - s, axis=1) < reach(real) for s in samples])  # (M, N)
    in_samples = np.array([np.linalg.norm(samples - r, axis=1) < reach(samples) for r in real])
    wanted = {
        "precision": in_real.any(1).mean(),
        "recall": in_samples.any(1).mean(),
        "density": in_real.sum(1).mean() / k,
        "coverage": in_real.any(0).mean(),
    }
    assert neighbourhoods(torch.tensor(samples), torch.tensor(real), k) == pytest.approx(wanted)


def test_the_truth_reaches_the_ceiling_of_coverage():
    found = [neighbourhoods(cloud(400, 2 * i), cloud(400, 2 * i + 1))["coverage"] for i in range(20)]
    assert np.mean(found) == pytest.approx(coverage_ceiling(400, 400), abs=4 * np.std(found) / np.sqrt(20))
    assert coverage_ceiling(10_000, 10_000) == pytest.approx(1 - 2**-5, abs=1e-3)


@pytest.mark.heavy
def test_each_number_has_its_blind_spot():
    """The grid with five islands lost, with islands shrunk, and with junk between: who notices?"""
    d = data.load("grid", n=4000)
    real, more, which = d.x[:2000], d.x[2000:], d.y[2000:]
    truth = neighbourhoods(more, real)
    lost = neighbourhoods(more[which >= 5].repeat(2, 1)[:2000], real)
    assert abs(lost["precision"] - truth["precision"]) < 0.02 and lost["coverage"] < 0.85
    small = d.modes[which] + 0.3 * (more - d.modes[which])
    assert neighbourhoods(small, real)["coverage"] < 0.6
    assert sliced_wasserstein(small, real) < 1.5 * sliced_wasserstein(more, real) + 0.02  # does not notice
    junk = torch.cat([more[:1800], 3 * torch.rand(200, 2) - 1.5])
    found = neighbourhoods(junk, real)
    assert found["precision"] < truth["precision"] - 0.05 and found["coverage"] > truth["coverage"] - 0.03


def test_sliced_wasserstein_is_scipys_along_each_direction():
    a, b = cloud(200, 0), cloud(200, 1, 1.0)
    where = torch.randn(4, 7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    where = where / where.norm(dim=0)
    wanted = np.mean([wasserstein_distance(a.double() @ w, b.double() @ w) for w in where.T])
    assert sliced_wasserstein(a, b, 7, seed=3) == pytest.approx(wanted)
    # a shift by v costs |v . w| along w; its mean over directions of the plane is 2 / pi |v|
    flat = torch.randn(50, 2)
    assert sliced_wasserstein(flat, flat + torch.tensor([3.0, 4.0]), 4000) == pytest.approx(5 * 2 / np.pi, rel=0.03)


def test_the_kernel_distance_is_the_papers_with_the_librarys_kernel():
    a, b = cloud(60, 0), cloud(80, 1, 0.5)
    k = partial(polynomial_kernel, degree=3, gamma=1 / a.shape[1], coef0=1)
    within = [k(x.double()).sum() - np.trace(k(x.double())) for x in (a, b)]
    wanted = within[0] / (60 * 59) + within[1] / (80 * 79) - 2 * k(a.double(), b.double()).mean()
    assert kernel_distance(a, b) == pytest.approx(wanted) and kernel_distance(a, b) > 0.1
    same = [kernel_distance(cloud(200, 2 * i), cloud(200, 2 * i + 1)) for i in range(40)]
    assert min(same) < 0 < max(same)  # unbiased: 0 on average, whatever n
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(40)


def test_copies_are_found_and_honest_samples_are_not():
    seen, fresh = cloud(300, 0), cloud(300, 1)
    assert copied(seen[:100], seen, fresh)["share"] == 1
    shares = [copied(cloud(300, i), cloud(300, i + 1), cloud(300, i + 2))["share"] for i in range(0, 90, 3)]
    assert abs(np.mean(shares) - 0.5) < 4 * np.std(shares) / np.sqrt(30) < 0.05


def test_the_interval_of_a_share_is_scipys():
    for hits, n in ((0, 10), (3, 10), (10, 10), (480, 1000)):
        wanted = binomtest(hits, n).proportion_ci(0.95, "wilson")
        assert wilson(hits, n) == pytest.approx((wanted.low, wanted.high), abs=1e-4)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: neighbourhoods(torch.zeros(5, 2), torch.zeros(50, 2)), "more than 5 items"),
        (lambda: sliced_wasserstein(torch.zeros(5, 2), torch.zeros(6, 2)), "one shape"),
        (lambda: copied(torch.zeros(5, 2), torch.zeros(3, 2), torch.zeros(4, 2)), "larger set wins"),
    ],
)
def test_bad_sets_get_one_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_frechet_of_two_bell_curves_is_its_closed_form():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(20_000, 4, generator=g, dtype=torch.float64)
    x = (x - x.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T  # covariance exactly 1
    scale = torch.tensor([1.0, 2.0, 3.0, 0.5])
    assert frechet(x, x * scale + 1) == pytest.approx(4 + float((scale - 1).pow(2).sum()), rel=1e-6)
    from scipy.linalg import sqrtm

    a, b = torch.randn(50, 4, generator=g) @ torch.randn(4, 4, generator=g), torch.randn(60, 4, generator=g)
    ca, cb = torch.cov(a.double().T).numpy(), torch.cov(b.double().T).numpy()
    expected = (
        float((a.double().mean(0) - b.double().mean(0)).pow(2).sum()) + (ca + cb - 2 * sqrtm(ca @ cb).real).trace()
    )
    assert frechet(a, b) == pytest.approx(expected, rel=1e-6)


def test_mode_report_sees_lost_shrunk_and_true_modes():
    d = data.grid(20_000)
    true = mode_report(d.x, d.modes, d.sd)
    assert (
        0.986 < true["high_quality"] < 0.992
        and true["modes"] == 25
        and true["kl"] < 0.003
        and 0.96 < true["sd_ratio"] < 0.99
    )
    lost = mode_report(d.x[d.y != 3], d.modes, d.sd)
    assert lost["modes"] == 24 and lost["kl"] == pytest.approx(math.log(25 / 24), abs=0.003)
    shrunk = mode_report(d.modes[d.y] + 0.3 * (d.x - d.modes[d.y]), d.modes, d.sd)
    assert shrunk["high_quality"] == 1 and shrunk["sd_ratio"] == pytest.approx(0.3, abs=0.01)


def test_students_interval_is_scipys_and_covers_as_often_as_it_says():
    from scipy.stats import ttest_1samp

    x = np.random.default_rng(0).normal(3, 2, 12)
    assert student(x) == pytest.approx(tuple(ttest_1samp(x, 0).confidence_interval(0.95)), rel=1e-9)
    assert student([0.25, 0.25, 0.25]) == (0.25, 0.25)
    g = np.random.default_rng(1)
    for n in (3, 5, 10):
        hits = [low < 0 < high for low, high in (student(g.normal(size=n)) for _ in range(4000))]
        assert np.mean(hits) == pytest.approx(0.95, abs=0.015)
    with pytest.raises(ValueError, match="2 runs or more"):
        student([1.0])
