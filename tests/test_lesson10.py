"""Lesson 10 without a browser: the prompt box, what changes with a word or with w, guidance on points, the recorded tables."""

import threading
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import at, cloud, columns, numbers, panel, pictures

from diffusion_lib import ddpm, machine, nets, store
from diffusion_lib.course import lesson10
from diffusion_lib.course.common import shortened
from diffusion_lib.course.lesson10 import box as boxes
from diffusion_lib.course.lesson10 import comparing, drawing, scenes
from diffusion_lib.course.lesson10.drawing import COUNTS, film, noises, painter, walk
from diffusion_lib.data.prompts import understand
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.metrics import student
from diffusion_lib.guidance import guided
from diffusion_lib.viz.figures import grid


@pytest.fixture(scope="module")
def small():
    """A quick network that answers each word in its own way."""
    with machine.seeded_weights(0):
        net = nets.UNet((3, 8, 8), 60, COUNTS, channels=8, mults=(1, 1), patch=2)
        for p in net.parameters():
            p.data.add_(0.2 * torch.randn(p.shape))
    return ddpm.Denoiser(net, Schedule.of("cosine", 60)).requires_grad_(False)


def drawn(prompt, seeds, model, **how):
    return drawing.pictures(prompt, seeds, steps=3, model=model, **how)


# ---------------------------------------------------------------------------------------- drawing


def test_a_seed_is_a_picture_in_whatever_company(small):
    four = drawn("cat", (5, 6, 7, 8), small)
    assert torch.allclose(four[2:3], drawn("cat", (7,), small), atol=1e-5)
    assert torch.equal(noises((2, 2), (3, 9))[1], torch.randn(2, 2, generator=torch.Generator().manual_seed(9)))
    assert not torch.allclose(four, drawn("flower", (5, 6, 7, 8), small), atol=1e-2)


def test_a_walk_is_guided_by_words_and_by_what_shall_not_be_there(small):
    """Each step is that of the sampler with `guided`, told the prompt's numbers."""
    p, times = understand("cat", "night"), drawing.times(small.schedule, 3)
    (first, *rest) = walk("cat", (1, 2), 3, 4.0, "night", small)
    assert [first.t, *(s.t for s in rest), 0] == times != small.schedule.times(3)
    xT = noises(small.shape, (1, 2))
    eps = guided(small, p.y(2), 4.0, p.negative(2))(xT, times[0])
    a = small.schedule.alpha_bar[times[0]]
    x0 = ((xT - (1 - a).sqrt() * eps) / a.sqrt()).clamp(-1, 1)
    assert torch.equal(first.xt, xT) and torch.allclose(first.x0_hat, x0.float(), atol=1e-4)
    assert torch.equal(drawn("cat, no night", (1, 2), small), drawn("cat", (1, 2), small, negative="night"))


def test_the_steps_are_even_in_t_with_one_more_out_of_the_noise():
    schedule = Schedule.of("cosine", 1000)
    first, between, *rest = drawing.times(schedule, 11)
    assert [first, *rest] == schedule.times(10) and first > between > rest[0]
    high, middle, low = (float(schedule.snr_db[t]) for t in (first, between, rest[0]))
    assert middle == pytest.approx((high + low) / 2, abs=0.2)
    for n in (1, 2, 3, 4, 400, 999, 1000):
        times = drawing.times(schedule, n)
        assert len(times) == n + 1 and times == sorted(set(times), reverse=True) and (times[0], times[-1]) == (1000, 0)
    for wrong in (0, 1001, 2.5):
        with pytest.raises(ValueError, match="number of sampling steps"):
            drawing.times(schedule, wrong)


