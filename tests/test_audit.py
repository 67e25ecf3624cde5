"""What `benchmarks/arena.py` recorded: complete, fair, found again; and how an audit compares."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from diffusion_lib import data
from diffusion_lib.evaluation import arena, records
from diffusion_lib.evaluation.arena import FAMILIES, Place
from diffusion_lib.evaluation.records import RECORDS

ROOT = Path(__file__).parent.parent

# ---------------------------------------------------------------------------------------- what was recorded

BOOKS = {p.stem.removeprefix("arena_"): json.loads(p.read_text()) for p in sorted(RECORDS.glob("arena_*.json"))}


def test_the_audits_found_every_number_again():
    import arena as benchmark

    races, latents, full = (
        json.loads((ROOT / "benchmarks" / f"{name}.json").read_text())
        for name in ("audit", "audit_latents", "audit_full")
    )
    rows = races["rows"] + full["rows"]
    wanted = [(name, i) for name in BOOKS for i in range(10 if name == "grid" else 5)]
    assert sorted((r["place"], r["seed"]) for r in rows) == sorted(wanted)
    assert [book["numbers_that_differ"] for book in (races, full, latents)] == [0, 0, 0]
    assert latents["numbers"] > 200
    for row in rows:  # what was found again is what is shipped today
        then = [r for r in BOOKS[row["place"]]["runs"] if r["seed"] == row["seed"]]
        assert not row["differ"]
        assert list(map(benchmark.timeless, row["runs"])) == list(map(benchmark.timeless, then))
    minutes = races["minutes"] + latents["minutes"]
    assert races["cores"] == 2 and minutes <= 45


def test_an_audit_names_the_number_that_differs_or_is_missing(tmp_path, monkeypatch):
    import latent_weights as benchmark

    monkeypatch.setattr(records, "RECORDS", tmp_path)
    monkeypatch.setattr(benchmark, "nine", lambda: [{"bits": 2.0}, {"bits": 2.5}])
    monkeypatch.setattr(benchmark, "measure", lambda: {"machine": "now", "halfway": {"GAN": {"ends": 1.000004}}})
    then = {"machine": "then", "s": [{"bits": 2.0}, {"bits": 2.5}], "halfway": {"GAN": {"ends": 1.0}}}
    (tmp_path / "latents.json").write_text(json.dumps(then))
    assert benchmark.compare() == {}  # to the last digit that the file has
    then["s"][1]["bits"], then["mean_digit"] = 2.6, 0.3
    (tmp_path / "latents.json").write_text(json.dumps(then))
    assert benchmark.compare() == {"/s/1/bits": [2.6, 2.5], "/mean_digit": [0.3, None]}


@pytest.mark.parametrize("name", BOOKS)
def test_every_seed_is_there_and_all_had_the_same_seconds(name):
    book = BOOKS[name]
    seeds = range(10 if name == "grid" else 5)
    for seed in seeds:
        runs = {r["family"]: r for r in book["runs"] if r["seed"] == seed}
        assert set(runs) == set(FAMILIES), seed
        mean = sum(r["seconds"] for r in runs.values()) / 3
        assert all(0.98 * mean <= r["seconds"] <= 1.02 * mean for r in runs.values() if not r["error"]), seed
        share = [r["steps"] / book["steps"][f] for f, r in runs.items() if not r["error"]]
        # the first had made its steps, nobody was far from it
        assert max(share) == 1 and min(share) > 0.9, seed
    assert all(r["seed"] in seeds for r in book["runs"])


@pytest.mark.parametrize("name", BOOKS)
def test_each_family_was_searched_as_much_and_the_best_was_taken(name):
    import arena as benchmark

    book = BOOKS[name]
    assert {len(rows) for rows in book["search"].values()} == {benchmark.TRIES}
    for family, rows in book["search"].items():
        assert rows[0]["options"] == {}  # what `build` takes by itself
        assert [r["options"] for r in rows] == [benchmark.options_of(family, name, i) for i in range(len(rows))]
        best = benchmark.best(rows)
        ignored = {"precision": None}
        assert book["options"][family] | ignored == best | ignored


@pytest.mark.parametrize("name", BOOKS)
def test_flops_counted_and_by_thought_agree_in_the_book(name):
    for family, found in BOOKS[name]["flops"].items():
        assert found["training_per_sample"] == pytest.approx(found["expected"], rel=0.05), family


def judged_by_few(place: Place, n=200) -> Place:
    """The same to learn, and a judge that is quick."""
    return Place(place.learn, data.Data(place.unseen.x[:n], place.unseen.y[:n], place.unseen.names))


@pytest.mark.heavy
def test_the_first_steps_of_a_recorded_race_are_the_same_today():
    """`make audit` compares whole runs; here what the film shows of seed 0 at the start and after a 144th of it."""
    import arena as benchmark

    book, film, frames = BOOKS["grid"], np.load(RECORDS / "arena_grid.npz"), {}
    few = {k: round(n / (benchmark.FRAMES - 1) ** 2) for k, n in book["steps"].items()}
    benchmark.run(judged_by_few(arena.load("grid")), book["options"], book["steps"], 0, frames, rests=few)
    assert set(frames) == set(few)
    for family, (start, then, *_) in frames.items():
        assert np.abs(start - film[family][0]).max() < 0.01, family
        if family != "GAN":  # whose first steps go elsewhere on another processor
            off, moved = (np.abs(then.astype(float) - other) for other in (film[family][1], start))
            assert np.quantile(off, 0.95) < 0.03 < np.quantile(moved, 0.5), family


@pytest.mark.heavy
def test_a_recorded_race_is_repeated_with_the_steps_that_it_made():
    import arena as benchmark

    place, options = judged_by_few(arena.load("grid")), BOOKS["grid"]["options"]
    short, frames, later = dict.fromkeys(FAMILIES, 20), {}, {}
    first = benchmark.run(place, options, short, 0, frames)
    assert 20 in [r["steps"] for r in first] and [r["curve"][-1]["steps"] for r in first] == [r["steps"] for r in first]
    rests = {r["family"]: r["steps"] for r in first}
    second = benchmark.run(place, options, short, 0, later, rests=rests)
    assert [benchmark.timeless(r) for r in first] == [benchmark.timeless(r) for r in second]
    assert all(np.array_equal(np.stack(v), np.stack(later[k])) for k, v in frames.items())


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["digits", pytest.param("grid", marks=pytest.mark.slow)])
def test_the_floor_in_the_book_is_todays(name):
    import arena as benchmark

    assert benchmark.rounded(arena.load(name).floor()) == pytest.approx(BOOKS[name]["floor"], abs=1e-4)


def test_a_seed_whose_seconds_are_not_equal_is_run_again():
    import arena as benchmark

    rows = [
        {"family": f, "seed": s, "error": "", "seconds": 10 + 0.35 * s * (f == "GAN")}
        for f in FAMILIES
        for s in range(3)
    ]
    # GAN 10, 10.35, 10.7 beside 10 and 10
    assert [benchmark.equal(rows, s) for s in range(3)] == [True, False, False]
    rows[1]["error"] = "The loss is nan"
    assert benchmark.equal(rows, 1)  # what broke off has no whole time


def test_an_audit_adds_what_a_record_lacks_and_changes_nothing(tmp_path, monkeypatch):
    import arena as benchmark

    monkeypatch.setattr(benchmark, "RECORDS", tmp_path)
    path = tmp_path / "arena_digits.json"
    path.write_text(
        json.dumps({"runs": [{"family": "GAN", "seed": s, "seconds": 9.0, "coverage": 0.5} for s in (0, 1)]})
    )
    now = {"family": "GAN", "seconds": 11.0, "coverage": 0.5, "kernel": 3.0}
    rows = [
        {"place": "digits", "seed": 0, "differ": [], "runs": [now | {"seed": 0}]},
        {"place": "digits", "seed": 1, "differ": ["GAN coverage"], "runs": [now | {"seed": 1}]},
    ]
    benchmark.complete(rows)
    first, second = json.loads(path.read_text())["runs"]
    assert first == {"family": "GAN", "seed": 0, "seconds": 9.0, "coverage": 0.5, "kernel": 3.0}
    assert "kernel" not in second


def test_on_another_processor_stories_are_compared_and_not_digits(tmp_path, monkeypatch):
    import arena as benchmark

    def book(gan, machine):
        runs = [
            {"family": f, "seed": s, "coverage": c + 0.01 * s}
            for f, c in (("GAN", gan), ("VAE", 0.5), ("DDPM", 0.7))
            for s in range(4)
        ]
        for row in runs:
            row["coverage"] += 0.002 * (row["seed"] % 2) * (row["family"] == "GAN")
        return {"machine": machine, "runs": runs}

    same, near, other = (book(c, "")["runs"] for c in (0.9, 0.9005, 0.3))
    assert benchmark.agreement(same, same) == {"entries": 3, "inside": 3, "contradict": 0}
    assert benchmark.agreement(same, near) == {"entries": 3, "inside": 3, "contradict": 0}
    assert benchmark.agreement(same, other) == {"entries": 3, "inside": 1, "contradict": 2}
    assert benchmark.agreement(same, same[:1])["entries"] == 0  # one seed has no interval

    (tmp_path / "lib" / "records").mkdir(parents=True)
    monkeypatch.setattr(benchmark, "RECORDS", tmp_path / "lib" / "records")
    monkeypatch.setattr(benchmark, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(benchmark, "__file__", str(tmp_path / "arena.py"))
    (tmp_path / "arena.py").write_text("the benchmark")
    record = tmp_path / "lib" / "records" / "arena_grid.json"

    def fake(command, **_):
        rows = [r for r in near if r["seed"] == int(command[-1])]
        return SimpleNamespace(
            stdout=json.dumps({"place": "grid", "seed": int(command[-1]), "differ": ["GAN coverage"], "runs": rows})
        )

    monkeypatch.setattr(benchmark.subprocess, "run", fake)
    record.write_text(json.dumps(book(0.9, "another processor")))
    assert benchmark.audit(["grid"], 99) == 0  # nothing contradicts
    report = json.loads((tmp_path / "audit_elsewhere.json").read_text())
    assert not (tmp_path / "audit.json").exists()  # what was proved there stays
    assert report["numbers_that_differ"] == 4 and report["another_processor"]["grid"]["inside"] == 3
    record.write_text(json.dumps(book(0.9, benchmark.here())))
    assert benchmark.audit(["grid"], 99) == 4  # on this one every digit counts


def test_a_stopped_audit_goes_on_where_it_was(tmp_path, monkeypatch):
    import arena as benchmark

    (tmp_path / "lib" / "records").mkdir(parents=True)
    (tmp_path / "arena.py").write_text("the benchmark")
    monkeypatch.setattr(benchmark, "RECORDS", tmp_path / "lib" / "records")
    monkeypatch.setattr(benchmark, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(benchmark, "__file__", str(tmp_path / "arena.py"))
    runs = [{"family": "GAN", "seed": s, "coverage": 0.5} for s in range(3)]
    record = tmp_path / "lib" / "records" / "arena_grid.json"
    record.write_text(json.dumps({"runs": runs}))
    ran, stops_at = [], [2]

    def fake(command, **_):
        seed = int(command[-1])
        if seed in stops_at:
            raise KeyboardInterrupt
        ran.append(seed)
        differ = ["GAN coverage"] if seed == 1 else []
        return SimpleNamespace(
            stdout=json.dumps({"place": "grid", "seed": seed, "differ": differ, "runs": [runs[seed]]})
        )

    monkeypatch.setattr(benchmark.subprocess, "run", fake)
    monkeypatch.setattr(benchmark.os, "cpu_count", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        benchmark.audit(["grid"], 99)
    assert ran == [0, 1] and not (tmp_path / "audit.json").exists()
    stops_at.clear()
    assert benchmark.audit(["grid"], 99) == 1 and ran == [0, 1, 2]
    report = json.loads((tmp_path / "audit.json").read_text())
    assert (report["seeds"], report["kept"], [r["seed"] for r in report["rows"]]) == (3, 2, [0, 1, 2])
    benchmark.audit(["grid"], 99)
    assert ran == [0, 1, 2, 0, 1, 2]  # what is whole is forgotten: the next audit measures all

    stops_at.append(2)
    with pytest.raises(KeyboardInterrupt):
        benchmark.audit(["grid"], 99)
    stops_at.clear()
    (tmp_path / "arena.py").write_text("another benchmark")
    ran.clear()
    benchmark.audit(["grid"], 99)
    assert ran == [0, 1, 2]  # other code: nothing kept counts
