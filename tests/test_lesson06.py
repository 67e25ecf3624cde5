"""Lesson 06 without a browser: the lab's measures and its rewinding, the recorded runs, the closed forms, the ladder."""

import math
import re
import statistics
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, columns, line, numbers
from PIL import Image
from small import dice

from diffusion_lib import data, gan, nets
from diffusion_lib.course.lesson06 import (
    astray,
    circling,
    climb,
    collapse,
    collapse_lab,
    cures,
    cures_table,
    ladder,
    ladder_table,
    motion_table,
    recipes,
    rungs,
    tries_table,
    winning,
)
from diffusion_lib.course.lesson06.collapse import SPEEDS, move_in, snapshot
from diffusion_lib.course.lesson06.recipes import FILMED, bilinear, edged, recorded, slope_factors, whereabouts
from diffusion_lib.course.lesson06.rungs import Climb, climbed
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.metrics import near_modes
from diffusion_lib.evaluation.pyramid import AGAIN, EQUAL, FAMILIES, SIZES
from diffusion_lib.train import MAX_STEPS

pytestmark = pytest.mark.usefixtures("one_thread")

RING = data.ring(2000)


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "6")
    box = collapse_lab(RING, seconds=60)
    box.join()
    yield box
    box.halt()


# ---------------------------------------------------------------------------------------- the lab


def test_it_trains_measures_and_ends(lab):
    assert lab.state == "done" and lab.step == 6 and lab.resume.description == "60 s more"
    captions, labels = lab.player.film["captions"], lab.player.film["labels"]
    assert labels[0] == "step 0" and labels[-1] == "step 6" and len(labels) == len(lab.history.items())
    assert all("minimax (2014), D's rate 0.1" in c and "of 8 modes" in c for c in captions)
    assert not any(c.disabled for c in (lab.recipe, lab.speed, lab.again, lab.go_on)) and lab.stop.disabled
    # nothing is on an island yet
    assert "nan" not in " ".join(captions) and "too few to count modes" in captions[0]


@pytest.mark.parametrize("recipe", list(gan.RECIPES))
def test_a_rewind_goes_on_from_the_weights_of_that_frame(lab, recipe, monkeypatch):
    frames = lab.history.items()
    lab.recipe.value, lab.speed.value = recipe, "D as fast as G"
    seen = []
    begin = lab._begin
    monkeypatch.setattr(lab, "_begin", lambda: (seen.append(snapshot(lab.model)), begin())[1])
    lab.player.value = 1
    lab.go_on.click()
    lab.join()
    assert lab.state == "done"
    for (w, b), (w0, b0) in zip(seen[0], frames[1]["g"], strict=True):
        assert torch.equal(w, w0) and torch.equal(b, b0)
    assert lab.history.items()[0] is frames[0] and lab.history.items()[1] is frames[1]
    assert lab.step == frames[1]["step"] + 6 and lab.trained > frames[1]["seconds"]
    assert recipe in lab.player.film["captions"][-1] and "minimax" in lab.player.film["captions"][0]
    names = [m["name"] for m in lab.player.film["panels"][1]["marks"]]
    assert names[:3] == ["near", "within 3 sd", "before"]


def test_fakes_outside_stand_on_the_edge_and_are_counted(lab):
    lab.model.body[-1][-1].bias.data = torch.tensor([40.0, 0.0])  # all fly to the right
    seen = lab._look()
    assert seen["outside"] == 1 and np.allclose(seen["x"][:, 0], lab.limit) and abs(seen["x"][:, 1]).max() < 0.5
    assert "outside, drawn on the edge: 100%" in lab._caption(seen) and "too few to count" in lab._caption(seen)


def test_start_again_forgets_and_bad_wishes_are_refused(lab):
    lab.recipe.value = "+ minibatch std"
    lab.again.click()
    lab.join()
    assert lab.old is None and lab.step == 6 and "+ minibatch std" in lab.player.film["captions"][0]
    before = lab.history.items()
    lab.rewind(99)
    assert lab.history.items() == before
    with pytest.raises(ValueError, match="ring"):
        collapse_lab(data.digits().subset(20))


def test_a_training_that_breaks_says_so_and_can_be_rewound(lab, monkeypatch):
    def broken():
        yield from ()
        raise FloatingPointError("The loss is nan")

    with monkeypatch.context() as patch:
        patch.setattr(lab, "_begin", lambda: broken())
        lab.start()
        lab.join()
    assert lab.state == "failed" and not lab.again.disabled
    # the whole sentence, and no more
    assert ">✗ The loss is nan Rewind, or start again.</span>" in lab.says.value
    lab.rewind(0)
    lab.join()
    assert lab.state == "done"