def test_a_film_has_each_step_and_ends_at_the_pictures(small):
    steps = list(walk("cat", (1, 2, 3, 4), 5, model=small))
    shown = film(steps)
    assert shown["labels"][0] == "t = 60" and shown["labels"][-1] == "t = 0" and len(shown["labels"]) == 6
    xt, seen = (pictures(shown["panels"], title) for title in ("x", "what"))
    assert len(xt) == len(seen) == 6
    assert np.array_equal(xt[-1], grid(steps[-1].xs, columns=2, pad=1)) and np.array_equal(xt[-1], seen[-1])
    assert np.array_equal(seen[0], seen[1]) and np.array_equal(seen[0], grid(steps[0].x0_hat, columns=2, pad=1))
    assert np.array_equal(xt[2], grid(steps[1].xs, columns=2, pad=1))


@pytest.mark.parametrize("name", ("digits", "digits_gan", "classifier_digits"))
def test_weights_that_know_no_words_are_refused(name):
    with pytest.raises(ValueError, match="not told any words"):
        painter(store.load(name))


# ---------------------------------------------------------------------------------------- the box


def box_of(small, **more):
    return boxes.prompt_box(**({"text": "black cat", "steps": 4, "model": small} | more))


def test_the_box_draws_says_and_keeps(small):
    box = box_of(small)
    assert box.player.n_frames == 5 and box.player.value == 4 and "Understood: black (fur), cat." in box.says.value
    assert "4 calls of the network" in box.says.value and 0 < box.first_ms < box.all_ms
    assert torch.equal(box.drawn[0].x, drawing.pictures("black cat", range(4), steps=4, model=small))
    assert box.drawn[0].settings() == "w = 2, 4 steps, dice 0 to 3"
    box.text.value = "black dgo <b>"
    assert "“dgo”" in box.says.value and "<b>" not in box.says.value and box.drawn[0].text == "black dgo <b>"
    titles = [p["title"] for p in box.past.film["panels"]]
    assert titles == ["black dgo <b>", "black cat", "…", "…"]
    assert [text.split(" · ")[0] for text, _i in box.earlier.options[1:]] == titles[:2]
    assert np.array_equal(pictures(box.past, "black cat")[0], grid(box.drawn[1].x, columns=2, pad=1))


def test_each_control_changes_the_pictures_and_an_earlier_prompt_brings_its_own_back(small):
    box = box_of(small)
    seen = [box.drawn[0].x]
    for change in (
        lambda: setattr(box.w, "value", 5.0),
        lambda: setattr(box.negative, "value", "night"),
        lambda: setattr(box.calls, "value", 3),
        lambda: box.dice.click(),
        lambda: setattr(box.seed, "value", 77),
    ):
        change()
        assert not any(torch.equal(box.drawn[0].x, x) for x in seen)
        seen.append(box.drawn[0].x)
    assert box.seed.value == 77 and box.drawn[1].seed == 4 and box.player.n_frames == 4
    count = len(box.drawn)
    box.earlier.value = next(i for text, i in box.earlier.options if "w = 2" in text)
    assert (box.w.value, box.negative.value, box.calls.value, box.seed.value) == (2.0, "", 4, 0)
    assert torch.equal(box.drawn[0].x, seen[0]) and len(box.drawn) == count  # drawn again, and kept once


def test_the_first_frame_is_there_before_the_last_is_computed(small, monkeypatch):
    seen = []

    def slow(*args, **more):
        for step in walk(*args, **more):
            yield step
            seen.append((box.player.n_frames, box.player.value) if hasattr(box, "player") and box.player else None)

    box = box_of(small)
    monkeypatch.setattr(boxes, "walk", slow), monkeypatch.setattr(boxes, "SHOWING", 0.0)
    box.text.value = "flower"
    assert seen == [(2, 1), (3, 2), (4, 3), (5, 4)]
    monkeypatch.setattr(boxes, "SHOWING", 9.0)  # a walk that is quick is shown when it begins, and at its end
    seen.clear(), setattr(box.text, "value", "cat")
    assert seen == [(2, 1), (2, 1), (2, 1), (5, 4)]


