"""The pad: what is drawn on it becomes data, whatever a browser may send."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from diffusion_lib import data, ddpm
from diffusion_lib.course import cloud, lesson04, lesson05, lesson06, lesson07
from diffusion_lib.course.cloud import BLUR, DRAWING, EXAMPLES, FEWEST, Cloud
from diffusion_lib.course.lesson06.collapse import parts
from diffusion_lib.course.lesson07.live_race import LiveArena
from diffusion_lib.evaluation.metrics import near_modes


def test_strokes_are_points_in_the_order_in_which_they_were_drawn():
    pad = Cloud()
    assert pad.points.shape == (0, 2)
    pad.strokes = [[0.1, 0.2, -0.3, 0.4], [], [1.0, -1.0]]
    assert torch.allclose(pad.points, torch.tensor([[0.1, 0.2], [-0.3, 0.4], [1.0, -1.0]]))


def test_what_no_pad_would_send_does_no_harm():
    pad = Cloud()
    pad.strokes = [[0.1, 0.2, 0.3], [math.nan, 0.5, 7.0, -7.0]]  # half a point, no number, outside
    assert torch.allclose(pad.points, torch.tensor([[0.1, 0.2], [1.0, -1.0]]))
    pad.strokes = [[0.0] * 2 * (cloud.MOST + 50)]
    assert len(pad.points) == cloud.MOST


def test_points_can_be_put_there():
    pad, points = Cloud(cloud.heart(40)), cloud.heart(40)
    assert len(pad.strokes) == 1 and torch.allclose(pad.points, points, atol=6e-4)
    pad.show(torch.zeros(0, 2))
    assert pad.strokes == []


def test_data_are_the_points_a_little_blurred_centred_and_of_variance_1():
    pad = Cloud(torch.tensor([[0.5, 0.5], [0.5, -0.5]]).repeat(FEWEST, 1))
    d = pad.data(3000, seed=3)
    assert d.x.shape == (3000, 2) and d.x.dtype == torch.float32 and d.name == "your drawing" and d.y is None
    assert torch.allclose(d.x.mean(0), torch.zeros(2), atol=1e-5) and d.x.var(0).mean() == pytest.approx(1, abs=1e-4)
    up = d.x[d.x[:, 1] > 0]
    scale = 1 / (2 * BLUR**2 + 0.25) ** 0.5 * 2**0.5  # of the pad, so that the mean variance is 1
    assert up.std(0).mean() == pytest.approx(scale * BLUR, rel=0.1) and abs(len(up) - 1500) < 150
    assert torch.equal(pad.data(3000, seed=3).x, d.x) and not torch.equal(pad.data(3000, seed=4).x, d.x)


def test_too_little_is_said_in_a_sentence():
    pad = Cloud(torch.zeros(FEWEST - 1, 2))
    with pytest.raises(
        ValueError, match=f"Draw a little more: at least {FEWEST} points are needed, and there are {FEWEST - 1}"
    ):
        pad.data()
    pad.show(torch.zeros(FEWEST, 2))  # all on one place: the blur alone can be learned
    assert pad.data().x.isfinite().all()


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_one_may_begin_with_lies_on_the_pad(name):
    points: Tensor = EXAMPLES[name]()
    assert points.ndim == 2 and points.shape[1] == 2 and (not len(points) or 0.5 < points.abs().max() <= 1.05)
    assert (len(points) >= FEWEST) == (name != "nothing") and len(points) <= cloud.MOST


def test_a_drawing_is_data_for_the_views_of_other_lessons(at_once):
    """As the tour's text says: lesson 05's buttons, lesson 04's training (lesson 07's race: test_lesson07)."""
    drawn = Cloud(cloud.heart()).data(300)
    duel = lesson05.step_gan(drawn)
    assert duel.data is drawn and duel.pair.x is drawn.x
    assert lesson04.watch(*ddpm.build(drawn), drawn, steps=2, n=10).state == "done"


# ---------------------------------------------------------------------------------------- a choice of data in the lessons

L = torch.cat([torch.stack([torch.linspace(-0.9, 0.9, 60), torch.full((60,), -0.9)], 1), torch.full((60, 2), -0.9)])
NOTHING = "Draw a little more: at least 20 points are needed, and there are 0."


VIEWS = {
    "04": (lambda: lesson04.watch(*ddpm.build(data.ring(400)), data.ring(400), steps=2, n=10), "learn", "ring"),
    "05": (lambda: lesson05.step_gan(data.moons(400)), "learn", "moons"),
    "06": (lambda: lesson06.collapse_lab(data.ring(400), steps=2), "start", "ring"),
    "07": (lambda: lesson07.live_arena("ring", seconds=0.02, keep=3), "start", "ring"),
}


def learned(view) -> torch.Tensor:
    """What a view learns now."""
    return view.place.learn.x if hasattr(view, "place") else view.data.x


def backdrop(view) -> np.ndarray:
    """The points of the data in its picture."""
    (mark,) = [m for m in view.player.film["panels"][0]["marks"] if m["colors"] in ([255], [0]) and len(m["x"]) == 1][
        :1
    ]
    return np.stack([mark["x"][0], mark["y"][0]], 1)


@pytest.mark.parametrize("lesson", VIEWS)
def test_a_drawing_can_be_chosen_where_a_lesson_chooses_its_data(lesson, at_once, monkeypatch):
    """A menu, a pad that is seen while it says so, and a button; what is learned and shown then is the drawing."""
    monkeypatch.setattr(LiveArena, "_judge", lambda self, entry: {})
    make, act, name = VIEWS[lesson]
    view = make()
    menu, easel = view.easel.choice, view.easel
    before = learned(view)
    assert menu.value == name and menu.description == "Data" and easel.layout.display == "none"
    menu.value = DRAWING
    assert easel.layout.display == "flex" and learned(view) is before  # nothing is lost before one says so
    easel.pad.show(torch.zeros(0, 2))
    easel.learn.click()
    assert NOTHING in view.says.value and learned(view) is before
    easel.pad.show(L)
    getattr(view, act)()
    x = learned(view)
    assert x is not before and float(x[:, 1].std()) < 0.2 < float(x[:, 0].std())  # a line, as it was drawn
    where = backdrop(view)
    apart = torch.cdist(torch.from_numpy(where).float(), x).min(1).values
    assert float(apart.quantile(0.9)) < 0.2, "the picture shows other points than are learned"
    menu.value = name
    getattr(view, act)()
    assert torch.equal(learned(view)[:50], before[:50]) and easel.layout.display == "none"


def test_the_other_branch_of_a_duel_has_its_own_data():
    duel = lesson05.step_gan(data.moons(400))
    duel.press("repeat")
    duel.what.value = DRAWING
    duel.learn()
    assert duel.data.name == DRAWING and duel.pair.taught == 0
    duel.other_branch()
    assert duel.data.name == "moons" and duel.pair.taught == 1 and duel.what.value == "moons"
    assert float(torch.cdist(duel.eye.backdrop, duel.data.x).min(1).values.max()) < 0.01
    duel.other_branch()
    assert duel.data.name == DRAWING and duel.what.value == DRAWING and duel.pair.taught == 0


def test_no_pad_beside_pictures_or_beside_a_drawing():
    drawn = Cloud(cloud.heart()).data(300)
    for given in (drawn, data.Data(data.sprites(8, size=16, species="cat").x, name="cats")):
        assert len(lesson05.step_gan(given).what.options) == 1
    assert lesson04.watch(*ddpm.build(drawn), drawn, steps=1, n=4).what.options == (DRAWING,)


def test_the_lab_counts_the_parts_of_a_drawing(at_once):
    x = Cloud(L).data(2000).x
    middles, wide = parts(x)
    near = torch.cdist(x, middles).min(1).values
    assert middles.shape == (8, 2) and float((near.square().mean() / 2).sqrt()) == pytest.approx(wide, rel=1e-4)
    assert near_modes(x, middles) == 8 and near_modes(x[x[:, 0] < x[:, 0].median()], middles) < 8
    lab = lesson06.collapse_lab(Cloud(L).data(400), steps=2)
    assert "near" in lab.player.alt() and "the middle of an eighth of the data" in lab.player.alt()


def test_a_drawing_handed_to_the_race_lies_on_its_pad(at_once, monkeypatch):
    monkeypatch.setattr(LiveArena, "_judge", lambda self, entry: {})
    drawn = Cloud(L).data(400)
    race = lesson07.live_arena(drawn, seconds=0.02, keep=3)
    assert race.easel.layout.display == "flex" and race.choice.options == ("grid", "ring", "digits", DRAWING)
    assert torch.allclose(race.easel.pad.points * drawn.x.abs().max(), drawn.x[:600], atol=2e-3)
