"""What `benchmarks/words.py` counts, where it writes it, and the rows that it makes of it."""

import random

import book
import pytest
import torch
import words

from diffusion_lib.data.factors import FACTORS, TOLD, held_out, told

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_word_is_counted_without_the_species_beside_it():
    """Three pictures, of which the species of all are right and one word of three: 2 of 3 words in all would be 5 of 6."""
    asked = torch.tensor(
        [
            told({"species": "cat", "fur": "black"}),
            told({"species": "cat", "eyes": "wide"}),
            told({"species": "flower", "time": "night"}),
        ]
    )
    found = asked.clone()
    found[1, list(TOLD).index("eyes")] = 0
    row = words.by_factor(found, asked)
    assert (row["all"]["share"], row["words"]["share"], row["whole"]["share"]) == pytest.approx((5 / 6, 2 / 3, 2 / 3))
    assert (row["words"]["n"], row["factors"]["eyes"]["share"], row["factors"]["species"]["n"]) == (3, 0.0, 3)


def test_combinations_never_shown_are_compared_with_as_many_of_each_species():
    away = [s for s in words.ALL if held_out(s)]
    others = words.like(away, [s for s in words.ALL if not held_out(s)], random.Random(2))
    count = lambda specs: [sum(s["species"] == k for s in specs) for k in FACTORS]
    assert count(others) == count(away) and not any(map(held_out, others))
    assert len({tuple(told(s)) for s in others}) == len(away) > 150


