"""What may be added stands in one place: a dummy that is put there is found in the menus, in the shell and by the shared tests."""

import ast
import dataclasses
import importlib
import json
import re
import runpy
import shlex
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_structure import lacks
from test_words import catalogues
from torch import nn

from diffusion_lib import __main__, course, data, ddpm, families, files, gan, store, train, words
from diffusion_lib.course import checking, lesson07, lesson13, roads, scenes
from diffusion_lib.course.checking import exercises
from diffusion_lib.course.lesson01 import exercises as lesson01
from diffusion_lib.course.lesson01 import scenes as lesson01_scenes
from diffusion_lib.course.lesson07 import live_race, recorded, scores
from diffusion_lib.course.live import Live
from diffusion_lib.diffusion import SCHEDULES, Schedule, convert
from diffusion_lib.evaluation import arena, cost, records
from diffusion_lib.sampling import SAMPLERS, Sampler, sample
from diffusion_lib.viz import figures, stories, tables
from diffusion_lib.viz.panels import pixels

TESTS = Path(__file__).parent
CONTRIBUTING = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEPS = dict(re.findall(r"^\*\*Add (.+?):\*\* (.+)$", CONTRIBUTING, re.M))  # what can be added: how


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said(line, capsys, code=0):
    """What a command of the shell says."""
    try:
        assert __main__.main(shlex.split(line)) == code
    except SystemExit as end:
        assert end.code == code == 0  # --help
    out = capsys.readouterr()
    return " ".join((out.out + out.err).split())


def shared(table):
    """How many tests run once for each entry of this table."""
    found = 0
    for path in TESTS.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if name in ("parametrize", "fixture"):
                asked = [*node.args[1:], *(k.value for k in node.keywords)]
                names = {
                    n.id if isinstance(n, ast.Name) else n.attr
                    for a in asked
                    for n in ast.walk(a)
                    if isinstance(n, ast.Name | ast.Attribute)
                }
                found += table in names
    return found


@pytest.mark.filterwarnings("ignore:.*sculptor")  # it is run twice on purpose
def test_a_schedule(monkeypatch, capsys):
    monkeypatch.setitem(SCHEDULES, "dummy", lambda u: (1 - 0.999 * u) ** 2)
    assert Schedule.of("dummy", 10).alpha_bar[5] == pytest.approx(0.5005**2)
    presets = runpy.run_module("diffusion_lib.course.lesson02.sculptor")["PRESETS"]
    assert torch.equal(presets["dummy"](10), Schedule.of("dummy", 10).alpha_bar)  # its menu in lesson 02
    assert "dummy" in said("figure forward --help", capsys)
    said("figure forward --kind digit --T 10 --frames 3 --schedule dummy --out a.png", capsys)
    assert Path("a.png").exists() and shared("SCHEDULES") > 3


def test_a_data_set(monkeypatch, capsys):
    dots = torch.zeros(40, 1, 8, 8)
    dots[:, :, 3:5, 3:5] = torch.rand(40, 1, 1, 1)
    monkeypatch.setitem(data.DATASETS, "dummy", lambda: data.Data(dots, name="dummy"))
    assert torch.equal(data.load("dummy").x, dots)
    assert "dummy" in said("train --help", capsys) and "dummy" in said("figure reverse --help", capsys)
    said("train --data dummy --model vae --steps 1 --out w.safetensors", capsys)
    said("figure reverse --data dummy --steps 3 --out a.png", capsys)
    assert "has pixels of its own" in said("figure reverse --data dummy --size 16", capsys, 2)
    assert "are points" in said("figure reverse --data ring", capsys, 2) and shared("DATASETS") > 2


def test_a_sampler(monkeypatch, capsys):
    """It hears where it stands, what was guessed before, and may ask the network again; what it answers is walked."""
    heard = []

    def refine(now, s, past, ask, schedule):
        heard.append((now.t, s, [m.t for m in past], ask(now.xt, now.t).shape))
        return convert(now.x0_hat, "x0", "eps", now.xt, now.t, schedule)

    monkeypatch.setitem(SAMPLERS, "dummy", Sampler(eta=0.0, even="snr", refine=refine))
    assert "dummy" in said("sample --help", capsys)
    said("sample --weights digits --n 2 --steps 5 --sampler dummy --out x.npy", capsys)
    times = store.load("digits").schedule.times(5, "snr")
    assert heard == [(t, s, times[max(0, i - 3) : i], (2, 1, 8, 8)) for i, (t, s) in enumerate(pairwise(times))]
    model, xT = store.load("digits"), torch.randn(2, 1, 8, 8)
    (*_, mine), (*_, ddim) = (sample(model, xT, steps=5, sampler=k, clip=1.0) for k in ("dummy", "ddim"))
    assert torch.allclose(mine.xs, ddim.xs, atol=1e-4)
    assert shared("SAMPLERS")


