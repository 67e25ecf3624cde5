"""Lesson 07 without a browser: the bet, a live race, the recorded races and what is said of them."""

import copy
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, columns, line, numbers

from diffusion_lib import data
from diffusion_lib.course import lesson07
from diffusion_lib.course.cloud import Cloud, heart
from diffusion_lib.course.lesson07 import blind, blind_spots, recorded, scores
from diffusion_lib.course.lesson07 import live_race as arena_view
from diffusion_lib.course.lesson07 import live_race as module
from diffusion_lib.course.lesson07.blind import METRICS, SPOILED
from diffusion_lib.course.lesson07.live_race import BETS
from diffusion_lib.course.lesson07.scores import pays, seconds_to
from diffusion_lib.evaluation import arena, records
from diffusion_lib.evaluation.arena import FAMILIES
from diffusion_lib.evaluation.metrics import student
from diffusion_lib.train import Record

pytestmark = pytest.mark.usefixtures("one_thread")


def click(bet, key, family):
    row = bet.children[list(BETS).index(key)].children[1:-1]  # the question before them, its keeper behind
    next(b for b in row if b.description == family).click()
    return row


def book_of(**coverage):
    """A made-up race: the coverage of each seed, by family."""
    runs = [
        {
            "family": f,
            "seed": s,
            "coverage": c,
            "precision": c,
            "recall": c,
            "frechet": 1 / c,
            "fails": c < 0.5,
            "drawing_ms": 20.0 if f == "DDPM" else 1.0,
            "seconds": 10.0,
            "steps": 50,
            "seen": 100,
            "nearer_to_training": 0.5,
            "curve": [{"seconds": 5.0, "coverage": c / 2}, {"seconds": 10.0, "coverage": c}],
        }
        for f, column in coverage.items()
        for s, c in enumerate(column)
    ]
    floor = {"coverage": 0.97, "precision": 0.98, "recall": 0.95, "frechet": 2.0, "nearer_to_training": 0.5, "fails": 0}
    each = {k: {"training_per_sample": 1e6, "expected": 1e6, "training": 10, "drawing": 5} for k in FAMILIES}
    return {
        "runs": runs,
        "floor": floor,
        "flops": each,
        "parameters": each,
        "steps": dict.fromkeys(FAMILIES, 50),
        "calls": {"GAN": 1, "VAE": 1, "DDPM": 20},
    }


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Write a race into a folder of our own and read it from there."""
    monkeypatch.setattr(records, "RECORDS", tmp_path), monkeypatch.setattr(recorded, "RECORDS", tmp_path)

    def write(**coverage):
        (tmp_path / "arena_digits.json").write_text(json.dumps(book_of(**coverage)))

    return write


# ---------------------------------------------------------------------------------------- the bet


def test_a_bet_is_kept_and_can_be_changed():
    mine = lesson07.bet()
    row = click(mine, "coverage", "VAE")
    assert mine.choice == {"coverage": "VAE"} and [b.icon for b in row] == ["", "check", ""]
    click(mine, "coverage", "GAN"), click(mine, "fails", "DDPM")
    assert mine.choice == {"coverage": "GAN", "fails": "DDPM"} and [b.icon for b in row] == ["check", "", ""]
    assert "you: GAN" in mine.beside("coverage", "DDPM") and "here: DDPM" in mine.beside("coverage", "DDPM")
    assert "you: no bet" in mine.beside("precision", "DDPM")


def test_a_late_bet_appears_in_the_tables_that_are_already_shown(made_up, monkeypatch):
    made_up(GAN=[0.5, 0.51, 0.52], VAE=[0.2, 0.21, 0.22], DDPM=[0.9, 0.91, 0.92])
    shown = []

    class Handle:
        def __init__(self, words):
            self.words = words
            shown.append(self)

        def update(self, words, raw):
            self.words = words

    monkeypatch.setattr(module, "display", lambda words, raw, display_id: Handle(words))
    mine = lesson07.bet()
    lesson07.quality("digits", bet=mine)._ipython_display_()
    assert "no bet" in shown[0].words["text/html"] and "you: DDPM" not in shown[0].words["text/plain"]
    click(mine, "coverage", "DDPM")
    assert "you: DDPM" in shown[0].words["text/plain"] and "DDPM  ✓" in shown[0].words["text/html"]
    click(mine, "coverage", "VAE")
    assert "you: VAE" in shown[0].words["text/plain"] and "DDPM  ✗" in shown[0].words["text/html"]


def test_points_of_ones_own_race_too(at_once):
    """Half of them are learned, half judge; the menu has them beside the others."""
    drawn = Cloud(heart()).data(1200)
    box = lesson07.live_arena(drawn, seconds=0.05)
    assert (
        box.choice.value == "your drawing"
        and box.state == "done"
        and len(box.place.unseen) == len(box.place.learn) == 600
    )
    both = torch.cat([box.place.learn.x, box.place.unseen.x])
    assert torch.equal(both.sort(0).values, drawn.x.sort(0).values)
    assert "covered" in box.table() and all(e.parts.about["data"] is box.place.learn for e in box.entries.values())
    box.choice.value = "ring"
    box.start()
    assert box.place.learn.name == "ring"
    with pytest.raises(ValueError, match="Only points of your own can race here"):
        lesson07.live_arena(data.digits())


def test_a_bet_is_ticked_or_crossed_only_where_one_family_is_the_outcome():
    mine = lesson07.bet()
    click(mine, "coverage", "VAE")
    assert mine.beside("coverage", "VAE").endswith("here: VAE  ✓")
    assert mine.beside("coverage", "GAN").endswith("here: GAN  ✗")
    for outcome in ("all alike", "GAN and VAE", "no difference shown between the first two"):
        assert mine.beside("coverage", outcome).endswith(outcome)
    assert mine.beside("fails", "GAN").endswith("here: GAN")  # no bet, no mark


# ---------------------------------------------------------------------------------------- live


@pytest.fixture(scope="module", autouse=True)
def few_are_judged():
    """What is drawn and judged here is few hundreds and not 10,000: a race is as fair, and quicker."""

    def load(name, whole=arena.load):
        place = whole(name)
        keep = slice(100 if place.eye else 1000)
        return arena.Place(
            place.learn, data.Data(place.unseen.x[keep], place.unseen.y[keep], place.unseen.names), place.eye
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arena, "load", load)
        yield


@pytest.fixture(scope="module")
def race():
    mine = lesson07.bet()
    click(mine, "drawing_ms", "DDPM")
    box = lesson07.live_arena("ring", seconds=1.5, bet=mine)
    box.join()
    return box


@pytest.mark.heavy
def test_all_have_had_the_same_seconds(race):
    seconds = [e.seconds for e in race.entries.values()]
    assert race.state == "done" and min(seconds) >= 1.5 and max(seconds) / min(seconds) < 1.1
    assert all(e.steps > 5 for e in race.entries.values())


def test_the_film_has_a_panel_for_each_and_what_it_says_is_what_was_counted(race):
    film = race.player.film
    assert [p["title"] for p in film["panels"][:3]] == list(FAMILIES) and film["frames"] >= 2
    last = race.history.items()[-1]
    for k, e in race.entries.items():
        assert f"{k} {e.steps:,} steps, covers {last[k]['coverage']:.2f}" in film["captions"][-1]
    assert film["labels"][-1] == f"{race.trained:.1f} s" and f"Done: {race.trained:.1f} seconds each" in race.says.value


@pytest.mark.heavy
def test_the_table_names_every_cost_and_the_bet(race):
    text = race.table()
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    for k, e in race.entries.items():
        assert f"{e.seen:,}" in rows[k] and f"{e.steps:,}" in rows[k]
        assert re.search(r" \d\.\d{4} +20 " if k == "DDPM" else r" \d\.\d{4} +1 ", rows[k] + " ")
    assert text.startswith("ONE race of one seed (0): a story, not a result.")
    assert re.search(r"covered +precision +within 3 sd +islands +KL +width +failed", text)
    assert re.search(r"Nobody's seconds are more than \d+\.\d\d% off their mean\.", text)
    assert "real" in rows and re.search(r"draws a sample faster\? +you: DDPM +here: (GAN|VAE)", text)


@pytest.mark.heavy
def test_all_is_judged_before_a_new_race_can_be_asked_for(monkeypatch):
    seen = []
    old = module.LiveArena._state

    def state(self, name, sentence):
        seen.append((name, self.judged is not None))
        old(self, name, sentence)

    monkeypatch.setattr(module.LiveArena, "_state", state)
    lesson07.live_arena("ring", seconds=0.3).join()
    assert seen[-1] == ("done", True)


@pytest.mark.parametrize("place", ("ring", "digits"))
@pytest.mark.heavy
def test_one_that_breaks_off_has_failed_and_the_others_go_on(place):
    box = module.LiveArena(place, 1.0, 5, 0, None)
    gan, taken = box.entries["GAN"], []

    def step(items, dice, old=gan.parts.step):
        taken.append(1)
        out = old(items, dice)
        if len(taken) < 2:
            return out
        for learner in gan.parts.learners:  # the average too: nothing that it draws is a number
            for weights in (*learner.model.parameters(), *learner.ema.parameters()):
                weights.data.fill_(math.nan)
        return dict.fromkeys(out, math.nan)

    gan.parts = gan.parts._replace(step=step)
    box.proceed()
    box.join()
    assert box.state == "done" and box.entries["DDPM"].seconds >= 1
    assert re.search(r"GAN \d steps, broke off; +VAE [\d,]+ steps, covers", box.player.film["captions"][-1])
    score, cost = (line for line in box.table().splitlines() if line.startswith("GAN  "))
    assert score.endswith("yes") and "none" in score and "none" in cost
    assert "GAN broke off. The loss is nan" in box.table()


@pytest.mark.heavy
def test_a_new_race_has_other_dice_and_what_the_menus_say(race):
    before, first = race.seed, race.entries["GAN"].draw(5)
    race.choice.value, race.budget.value = "grid", 5
    race.again.click()
    assert race.again.disabled and race.choice.disabled
    race.halt()
    race.join()
    assert race.seed == before + 1 and len(race.place.learn.modes) == 25 and race.seconds == 5
    assert not race.again.disabled and race.state == "stopped"
    assert not torch.equal(first, race.entries["GAN"].draw(5))
    race.proceed()
    assert race.state == "training"
    race.halt(), race.join()


def test_before_the_first_step_the_table_says_so():
    race = module.LiveArena("ring", 1.0, 5, 0, None)
    assert race.table() == "Nobody has learned yet: let the race run first."


# ---------------------------------------------------------------------------------------- recorded


@pytest.mark.parametrize("place", [p.stem.removeprefix("arena_") for p in sorted(records.RECORDS.glob("arena_*.json"))])
def test_every_recorded_race_can_be_seen_and_read(place):
    film = lesson07.recorded_arena(place).film
    book = records.race_book(place)
    seeds = {r["seed"] for r in book["runs"]}
    lines = [m for m in film["panels"][3]["marks"] if m["kind"] == "line" and m["n"] > 2]
    assert len(lines) == 3 * len(seeds) + 1  # every seed, and the real ones
    assert film["frames"] == 13 and len(film["captions"]) == 13
    text, costs = lesson07.quality(place), lesson07.ledger(place)
    for family in FAMILIES:
        row = next(line for line in text.splitlines() if line.startswith(family))
        fails = sum(r["fails"] for r in book["runs"] if r["family"] == family)
        steps = np.median([r["steps"] for r in book["runs"] if r["family"] == family])
        assert f"{fails} of {len(seeds)} (" in row and f"{steps:,.0f}" in costs
    assert max(map(len, [*text.splitlines(), *costs.splitlines()])) < 165  # fits beside the prompt


def test_the_verdict_says_what_the_interval_allows(made_up):
    made_up(GAN=[0.80, 0.82, 0.81], VAE=[0.81, 0.80, 0.82], DDPM=[0.95, 0.96, 0.97])
    vae, ddpm, last = lesson07.verdict("digits").splitlines()
    assert vae.endswith("no difference shown") and "GAN − VAE = +0.000" in vae
    assert ddpm.endswith("DDPM has more") and last.endswith("DDPM has more")
    low, high = student([-0.15, -0.14, -0.16])
    assert f"({low:+.3f} to {high:+.3f})" in ddpm


def test_a_bet_is_won_only_where_a_difference_is_shown(made_up):
    made_up(GAN=[0.80, 0.82, 0.81], VAE=[0.30, 0.31, 0.32], DDPM=[0.81, 0.80, 0.82])
    mine = lesson07.bet()
    click(mine, "coverage", "DDPM")
    lines = lesson07.quality("digits", bet=mine).splitlines()
    said = next(line for line in lines if line.startswith(BETS["coverage"][0]))
    assert "you: DDPM" in said and said.endswith("no difference shown between the first two")
    assert "3 of 3 (44% to 100%)" in next(line for line in lines if line.startswith("VAE"))
    made_up(GAN=[0.80, 0.82, 0.81], VAE=[0.30, 0.31, 0.32], DDPM=[0.91, 0.90, 0.92])
    lines = lesson07.quality("digits", bet=mine).splitlines()
    assert next(line for line in lines if line.startswith(BETS["coverage"][0])).endswith("here: DDPM  ✓")


def test_a_number_that_a_family_does_not_have_is_no_defeat(made_up, tmp_path):
    made_up(GAN=[0.8, 0.8], VAE=[0.8, 0.8], DDPM=[0.8, 0.8])
    path = tmp_path / "arena_digits.json"
    book = json.loads(path.read_text())
    for row in book["runs"]:
        if row["family"] != "GAN":
            row["bits"] = 2.0 if row["family"] == "VAE" else 1.5
    path.write_text(json.dumps(book))
    assert lesson07.verdict("digits", "bits") == "bits: VAE − DDPM = +0.500  (+0.500 to +0.500)  VAE has more"
    head, gan, _, ddpm = lesson07.quality("digits", "bits").splitlines()  # nothing is known of real ones
    assert "bits" in head and gan.split()[1] == "none" and "1.50 (1.50–1.50)" in ddpm


def test_what_real_ones_score_stands_with_its_spread():
    book = records.race_book("grid")
    lines = lesson07.quality("grid").splitlines()
    spread = next(line for line in lines if line.startswith("±"))
    assert f"{book['spread']['coverage']:.2f}" in spread and f"{book['spread']['high_quality']:.1%}" in spread
    assert lines.index(spread) == 1 + lines.index(next(x for x in lines if x.startswith("real ones")))


def test_seconds_to_a_coverage_count_runs_that_never_were(made_up):
    made_up(GAN=[0.9, 0.9, 0.2], VAE=[0.9, 0.2, 0.2], DDPM=[0.9, 0.9, 0.9])
    book = records.race_book("digits")
    assert seconds_to(book, "GAN") == 10 and seconds_to(book, "VAE") is None
    assert seconds_to(book, "DDPM", 0.4) == 5
    film = lesson07.many_samples("digits").film
    assert "VAE did not cover 0.85 in most seeds" in film["captions"][0]
    y = {m["name"]: np.frombuffer(m["y"], "<f4") for m in film["panels"][0]["marks"] if m["name"]}
    assert set(y) == {"GAN", "DDPM"}
    assert 10 ** y["DDPM"][-1] == pytest.approx(10 + 1e7 * 0.02, rel=1e-4)
    with pytest.raises(ValueError, match=r"Nobody covered 0\.99"):
        lesson07.many_samples("digits", 0.99)


def test_a_run_without_numbers_does_not_look_good(made_up, monkeypatch):
    book = book_of(GAN=[0.8, 0.8, 0.8], VAE=[0.9, 0.9, 0.9], DDPM=[0.7, 0.7, 0.7])
    for row in (r for r in book["runs"] if r["family"] == "GAN" and r["seed"] < 2):
        row.update(coverage=0.0, fails=True, drawing_ms=None, error="no number", curve=row["curve"][:1])
        for key in ("precision", "recall", "frechet", "nearer_to_training"):
            del row[key]
    monkeypatch.setattr(recorded, "race_book", lambda place: book)
    gan = next(line for line in lesson07.quality("digits").splitlines() if line.startswith("GAN"))
    assert "0.00 (0.00–0.80)" in gan and "none (1.2–none)" in gan and "2 of 3" in gan
    vae, ddpm, both = lesson07.verdict("digits", "frechet").splitlines()
    assert vae.endswith("no interval") and ddpm.endswith("no interval") and "VAE − DDPM" in both
    assert recorded._winner(book, "drawing_ms") != "GAN"
    assert re.search(r"^GAN .* none +1 +not reached$", lesson07.ledger("digits"), re.M)


def test_how_equal_the_seconds_were_stands_in_the_ledger(made_up, monkeypatch):
    book = book_of(GAN=[0.8, 0.8], VAE=[0.8, 0.8], DDPM=[0.8, 0.8])
    book["runs"][0]["seconds"], book["runs"][1]["seconds"] = 10.4, 10.8  # the GAN's
    monkeypatch.setattr(recorded, "race_book", lambda place: book)
    said = lesson07.ledger("digits").splitlines()[-1]
    assert "more than 5.19% off their mean" in said  # 10.8 among 10 and 10


@pytest.mark.parametrize(
    ("place", "key"), [("digits", "frechet"), ("grid", "kl"), ("grid", "modes"), ("sprites", "recall")]
)
def test_any_recorded_number_can_be_seen_over_time(place, key):
    panel = lesson07.recorded_arena(place, key).film["panels"][3]
    real = next(m for m in panel["marks"] if m["name"] == "real ones")
    floor = records.race_book(place)["floor"][key]
    y = np.frombuffer(real["y"], "<f4")[0]
    assert y == pytest.approx(math.log10(floor) if key in ("frechet", "kl") else floor, abs=1e-4)
    assert panel["ylim"][0] < y < panel["ylim"][1]
    with pytest.raises(ValueError, match="no 'beauty' over time"):
        lesson07.recorded_arena(place, "beauty")


def test_a_film_stands_still_where_a_run_broke_off(tmp_path, monkeypatch):
    book = copy.deepcopy(records.race_book("grid"))
    book["runs"] = [r for r in book["runs"] if r["seed"] < 2]
    book["runs"][0]["curve"] = book["runs"][0]["curve"][:2]
    with np.load(records.RECORDS / "arena_grid.npz") as film:
        np.savez(tmp_path / "arena_grid.npz", **{k: film[k][:4] if k == "GAN" else film[k] for k in film})
    (tmp_path / "arena_grid.json").write_text(json.dumps(book))
    monkeypatch.setattr(records, "RECORDS", tmp_path), monkeypatch.setattr(recorded, "RECORDS", tmp_path)
    film = lesson07.recorded_arena("grid").film
    points = next(m for m in film["panels"][0]["marks"] if m["colors"] == [0])
    x = np.frombuffer(points["x"], "<f4").reshape(13, -1)
    assert film["frames"] == 13 and (x[3:] == x[3]).all() and not (x[2] == x[3]).all()


def test_a_race_that_was_not_run_says_so(made_up):
    with pytest.raises(FileNotFoundError, match="No race of 'mnist' is recorded"):
        lesson07.recorded_arena("mnist")
    made_up()  # its options are still being searched
    with pytest.raises(FileNotFoundError, match="No race of 'digits' is recorded"):
        lesson07.quality("digits")
    made_up(GAN=[0.8], VAE=[0.8], DDPM=[0.8])
    with pytest.raises(ValueError, match="no 'beauty'"):
        lesson07.verdict("digits", "beauty")


def lesson() -> str:
    """All that lesson 07 says."""
    path = Path(__file__).parent.parent / "notebooks" / "07_arena.ipynb"
    return "".join("".join(c["source"]) for c in json.loads(path.read_text("utf-8"))["cells"])


def test_what_lesson_07_says_is_what_was_recorded():
    grid = records.race_book("grid")
    assert min(r["modes"] for r in grid["runs"]) == 25  # all three find every island
    first = {k: seconds_to(grid, k) for k in FAMILIES}
    each = {k: np.median([r["drawing_ms"] for r in grid["runs"] if r["family"] == k]) / 1000 for k in FAMILIES}
    total = {k: first[k] + 1000 * each[k] if first[k] else math.inf for k in FAMILIES}
    assert min(total, key=total.get) == "DDPM"  # of a thousand points
    digits = records.race_book("digits")
    recall = {k: [r["recall"] for r in digits["runs"] if r["family"] == k] for k in FAMILIES}
    for more, fewer in (("DDPM", "GAN"), ("GAN", "VAE")):
        assert student([a - b for a, b in zip(recall[more], recall[fewer], strict=True)])[0] > 0
    assert "no difference shown" in lesson07.verdict("digits", "frechet").splitlines()[1]
    tries = [round(r["recall"], 2) for r in sorted(digits["search"]["VAE"], key=lambda r: r["frechet"])]
    assert tries[0] == 0.70 and 0.87 in tries  # the chosen one, and another
    sprites = records.race_book("sprites")
    failed = {k: [r["fails"] for r in sprites["runs"] if r["family"] == k] for k in FAMILIES}
    assert sum(failed["GAN"]) >= 3 and sum(failed["VAE"]) >= 3 and sum(failed["DDPM"]) <= 2
    assert "DDPM has more" in lesson07.verdict("sprites", "coverage").splitlines()[1]
    assert "no difference shown" in lesson07.verdict("sprites", "frechet").splitlines()[1]
    vae = [r for r in sprites["runs"] if r["family"] == "VAE"]
    assert min(r["recall"] for r in vae) > 0.8 and max(r["precision"] for r in vae) < 0.2
    pairs = {
        "recall": ["no difference shown", "DDPM has more", "DDPM has more", "DDPM has more"],
        "precision": ["DDPM has more", "GAN has more", "DDPM has more", "GAN has more"],
        "coverage": ["DDPM has more", "no difference shown", "DDPM has more", "GAN has more"],
    }
    for key, said in pairs.items():
        pair = [lesson07.verdict(place, key).splitlines()[1] for place in ("grid", "digits", "sprites", "mnist")]
        assert all(line.endswith(words) for line, words in zip(pair, said, strict=True)), pair
    assert "GAN has more" in lesson07.verdict("mnist", "accuracy").splitlines()[1]
    assert "no difference shown" in lesson07.verdict("mnist", "frechet").splitlines()[1]
    far = {k: [r["frechet"] for r in records.race_book("mnist")["runs"] if r["family"] == k] for k in FAMILIES}
    assert sum(a > b for a, b in zip(far["GAN"], far["DDPM"], strict=True)) == 3  # in three of five seeds
    channels = {r["options"].get("channels", 32) for r in records.race_book("mnist")["search"]["DDPM"]}
    assert channels == {16, 32} and records.race_book("mnist")["options"]["DDPM"]["channels"] == 16
    bits = {k: [r["bits"] for r in digits["runs"] if r["family"] == k] for k in ("VAE", "DDPM")}
    gap = sum(bits["VAE"]) / 5 - sum(bits["DDPM"]) / 5
    assert max(bits["DDPM"]) < min(bits["VAE"]) and gap == pytest.approx(1 / 6, abs=0.02)
    assert f"about {64 * gap:.0f} bits" in lesson() and "VAE has more" in lesson07.verdict("digits", "bits")
    assert f"reads {records.race_book('mnist')['floor']['accuracy']:.1%}".replace("%", " %") in lesson()
    early = {
        k: sorted(r["curve"][2]["coverage"] for r in records.race_book("mnist")["runs"] if r["family"] == k)
        for k in ("DDPM", "GAN")
    }
    words = ", against ".join(f"{v[0]:.2f} to {v[-1]:.2f}" for v in early.values())
    assert records.race_book("mnist")["options"]["DDPM"]["channels"] == 16  # of 16, 32 and 48
    assert words in lesson() and early["DDPM"][0] > early["GAN"][-1]
    flops = {k: v["training_per_sample"] for k, v in digits["flops"].items()}
    assert flops["DDPM"] == max(flops.values())


# ---------------------------------------------------------------------------------------- what each metric is blind to


@pytest.mark.heavy
def test_each_metric_sees_what_its_docstring_says_and_is_blind_to_the_rest():
    film = blind_spots().film
    bars = np.frombuffer(film["panels"][1]["marks"][0]["y"], "<f4").reshape(len(SPOILED), -1)
    far = {
        (what, name): float(v)
        for what, row in zip(SPOILED, bars, strict=True)
        for name, v in zip(METRICS, row, strict=True)
    }
    real, missing, half, shrunk, wide, junk, copies = SPOILED

    def quiet(what, *names):
        return all(abs(far[what, name]) < 4 for name in names)

    assert quiet(real, *METRICS)
    assert far[missing, "coverage"] < -4 and far[missing, "kl"] > 4
    assert quiet(missing, "precision", "sliced", "high_quality")
    assert far[half, "sliced"] > 4 and quiet(half, "precision", "density", "high_quality")
    assert far[shrunk, "sd_ratio"] < -4 and far[shrunk, "precision"] > 0 and quiet(shrunk, "sliced", "frechet", "kl")
    assert far[wide, "precision"] < -4 and far[wide, "recall"] > 4 and quiet(wide, "frechet", "sliced")
    assert far[junk, "precision"] < -4 and far[junk, "recall"] > 0 and quiet(junk, "frechet", "sliced", "kl")
    assert far[copies, "copied"] > 4 and quiet(copies, *[m for m in METRICS if m != "copied"])
    assert film["captions"][0].endswith("Clearly seen by: none.") and "nearer to training" in film["captions"][-1]


@pytest.mark.parametrize(
    ("gan", "ddpm", "ms", "said"),
    [
        (10.0, 2.0, (1.0, 20.0), ("10.0 s", "400")),  # 8 s / 19 ms = 421
        (10.0, None, (1.0, 20.0), ("10.0 s", "0")),  # who never gets there is never cheaper
        (None, 2.0, (1.0, 20.0), ("not reached", "")),
        (10.0, 2.0, (30.0, 20.0), ("10.0 s", "never")),
        (1.0, 2.0, (1.0, 20.0), ("1.0 s", "0")),
    ],
)
def test_when_a_cheap_sample_pays(gan, ddpm, ms, said):
    start, each = {"GAN": gan, "DDPM": ddpm}, dict(zip(("GAN", "DDPM"), ms, strict=True))
    assert pays("GAN", start, each) == said
    assert pays("DDPM", start, each) == ("not reached" if ddpm is None else "2.0 s", "")


# ---------------------------------------------------------------------------------------- what the films show


def test_scores_of_runs():
    curve = [{"seconds": s, "coverage": c} for s, c in ((1, 0.2), (2, 0.9), (3, 0.95), (4, 0.99))]
    book = {"runs": [{"family": "GAN", "curve": curve}] * 3}
    assert scores.seconds_to(book, "GAN", 0.85) == 2 and scores.seconds_to(book, "GAN", 1.5) is None
    start, ms = {"GAN": 30.0, "DDPM": 10.0}, {"GAN": 1.0, "DDPM": 11.0}
    assert scores.pays("GAN", start, ms) == ("30.0 s", "2,000")
    assert (
        scores.number({}, "coverage") == 0
        and scores.number({}, "frechet") == math.inf
        and scores.number({"kl": 2}, "kl") == 2
    )


def fake_book(**more):
    runs = []
    for family, value, ms in (("GAN", 0.9, 0.1), ("VAE", 0.5, 0.2), ("DDPM", 0.7, 3.0)):
        for seed in range(4):
            row = {
                "family": family,
                "seed": seed,
                "coverage": value + 0.01 * seed,
                "drawing_ms": ms + 0.001 * seed * seed,
                "fails": False,
                "steps": 10,
                "seen": 100,
                "seconds": 5.0,
            }
            runs.append(row | {"precision": value, "curve": [{"seconds": 5.0, "coverage": value}]})
    return {"runs": runs, "floor": {"coverage": 0.96}, "spread": {"coverage": 0.01}} | more


def test_who_wins_has_more_where_more_is_better_and_less_where_less_is():
    assert BETS["coverage"][1] and not BETS["drawing_ms"][1]
    book = fake_book()
    assert recorded._winner(book, "coverage") == "GAN" and recorded._winner(book, "drawing_ms") == "GAN"
    assert recorded._compared("GAN", "DDPM", (0.2, 0.1, 0.3), 1)[3] == "GAN has more"
    assert recorded._compared("GAN", "DDPM", (-0.2, -0.3, -0.1), 1)[3] == "DDPM has more"


def test_the_ledger_and_the_rows_of_real_ones(monkeypatch):
    sizes = {f: {"training": 1000 + i, "drawing": 100 + i} for i, f in enumerate(("GAN", "VAE", "DDPM"))}
    flops = {f: {"training_per_sample": 1e10, "expected": 2e10} for f in sizes}
    book = fake_book(parameters=sizes, flops=flops, calls={"GAN": 1, "VAE": 1, "DDPM": 20})
    monkeypatch.setattr(recorded, "race_book", lambda place: book)
    found = columns(recorded.ledger("grid"))
    for family, size in sizes.items():
        assert (
            found[family]["learned"] == f"{size['training']:,}" and found[family]["to draw"] == f"{size['drawing']:,}"
        )
        assert numbers(found[family]["TFLOP (thought)"]) == [1.0, 2.0]
    found = columns(recorded.quality("grid", "coverage"))
    assert found["real ones"]["covered"] == "0.96" and found["± (sd)"]["covered"] == "0.01"
    player = recorded.many_samples("grid", 0.6)
    assert 10 ** line(player, "seconds to cover", "GAN")[0, -1] == pytest.approx(5 + 1e7 * 0.0001, rel=0.05)
    assert 10 ** line(player, "seconds to cover", "DDPM")[0, 0] == pytest.approx(5.003, rel=1e-3)


def test_the_recorded_races_lines_are_powers_of_ten():
    book = records.race_book("digits")
    player = recorded.recorded_arena("digits", "frechet")
    row = next(r for r in book["runs"] if r["family"] == "GAN" and not r.get("error"))
    shown = line(player, "Fréchet", "GAN")[0, 1:]
    assert 10**shown == pytest.approx([c["frechet"] for c in row["curve"]], rel=1e-4)
    assert 10 ** line(player, "Fréchet", "real ones")[0, 0] == pytest.approx(book["floor"]["frechet"], rel=1e-4)
    for i, family in enumerate(("GAN", "VAE", "DDPM")):
        assert player.film["panels"][i]["title"] == family


def test_what_each_metric_sees():
    player = blind.blind_spots(n=150, repeats=3)
    modes, sd = data.grid(10).modes, data.grid(10).sd
    names = [name for _, name in blind.METRICS.values()]
    for i, words in enumerate(blind.SPOILED):
        said, x = player.film["captions"][i], torch.tensor(cloud(player, "the samples", 0)[i])
        assert said.startswith(words)
        width = float(torch.cdist(x, modes).min(1).values.pow(2).mean().sqrt()) / sd / math.sqrt(2)
        if "shrunk" in words:
            assert width == pytest.approx(0.3, abs=0.1)
        if "twice" in words:
            assert width == pytest.approx(2, abs=0.3)
        bars = line(player, "how far each", "change")[i]
        seen = [name for name, v in zip(names, bars, strict=True) if abs(v) > 4]
        assert said.endswith(f"Clearly seen by: {', '.join(seen) or 'none'}.")
        if "twice" in words:
            assert bars[names.index("share within 3 sd")] < -4  # fewer lie so near
        if "junk" in words:
            assert bars[names.index("precision")] < 0 < bars[names.index("Fréchet distance")] + 3


# ---------------------------------------------------------------------------------------- the live race


@pytest.fixture
def new_race(monkeypatch):
    def small(name):
        return arena.Place(data.load(name, n=300), data.load(name, n=60, seed=999))

    monkeypatch.setattr(arena, "load", small)
    return arena_view.LiveArena("ring", 5, 4, 3, arena_view.bet())


def test_a_new_race_takes_data_budget_and_other_dice(new_race, monkeypatch):
    began = []
    monkeypatch.setattr(new_race, "_anew", began.append)
    before = torch.cat([p.flatten() for p in new_race.entries["GAN"].model.parameters()])
    assert new_race.place.learn.name == "ring"
    new_race.choice.value, new_race.budget.value = "grid", 30
    new_race.start()
    after = torch.cat([p.flatten() for p in new_race.entries["GAN"].model.parameters()])
    assert (
        began == [[]]
        and new_race.seed == 4
        and new_race.seconds == 30
        and new_race.place.learn.name == "grid"
        and not torch.equal(before, after)
    )
    new_race.again.click()
    assert new_race.seed == 5


def test_each_family_has_its_panel_its_line_and_its_words(new_race):
    frame = new_race.history.items()[0]
    for i, family in enumerate(("GAN", "VAE", "DDPM")):
        x = new_race.entries[family].draw(new_race.n, 0)
        assert new_race.player.film["panels"][i]["title"] == family and np.allclose(
            cloud(new_race.player, family, i)[0], x, atol=1e-5
        )
        assert line(new_race.player, "coverage", family)[0, 0] == pytest.approx(frame[family]["coverage"])
        assert f"{family} 0 steps, covers {frame[family]['coverage']:.2f}" in new_race.player.film["captions"][0]
    assert line(new_race.player, "coverage", "real ones")[0, 0] == pytest.approx(new_race.floor)


def test_the_bet_is_held_against_who_has_more_or_less(new_race, monkeypatch):
    for entry in new_race.entries.values():
        entry.record = Record(5, 1.0, 0.5, 1.0, {})
    score = {"GAN": (0.9, 0.5, 0.1, False), "VAE": (0.3, 0.8, 0.2, True), "DDPM": (0.7, 0.6, 4.0, False)}
    new_race.judged = {
        k: dict(zip(("coverage", "precision", "drawing_ms", "fails"), v, strict=True)) for k, v in score.items()
    }
    monkeypatch.setattr(new_race, "_scores", lambda judged: "")
    monkeypatch.setattr(new_race, "_costs", lambda judged: "")
    new_race.bet.choice = {"coverage": "GAN", "precision": "GAN", "drawing_ms": "GAN"}
    said = {line_.split("  ")[0]: line_ for line_ in new_race.table().splitlines()}
    outcome = {key: said[question[:32]] for key, (question, _) in arena_view.BETS.items()}
    assert outcome["coverage"].endswith("here: GAN  ✓") and outcome["precision"].endswith("here: VAE  ✗")
    assert (
        outcome["drawing_ms"].endswith("here: GAN  ✓")
        and "no bet" in outcome["fails"]
        and "GAN and DDPM" in outcome["fails"]
    )


def test_frechet_distances_in_floors():
    row = {"coverage": 0.5, "precision": 0.5, "recall": 0.5, "accuracy": 0.5, "frechet": 6.0, "fails": False}
    place = SimpleNamespace(
        eye=True, floor=lambda n: row | {"frechet": 2.0}, spread=lambda n: {"frechet": 0.5, "coverage": 0.01}
    )
    box = SimpleNamespace(place=place)
    found = arena_view.LiveArena._scores(box, {"GAN": row, "VAE": row | {"frechet": 3.0}})
    cells = {re.split(r"\s{2,}", text.strip())[0]: re.split(r"\s{2,}", text.strip()) for text in found.splitlines()}
    head = re.split(r"\s{2,}", found.splitlines()[0].strip())
    at = head.index("Fréchet, in floors") + 1
    assert cells["GAN"][at] == "3.0" and cells["VAE"][at] == "1.5" and cells["real ones"][at] == "1.0"
