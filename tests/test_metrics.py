import pytest
import torch
from torch.testing import assert_close

from diffusion_lib.metrics import nearest


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