def test_stop_and_continue():
    box = collapse_lab(RING, seconds=300)
    while box.step < 5:
        pass
    box.stop.click()
    box.join()
    step = box.step
    assert box.state == "stopped" and "nothing is lost" in box.says.value
    box.resume.click()
    while box.step <= step:
        pass
    box.halt()
    box.join()
    assert len(box.history.items()) <= box.history.keep + 1


def test_near_modes_sees_a_collapse_and_a_blur():
    assert near_modes(RING.x, RING.modes) == 8 and near_modes(RING.x[RING.y < 3], RING.modes) == 3
    assert near_modes(torch.zeros(100, 2), RING.modes) == 0
    blurred = RING.x + 0.08 * torch.randn(RING.x.shape, generator=torch.Generator().manual_seed(0))
    assert near_modes(blurred, RING.modes) == 8


def test_weights_move_between_parametrisations():
    def judge(**more):
        return nets.Discriminator((2,), channels=16, **more)

    torch.manual_seed(0)
    x, spectral, plain = RING.x[:64], judge(spectral=True), judge()
    spectral.eval()
    assert move_in(plain, snapshot(spectral))  # spectral norm worked in: the same function
    torch.testing.assert_close(plain(x), spectral(x))
    std = judge(minibatch_std=True)
    assert move_in(std, snapshot(plain)) and torch.equal(std.body[0].weight[:, :-1], plain.body[0].weight)
    other = nets.Discriminator((2,), channels=32)
    before = snapshot(other)
    assert not move_in(other, snapshot(plain))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(before, snapshot(other), strict=True))


def test_speeds_are_rates(lab):
    g, d = lab.parts.learners
    assert d.lr == pytest.approx(SPEEDS[lab.speed.value] * g.lr)


# ---------------------------------------------------------------------------------------- recorded


def fates(runs):
    """off, lost and blurred of how many, and the median overlap."""
    counts = ", ".join(str(sum(r[k] for r in runs)) for k in ("off", "lost", "blurred"))
    return f"{counts} of {len(runs)}; {statistics.median(r['final']['overlap'] for r in runs):.2f}"


def cure_rows():
    for name, choice in records.read("cures")["choices"].items():
        told = choice["chosen"]
        yield f"| {name} | {told['network']}, {told['lr']:g} | {fates(recorded('plain')[name])} | {fates(recorded('waves')[name])} |"


def rung(runs):
    far, spread, steps = (statistics.median(r[k] for r in runs) for k in ("distance", "diversity", "steps"))
    return f"{far:.1f}, {spread:.2f}, {sum(r['fails'] for r in runs)} of {len(runs)}, {steps:,.0f}"


def ladder_rows():
    for equal in EQUAL:
        for size in SIZES if equal == "seconds" else AGAIN:
            yield f"| {equal} | {size} | {rung(climbed(size, 'GAN', equal))} | {rung(climbed(size, 'DDPM', equal))} |"