def test_only_the_newest_prompt_is_drawn_to_its_end(small):
    box, looks = box_of(small), []
    older = replace(box.drawn[0], text="flower")
    box._work(older, understand("flower"), lambda: looks.append("at it") or len(looks) == 3)
    assert len(looks) == 3 and [d.text for d in box.drawn] == ["black cat"]  # left off, and not kept
    assert box.player.n_frames < 5 and "calls of the network" not in box.says.value


def test_what_breaks_off_is_said_and_is_no_markup(small, monkeypatch):
    box = box_of(small)
    monkeypatch.setattr(box, "_work", lambda *told: 1 / 0 if told[0].w > 3 else {}["<b>&"])
    with pytest.raises(ZeroDivisionError):
        box.w.value = 5
    assert "It broke off: ZeroDivisionError" in box.says.value
    with pytest.raises(KeyError):
        box.w.value = 1
    assert "&lt;b&gt;&amp;" in box.says.value and "<b>" not in box.says.value


@pytest.mark.parametrize(
    ("text", "says"),
    (
        ("x" * 10_000, "at most 500 characters"),
        ("", "Nothing is asked for"),
        ("🚀 кошка", "I do not know"),
        ("black white cat", "tuxedo"),
    ),
)
def test_whatever_is_typed_is_answered_in_a_sentence(small, text, says):
    box = box_of(small)
    box.text.value = text
    assert says in box.says.value and "Traceback" not in box.says.value
    box.text.value = "cat"  # and it goes on
    assert "Understood: cat." in box.says.value


def test_a_box_that_cannot_begin_says_so(small):
    for how, says in (({"text": "x" * 600}, "at most 500"), ({"model": store.load("digits")}, "not told any words")):
        with pytest.raises(ValueError, match=says):
            box_of(small, **how)


# ---------------------------------------------------------------------------------------- one thing changes


def test_one_word_changes_and_the_dice_stay(small):
    shown = lesson10.same_dice(["cat", ("cat", "night"), ""], n=3, steps=3, w=3, model=small)
    assert shown.film["labels"] == ["cat", "cat − night", "(nothing)"]
    frames = pictures(shown, "the same dice, w = 3")
    for frame, (text, negative) in zip(frames, (("cat", ""), ("cat", "night"), ("", "")), strict=True):
        assert np.array_equal(frame, grid(drawn(text, range(3), small, w=3, negative=negative), columns=3, pad=1))
    said = ("Understood: cat.", "Understood: cat. To be avoided: night.", "Nothing is asked for")
    assert all(c.startswith(words) for c, words in zip(shown.film["captions"], said, strict=True))


def test_where_w_is_too_small_to_avoid_anything_it_is_said(small):
    """Box, film of words, film of weights: at w = 1 nothing is avoided, below it is led towards."""
    towards, nothing = "led towards what shall not be there", "At w = 1 what shall not be there has no effect"
    box = box_of(small, negative="night", w=0.5)
    for w, there, not_there in ((0.5, towards, nothing), (1.0, nothing, towards)):
        box.w.value = w
        assert there in box.says.value and not_there not in box.says.value
        (with_night, without) = lesson10.same_dice([("cat", "night"), "cat"], 1, w, steps=1, model=small).film[
            "captions"
        ]
        assert there in with_night and without == "Understood: cat."
    for change in (lambda: setattr(box.w, "value", 1.5), lambda: setattr(box.negative, "value", "")):
        change()
        assert "shall not be there" not in box.says.value
        box.w.value = 1.0
    film = lesson10.by_weight("cat", (0.0, 1.0, 4.0), n=2, steps=1, negative="night", model=small).film["captions"]
    assert towards in film[0] and nothing in film[1] and "shall not" not in film[2]


