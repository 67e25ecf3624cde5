"""Fixtures that several files share; what is not a fixture stands in `browser`."""

import sys

import pytest
import torch


@pytest.fixture(scope="module")
def one_thread():
    """Tensors here are tiny: on a busy machine torch's threads spend milliseconds on waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    if live := sys.modules.get("diffusion_lib.views.live"):
        live.only(None)  # what a test began to train


@pytest.fixture(scope="module")
def chrome():
    from browser import browser

    with browser() as chrome:
        yield chrome
