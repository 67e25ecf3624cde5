"""Lesson 07 without a browser: the bet, a live race, the recorded races and what is said of them."""

import copy
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_lib import data
from diffusion_lib.course import lesson07
from diffusion_lib.course.lesson07 import live_race as module
from diffusion_lib.course.lesson07 import recorded
from diffusion_lib.course.lesson07.live_race import BETS
from diffusion_lib.course.lesson07.scores import seconds_to
from diffusion_lib.evaluation import arena, records
from diffusion_lib.evaluation.arena import FAMILIES
from diffusion_lib.evaluation.metrics import student

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
    floor = {
        "coverage": 0.97,
        "precision": 0.98,
        "recall": 0.95,
        "frechet": 2.0,
        "nearer_to_training": 0.5,
        "fails": 0,
    }
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
    assert (
        film["labels"][-1] == f"{race.trained:.1f} s"
        and f"Done: {race.trained:.1f} seconds each" in race.says.value
    )


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


@pytest.mark.parametrize(
    "place", [p.stem.removeprefix("arena_") for p in sorted(records.RECORDS.glob("arena_*.json"))]
)
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
    each = {
        k: np.median([r["drawing_ms"] for r in grid["runs"] if r["family"] == k]) / 1000 for k in FAMILIES
    }
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
        pair = [
            lesson07.verdict(place, key).splitlines()[1] for place in ("grid", "digits", "sprites", "mnist")
        ]
        assert all(line.endswith(words) for line, words in zip(pair, said, strict=True)), pair
    assert "GAN has more" in lesson07.verdict("mnist", "accuracy").splitlines()[1]
    assert "no difference shown" in lesson07.verdict("mnist", "frechet").splitlines()[1]
    far = {
        k: [r["frechet"] for r in records.race_book("mnist")["runs"] if r["family"] == k] for k in FAMILIES
    }
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