def test_the_page_of_a_prompt_says_all_that_the_shell_says(small, monkeypatch, tmp_path):
    pages = []
    monkeypatch.setattr(scenes.store, "load", lambda name: small)
    monkeypatch.setattr(scenes.FramePlayer, "save_html", lambda self, path, **how: pages.append((self.film, how)))
    o = SimpleNamespace(text="cat, anime", negative="night", w=1.0, n=1, steps=2, weights="small", seed=0)
    story = scenes.prompt(o)
    story.page(tmp_path / "a.html", "", story)
    ((film, how),) = pages
    said = (
        "Understood: cat. To be avoided: night. I do not know “anime”. At w = 1 what shall not be there has no effect"
    )
    assert " ".join(story.notes).startswith(said) and set(film["captions"]) == {" ".join(story.notes)}
    assert how["description"] == story.alt and "in 1 picture of 8 x 8 pixels" in story.alt


NUMBER, PROMPTS, WEIGHTS = (
    "n is how many are drawn, a whole number from",
    "The prompts are a list",
    "weights are numbers in a row",
)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: box_of(m, n=0), NUMBER),
        (lambda m: box_of(m, n=1.5), NUMBER),
        (lambda m: box_of(m, w=99), "w from 0 to 8, but got w = 99"),
        (lambda m: box_of(m, w=-1), "w from 0 to 8"),
        (lambda m: box_of(m, w=float("nan")), "w from 0 to 8"),
        (lambda m: box_of(m, steps=0), "2 to 50 steps, but got steps = 0"),
        (lambda m: box_of(m, steps=10_000), "2 to 50 steps"),
        (lambda m: box_of(m, seed=-5), "dice from 0 to 1,000,000, but got seed = -5"),
        (lambda m: lesson10.same_dice([], model=m), PROMPTS),
        (lambda m: lesson10.same_dice("cat", model=m), PROMPTS),
        (lambda m: lesson10.same_dice([("cat", "night", "day")], model=m), PROMPTS),
        (lambda m: lesson10.same_dice([3], model=m), PROMPTS),
        (lambda m: lesson10.same_dice(["cat"], n=0, model=m), NUMBER),
        (lambda m: lesson10.by_weight("cat", (), model=m), WEIGHTS),
        (lambda m: lesson10.by_weight("cat", 3, model=m), WEIGHTS),
        (lambda m: lesson10.by_weight("cat", n=1, model=m), f"{NUMBER} 2"),
        (lambda m: lesson10.two_scores(weights=()), WEIGHTS),
        (lambda m: lesson10.two_scores(n=1), NUMBER),
        (lambda m: lesson10.two_scores(t=0), "t must lie in 1..100"),
    ],
)
def test_what_a_view_cannot_show_gets_one_sentence(small, call, says):
    with pytest.raises(ValueError, match=says) as error:
        call(small)
    assert "\n" not in str(error.value)


def test_one_weight_is_a_film_of_one_frame():
    assert lesson10.two_scores(weights=(1,), n=2).film["labels"] == ["w = 1"]


def test_each_weight_has_its_frame_and_how_far_its_pictures_are_apart(small):
    shown = lesson10.by_weight("cat", (0.0, 1.0, 4.0), n=4, steps=3, negative="night", model=small)
    assert shown.film["labels"] == ["w = 0", "w = 1", "w = 4"]
    shot: list = []
    for frame, says, w in zip(pictures(shown, "cat − night"), shown.film["captions"], (0, 1, 4), strict=True):
        x = drawn("cat", range(4), small, w=w, negative="night")
        assert np.array_equal(frame, grid(x, columns=4, pad=1))
        pairs = [(x[i] - x[j]).double().square().mean() for i in range(4) for j in range(i)]
        assert numbers(says)[0] == pytest.approx(float(torch.stack(pairs).mean().sqrt()), abs=0.006)
        moved = [float((a - b).square().mean().sqrt()) for a, b in pairwise([*shot[-1:], x])]
        assert numbers(says.split(". ")[0])[2::2] == pytest.approx(moved, abs=0.006)  # in between stands the w before
        shot.append(x)