def test_a_loss(monkeypatch, capsys):
    square = gan.Loss(
        lambda real, fake: ((real - 1) ** 2 + fake**2).mean(), lambda real, fake: ((fake - 1) ** 2).mean()
    )
    monkeypatch.setitem(gan.LOSSES, "dummy", square)
    assert "dummy" in said("train --help", capsys)
    said("train --data ring --items 300 --model gan --loss dummy --steps 1 --out w.safetensors", capsys)
    assert shared("LOSSES") > 3


@pytest.mark.heavy
def test_an_exercise(monkeypatch, capsys):
    """Its lesson's room has it, and it is checked, hinted at and solved by its name."""
    one = dataclasses.replace(lesson01.EXERCISES[0], name="01.dummy")
    monkeypatch.setattr(lesson01, "EXERCISES", (*lesson01.EXERCISES, one))
    assert exercises.__wrapped__()["01.dummy"] is one  # what `exercises` keeps and shared("EXERCISES") > 3
    checking.check("01.dummy", one.reference), checking.check("01.dummy", next(iter(one.slips.values()))[0])
    checking.hint("01.dummy"), checking.solution("01.dummy")
    told = capsys.readouterr().out
    assert "Correct" in told and "Try again" in told and "Solution of 01.dummy" in told


def test_a_scene(monkeypatch, capsys):
    """A line in its lesson's room: it is in the list, the help, the sheet and the studio's form, and is drawn in every kind of file."""
    asked = []

    def draw(o):
        row = np.zeros((3, 8, 8), np.uint8)
        asked.append(o.dots)
        page = lambda path, title, about: files.write(path, title + about.head())
        return stories.chain(
            range(3), lambda at, film: [row[at]], size=64, alt="Dots in a row.", page=page, arrow=figures.FORWARD
        )

    dots = scenes.Option("dots", "how many dots", int, 3, 1, 9)
    dummy = scenes.Scene("dummy", "A scene of ours", draw, (dots,))
    rooms = Path(scenes.__file__).parent.glob("lesson*/scenes.py")
    for room in {f.parent.name for f in rooms}:  # the sheet draws them all: others are for other tests
        monkeypatch.setattr(f"diffusion_lib.course.{room}.scenes.SCENES", ())
    monkeypatch.setattr(lesson01_scenes, "SCENES", (dummy,))
    assert "dummy A scene of ours" in said("figure --list", capsys)
    assert "dummy" in said("figure --help", capsys) and "how many dots" in said("figure dummy --help", capsys)
    assert "nearest is 'dummy'" in said("figure dumy", capsys, 2)
    assert "from 1 to 9" in said("figure dummy --dots 10", capsys, 2)
    assert "1 scenes: dummy" in said("figure --sheet sheet.png", capsys) and Path("sheet.png").exists()
    for ending in ("png", "svg", "gif", "webp", "html"):
        assert (
            "Dots in a row." in said(f"figure dummy --dots 5 --out a.{ending}", capsys) and Path(f"a.{ending}").exists()
        )
    assert asked == [3, *5 * [5]]
    box = lesson13.studio("dummy", dots=5)
    assert box.groups == [
        {"name": "Lesson 01: How does an image become noise?", "scenes": [["dummy", "A scene of ours"]]}
    ]
    field = box.form["fields"][0]
    assert (field["name"], field["says"], field["low"], field["high"], field["usual"]) == (
        "dots",
        "how many dots",
        1,
        9,
        "3",
    )
    assert (
        asked[-1] == 5 and box.seen["alt"] == "Dots in a row." and "figure dummy --dots 5 --out" in box.form["command"]
    )


