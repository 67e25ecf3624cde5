"""What `benchmarks/gpu.py` measures, here on a processor, and its record."""

import json

import gpu
import pytest
import torch

BOOK = json.loads(gpu.OUT.read_text("utf-8"))


@pytest.mark.heavy
def test_training_and_sampling_are_timed(monkeypatch):
    monkeypatch.setattr(gpu, "LARGE", 256)
    monkeypatch.setitem(gpu.NETWORKS, "digits", ({}, 40, 20))
    row = gpu.measure("digits", torch.device("cpu"), seconds=0.1)
    assert [r["batch"] for r in row["training"]] == [128, 256] and row["sampling"]["n"] == 20
    for r in row["training"]:
        assert r["items_a_second"] == pytest.approx(r["batch"] * r["steps_a_second"]) and r["precision"] != "auto"
    assert row["sampling"]["pictures_a_second"] > 0 and row["parameters"] > 1e5


def test_without_a_card_only_the_processor_can_be_measured(monkeypatch):
    monkeypatch.setattr(gpu, "pick_device", lambda: torch.device("cpu"))
    monkeypatch.setattr("sys.argv", ["gpu.py", "card"])
    with pytest.raises(SystemExit, match="no graphics card here: only the part cpu"):
        gpu.main()


def test_both_columns_are_of_the_same_work():
    card, slow = (BOOK[part]["networks"] for part in ("card", "cpu"))
    assert card.keys() == slow.keys() == gpu.NETWORKS.keys()
    for name in card:
        assert card[name]["parameters"] == slow[name]["parameters"]
        assert [r["batch"] for r in card[name]["training"]] == [r["batch"] for r in slow[name]["training"]]


def test_a_ratio_is_bold_where_the_goal_is_reached():
    row = lambda steps, pictures: {
        "training": [{"steps_a_second": s} for s in steps],
        "sampling": {"pictures_a_second": pictures},
    }
    book = {
        k: {"networks": dict.fromkeys(gpu.NETWORKS, v)}
        for k, v in (("cpu", row((2, 4), 10)), ("card", row((20, 39), 300)))
    }
    rows = gpu.table(book)
    assert (
        rows[0] == "| digits | 2.00, 20.0 | **10.0** | 4.00, 39.0 | 9.8 | 10.00, 300.0 | **30.0** |" and len(rows) == 3
    )
