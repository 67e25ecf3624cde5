"""The network that reads sprites: it learns, and says nothing of what a species does not have."""

import torch

from diffusion_lib import data
from diffusion_lib.data.captions import checked
from diffusion_lib.data.factors import FACTORS, TOLD, held_out
from diffusion_lib.evaluation import reader
from diffusion_lib.evaluation.reader import COUNTS, Reader, learn


def test_it_reads_what_the_species_has_and_nothing_else():
    net, x = Reader(8, width=8), torch.randn(30, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = net(x)
    many = net(x.repeat(17, 1, 1, 1))  # 510, more than are read at once
    assert len(many) == 510 and torch.equal(many[-30:], found)
    assert found.shape == (30, len(TOLD)) and [v.shape[1] for v in net.logits(x)] == COUNTS
    for row in found.tolist():
        has = {"species", *FACTORS[tuple(FACTORS)[row[0]]]}
        assert all((v >= 0) == (name in has) for name, v in zip(TOLD, row, strict=True))
        assert all(v < n for v, n in zip(row, COUNTS, strict=True))


def test_it_learns_from_all_combinations(monkeypatch):
    given = []
    monkeypatch.setattr(reader, "sprites", lambda *a, **more: given.append(data.sprites(*a, **more)) or given[0])
    *_, (net, last) = learn(steps=60, n=64, size=8, seed=3)
    assert last.step == 60 and last.values["loss"] < 9  # guessing costs about 13
    (d,) = given
    assert 0 < sum(held_out(checked(words)) for words in d.captions) < 32
    assert (net(d.x)[:, 0] == d.y[:, 0]).double().mean() > 0.9


def test_a_reader_is_trained_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFUSION_LIB_CACHE", str(tmp_path / "new"))
    trained, times = reader.Reader(8, 4, [2, 3]), []
    training = lambda: times.append(1) or iter([(trained, None)])
    x = torch.rand(5, 3, 8, 8) * 2 - 1
    for _ in range(2):
        again = reader.kept("r.pt", reader.Reader(8, 4, [2, 3]), training)
        assert torch.equal(again.eval()(x), trained.eval()(x)) and not any(p.requires_grad for p in again.parameters())
    assert times == [1] and [p.name for p in (tmp_path / "new").iterdir()] == ["r.pt"]