def test_on_points_more_weight_is_more_of_the_class_and_less_spread():
    shown = lesson10.two_scores(weights=(0.0, 1.0, 5.0))
    share, spread = zip(*((numbers(c)[0], numbers(c)[-1]) for c in shown.film["captions"]), strict=True)
    assert share[0] < 0.75 < 0.95 < share[1] <= share[2] and spread[0] > spread[1] > spread[2]
    arrows = cloud(shown, "the guided arrow", 2)
    both = [cloud(shown, "two scores", c) for c in (1, 0)]
    assert np.allclose(arrows[0], both[0][0], atol=1e-5) and np.allclose(arrows[1], both[1][0], atol=1e-5)
    model = comparing.two_classes()
    marks = panel(shown, "two scores")["marks"]
    start = at(marks[0], "x")[0], at(marks[0], "y")[0]
    x = torch.tensor(np.stack(start, 1), dtype=torch.float64)
    for name, y in (("told nothing (w = 0)", None), ("told class 1 (w = 1)", torch.ones(len(x), dtype=torch.long))):
        (head,) = (np.stack([at(m, "x")[0], at(m, "y")[0]], 1) for m in marks if m["name"] == name)
        score = -model(x, 55, y) / (1 - model.schedule.alpha_bar[55]).sqrt()
        assert np.allclose(head, x.numpy() + shortened(score.numpy(), 0.4), atol=1e-5)
    for name, k in (("class 0", 0), ("class 1", 1)):  # the real points lie at the islands of their class
        (real,) = (
            np.stack([at(m, "x")[0], at(m, "y")[0]], 1) for m in panel(shown, "told")["marks"] if m["name"] == name
        )
        assert comparing.ours(torch.tensor(real), k) > 0.9
    # where the class is wanted in vain, the walk goes away from the other one
    ends = comparing._end(guided(model, torch.ones(50, dtype=torch.long), 5.0), torch.randn(50, 2, dtype=torch.float64))
    assert ends[:, 0].mean() > 1.0 and comparing.ours(ends) > 0.98
    assert comparing.ours(torch.tensor([[1.2, 0.5], [-1.2, 0.6]])) == 0.5


# ---------------------------------------------------------------------------------------- what was recorded


def spread(rows, key):
    """Mean and interval, as a table shows them."""
    values = [r[key] for r in rows]
    low, high = student(values)
    return pytest.approx([sum(values) / len(values), max(0, low), min(1, high)], abs=6e-4)


def test_the_tables_say_what_is_recorded():
    """Each cell: its row, its column, its interval."""
    book = records.read("words")

    def share(row):
        return pytest.approx([row["share"], row["low"], row["high"]], abs=6e-4)

    found, asked = columns(lesson10.obeyed_table()), book["obeyed"]["2"]
    for head, key in (("one word and the species", "one word"), ("whole captions", "captions")):
        parts = {"all words": "all", "all words but the species": "words", "whole pictures": "whole"}
        wanted = asked[key]["factors"] | {name: asked[key][part] for name, part in parts.items()}
        assert found.keys() == wanted.keys()
        assert all(numbers(found[name][head]) == share(row) for name, row in wanted.items())
    held, real = columns(lesson10.held_out_table()), book["reader"]["held_out"]
    rows = {"never trained on": book["held_out"]["held_out"], "trained on": book["held_out"]["trained"]}
    for name, row in (rows | {"real sprites": real}).items():
        assert numbers(held[name]["pictures with every word right"]) == share(row["whole"])
        assert numbers(held[name]["words right"]) == share(row["all"])
    trade = columns(lesson10.trade_off())
    for name, row in trade.items():
        mine = [r for r in book["trade"]["rows"] if name == (f"w = {r['w']:g}" if r["w"] != "real" else "real sprites")]
        for head, key in (("word obeyed", "obeyed"), ("precision", "precision"), ("recall", "recall")):
            assert numbers(row[head]) == spread(mine, key) if row[head] else name == "real sprites" and key == "obeyed"
    even = columns(lesson10.spread_table())
    for head, key in (("asked for nothing", "nothing"), ("a cat", "cat"), ("a flower", "flower")):
        wanted = book["spread"][f"{key}, w = 1"]
        assert {name: float(row[head]) for name, row in even.items() if row[head]} == pytest.approx(wanted, abs=0.006)
    both = columns(lesson10.same_trade())
    assert [*both["GAN"].values()] == ["GAN", "precision", "recall"]  # the head of the second table
    for family, letter in (("DDPM", "w"), ("GAN", "ψ")):
        dials = [r for r in book["families"]["rows"] if r["family"] == family]
        for v in {r["dial"] for r in dials}:
            mine = [r for r in dials if r["dial"] == v]
            assert all(numbers(both[f"{letter} = {v:g}"][k]) == spread(mine, k) for k in ("precision", "recall"))


