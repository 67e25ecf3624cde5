"""Weights on disk: they come back with their card, and what ships says how it was made."""

import json
import math
import runpy
import shlex
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from small import denoiser
from torch import nn

from diffusion_lib import __main__, data, ddpm, nets, store, train
from diffusion_lib.diffusion import Schedule

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parent.parent
SCHEDULE = Schedule.of("cosine", 100)


def numbers_of(model):
    return [p.detach().clone() for p in model.parameters()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# ---------------------------------------------------------------------------------------- on disk


def test_weights_come_back_with_their_card_and_their_schedule(tmp_path):
    model, _ = ddpm.build(data.ring(50), schedule=Schedule.of("sigmoid", 30), predicts="eps", learn_variance=True)
    for p in model.parameters():
        nn.init.normal_(p)
    path = store.save(tmp_path / "w.safetensors", model, store.card(data="ring"))
    again = store.load(path)
    assert same(numbers_of(model), numbers_of(again)) and torch.equal(
        again.schedule.alpha_bar, model.schedule.alpha_bar
    )
    assert again.predicts == "eps" and again.learns_variance and again.card["data"] == "ring"
    half = store.load(store.save(tmp_path / "h.safetensors", model, {}, bits=16))
    assert all(
        torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(numbers_of(model), numbers_of(half), strict=True)
    )


def test_eight_bits_are_off_by_half_a_step_of_each_row(tmp_path):
    """Rows of very different sizes, one of zeros, and a kernel; what is small or no matrix has 16 bits, and a file a third of the size."""
    net, g = nets.UNet((1, 8, 8), 10, channels=64), torch.Generator().manual_seed(0)
    for p in net.parameters():
        nn.init.normal_(p, generator=g)
    with torch.no_grad():
        net.condition.mlp[2].bias[0] = 1.0875e-5  # so small that 16 bits keep it less well: to 2^-25
        net.middle.conv1.weight *= torch.logspace(-6, 6, len(net.middle.conv1.weight))[:, None, None, None]
        net.middle.conv1.weight[3] = 0
    whole, eight = (store.save(tmp_path / f"{b}.safetensors", net, {}, bits=b) for b in (32, 8))
    for (name, a), b in zip(net.state_dict().items(), store.load(eight).state_dict().values(), strict=True):
        large = a.ndim > 1 and a.numel() > store.SMALL
        half = a.flatten(1).abs().amax(1) / 254 if large else (a.abs() / 2**11).clamp(min=2**-25)
        half = half.reshape(-1, *[1] * (a.ndim - 1)) if large else half
        assert bool(((a - b).abs() <= 1.001 * half).all()), name
        if large and a[0].numel() % store.PART == 0:  # long rows have a scale for each part
            a, b = a.reshape(-1, store.PART), b.reshape(-1, store.PART)
            assert bool(((a - b).abs() <= 1.001 * a.abs().amax(1, keepdim=True) / 254).all()), name
    assert bool((store.load(eight).middle.conv1.weight[3] == 0).all())
    again = store.save(tmp_path / "again.safetensors", store.load(eight), {}, bits=8)
    assert again.read_bytes() == eight.read_bytes()  # what has been rounded is not rounded once more
    assert eight.stat().st_size < 0.4 * whole.stat().st_size
    for wrong, one in product((float("nan"), float("inf")), (net.first, net.middle.conv1)):
        with torch.no_grad():
            net.first.weight[0, 0, 0, 0] = net.middle.conv1.weight[0, 0, 0, 0] = 0
            one.weight[0, 0, 0, 0] = wrong
        with pytest.raises(ValueError, match="do not all fit into 8 bits"):
            store.save(eight, net, {}, bits=8)
    with pytest.raises(ValueError, match="32, 16 or 8 bits, but got bits = 4"):
        store.save(eight, net, {}, bits=4)


def test_broken_and_foreign_files_get_one_sentence(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    model, _ = ddpm.build(data.ring(50), schedule=SCHEDULE)
    good = store.save(tmp_path / "w.safetensors", model, {}).read_bytes()
    flipped = bytearray(good)
    flipped[-9] ^= 64
    bad = {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "noise": b"\x00\x01" * 500,
        "flipped": bytes(flipped),
        "pickle": b"\x80\x04.",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"whole safetensors|damaged|not written by"):
            store.load(tmp_path / name)
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(ValueError, match="not written by"):
        store.load(tmp_path / "foreign")
    with safe_open(store.FOLDER / "digits.safetensors", "pt") as file:
        about = json.loads(file.metadata()["diffusion_lib"])
    tensors = load_file(store.FOLDER / "digits.safetensors")
    without = {k: v for k, v in about.items() if k != "card"}
    foreign = [[], None, 5, "text", {}, without, about | {"card": [1]}, about | {"denoiser": {"schedule": "x"}}]
    foreign += [about | {"denoiser": 1}, about | {"net": "Transformer"}, about | {"config": {}}, about | {"sha256": ""}]
    for text in ["", "no JSON", *map(json.dumps, foreign)]:
        save_file(tensors, tmp_path / "foreign", {"diffusion_lib": text})
        with pytest.raises(ValueError, match=r"damaged|not written by"):
            store.load(tmp_path / "foreign")
    for missing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(FileNotFoundError, match="There are no weights"):
            store.load(missing)
    nn.init.constant_(model.net.last.bias, math.nan)
    with pytest.raises(ValueError, match="nothing was written"):
        store.save(tmp_path / "w.safetensors", model, {})
    assert (tmp_path / "w.safetensors").read_bytes() == good


def test_the_sprites_that_know_words_have_a_shorter_name():
    """As lesson 10's issue writes it: sample --weights sprites --prompt TEXT."""
    short, whole = store.load("sprites"), store.load("sprites32")
    assert short.card == whole.card and same(numbers_of(short), numbers_of(whole))
    assert set(store.ALSO.values()) <= set(store.names()) and not set(store.ALSO) & set(store.names())


def test_what_ships_loads_and_says_where_it_comes_from():
    names = store.names()
    assert {
        "mnist",
        "digits",
        "digits_learned",
        "digits_eps",
        "digits_x0",
        "classifier_digits",
        "classifier_mnist",
    } <= set(names)
    for name in names:
        card = store.load(name).card
        assert {"data", "steps", "seconds", "seed", "machine", "versions", "command"} <= set(card), name
    assert sum(p.stat().st_size for p in store.FOLDER.iterdir()) < 16 * 2**20


class Accepted(BaseException):
    """All that a command was asked is understood: sprites would be drawn, or the first step would begin."""


def accepted(*_, **__):
    raise Accepted


def command_of(name: str) -> str:
    """From the file alone: nothing is built before the tests begin."""
    with safe_open(store.FOLDER / f"{name}.safetensors", "pt") as file:
        return json.loads(file.metadata()["diffusion_lib"])["card"]["command"]


@pytest.mark.parametrize("command", sorted({command_of(name) for name in store.names()}))
def test_the_command_on_a_card_is_still_one(command, tmp_path, monkeypatch):
    """The shell accepts each option, a benchmark knows what it is asked to make."""
    python, *words = shlex.split(command)
    assert python == "python"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "fit", accepted), monkeypatch.setattr(data.drawn, "random_sprites", accepted)
    monkeypatch.setattr(data.stickers, "paint", accepted)
    with pytest.raises(Accepted):
        if words[0] == "-m":
            names = {name for name in store.names() if command_of(name) == command}
            assert words[1:3] == ["diffusion_lib", "train"] and names == {Path(words[-1]).stem}
            __main__.main(words[2:])
        monkeypatch.setattr(sys, "argv", words)
        runpy.run_path(str(ROOT / words[0]))["main"]()


def test_a_file_remembers_what_its_network_predicts(tmp_path):
    model = denoiser()
    for predicts in ("eps", "x0", "v"):
        other = ddpm.Denoiser(model.net, model.schedule, predicts)
        again = store.load(store.save(tmp_path / "w.safetensors", other, {}))
        xt = torch.randn(4, 2)
        assert again.predicts == predicts and torch.allclose(again(xt, 7), other(xt, 7), atol=1e-6)
        assert again.schedule.name == "cosine" and np.array_equal(again.schedule.alpha_bar, model.schedule.alpha_bar)