def test_the_readmes_rows_are_the_recordings():
    readme = (Path(__file__).parent.parent / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for row in [*cure_rows(), *ladder_rows()]:
        assert row in readme, f"benchmarks/README.md should have the row {row}"


def test_every_recipe_had_the_same_six_tries_and_the_rule_chose():
    book = records.read("cures")
    pairs = {(t["network"], t["lr"]) for t in book["tries"]}
    assert len(pairs) == 6 and list(book["choices"]) == list(gan.RECIPES)
    for name in gan.RECIPES:
        mine = [t for t in book["tries"] if t["recipe"] == name]
        assert {(t["network"], t["lr"]) for t in mine} == pairs and len(mine) == 6
        assert all(t["steps"] == book["steps"][name][t["network"]] for t in mine)
        chosen = book["choices"][name]["chosen"]
        assert chosen["overlap"] >= max(t["overlap"] for t in mine) - 0.01
        told = next(row for row in tries_table().splitlines() if row.startswith(name + " "))
        assert f"{chosen['overlap']:.2f} *" in told
    assert {t["seed"] for t in book["tries"]}.isdisjoint(r["seed"] for r in book["runs"])


def test_equal_seconds_are_steps_that_were_timed():
    book = records.read("cures")
    for name, ms in book["step_ms"].items():
        for network, each in ms.items():
            assert book["steps"][name][network] == round(1000 * book["seconds"] / each)
    for r in book["runs"]:
        assert r["error"] or r["steps"] == book["steps"][r["recipe"]][r["network"]]


@pytest.mark.parametrize("kind", ["plain", "waves", "usual"])
def test_the_cures_tables_are_the_recordings(kind):
    rows = recorded(kind)
    assert list(rows) == (["minimax (2014)", "non-saturating"] if kind == "usual" else list(gan.RECIPES))
    head, *lines = cures_table(kind).splitlines()
    assert head.split("   ")[0].strip() == {"plain": "plain networks", "waves": "networks with waves"}.get(
        kind, "recipe"
    )
    for row, (name, runs) in zip(lines, rows.items(), strict=False):
        assert row.startswith(name + " ")
        assert kind == "usual" or (" * " in row) == (runs[0]["choice"] == "chosen")
        for key in ("off", "lost", "blurred"):
            assert f" {sum(r[key] for r in runs)} of {len(runs)}" in row
        assert f"{statistics.median(r['final']['overlap'] for r in runs):.2f} (" in row
        assert f"{runs[0]['steps']:,}" in row
        assert [r["seed"] for r in runs] == list(range(len(runs)))  # every seed, none left out
        assert len({str(r["options"]) for r in runs}) == 1
        for r in runs:
            final = r["final"]
            off = bool(r["error"]) or final["high_quality"] < 0.1
            few = final["high_quality"] < 0.1
            assert r["off"] == off and (final["modes"] is None) == (final["kl"] is None) == few
            assert r["lost"] == (not off and final["modes"] < 8)
            assert r["blurred"] == (not off and final["high_quality"] < 0.5)
            assert final["overlap"] <= final["high_quality"] + 1e-4
    with pytest.raises(ValueError, match="recorded as"):
        recorded("none")


def test_the_picture_draws_what_lies_outside_and_says_it_in_words():
    figure = cures("usual")
    assert figure._repr_png_()[:4] == b"\x89PNG"
    words = re.search(r'alt="([^"]*)"', figure._repr_html_()).group(1)
    assert "minimax (2014): 0 of 10" in words
    said = [t.get_text() for t in figure.axes[0].texts]
    for text, run in zip(said, [r for runs in recorded("usual").values() for r in runs], strict=True):
        final = run["final"]
        assert not run["off"] or text == (
            f"{final['beyond']:.0%} out" if final["beyond"] > 0.5 else f"– · {final['high_quality']:.0%}"
        )
        assert run["off"] or text == f"{final['modes']} · {final['high_quality']:.0%}"
    crosses = [c for c in figure.axes[0].collections if len(c.get_paths()[0].vertices) == 4]  # two strokes
    assert len(crosses) == 20
    for cross, run in zip(crosses, [r for runs in recorded("usual").values() for r in runs], strict=True):
        out = np.abs(np.array(run["points"]).reshape(-1, 2)).max(1) > 210
        assert len(cross.get_offsets()) == out.sum()


def test_points_outside_go_to_the_edge_in_their_own_direction():
    x = np.array([[0.5, -1.0], [4.0, 2.0], [0.0, -9.0]])
    assert edged(x, 2.0).tolist() == [[0.5, -1.0], [2.0, 1.0], [0.0, -2.0]]


def test_a_run_flew_apart_or_made_a_clump_or_neither():
    def run(beyond, share, between):
        return {"final": {"beyond": beyond, "clump": {"share": share, "between": between}}}

    ends = ((0.6, 0.1, False), (0.1, 0.7, True), (0.1, 0.7, False), (0.1, 0.4, True))
    assert [whereabouts(run(*v)) for v in ends] == ["flew apart", "clump between", "", ""]


def test_the_film_shows_where_the_fakes_go():
    film, book = astray().film, records.read("cures")
    assert [p["title"] for p in film["panels"]] == list(FILMED) and set(book["film"]) == set(FILMED)
    last = np.array(book["film"]["minimax (2014)"][-1][1]).reshape(-1, 2) / 100
    share = (np.abs(last).max(1) > book["plot"]).mean()
    assert f"minimax (2014): {share:.0%};" in film["captions"][-1]
    for name, frames in book["film"].items():
        run = recorded("usual" if name in recorded("usual") else "waves")[name][0]
        assert frames[-1][0] == run["steps"] and frames[-1][1] == run["points"]


# ---------------------------------------------------------------------------------------- how G moves, recorded


def test_the_motion_table_is_the_recording():
    book = records.read("motion")
    for head in (0, 300):
        lines = motion_table(head).splitlines()[1:5]
        kinds = [(a, b) for a in ("minimax", "non-saturating") for b in ("plain", "Adam")]
        for row, (loss, optimizer) in zip(lines, kinds, strict=True):
            runs = [r for r in book["play"] if (r["loss"], r["optimizer"], r["head"]) == (loss, optimizer, head)]
            assert len(runs) == 5 and row.startswith(loss)
            first = [r["rows"][0][3] for r in runs]
            ends = [[math.inf if r.get("error") else r["rows"][-1][k] for r in runs] for k in (1, 6)]
            for values in (first, *ends):
                assert f"{statistics.median(values):.2g} ({min(values):.2g} to {max(values):.2g})" in row
    with pytest.raises(ValueError, match="after 0 and after 300"):
        motion_table(7)


@pytest.mark.heavy
def test_the_ladder_shows_every_run():
    book, film = records.read("ladder"), ladder()
    seeds = {r["seed"] for r in book["runs"]}
    for equal in EQUAL:
        sizes = SIZES if equal == "seconds" else AGAIN
        lines = ladder_table(equal).splitlines()
        assert len(lines) == 1 + 2 * len(sizes) + 1
        assert all(
            f"{a['noise']:.0f} and {a['mean picture']:.0f} at {s}" in lines[-1]
            for s, a in book["anchors"].items()
            if int(s) in sizes
        )
        for row, (size, family) in zip(lines[1:], [(s, f) for s in sizes for f in FAMILIES], strict=False):
            runs = climbed(size, family, equal)
            assert {r["seed"] for r in runs} == seeds and row.split()[:2] == [str(size), family]
            assert " and ".join(f"{r['distance']:.1f}" for r in runs) in row
            assert f"{book['rungs'][str(size)]['budgets'][equal][family]:,}" in row
            assert all(r["steps"] == book["rungs"][str(size)]["budgets"][equal][family] for r in runs)
    assert film.n_frames == 4 and film.film["labels"] == [f"{s} × {s}" for s in (8, 16, 32, 64)]
    low, high = film.film["panels"][3]["ylim"]  # no line leaves the panel
    assert all(low < math.log10(r["distance"]) < high for r in book["runs"] if r["distance"])
    lines = [m for m in film.film["panels"][3]["marks"] if m["kind"] == "line" and m["n"] == 4]
    assert len(lines) == len(FAMILIES) * len(seeds)
    for r in book["runs"]:
        assert r["fails"] == (bool(r["error"]) or r["far"] is None or r["far"] > 0.5 or r["diversity"] < 0.1)
    with pytest.raises(ValueError, match="equal seconds, steps, flops"):
        ladder_table("money")


def test_the_budgets_of_a_rung_are_equal():
    for rung in records.read("ladder")["rungs"].values():
        plan, each, ms = rung["budgets"], rung["gflops"], rung["step_ms"]
        for family in FAMILIES:
            assert plan["seconds"][family] == round(1000 * records.read("ladder")["seconds"] / ms[family])
        assert len(set(plan["steps"].values())) == 1
        work = [plan["flops"][f] * each[f] for f in FAMILIES]
        assert max(work) - min(work) <= max(each.values())  # but for one step


# ---------------------------------------------------------------------------------------- closed forms


def test_slopes_are_autograds():
    s = torch.linspace(-8, 8, 9, requires_grad=True)
    for name, loss in (("minimax", gan.g_minimax), ("non-saturating", gan.g_non_saturating)):
        (slope,) = torch.autograd.grad(9 * loss(s, s), s)
        torch.testing.assert_close(slope.abs(), slope_factors(s.detach())[name])


def test_the_winning_d_starves_minimax_only():
    film = winning(RING, steps=60, looks=6).film
    y = [np.frombuffer(m["y"], "<f4") for m in film["panels"][1]["marks"][:2]]
    assert y[0][-1] < y[0].max() - 0.5 and y[1][-1] > y[1][0]
    assert "minimax" in film["captions"][-1]


def test_the_game_follows_its_closed_forms():
    lr, n = 0.3, torch.arange(41)
    at_once, in_turns = bilinear(1.0, 0.5, lr, 40), bilinear(1.0, 0.5, lr, 40, alternating=True)
    torch.testing.assert_close(at_once.norm(dim=1), math.hypot(1, 0.5) * (1 + lr**2) ** (n.double() / 2))
    x, y = in_turns.T
    kept = x**2 + y**2 - lr * x * y
    torch.testing.assert_close(kept, kept[:1].expand_as(kept))
    assert circling(lr, 20).n_frames == 21


@pytest.mark.heavy
def test_the_smallest_rung_gives_both_the_same_time(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "3")
    box = climb(8, seconds=60)
    box.join()
    assert box.state == "done" and box.resume.disabled
    assert all(e.steps == 3 for e in box.entries.values()) and len(box.entries) == 2
    assert "GAN 3 steps" in box.player.film["captions"][-1] and "DDPM 3 steps" in box.player.film["captions"][-1]
    with pytest.raises(ValueError, match="rungs"):
        climb(12)


@pytest.mark.heavy
def test_one_family_breaks_off_and_the_other_goes_on(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "3")

    def boom(batch, generator):
        raise FloatingPointError("The loss is nan")

    box = Climb(8, 60, keep=4, seed=0)
    gan = box.entries["GAN"]
    gan.parts = gan.parts._replace(step=boom)
    box.proceed()
    box.join()
    assert box.state == "done" and "GAN broke off" in box.says.value
    assert gan.steps == 0 and "loss is nan" in gan.error and box.entries["DDPM"].steps == 3


# ---------------------------------------------------------------------------------------- what the films show


def test_how_strongly_each_loss_pushes():
    score = torch.tensor([-8.0, 0.5, 3.0], requires_grad=True)
    for name, factor in recipes.slope_factors(score.detach()).items():
        (slope,) = torch.autograd.grad(3 * gan.LOSSES[name].g(score, score), score)
        assert torch.allclose(slope.abs(), factor, atol=1e-6), name


def test_winning_names_probabilities_and_lengths():
    ring = data.load("ring", n=600)
    player = recipes.winning(ring, steps=1, looks=1, seed=1)
    _, parts = gan.build(ring, loss="non-saturating", seed=1)
    g, d = (learner.model for learner in parts.learners)
    z = g.noise(500, dice(1))
    said = numbers(player.film["captions"][0])
    real, fake = (float(v.detach().sigmoid().mean()) for v in (d(ring.x[:500]), d(g(z))))
    for name, p in (("of real", real), ("of fakes", fake)):
        assert line(player, 'D says "real"', name)[0, 0] == pytest.approx(p, abs=1e-5)
    for name, key, place in (("minimax (2014)", "minimax", 1), ("non-saturating", "non-saturating", 2)):
        slopes = torch.autograd.grad(gan.LOSSES[key].g(d(g(z)), d(g(z))), list(g.parameters()))
        length = math.sqrt(sum(float(s.pow(2).sum()) for s in slopes))
        assert line(player, "gradient that", name)[0, 0] == pytest.approx(math.log10(length), abs=1e-3)
        assert [n for n in said if n != 2014][place] == pytest.approx(length, rel=0.06)


def test_circling_says_each_radius_of_its_own_game():
    player = recipes.circling(lr=0.3, steps=9)
    for i, said in enumerate(player.film["captions"]):
        once, turns = (float(re.search(rf"{w} ([\d.]+)", said)[1]) for w in ("at once", "in turns"))
        assert once == pytest.approx(1.09 ** (i / 2), abs=6e-3)
        assert line(player, "distance from", "at once")[0, i] == pytest.approx(once, abs=6e-3)
        assert line(player, "distance from", "in turns")[0, i] == pytest.approx(turns, abs=6e-3)
    turns = recipes.bilinear(1.0, 0.0, 0.3, 9, alternating=True)
    assert np.allclose((turns**2).sum(1) - 0.3 * turns.prod(1), 1)


@pytest.mark.parametrize("kind", recipes.KINDS)
def test_the_cures_table_counts_each_kind_of_failure(kind):
    found = columns(recipes.cures_table(kind))
    for name, runs in recipes.recorded(kind).items():
        row = found[name + " *" * (runs[0]["choice"] == "chosen")]
        for key in ("off", "lost", "blurred"):
            assert row[key] == f"{sum(r[key] for r in runs)} of {len(runs)}"
        for key in recipes.FATES:
            assert row[key] == str([recipes.whereabouts(r) for r in runs].count(key))


def test_the_ladders_sheets_hold_both_rows_of_each_recorded_run():
    sheet = rungs._sheet(8, "GAN", [1])
    with Image.open(records.RECORDS / "ladder_8_GAN_1.png") as image:
        line_ = np.asarray(image.convert("RGB"))
    want = np.concatenate([line_[:, :24], line_[:, 24:]]).repeat(8, 0).repeat(8, 1)
    assert np.array_equal(sheet, want)


def test_the_ladder_counts_failures():
    runs = [{"distance": 2.0 + s, "fails": s == 2} for s in range(3)]
    assert "1 of 3 failed" in rungs._range(runs) and "2.0 to 4.0" in rungs._range(runs)


def test_the_rung_is_judged_with_the_classes_that_were_asked_for():
    """`draw` asks for the classes in turn, so the judge must hear them in turn."""
    heard = []
    ruler = SimpleNamespace(judge=lambda x, y: heard.append((x, y)) or {})
    entry = SimpleNamespace(draw=lambda n, seed: torch.zeros(n, 3, 8, 8), steps=7)
    box = SimpleNamespace(step=7, trained=0.5, entries={"GAN": entry}, seed=0, ruler=ruler)
    assert rungs.Climb._look(box)["GAN"]["steps"] == 7
    assert heard[0][1].tolist() == [0, 1] * (rungs.LIVE // 2)


SMALL_RING = data.load("ring", n=300)

# ---------------------------------------------------------------------------------------- the lab


def resting_lab(**more):
    box = collapse.CollapseLab(SMALL_RING, {"steps": 3}, 9, 1)
    box.proceed = lambda: None
    return box


def test_the_labs_panels_say_which_is_which():
    box = resting_lab()
    g, d = (one.model for one in box.parts.learners)
    first = box.history.items()[0]
    x = g(box.z)
    assert first["real"] == pytest.approx(d(SMALL_RING.x[:500]).sigmoid().mean().item(), abs=1e-5)
    assert first["fake"] == pytest.approx(d(x[:500]).sigmoid().mean().item(), abs=1e-5)
    second = first | {
        "step": 2,
        "seconds": 1.0,
        "near": 7,
        "modes": 3,
        "real": 0.9,
        "fake": 0.2,
        "high_quality": 0.5,
        "kl": 1.25,
        "sd_ratio": 0.75,
    }
    panels = box._film([first, second])["panels"]
    for title, name, value in (
        ("modes covered", "near", 7),
        ("modes covered", "within 3 sd", 3),
        ("what D says", "real", 0.9),
        ("what D says", "fake", 0.2),
    ):
        assert line(panels, title, name)[0, -1] == pytest.approx(value)
    assert np.allclose(cloud(panels, "fakes", 1)[0], x[:600].detach(), atol=1e-5)
    said = box._caption(second)
    for words_ in ("near 7 of 8 modes", "within 3 sd 50.0%", "on 3 modes", "KL 1.25", "width 0.75"):
        assert words_ in said


def test_the_labs_menus_change_what_they_name():
    box = resting_lab()
    for speed, ratio in collapse.SPEEDS.items():
        box.speed.value = speed
        box._prepare()
        g, d = box.parts.learners
        assert d.lr / g.lr == pytest.approx(ratio) and f"{ratio:g}" in box.made
    box.recipe.value = "+ minibatch std"
    box._prepare()
    assert box.parts.learners[1].model.config["minibatch_std"] and box.made.startswith("+ minibatch std")
    heard = []
    box.start, box.rewind = lambda: heard.append("start"), lambda: heard.append("rewind")
    box.again.click(), box.go_on.click()
    assert heard == ["start", "rewind"]


def test_rewinding_takes_the_weights_of_the_frame_on_show(at_once):
    box = collapse.CollapseLab(SMALL_RING, {"steps": 3}, 9, 1)
    box.proceed()
    frames = box.history.items()
    assert len(frames) >= 3 and frames[-1]["step"] == 3
    box.proceed = lambda: None

    def same(net, saved):
        return all(
            torch.equal(a, b)
            for layer, old in zip(collapse.snapshot(net), saved, strict=True)
            for a, b in zip(layer, old, strict=True)
        )

    box.player.value = 1
    box.rewind()
    g, d = (one.model for one in box.parts.learners)
    assert same(g, frames[1]["g"]) and same(d, frames[1]["d"]) and not same(g, frames[-1]["g"])
    assert box.step == frames[1]["step"] == 1 and len(box.history.items()) == 2 and box.old is not None
    box.start()
    assert box.step == 0 and box.trained == 0 and box.old is None and len(box.history.items()) == 1