ROOM = '''"""Lesson 77: what its notebook shows."""

from ...viz.player import FramePlayer
from .views import dots

__all__ = ["dots"]
'''
VIEWS = '''"""Dots."""

import numpy as np

from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...words import _


def dots(n: int = 3) -> FramePlayer:
    """A film of n frames."""
    return FramePlayer([pixels(np.zeros((n, 2, 2), np.uint8))], captions=_("{n} dots in a row").format(n=n))
'''
ASKED = """from dataclasses import replace

from ..lesson01.exercises import EXERCISES as OTHERS

EXERCISES = (replace(OTHERS[0], name="77.dots"),)
"""
CELL = {"id": "77-title", "cell_type": "markdown", "metadata": {}, "source": ["# 77 · How many dots?"]}


@pytest.mark.heavy
def test_a_lesson_and_its_view(tmp_path, monkeypatch):
    """Each step of CONTRIBUTING is missed until it is done; then the lesson, its view, words, exercise and time are found."""

    def put(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    notebook = put("notebooks/77_dots.ipynb", json.dumps({"cells": [CELL]}))
    steps = {
        "course/lesson77/__init__.py": [("diffusion_lib/course/lesson77/__init__.py", ROOM)],
        "exercises.py": [("diffusion_lib/course/lesson77/exercises.py", ASKED)],
        "course/roads.py": [("diffusion_lib/course/roads.py", 'LESSONS = {"77": ("77_dots", N_("How many dots?"))}')],
        "README": [("README.md", "| [77 How many dots?](notebooks/77_dots.ipynb) | dots | 5 min | 1 s |")],
        "tour": [("notebooks/00_tour.ipynb", "| [77 · How many dots?](77_dots.ipynb) | dots | 5 | 1 s |")],
        "tests/test_lesson77*.py": [("tests/test_lesson77.py", "")],
        "tests/claims/lesson77.py": [("tests/claims/lesson77.py", "MEASURED, QUOTED, PLAIN = {}, {}, {}")],
        "benchmarks/lessons.json": [("benchmarks/lessons.json", '{"lessons": {"77": {}}}')],
    }
    missing = [*steps]
    assert lacks("77_dots", tmp_path) == missing
    for part, written in steps.items():
        assert part.replace("77", "NN") in STEPS["a lesson"], part
        for name, text in written:
            put(name, text)
        missing.remove(part)
        assert lacks("77_dots", tmp_path) == missing
    views = put("diffusion_lib/course/lesson77/views.py", VIEWS)

    rooms = tmp_path / "diffusion_lib" / "course"
    monkeypatch.setattr(course, "__path__", [*course.__path__, str(rooms)])
    monkeypatch.setattr(checking, "__file__", str(rooms / "checking.py"))
    assert [*exercises.__wrapped__()] == ["77.dots"]
    lesson = importlib.import_module("diffusion_lib.course.lesson77")
    assert all(getattr(lesson, name)().n_frames == 3 for name in lesson.__all__)
    monkeypatch.setitem(roads.LESSONS, "77", ("77_dots", "How many dots?"))
    assert roads.link("77") == notebook.name
    assert [*catalogues.from_python(views)] == [("{n} dots in a row", None)]
    assert catalogues.room(views) == catalogues.room(notebook) == "lesson77"
    assert [m for m, _ in catalogues.from_notebook(notebook)] == ["# 77 · How many dots?"]


def test_a_sentence(tmp_path):
    """Of a module, of a table that is read when it is loaded, of two forms, and of a notebook's guess."""
    module, other = tmp_path / "lesson01" / "dots.py", tmp_path / "01_dots.ipynb"
    module.parent.mkdir()
    module.write_text('A = N_("a dot")\nsay(_("{n} points").format(n=n), ngettext("{n} dot", "{n} dots", n))')
    assert [m for m, _ in catalogues.from_python(module)] == ["a dot", "{n} points", ("{n} dot", "{n} dots")]
    cell = {
        "id": "01-guess",
        "cell_type": "code",
        "source": ['guess = predict("How many dots?", ["one dot", "two dots"])'],
    }
    other.write_text(json.dumps({"cells": [cell]}))
    assert {"How many dots?", "one dot", "two dots"} <= {m for m, _ in catalogues.from_notebook(other)}


def test_a_language(tmp_path, monkeypatch):
    """Begun, translated, made: then the course speaks it, and what has no translation yet stays English."""
    catalog = catalogues.Catalog()
    catalog.add("Stop"), catalog.add("Continue")
    monkeypatch.setattr(catalogues, "catalogues", lambda: {"course": catalog})
    monkeypatch.setattr(catalogues, "SOURCES", tmp_path / "locale")
    monkeypatch.setattr(catalogues, "PACKAGE", tmp_path)
    monkeypatch.setattr(words, "_chosen", None)
    catalogues.SOURCES.mkdir()
    catalogues.main(["--new", "ja"])
    begun = catalogues.SOURCES / "ja" / "course.po"
    begun.write_text(
        begun.read_text("utf-8").replace('msgid "Stop"\nmsgstr ""', 'msgid "Stop"\nmsgstr "止める"'), "utf-8"
    )
    catalogues.main([])
    words.language(str(tmp_path / "locale" / "ja"))
    assert words._("Stop") == "止める" and words._("Continue") == "Continue"


def test_an_option_to_the_shell(monkeypatch):
    """It is missed until the tables of test_options say what it changes."""
    import test_options

    def add_dummy(commands):
        commands.choices["train"].add_argument("--dummy")

    monkeypatch.setattr(__main__, "COMMANDS", [*__main__.COMMANDS, add_dummy])
    with pytest.raises(AssertionError, match="--dummy"):
        test_options.test_the_tables_have_every_option()
    monkeypatch.setitem(test_options.TRAIN, "--dummy", ("", "--dummy 3", {"dummy": "3"}))
    test_options.test_the_tables_have_every_option()


class Counting(Live):
    """Counts to three, and shows how far it is."""

    def __init__(self):
        super().__init__({"steps": 3})
        self._open("count", 9)
        self.proceed()

    def _begin(self):
        for step in (1, 2, 3):
            yield train.Record(step, 0.1 * step, step / 3, 1.0, {"loss": 1 / step})

    def _look(self):
        return {"step": self.step, "seconds": self.trained}

    def _pictures(self, frames):
        return [pixels(np.stack([np.full((2, 2), 80 * f["step"], np.uint8) for f in frames]))]

    def _curves(self, frames):
        return []

    def _caption(self, frame):
        return f"counted to {frame['step']}"


@pytest.mark.usefixtures("at_once")
def test_a_training_to_watch():
    """It has its buttons, its film and its end, and Continue goes on."""
    box = Counting()
    assert box.state == "done" and box.step == 3 and box.error is None
    assert box.player.film["captions"][-1] == "counted to 3" and not box.resume.disabled
    assert all(
        f"`{name}" in STEPS["a training to watch"] for name in ("_begin", "_look", "_pictures", "_curves", "_caption")
    )


class Flat(nn.Module):
    """A network that answers with the same few numbers, whatever it sees."""

    def __init__(self, shape, classes=0, out=1):
        super().__init__()
        self.config = {"shape": list(shape), "classes": classes, "out": out}
        self.answer = nn.Parameter(torch.zeros(*shape))

    def forward(self, xt, t, y=None):
        return self.answer.expand_as(xt)


def test_a_network(monkeypatch):
    monkeypatch.setattr(ddpm, "NETS", (*ddpm.NETS, Flat))
    model, parts = ddpm.build(data.ring(100), net=Flat((2,)))
    *_, _ = train.fit(*parts, steps=2)
    again = store.load(store.save("w.safetensors", model, {"who": "dummy"}))
    assert torch.equal(again.net.answer, model.net.answer) and again.card == {"who": "dummy"}


# ---------------------------------------------------------------------------------------- a fourth family


class Bell(nn.Module):
    """A Gaussian: x = W z, z ~ N(0, I)."""

    def __init__(self, shape, classes=0):
        super().__init__()
        self.config, self.card, self.classes = {"shape": list(shape), "classes": classes}, {}, classes
        self.shape, n = tuple(shape), int(np.prod(shape))
        self.stretch = nn.Linear(n, n, bias=False)

    def forward(self, z):
        return self.stretch(z).reshape(-1, *self.shape)


def build(d, *, channels=None, seed=0, device="cpu"):
    """W W^T learns to be the covariance."""
    learner = train.Learner(Bell(d.x.shape[1:]).to(device), 0.05)

    def step(batch, generator):
        x, w = batch[0].flatten(1), learner.model.stretch(torch.eye(learner.model.stretch.in_features))
        return {"loss": learner.descend((w.T @ w - x.T @ x / len(x)).pow(2).sum())}

    about = {"model": "bell", "data": d, "channels": channels, "batch": 32, "seed": seed}
    return learner.ema, train.Parts(step, d.batches(32, seed), [learner], about)


@torch.no_grad()
def draw(model, n, *, y=None, seed=0, batch=250):
    z = torch.randn(n, model.stretch.in_features, generator=torch.Generator().manual_seed(seed))
    yield from model(z).split(batch)


BELL = SimpleNamespace(
    build=build,
    draw=draw,
    suited=lambda d: {},
    MODEL=Bell,
    NETS=(Bell,),
    CALLS=1,
    training_flops=lambda parts, x, y, F: 3 * F(parts.learners[0].model, torch.zeros(x[0].numel(), x[0].numel())),
)
PLACE = arena.Place(data.ring(400), data.ring(300, seed=9))


@pytest.fixture
def bell(monkeypatch):
    monkeypatch.setitem(families.FAMILIES, "BELL", BELL)


def test_a_family_is_trained_saved_and_sampled_from_the_shell(bell, capsys):
    assert "bell" in said("train --help", capsys)
    said("train --model bell --data ring --channels 8 --steps 400 --device cpu --out w.safetensors", capsys)
    assert "--latent is an option" in said("train --model bell --latent 3 --steps 1", capsys, 2)
    model = store.load("w.safetensors")
    assert isinstance(model, Bell) and model.card["model"] == "bell" and families.name_of(model) == "BELL"
    said("sample --weights w.safetensors --n 4000 --seed 3 --out x.npy", capsys)
    x = torch.from_numpy(np.load("x.npy"))
    assert torch.allclose(x.T @ x / 4000, data.ring().x.T @ data.ring().x / len(data.ring()), atol=0.1)
    assert "is a BELL, which walks no steps" in said("sample --weights w.safetensors --eta 1", capsys, 2)
    assert "classes none" in said("sample --weights w.safetensors --class 0", capsys, 2)


def test_a_family_is_counted(bell):
    entry = arena.enter(PLACE, families=("BELL",))["BELL"]
    assert cost.parameters(entry) == {"training": 4, "drawing": 4}
    assert cost.drawing_flops(entry) == 2 * 2 * 2
    assert cost.expected_flops(entry) == 3 * 16 / 32 and cost.counted_flops(PLACE, "BELL") > 0


def test_a_family_says_itself_what_the_benchmark_and_the_table_of_costs_ask(bell, monkeypatch):
    """Which options it has, whether it bounds the likelihood, and who is dearest to draw: none of it by a family's name."""
    import arena as benchmark

    assert benchmark.options_of("BELL", "mnist", 3) == {} and benchmark.ready("BELL", {}) == {}
    assert "patch" in benchmark.options_of("GAN", "mnist", 3) and "patch" not in benchmark.options_of(
        "DDPM", "mnist", 3
    )
    assert benchmark.ready("DDPM", {}) == {"precision": "bfloat16"} and benchmark.ready("GAN", {}) == {}
    monkeypatch.setattr(benchmark.classifier, "features", lambda eye, x: x.flatten(1)[:, :4])
    place = SimpleNamespace(learn=PLACE.learn, unseen=PLACE.unseen, eye=None, n=50)
    entry = SimpleNamespace(name="BELL", model="a model", draw=lambda n, seed, clock: PLACE.learn.x[:n])
    assert benchmark.second_look(entry, place, 17, 0).keys() == {"kernel"}
    bounded = SimpleNamespace(**vars(BELL), bits_per_dimension=lambda model, x, levels, y: len(x) + levels)
    monkeypatch.setitem(families.FAMILIES, "BELL", bounded)
    assert benchmark.second_look(entry, place, 17, 0)["bits"] == len(PLACE.unseen) + 17
    start, ms = {"BELL": 3.0, "DDPM": 1.0}, {"BELL": 1.0, "DDPM": 3.0}
    assert scores.pays("BELL", start, ms) == ("3.0 s", "1,000") and scores.pays("DDPM", start, ms) == ("1.0 s", "")
    monkeypatch.setattr(bounded, "CALLS", 50)
    assert scores.pays("BELL", start, ms) == ("3.0 s", "") and scores.pays("DDPM", start, ms) == ("1.0 s", "never")


@pytest.mark.heavy
def test_a_family_races_live_and_is_bet_on(bell, monkeypatch):
    monkeypatch.setattr(arena, "load", lambda name: PLACE)
    mine = lesson07.bet()
    row = mine.children[0].children[1:-1]
    assert [b.description for b in row] == [*families.FAMILIES]
    row[-1].click()
    box = live_race.LiveArena("ring", 0.2, 20, 0, mine)
    box.proceed(), box.join()
    assert all(e.steps for e in box.entries.values())
    film, text = box.player.film, box.table()
    assert [p["title"] for p in film["panels"][:4]] == [*families.FAMILIES]
    assert "you: BELL" in text and sum(line.startswith("BELL") for line in text.splitlines()) == 2


def test_a_family_that_was_recorded_stands_in_every_table_and_film(bell, tmp_path, monkeypatch):
    """A copy of the GAN's runs under its name; and where it was not recorded, the tables do without it."""
    book, alone = records.race_book("grid"), [lesson07.quality("grid"), lesson07.ledger("grid")]
    assert "BELL" not in "".join(alone) and len(lesson07.verdict("grid").splitlines()) == 3
    runs = [r | {"family": "BELL"} for r in book["runs"] if r["family"] == "GAN"]
    with np.load(records.RECORDS / "arena_grid.npz") as film:
        frames = dict(film)
    four = {k: book[k] | {"BELL": book[k]["GAN"]} for k in ("flops", "parameters", "calls")}
    monkeypatch.setattr(recorded, "race_book", lambda place: book | four | {"runs": book["runs"] + runs})
    monkeypatch.setattr(recorded, "RECORDS", tmp_path)
    np.savez(tmp_path / "arena_grid.npz", **frames, BELL=frames["GAN"])
    film = lesson07.recorded_arena("grid").film
    assert [p["title"] for p in film["panels"][:4]] == [*families.FAMILIES]
    curves = {m["name"]: m["colors"] for m in film["panels"][4]["marks"] if m["name"]}
    assert [*curves] == [*families.FAMILIES, "real ones"] and len({str(c) for c in curves.values()}) == 5
    for table in (lesson07.quality("grid"), lesson07.ledger("grid")):
        assert sum(line.startswith("BELL") for line in table.splitlines()) == 1
    assert len(lesson07.verdict("grid").splitlines()) == 6  # pairs of four
    assert "BELL" in lesson07.many_samples("grid").film["captions"][0]


def test_colours_and_dashes_of_the_tables_cycle(monkeypatch):
    monkeypatch.setattr(tables, "_LINES", {})
    for i in range(20):
        tables.known(f"family {i}", i)
    assert "stroke-dasharray" in tables.html(["", "a"], [["family 19", 1]])


# ---------------------------------------------------------------------------------------- what CONTRIBUTING says

PROVEN = {  # what can be added: the test that adds a dummy
    "a schedule": test_a_schedule,
    "a sampler": test_a_sampler,
    "a data set": test_a_data_set,
    "a GAN loss": test_a_loss,
    "an option to the shell": test_an_option_to_the_shell,
    "a network": test_a_network,
    "a family of models": test_a_family_is_trained_saved_and_sampled_from_the_shell,
    "a scene of `figure`": test_a_scene,
    "an exercise": test_an_exercise,
    "a lesson": test_a_lesson_and_its_view,
    "a view": test_a_lesson_and_its_view,
    "a training to watch": test_a_training_to_watch,
    "a sentence": test_a_sentence,
    "a language": test_a_language,
}


def test_every_step_of_contributing_is_performed_by_a_test():
    assert STEPS.keys() == PROVEN.keys() and all(map(callable, PROVEN.values()))
    assert len(CONTRIBUTING) < 8500, "CONTRIBUTING is one page"


@pytest.mark.parametrize("what", STEPS)
def test_the_places_that_a_step_names_are_there(what):
    """Files, and the tables in them; NN is the number of any lesson."""
    root = TESTS.parent
    for said_there in re.findall(r"`([^`]+)`", STEPS[what]):
        path = said_there.replace("NN", "01").replace("_*", "_forward_noise")
        if re.fullmatch(r"[\w/*.]+(\.py|\.ipynb|/)", path) and "xx" not in path and "ja" not in path.split("/"):
            rooms = (root, root / "diffusion_lib", root / "diffusion_lib" / "course" / "lesson01")
            assert any(p for room in rooms for p in room.glob(path)), f"{what}: there is no {said_there}"
    for table, file in re.findall(r"`([A-Z]{3,})` (?:in|of) `([\w/]+\.py)`", STEPS[what]):
        (path,) = (p for room in (root, root / "diffusion_lib") for p in room.glob(file.replace("NN", "01")))
        assert re.search(rf"^{table}\b", path.read_text(encoding="utf-8"), re.M), f"{what}: no {table} in {file}"
