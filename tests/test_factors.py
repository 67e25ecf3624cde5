"""A network that is told several things at once, any of which may be left open; and the sprites that teach it."""

import itertools
import shlex

import pytest
import torch

from diffusion_lib import __main__, data, ddpm, gan, store, vae
from diffusion_lib.data import drawn
from diffusion_lib.data.captions import caption
from diffusion_lib.data.factors import FACTORS, TOLD, held_out, told
from diffusion_lib.dataset import Data
from diffusion_lib.evaluation import classifier
from diffusion_lib.machine import seeded_weights
from diffusion_lib.nets import UNet
from diffusion_lib.telling import Words, forget
from diffusion_lib.train import fit

COUNTS = [len(values) for values in TOLD.values()]
ALL = [
    {"species": kind, **dict(zip(factors, values, strict=True))}
    for kind, factors in FACTORS.items()
    for values in itertools.product(*factors.values())
]


@pytest.fixture(scope="module")
def sprites():
    return data.sprites(24, 16, words=True)


def test_a_tenth_of_all_combinations_is_held_out():
    away = [s for s in ALL if held_out(s)]
    assert 0.08 < len(away) / len(ALL) < 0.12 and len(ALL) == 2144
    for name, values in TOLD.items():  # but no value of any factor: each is seen in other company
        assert all(any(s.get(name) == v and not held_out(s) for s in ALL) for v in values)
    assert held_out(away[0] | {}) and held_out(dict(reversed(away[0].items())))  # the order says nothing


def test_sprites_in_words(sprites):
    """y says what the caption does; no picture is of a combination that is held out."""
    assert sprites.names == tuple(TOLD.values()) and sprites.counts == COUNTS
    for row, words in zip(sprites.y.tolist(), sprites.captions, strict=True):
        spec = {name: TOLD[name][v] for name, v in zip(TOLD, row, strict=True) if v >= 0}
        assert caption(spec) == words and told(spec) == row and not held_out(spec)
    _pixels, specs = drawn.random_sprites(12, 8, unseen=True)
    assert all(held_out(s) for s in specs)
    assert torch.equal(data.sprites(24, 16).subset(5).x, data.sprites(5, 16).x)  # and without words all is as before


def test_every_value_and_every_silence_has_a_row_of_its_own():
    net = Words([2, 5, 3], 8)
    rows = net.rows.weight.data.copy_(torch.arange(13.0)[:, None].expand(-1, 8))
    net.mlp[2].weight.data.zero_(), net.mlp[2].bias.data.zero_()
    like = torch.zeros(1)
    for y, used in (
        ([0, 0, 0], (0, 3, 9)),
        ([1, 4, 2], (1, 7, 11)),
        ([-1, -1, -1], (2, 8, 12)),
        ([1, -1, 0], (1, 8, 9)),
    ):
        assert torch.equal(net(torch.tensor([y]), like)[0], sum(rows[i] for i in used))
    assert torch.equal(net(None, like), net(torch.tensor([[-1, -1, -1]]), like)) and len(rows) == 13


def test_a_word_means_something_else_in_other_company():
    """What "happy" adds depends on the pose: more than a sum of rows is heard."""
    with seeded_weights(0):
        net = Words([2, 2], 8)
    one, other, first, both = net(torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]), torch.zeros(4))
    assert ((both - first) - (other - one)).abs().max() > 1e-3


def test_words_are_kept_back_by_themselves_and_all_at_once():
    y = torch.arange(4).repeat(20_000, 1)
    lost = forget(y, 0.1, torch.Generator().manual_seed(0)) < 0
    # 10 % lose all; of the others 40 % nothing, 24 % all but one and perhaps the first, 36 % a share that is uniform
    even = 0.36 / 5
    wanted = [
        0.9 * (0.4 + even),
        0.9 * even,
        0.9 * (even + 0.24 * 3 / 8),
        0.9 * (even + 0.24 * 5 / 8),
        0.1 + 0.9 * even,
    ]
    assert torch.allclose(torch.bincount(lost.sum(1)) / len(y), torch.tensor(wanted), atol=0.012)
    shares = lost.float().mean(0)
    assert (
        shares[0] < shares[1:].min() - 0.05 and shares[1:].max() - shares[1:].min() < 0.01
    )  # the first is said more often
    y[:, 2] = -1  # what is not said cannot be the one that is kept
    lost = forget(y, 0.0, torch.Generator().manual_seed(0)) < 0
    assert lost[:, 2].all() and (lost.sum(1) == 4).float().mean() < 0.36 / 4 + 0.01
    # `whole` of those that do not lose all, and at least 0.4; of the rest also a fifth of those with a share
    for whole, least in ((0.2, 0.4), (0.8, 0.8), (1.0, 1.0)):
        lost = forget(torch.arange(4).repeat(20_000, 1), 0.1, torch.Generator().manual_seed(0), whole) < 0
        none = (lost.sum(1) == 0).float().mean()
        assert abs(none - 0.9 * (least + (1 - least) * 0.6 / 5)) < 0.01
        assert abs(lost.all(1).float().mean() - 0.1 - 0.9 * (1 - least) * 0.6 / 5) < 0.01
    classes = torch.zeros(20_000, dtype=torch.long)
    assert 0.09 < (forget(classes, 0.1, None) < 0).float().mean() < 0.11