@pytest.mark.parametrize(("capability", "where"), [("AVX512", "milliseconds"), ("AVX2", "milliseconds_avx2")])
def test_times_of_a_processor_without_avx512_stand_apart(capability, where, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(words, "RECORD", tmp_path / "words.json"), monkeypatch.setattr("sys.argv", ["", *words.PARTS])
    monkeypatch.setattr(words, "PARTS", {name: lambda name=name: {"part": name} for name in words.PARTS})
    words.main()
    written = book.opened(words.RECORD)
    assert written.pop(where) == {"part": "milliseconds"}
    assert set(written) == {*words.PARTS, "of"} - {"milliseconds"}


def test_a_row_says_where_a_goal_was_missed():
    part = lambda value: {"share": value, "low": value - 0.1, "high": 1.0, "n": 200}
    each = {
        "factors": {name: part(0.97) for name in TOLD} | {"eyes": part(0.9699)},
        "words": part(0.5),
        "whole": part(0.5),
    }
    spread = {
        "cat, w = 1": {"eyes": 0.94, "fur": 0.95},
        "nothing, w = 1": dict.fromkeys(TOLD, 0.96),
        "cat, w = 2": {"fur": 0.1},
    }
    record = {"obeyed": {"2": {"one word": each, "captions": each}}, "spread": spread}
    rows = words.factor_rows(record)
    assert [row for row in rows if "missed" in row] == [
        "| eyes | 97.0% (87.0% to 100.0%): **missed** | 97.0% (87.0% to 100.0%): **missed** | 0.940: **missed** |"
    ]
    others = {"reader": {"seen": {"all": part(0.9991)}}, "frechet": {"floor": 2.0, "w = 1": 4.1, "w = 2": 4.0}}
    assert words.missed(record | others | {"milliseconds": {"median": 301}}) == (
        "Goals missed: one word obeyed (eyes); whole captions obeyed (eyes); spread (eyes); Fréchet (w = 1); time (AVX-512)."
    )
    assert "| fur | 97.0% (87.0% to 100.0%) | 97.0% (87.0% to 100.0%) | 0.950 |" in rows


def test_times_and_distances_are_held_to_their_goals():
    record = {
        "reader": {"seen": {"all": {"share": 0.999}}, "held_out": {"all": {"share": 0.9989}}},
        "held_out": {
            key: {"whole": {"share": 0.5, "n": 190}, "factors": {"fur": {"n": 73}}} for key in ("held_out", "trained")
        },
        "frechet": {"n": 500, "floor": 10.0, "w = 1": 20.1, "w = 2": 20.0},
        "calls": {
            "n": 7,
            "floor": 2.0,
            "rows": [{"calls": n, "words": {"share": 0.1 * n}, "frechet": 10.0 / n} for n in (2, 5)],
        },
        "milliseconds": {"median": 300.0, "first frame": 9.0, "load": 0.5},
    }
    reader, whole, floors, right, far, *times = words.other_rows(record)
    assert right == "| words right, of 7 captions at w = 2, with 2; 5 calls | 20.0%; 50.0% |  |"
    assert far == "| Fréchet of these, in floors, with 2; 5 calls | 2.50; 1.00 |  |"
    assert "of 190 never trained on; of 190 others, as many of them cats |" in whole
    assert "99.90%; 99.89%: **missed**" in reader and "2.01: **missed**; 2.00 |" in floors
    assert times == [
        "| ms to four pictures, AVX-512, load 0.5 | 300 | 300 |",
        "| ms to the first frame, AVX-512 | 9 | before the last |",
    ]
    slow = words.other_rows(record | {"milliseconds_avx2": {"median": 1000.6, "first frame": 90.0, "load": 3.0}})
    assert slow[-2] == "| ms to four pictures, AVX2, load 3.0 | 1001: **missed** | 1,000 |"


def test_a_row_says_what_is_lost_at_a_noise_and_how_far_off_the_network_is():
    """By rising noise, of cats their eyes and of flowers their petals' shape, the network before the drawings, w = 1 before 2."""
    kept = lambda share: {"share": share}
    obeyed = lambda eyes, shape: {
        w: {"eyes": kept(eyes + 0.1 * (w == "2")), "shape": kept(shape + 0.1 * (w == "2")), "fur": kept(0.0)}
        for w in "12"
    }
    rows = [
        {"species": kind, "sigma": sigma, "network": 0.3 * sigma * k, "others": 0.1 * sigma, "obeyed": obeyed(0.5, 0.8)}
        for sigma in (2.0, 0.25)
        for kind, k in (("flower", 1), ("cat", 2))
    ]
    assert words.limit_rows({"limits": {"rows": rows}}) == [
        "| 0.25 | 0.1500, 0.0250: 6.0 times | 50.0%; 60.0% | 0.0750, 0.0250: 3.0 times | 80.0%; 90.0% |",
        "| 2 | 1.2000, 0.2000: 6.0 times | 50.0%; 60.0% | 0.6000, 0.2000: 3.0 times | 80.0%; 90.0% |",
    ]


def test_the_limits_are_of_whole_captions_and_of_other_drawings(monkeypatch):
    """Few and small: each species' captions and noises once, the network told what is there, and no bank among the pictures."""
    asked = []

    def beside(model, x0, others, sigma, y, seed):
        assert model is words.MODEL and x0.shape == (2, 3, 32, 32) and others.shape == (5, 3, 32, 32)
        assert (
            torch.cdist(x0.flatten(1), others.flatten(1)).min() > 0.1 and -1 <= x0.min() < -0.2 and 0.2 < x0.max() <= 1
        )
        assert torch.equal(y[0], y[1]) and not held_out(
            {n: TOLD[n][v] for n, v in zip(TOLD, y[0].tolist(), strict=True) if v >= 0}
        )
        asked.append((int(y[0, 0]), sigma))
        return 3.0 * sigma, 1.0 * sigma

    def read(walked):  # at w = 1 no eyes are what was told, at w = 2 all words are
        y, w = walked
        wrong = torch.arange(y.shape[1]) == list(TOLD).index("eyes")
        return torch.where(wrong & (y >= 0), (y + 1) % 5, y) if w == 1 else y

    monkeypatch.setattr(words, "beside_ideal", beside), monkeypatch.setattr(words, "judge", lambda: read)
    monkeypatch.setattr(words, "walked_back", lambda model, x, sigma, y, w: (y, w) if len(x) == len(y) == 6 else None)
    part = words.limits(sigmas=(0.5, 2.0), captions=3, n=2, others=5)
    assert sorted(asked) == sorted((k, s) for k in (0, 1) for s in (0.5, 2.0) for _ in range(3))
    assert [(r["species"], r["sigma"], r["network"], r["others"]) for r in part["rows"]] == [
        (kind, s, 3 * s, s) for kind in FACTORS for s in (0.5, 2.0)
    ]
    shares = {w: part["rows"][0]["obeyed"][w]["eyes"] for w in "12"}
    assert [(shares[w]["share"], shares[w]["n"]) for w in "12"] == [(0.0, 6), (1.0, 6)]
    assert all(row["obeyed"]["1"]["time"]["share"] == 1 for row in part["rows"])
