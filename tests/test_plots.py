"""Curves and clouds of a figure."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_lib.viz import figures, plots
from diffusion_lib.viz.figures import png
from diffusion_lib.viz.plots import cloud, curves

pytestmark = pytest.mark.usefixtures("one_thread")


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


# ---------------------------------------------------------------------------------------- plots


def hue_share(a, color):
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return (abs(a.astype(int) - rgb).max(-1) < 12).mean()


def test_curves_are_drawn_in_their_colours_and_named_at_their_ends():
    t = np.arange(1, 101)
    ys = {"up": t, "down": 101 - t, "same end": 102 - t}
    fig = curves(t, ys, xlabel="$t$", log="y")
    a = pixels(png(fig))
    assert all(hue_share(a, figures.PALETTE[i]) > 0.0005 for i in range(3)) and not hue_share(a, figures.PALETTE[3])
    names = {text.get_text(): text.get_position()[1] for text in fig.axes[0].texts}
    assert names["up"] > names["same end"] > names["down"] and names["same end"] - names["down"] > 0.07
    assert fig.axes[0].get_yscale() == "log" and fig.axes[0].get_xscale() == "linear"
    with pytest.raises(ValueError, match=r"\(100,\).*\(99,\)"):
        curves(t, {"short": t[1:]})
    with pytest.raises(ValueError, match="no finite"):
        curves(t, {"gone": np.full(100, np.nan)})


def test_names_are_moved_apart_and_stay_inside():
    out = plots._spread([0.99, 0.98, 0.97, 0.1], 0.08)
    assert out.max() <= 1 and np.diff(np.sort(out)).min() >= 0.08 - 1e-9
    assert (np.argsort(out) == np.argsort([0.99, 0.98, 0.97, 0.1])).all()


def test_cloud_has_one_scale_and_the_given_colours():
    p = np.array([[0.0, 0], [3, 1], [-1, -2]])
    fig = cloud({"real": p, "fake": 0.1 * p}, colors=[0, 1, 2])
    assert len({ax.get_xlim() for ax in fig.axes} | {ax.get_ylim() for ax in fig.axes}) == 1
    assert np.array_equal(fig.axes[1].collections[0].get_offsets(), 0.1 * p)
    assert np.allclose(fig.axes[0].collections[0].get_facecolor()[1][:3], np.array([0xD5, 0x5E, 0]) / 255)
    assert cloud(torch.from_numpy(p), limit=5).axes[0].get_xlim() == (-5, 5)
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        cloud(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="2 colors"):
        cloud(p, colors=[0, 1])


def test_curves_are_named_at_their_own_ends(monkeypatch):
    fig = plots.curves([0, 1, 2], {"low": [0, 0, 0], "high": [0, 5, 10]})
    ax = fig.axes[0]
    names = {t.get_text(): (t.get_position()[1], t.get_color()) for t in ax.texts}
    assert names["high"][0] > names["low"][0] and names["low"][1] == ax.lines[0].get_color()
    fig = plots.cloud({"a": np.array([[0.0, 1.0]]), "b": np.array([[1.0, 0.0]])})
    assert [ax.get_title() for ax in fig.axes] == ["a", "b"]
    assert fig.axes[0].collections[0].get_offsets().tolist() == [[0.0, 1.0]]
