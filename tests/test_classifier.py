"""The classifier that looks at samples."""

import torch

from diffusion_lib import store
from diffusion_lib.nets import Classifier


def test_a_classifier_comes_back_too(tmp_path):
    model = Classifier((1, 8, 8), 10, 32)
    again = store.load(store.save(tmp_path / "c.safetensors", model, store.card()))
    x = torch.randn(3, 1, 8, 8)
    assert torch.equal(model(x), again(x)) and again.features(x).shape == (3, 32)
