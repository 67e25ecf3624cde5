"""A data set is one tensor and its names: subsets and batches keep together what belongs together."""

import torch

from diffusion_lib import data
from diffusion_lib.data import Data


def test_a_subset_by_mask_keeps_words_and_pictures_together():
    d = data.sprites(20, 8, seed=1)
    mask = d.y == 1
    s = d.subset(mask)
    assert len(s) == int(mask.sum()) == len(s.captions) and all("flower" in c for c in s.captions)
    assert len(d.subset(99)) == 20


def test_batches_are_shuffled_epochs():
    d = Data(torch.arange(10.0)[:, None].repeat(1, 2), torch.arange(10))
    stream = d.batches(4, seed=0)
    seen = torch.cat([next(stream)[1] for _ in range(5)])
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10)) and seen[:10].tolist() != list(
        range(10)
    )
    again = d.batches(4, seed=0)
    assert torch.equal(torch.cat([next(again)[1] for _ in range(5)]), seen)
    assert len(next(d.batches(25))[0]) == 25


def test_a_subset_keeps_what_belongs_together():
    d = data.sprites(12, 16, seed=0)
    for which in ([3, 7, 1], torch.tensor([11, 0]), d.y == 1, 4):
        part = d.subset(which)
        for x, y, said in zip(part.x, part.y, part.captions, strict=True):
            i = next(k for k in range(12) if torch.equal(d.x[k], x))
            assert d.captions[i] == said and d.y[i] == y
    learn, rest = d.split(5, seed=2)
    assert len(learn) == 5 and sorted(learn.captions + rest.captions) == sorted(d.captions)


def test_each_epoch_has_an_order_of_its_own():
    d = data.Data(torch.arange(12.0)[:, None])
    batches = d.batches(12, seed=1)
    first, second = (next(batches)[0].flatten().tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(12)) and first != second != list(range(12)) != first
    assert next(d.batches(12, seed=2))[0].flatten().tolist() != first
