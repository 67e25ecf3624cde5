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
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import classifier
from diffusion_lib.machine import seeded_weights
from diffusion_lib.nets import UNet
from diffusion_lib.telling import MORE, Focus, Words, forget
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


@pytest.fixture(scope="module")
def two_things():
    """Four places; what the first thing is shows at place 0 alone, what the second is at place 3 alone."""
    y = torch.tensor(list(itertools.product(range(2), range(3))))
    x = torch.zeros(6, 1, 2, 2)
    x[:, 0, 0, 0], x[:, 0, 1, 1] = 2.0 * y[:, 0] - 1, y[:, 1] - 1.0
    x[:, 0, 0, 1] = 0.5
    return Data(x, y, (("a", "b"), ("c", "d", "both")), name="two things")


def test_a_focus_lies_half_on_the_places_that_tell_its_words(two_things):
    """A quarter of four places' half is everywhere, and all of the other half where the thing shows."""
    for words, wanted in (
        (["a"], [2.5, 0.5, 0.5, 0.5]),
        (["c"], [0.5, 0.5, 0.5, 2.5]),
        (["b", "both"], [1.5, 0.5, 0.5, 1.5]),
    ):
        assert torch.allclose(Focus(two_things, words).places, torch.tensor(wanted).reshape(1, 2, 2))
    assert Focus(two_things, []).places == 1 and Focus(two_things, "d").words == [(1, 1, 1)]  # one word may stand alone
    y = torch.tensor(
        [0, 0, 0, 1, 2, 2]
    )  # of three values a lights place 0 and b place 1: variances 1/2 1/2 and 1/6 5/6
    uneven = Data(torch.eye(3)[y, :2].reshape(6, 1, 1, 2), y[:, None], (("a", "b", "c"),))
    assert torch.allclose(Focus(uneven, ["a"]).places, torch.tensor([[[0.5 + 9 / 14, 0.5 + 5 / 14]]]))
    y, x = two_things.y.where(two_things.y != 0, torch.tensor(-1)), two_things.x.clone()
    x[y[:, 1] < 0, 0, 0, 1] = 9.0  # of whom nothing is said says nothing of where the thing shows
    unsaid = Data(x, y, two_things.names)
    assert torch.allclose(Focus(unsaid, ["d"]).places, torch.tensor([0.5, 0.5, 0.5, 2.5]).reshape(1, 2, 2))


def test_a_focus_takes_its_words_and_silence_more_often_and_leaves_each_of_them_as_it_is(two_things):
    """Of 10,000 that are told one of six things: how often each is taken, and that the pictures of each are the same mixture as before.

    A word that stands twice in the focus is taken twice as often, and so is what is told it and another word of the focus.
    """
    g = torch.Generator().manual_seed(0)
    told = torch.tensor([[0, -1], [1, -1], [-1, 0], [-1, 2], [1, 2], [-1, -1]])
    kind = torch.arange(6).repeat(10_000)
    x0 = torch.rand(60_000, generator=g)  # what differs within a kind
    for words, often in ((["b", "c"], [1, 4, 4, 1, 4, 4]), (["both", "b", "b"], [1, 8, 1, 4, 8, 4])):
        seen = Focus(two_things, words)
        chosen, y = seen.choose(x0, told[kind], 6_000, g)
        assert len(chosen) == len(y) == 6_000 and seen.each == MORE == 4
        share = torch.stack([(y == row).all(1).float().mean() for row in told])
        often = torch.tensor(often).float()
        assert torch.allclose(share, often / often.sum(), atol=0.02)  # without replacement: a little evener
        assert all(abs(chosen[(y == row).all(1)].mean() - 0.5) < 0.06 for row in told)
    assert all(a is b for a, b in zip(Focus(two_things, []).choose(x0, y, 3, g), (x0, y), strict=True))


def test_weights_of_places_leave_the_best_answer_where_it_is():
    """The mean answer of each place has no slope, with whatever weights; and twice the weight is twice the loss of that place."""
    g = torch.Generator().manual_seed(0)
    x0, eps, t = torch.randn(50, 1, 2, 2, generator=g), torch.randn(50, 1, 2, 2, generator=g), torch.full((50,), 7)
    schedule = Schedule.of("cosine", 10)
    best = eps.mean(0, keepdim=True).requires_grad_()
    places = torch.tensor([[0.5, 2.0], [1.0, 0.5]])
    ddpm.ddpm_loss(lambda xt, t, y: best.expand_as(xt), x0, t, eps, schedule, places=places).backward()
    assert best.grad.abs().max() < 1e-6
    loss = lambda places: float(ddpm.ddpm_loss(lambda xt, t, y: 0 * xt, x0, t, eps, schedule, places=places))
    each = eps.square().mean((0, 1))
    assert loss(places) == pytest.approx(float((places * each).mean()), rel=1e-5)


def test_a_training_with_a_focus_learns_from_the_chosen(sprites, monkeypatch):
    """A batch of as many pictures as without, chosen by what is told after words were kept back, and its loss has the places' weights."""
    heard = []
    loss = ddpm.ddpm_loss
    monkeypatch.setattr(ddpm, "ddpm_loss", lambda *told, **more: heard.append((told, more)) or loss(*told, **more))
    _, parts = ddpm.build(sprites, channels=8, batch=20, focus=["winking"], words_first=False)
    assert list(fit(*parts, steps=30)) and parts.batch == 20
    eyes = list(TOLD).index("eyes")
    (_, x0, t, eps, _, _, y), more = heard[0]
    assert len(x0) == len(t) == len(eps) == len(y) == 20
    assert torch.equal(more["places"], Focus(sprites, ["winking"]).places)
    for (_, x0, *_, y), _ in heard:  # each picture still has what is said of it
        for x, row in zip(x0, y, strict=True):
            (which,) = torch.where((sprites.x == x).flatten(1).all(1))[0].tolist()
            assert bool(((row == sprites.y[which]) | (row < 0)).all())
    rows = torch.cat([told[-1] for told, _ in heard])
    winking = TOLD["eyes"].index("winking")
    before = (
        (forget(sprites.y.repeat(100, 1), 0.1, torch.Generator().manual_seed(1))[:, eyes] == winking).float().mean()
    )
    assert (rows[:, eyes] == winking).float().mean() > 1.4 * before


def test_a_focus_on_what_is_not_there_says_so(sprites):
    with pytest.raises(ValueError, match="focus cannot be on 'sleeepy': choose one of cat, flower"):
        ddpm.build(sprites, channels=8, focus=["sleepy", "sleeepy"])
    flowers = sprites.subset(sprites.y[:, list(TOLD).index("eyes")] < 0)
    with pytest.raises(ValueError, match="these data tell only one, or none: take more items"):
        ddpm.build(flowers, channels=8, focus=["winking"])
    with pytest.raises(ValueError, match="these data have none"):
        ddpm.build(data.digits(), focus=["7"])
    with pytest.raises(ValueError, match="fixed variance"):
        ddpm.build(sprites, channels=8, focus=["cat"], learn_variance=True)


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
