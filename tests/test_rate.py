"""What `benchmarks/rate.py` counts, how it takes turns, and its record."""

import json

import pytest
import rate
import torch
from torch.utils.flop_counter import FlopCounterMode

from diffusion_lib.evaluation.cost import forward_flops

pytestmark = pytest.mark.usefixtures("one_thread")
BOOK = json.loads(rate.OUT.read_text("utf-8"))


def test_works_take_turns_and_the_quickest_of_each_counts():
    now, done = [0.0], []

    def lasts(name, *seconds):
        turns = iter(seconds)

        def work():
            done.append(name)
            now[0] += next(turns)

        return work

    works = [lasts("a", 1.0, 5.0, 4.0, 6.0), lasts("b", 0.5, 2.0, 3.0, 2.5)]
    assert rate.quickest(works, 3, lambda: now[0]) == [4.0, 2.0]
    assert "".join(done) == "abababab"


def test_the_yardstick_is_counted_as_in_the_head():
    layer, inputs = rate.yardstick()
    assert forward_flops(layer, *inputs) == 2 * 64 * 64 * 9 * 64 * 16 * 16
    assert inputs[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.heavy
@pytest.mark.parametrize("name", rate.NETWORKS)
def test_operations_are_what_pytorch_counts_and_what_is_recorded(name):
    net, inputs = rate.network(name, 2)
    flops = forward_flops(net, *inputs)
    for work, times in rate.WORK.values():
        with FlopCounterMode(display=False) as counter:
            work(net, inputs)
        assert counter.get_total_flops() == pytest.approx(times * flops, rel=0.05)
    assert all(x.grad is None for x in (*net.parameters(), *inputs))
    # the Intel was lent no more when the sprites' network became deeper: its rows are of the one before
    rows = [row for key, row in BOOK.items() if name != "sprites32" or "AMD" in key]
    assert len(rows) >= 4 and {row["networks"][name]["call_flops"] for row in rows} == {flops * rate.BATCH // 2}


@pytest.mark.parametrize("key", BOOK)
def test_the_record_is_whole(key):
    row = BOOK[key]
    assert row["machine"].startswith(f"{key.split()[0]} threads of ") and row["load"] >= 0
    assert [*row["networks"]] == [*rate.NETWORKS]
    for found in row["networks"].values():
        for what in rate.WORK:
            part = found[what]
            assert part["ratio"] == pytest.approx(part["gflops"] / part["yardstick"], abs=0.001)
            assert 0 < part["ratio"] < 1 and part["yardstick"] > 10


def test_a_rate_is_bold_where_its_goal_is_reached():
    shares = {key: {"sampling": {"ratio": 0.65}, "training": {"ratio": 0.749}} for key in rate.NETWORKS}
    assert rate.table({"2 x AVX2": {"networks": shares}}) == [
        "| 2 x AVX2 | " + " | ".join(["**65.0%**, 74.9%"] * 3) + " |"
    ]