def test_the_curves_show_what_is_recorded_and_an_interval_at_each_point():
    shown, book = lesson10.trade_curves(), records.read("words")
    of_family = lambda name: [r | {"w": r["dial"]} for r in book["families"]["rows"] if r["family"] == name]
    sprites = [r for r in book["trade"]["rows"] if r["w"] != "real"]
    for title, rows, keys in (
        ("300 digits, diffusion", of_family("DDPM"), ("precision", "recall")),
        ("300 digits, GAN", of_family("GAN"), ("precision", "recall")),
        ("80 sprites", sprites, ("precision", "recall", "obeyed")),
    ):
        at_w = sorted({r["w"] for r in rows})
        for colour, key in enumerate(keys):
            marks = [m for m in panel(shown, title)["marks"] if m["colors"] == [colour]]
            assert [m["name"] for m in marks] == [key, *[""] * len(at_w)]
            assert at(marks[0], "x")[0] == pytest.approx(at_w)
            for w, mean, mark in zip(at_w, at(marks[0], "y")[0], marks[1:], strict=True):
                assert at(mark, "x").ravel() == pytest.approx([w, w])
                assert [mean, *at(mark, "y").ravel()] == spread([r for r in rows if r["w"] == w], key)


def test_the_shipped_network_obeys():
    """A few words, drawn and read by eye of a rule: night is dark, by day it is not; a red flower is red."""
    night, day = (drawing.pictures(t, range(4), steps=10) for t in ("cat at night", "cat by day"))
    assert night[:, :, :4].mean() < -0.2 < 0.1 < day[:, :, :4].mean()
    red = drawing.pictures("red flower by day", range(4), steps=10)[:, :, 8:16, 10:22].mean((0, 2, 3))
    assert red[0] > red[1] + 0.4 and red[0] > red[2] + 0.4
    assert "--words" in store.load("sprites32").card["command"]


def test_in_a_notebook_the_first_picture_is_there_before_the_others(small, monkeypatch):
    """The cell ends with it, and the walk goes on before one's eyes; a script and nbconvert wait for the last."""
    go_on, shown = threading.Event(), []
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/notebooks/00_tour.ipynb")
    show = boxes.PromptBox._show

    def slow(box, steps, told):
        shown.append(len(steps))
        show(box, steps, told)
        if len(steps) == 1:
            box._seen.set()
            assert go_on.wait(20)

    monkeypatch.setattr(boxes.PromptBox, "_show", slow)
    box = boxes.prompt_box("black cat", steps=4, model=small)
    assert shown == [1] and box.player.n_frames == 2 and not box.drawn and box.player in box.children
    go_on.set()
    with box._newest._at_work:  # the walk has ended
        assert len(box.steps) == 4 and len(box.drawn) == 1 and box.player.value == 4
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert len(boxes.prompt_box("black cat", steps=4, model=small).drawn) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_walk_that_breaks_before_its_first_picture_is_no_box(small, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/notebooks/00_tour.ipynb")
    monkeypatch.setattr(boxes.PromptBox, "_work", lambda *_: 1 / 0)
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        boxes.prompt_box("black cat", steps=4, model=small)
    for thread in set(threading.enumerate()) - before:
        thread.join()  # so that its fault is this test's, and no other's
