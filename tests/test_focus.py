"""The rows that `benchmarks/focus.py` makes of its record, and what it measures."""

import focus
import pytest
import torch

from diffusion_lib import data, ddpm
from diffusion_lib.telling import Focus


def test_with_and_without_are_compared_seed_by_seed():
    row = lambda seed, focus, v: {"seed": seed, "focus": focus, "errors": {"1": {"eyes": v, "all": 2 * v}}}
    rows = [row(seed, on, seed + v) for seed in (0, 1) for on, v in ((True, 0.4), (False, 0.5))]
    assert focus.table({"noises": [1.0], "rows": rows}) == [
        "| 1 | 1.0000, 0.9000 | -0.1000 (-0.1000 to -0.1000) | 2.0000, 1.8000 | -0.2000 (-0.2000 to -0.2000) |"
    ]


def test_the_error_at_the_eyes_is_of_those_cats_and_those_places():
    """A network that answers 0 has the error v^2: at the eyes that of cats with such eyes, weighted by where they show."""
    d = data.sprites(60, 16, words=True)
    model, _ = ddpm.build(d, channels=8)
    where = 2 * Focus(d, focus.WORDS).places - 1
    assert where.mean() == pytest.approx(1, abs=1e-5) and where.min() >= -1e-5
    found = focus.errors(model, d, where)
    cats = d.subset([any(word in said for word in ("happy eyes", "sleepy eyes", "winking")) for said in d.captions])
    t = focus.time_of(1.0, model.schedule)
    bar = model.schedule.alpha_bar[t]
    for name, part, places in (("eyes", cats, where), ("all", d, torch.ones(1, 16, 16))):
        eps = torch.randn(part.x.shape, generator=torch.Generator().manual_seed(1))
        v = bar.sqrt() * eps - (1 - bar).sqrt() * part.x
        assert found["1"][name] == pytest.approx(float((v.square() * places).mean()), rel=1e-4)