def test_words_are_learned_first_and_then_to_do_without_them(sprites, monkeypatch):
    """How many pictures are learned with every word falls with the learning rate, as far as `forget` lets it."""
    heard = []
    monkeypatch.setattr(ddpm, "forget", lambda y, drop, generator, whole: heard.append(whole) or y)
    _, parts = ddpm.build(sprites, channels=8)
    rates = [record.rate for record in fit(*parts, steps=6, warmup=0.2)]
    assert heard == rates and max(heard) > 0.9 and heard[-1] < 0.2
    heard.clear()
    _, parts = ddpm.build(sprites, channels=8, words_first=False)
    assert list(fit(*parts, steps=2)) and heard == [0.0, 0.0]


def test_it_learns_draws_and_is_kept(sprites, tmp_path):
    model, parts = ddpm.build(sprites, channels=8)
    *_, last = fit(*parts, steps=2)
    assert last.step == 2 and model.classes == COUNTS and model.net.config["mults"] == [1, 1, 1]
    for p in model.net.parameters():
        p.data.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    back = store.load(store.save(tmp_path / "w.safetensors", model, {}))
    y = torch.tensor([told({"species": "cat"}), told({"species": "cat", "time": "night"}), [-1] * 10])

    def drawn(which, y):
        return torch.cat(list(ddpm.draw(which, 3, 2, y=y, batch=2)))

    assert torch.equal(drawn(model, y), drawn(back, y)) and not torch.equal(drawn(model, y), drawn(model, None))
    assert torch.equal(drawn(model, None), drawn(model, "none")) and torch.equal(
        drawn(model, y)[2], drawn(model, None)[2]
    )


@pytest.mark.parametrize(
    "call,says",
    [
        (lambda d: Data(d.x, d.y + 9, d.names), "nobody knows"),
        (lambda d: Data(d.x, d.y.float(), d.names), "whole numbers"),
        (lambda d: Data(d.x, d.y[:, :3], d.names), "whole numbers of shape (24, 10)"),
        (lambda d: gan.build(d), "Only a DDPM can be told several things at once"),
        (lambda d: vae.build(d), "Only a DDPM can be told several things at once"),
        (lambda d: classifier.build(d), "Only a DDPM can be told several things at once"),
        (lambda d: next(ddpm.draw(ddpm.build(d, channels=8)[0], 2, y=torch.tensor([0, 1]))), "shape (2, 10)"),
        (lambda d: next(ddpm.draw(ddpm.build(d, channels=8)[0], 1, y=torch.full((1, 10), 2))), "nobody knows"),
    ],
)
def test_bad_input_gets_one_sentence(sprites, call, says):
    with pytest.raises(ValueError) as error:
        call(sprites)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_from_the_shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data.drawn.sprites, "__defaults__", (6, 8, 0, None, False, False))
    line = "train --data sprites --size 8 --words --items 7 --channels 8 --steps 1 --half --out w.safetensors"
    assert __main__.main(shlex.split(line)) == 0
    assert store.load("w.safetensors").classes == COUNTS and store.load("w.safetensors").card["items"] == 7
    for wrong, says in (
        ("--data digits --words", "has no option 'words'"),
        ("--data sprites --words --model gan", "--words is an option"),
    ):
        assert __main__.main(shlex.split(f"train --steps 1 {wrong}")) == 2
        assert says in capsys.readouterr().err


def test_a_unet_of_three_sizes_and_words_takes_a_batch_of_two():
    net = UNet((3, 16, 16), 10, COUNTS, channels=8, mults=(1, 1), patch=2)
    assert net(torch.zeros(2, 3, 16, 16), torch.tensor([1, 10]), torch.zeros(2, 10, dtype=torch.long)).shape == (
        2,
        3,
        16,
        16,
    )
