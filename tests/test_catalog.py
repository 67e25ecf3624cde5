"""Every data set by its name: one tensor, the same for the same seed, never the network."""

import socket

import pytest
import torch

from diffusion_lib.data import DATASETS, Data, load

SMALL = {"cats": {"n": 20}, "flowers": {"n": 20}, "sprites": {"n": 20}, "thousand": {"n": 20}}


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("this data set must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_is_one_tensor_offline(name, no_network):
    d = load(name, **SMALL.get(name, {}))
    assert d.x.dtype == torch.float32 and bool(d.x.isfinite().all()) and d.credit
    if name != "thousand":  # which tells a network nothing, unless it is asked for words
        assert len(d) == len(d.x) == len(d.y) and d.y.dtype == torch.long and int(d.y.max()) < len(d.names)
    if d.x.ndim == 4:
        assert d.x.min() >= -1 and d.x.max() <= 1 and d.x.std() > 0.2
    else:
        assert d.x.shape[1] == 2 and abs(float(d.x.mean())) < 0.05 and abs(float(d.x.var(0).mean()) - 1) < 0.05


@pytest.mark.parametrize("name", [n for n in DATASETS if n not in ("digits", "mnist")])
@pytest.mark.heavy
def test_same_seed_same_data_other_seed_other_data(name):
    a, b, c = (load(name, n=20, seed=s).x for s in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c) and len(a) == 20


def test_a_new_data_set_is_one_line(monkeypatch):
    monkeypatch.setitem(DATASETS, "mine", lambda: Data(torch.zeros(3, 2)))
    assert len(load("mine")) == 3
