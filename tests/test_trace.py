"""What a walk or a training leaves behind is bounded, evenly thinned, and ends with the end."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from small import dice

from diffusion_lib.diffusion import Schedule
from diffusion_lib.sampling import sample
from diffusion_lib.trace import Thinned, Trace

pytestmark = pytest.mark.usefixtures("one_thread")

F64 = torch.float64


def randn(*shape, seed=0, dtype=F64):
    return torch.randn(*shape, generator=dice(seed), dtype=dtype)


# ---------------------------------------------------------------------------------------------------- sample, Trace


def zero_model(xt, t, y=None):
    return torch.zeros_like(xt)


@pytest.mark.parametrize("n,keep", [(5, 60), (60, 60), (61, 60), (100, 7), (1000, 60), (33, 2)])
def test_trace_is_bounded_evenly_thinned_and_ends_with_the_end(n, keep):
    s = Schedule.of("linear", n)
    trace = Trace(keep=keep).record(sample(zero_model, randn(2, 2), s, generator=dice()))
    t = trace.frames("t").tolist()
    assert trace.seen == n and len(t) <= keep and t[0] == n and t[-1] == 1
    assert len(t) == n if n <= keep else len(t) >= keep // 2
    assert len({a - b for a, b in pairwise(t[:-1])}) <= 1  # evenly spaced but for the last
    assert trace.frames("xs").shape == (len(t), 2, 2) and torch.equal(trace.final, trace.steps[-1].xs)
    assert trace.frames("sigma").shape == (len(t),)
    row = Thinned(keep)
    for step in range(n, 0, -1):
        row.add(step)
    assert row.items() == t and row.seen == trace.seen  # one way of thinning


def test_trace_survives_an_interrupt_and_does_not_share_memory():
    s, x = Schedule.of("linear", 10), randn(2, 2)
    trace = Trace()

    def walk():
        for i, step in enumerate(sample(zero_model, x, s, generator=dice())):
            if i == 4:
                raise KeyboardInterrupt
            yield step

    with pytest.raises(KeyboardInterrupt):
        trace.record(walk())
    assert len(trace.steps) == 4
    before = trace.steps[0].xt.clone()
    x.zero_()
    assert torch.equal(trace.steps[0].xt, before)


# ---------------------------------------------------------------------------------------- bounded memory


def test_the_history_is_thinned_evenly_and_keeps_first_and_last():
    for n in (1, 2, 9, 10, 11, 57, 1000):
        row = Thinned(keep=10)
        for i in range(n):
            row.add(i)
        kept = row.items()
        assert kept[0] == 0 and kept[-1] == n - 1 and len(kept) <= 11
        assert len(set(np.diff(kept)[:-1].tolist())) <= 1


def test_a_film_is_thinned_evenly():
    for n in (40, 77, 200):
        row = Thinned(keep=8)
        for k in range(n):
            row.add(k)
        kept = row.items()
        assert kept[0] == 0 and kept[-1] == n - 1 and len(set(np.diff(kept[:-1]).tolist())) == 1 and len(kept) > 4
