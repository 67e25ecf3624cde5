"""The player without a browser: what it refuses, what it sends, what it writes."""

import base64
import io
import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from films import in_page
from PIL import Image

from diffusion_lib.viz.film import SOURCE
from diffusion_lib.viz.panels import curve, mix, pixels, scatter
from diffusion_lib.viz.player import FramePlayer, save_html

pytestmark = pytest.mark.usefixtures("one_thread")

F = 7
RNG = np.random.default_rng(0)
ALPHA_BAR = np.linspace(1, 0, F)
GREY = RNG.integers(0, 256, (F, 5, 6), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (F, 5, 6, 3), dtype=np.uint8)
NASTY = "<img src=x onerror=alert(1)> </script><!-- \" ' & \u2028 x_{t}"


def everything(**kwargs):
    """A player with one panel of each kind."""
    x0, points, x = RNG.uniform(-1, 1, (3, 4, 4)), RNG.normal(size=(9, 2)), np.arange(F)
    return FramePlayer(
        [
            pixels(GREY, "grey", notes=[f"n{i}" for i in range(F)], lead="="),
            pixels(COLOR[:1], "still"),
            mix(x0, RNG.normal(size=x0.shape), ALPHA_BAR, "mix"),
            scatter(points, "points", eps=points[::-1], alpha_bar=ALPHA_BAR, colors=np.arange(9) % 3, trail=[0]),
            curve(x, {"a": x**2, "b": np.outer(x, x)}, "curve", cursor=x, xlabel="x_{t}"),
        ],
        **kwargs,
    )


def test_widget_messages_carry_them_as_buffers():
    from ipywidgets.widgets.widget import _remove_buffers

    player = everything()
    state, paths, buffers = _remove_buffers(player.get_state())
    json.dumps(state)
    assert ["film", "panels", 0, "data"] in paths and bytes(
        buffers[paths.index(["film", "panels", 0, "data"])]
    ) == GREY.tobytes()


# ---- value and update -------------------------------------------------------------------------------------------


def test_value_is_observed_and_clamped():
    player, seen = everything(start=2), []
    player.observe(lambda change: seen.append(change["new"]), "value")
    assert player.value == 2 and player.n_frames == F
    player.value = 5
    player.value = 99
    player.set_state({"value": 1})  # as the browser does
    player.value = -3
    assert seen == [5, 6, 1, 0]


def test_update_keeps_what_is_not_given():
    player = everything(captions=["c"], labels=[f"t = {i}" for i in range(F)], name="old", start=6)
    player.update(panels=[pixels(255 - GREY)])
    assert player.value == 6 and player.film["captions"] == ["c"] and player.film["name"] == "old"
    player.update(panels=[pixels(GREY[:3])], labels=["a", "b", "c"], name="new")
    assert player.value == 2 and player.n_frames == 3 and player.alt() == "new. c. c"
    before = player.film
    with pytest.raises(ValueError, match="mixes"):
        player.update(captions=["x"] * 5)
    assert player.film is before
    player.update(captions=[])
    assert player.film["captions"] == []


@pytest.mark.heavy
def test_two_threads_may_drive_it():
    """Widget callbacks run on a second thread beside a running cell since JupyterLab 4.4."""
    player, errors, films = everything(), [], [[pixels(GREY)], [pixels(GREY[:3])]]
    player.observe(lambda change: player.still(), "value")

    def guarded(work):
        try:
            for i in range(60):
                work(i)
        except Exception as error:
            errors.append(error)

    def check(i):
        film, value = player.film, player.value
        assert film["frames"] == film["panels"][0]["frames"] and 0 <= value < F

    work = [
        lambda i: player.set_state({"value": i % F}),
        lambda i: player.update(panels=films[i % 2]),
        lambda i: player.update(captions=f"caption {i}"),
        check,
    ]
    threads = [threading.Thread(target=guarded, args=(w,)) for w in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not errors and not any(t.is_alive() for t in threads)
    assert player.film["captions"] == ["caption 59"] and player.n_frames == 3 and player.value < 3


# ---- still ------------------------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_still_is_a_picture_of_the_frame():
    """Each kind of panel is another picture in another frame, with the same words around it."""
    player = everything(captions="ε and ā_{t}, 日本", labels="one readout")
    image = Image.open(io.BytesIO(player.still(0)))
    assert image.format == "PNG" and image.width > 800 and image.height > 300 and np.asarray(image).std() > 20
    for k, panel in enumerate(player.film["panels"]):
        alone = FramePlayer([panel | {"notes": [], "lead": []}], captions="c", labels="l")
        first, last = (alone.still(i if alone.n_frames > 1 else 0) for i in (0, F - 1))
        assert (first != last) == (k != 1), panel["title"]  # the second stands still


def test_mime_bundle_has_widget_picture_and_words():
    player = everything(captions="What it shows", name="A film", start=1)
    data, metadata = player._repr_mimebundle_(include=None, exclude=None)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == player.model_id
    assert data["text/plain"] == "A film. 2 / 7. What it shows" and isinstance(metadata, dict)
    assert base64.b64decode(data["image/png"]) == player.still()


# ---- the exported page ------------------------------------------------------------------------------------------


def test_page_holds_the_same_script_and_frames(tmp_path):
    player = everything(start=4, name=NASTY, captions=NASTY)
    path = player.save_html(tmp_path / "film.html", title=NASTY, description=f"{NASTY}\n\nMore")
    page = path.read_text("utf-8")
    assert SOURCE in page and list(tmp_path.iterdir()) == [path]
    stored = in_page(page)
    assert stored["value"] == 4 and stored["film"]["captions"] == [NASTY] and stored["film"]["name"] == NASTY
    assert (
        page.count("<img") == 0 and page.count("</script>") == 2 and "\u2028" not in page.split("application/json")[1]
    )
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "https://" not in page


def test_a_page_costs_less_than_44_kb_beside_its_frames(tmp_path):
    path = save_html(tmp_path / "film.html", FramePlayer(pixels(GREY)))
    assert path.stat().st_size - GREY.size * 4 / 3 < 44_000


def test_script_can_stand_inside_a_script_element():
    source = FramePlayer._esm
    ours, page = SOURCE.split("// A film in an exported page")
    assert source.startswith(ours) and len(page) < 8000  # the same player, and what a page alone needs
    source += page
    assert "</script" not in source.lower() and "<!--" not in source
    assert "innerHTML" not in source and "insertAdjacentHTML" not in source and "eval(" not in source


def test_a_failed_export_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "film.html"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        save_html(path, everything())
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_the_browser_says_is_not_turned_round_to_the_thread_of_the_cells():
    """ipykernel 7.4 would: a press during a long Run All then waits until its last cell has ended."""
    from types import SimpleNamespace

    from diffusion_lib.viz.theme import heard_at_once

    # as after a cell has spoken through it
    comm = SimpleNamespace(_reply_subshell_for=lambda data, wanted: None)
    widget = heard_at_once(SimpleNamespace(comm=comm))
    assert widget.comm._reply_subshell_for({}, "a thread of its own") == "a thread of its own"
    # other servers: nothing to do
    (heard_at_once(SimpleNamespace(comm=object())), heard_at_once(SimpleNamespace()))


def test_every_widget_of_ours_is_heard_beside_a_cell():
    import inspect

    import anywidget

    import diffusion_lib
    from diffusion_lib.course import checking

    checking.exercises()  # every lesson's room is open

    ours = [c for c in anywidget.AnyWidget.__subclasses__() if c.__module__.startswith(diffusion_lib.__name__)]
    assert {"FramePlayer", "Care", "Sculptor", "LatentMap", "Pad"} <= {c.__name__ for c in ours}
    for c in ours:
        assert "heard_at_once(self)" in inspect.getsource(c) or f"heard_at_once({c.__name__}(" in inspect.getsource(
            inspect.getmodule(c)
        ), c.__name__


def test_a_view_that_has_moved_gets_another_still(monkeypatch):
    """The browser asks; words and picture are those of now, for the player itself and for a box around it."""
    from diffusion_lib.course.common import PlayerBox
    from diffusion_lib.course.lesson02.sculptor import Sculptor

    player, sculptor = FramePlayer(pixels(np.zeros((3, 8, 8), np.uint8))), Sculptor(torch.zeros(1, 1, 4, 4))
    box = PlayerBox([player])
    box.player = player
    box._repr_mimebundle_()
    for widget, move, places in (
        (player, lambda: setattr(player, "value", 2), {player.model_id, box.model_id}),
        (sculptor, lambda: sculptor.choose("sigmoid"), {sculptor.model_id}),
    ):
        sent, before = [], widget.alt()
        monkeypatch.setattr(widget, "send", lambda content, *_, sent=sent: sent.append(content))
        move()
        widget._handle_custom_msg({"kind": "another question"}, [])
        assert sent == []
        widget._handle_custom_msg({"kind": "still"}, [])
        for thread in (t for t in threading.enumerate() if t.name == "still"):
            thread.join(30)
        assert sent[0]["kind"] == "still" and set(sent[0]["places"]) == places
        assert sent[0]["data"]["text/plain"] == widget.alt() != before
        assert base64.b64decode(sent[0]["data"]["image/png"]) == widget.still()


# ---- odd input ------------------------------------------------------------------------------------------------------

Z = np.zeros((2, 8, 8), np.uint8)
LINES = {
    "label": lambda s: FramePlayer(pixels(Z), labels=s),
    "lead": lambda s: FramePlayer(pixels(Z, lead=s)),
    "axis": lambda s: FramePlayer(curve([1, 2], [1, 2], xlabel=s, ylabel=s)),
    "legend": lambda s: FramePlayer(curve([1, 2], {s: [1, 2]})),
    "title, note, caption, name": lambda s: FramePlayer(pixels(Z, s, notes=s), captions=s, name=s),
}


@pytest.mark.parametrize("make", LINES.values(), ids=LINES)
def test_a_new_line_anywhere_leaves_the_player_and_its_still(make):
    for odd in ("a\nb", "a\rb", "a\tb", "a\x00b", "a\u2028b", "\n", "a_{b\nc}"):
        data, _ = make(odd)._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data and "image/png" in data


def test_a_still_that_cannot_be_drawn_never_keeps_the_player_from_its_page(monkeypatch):
    player = FramePlayer(pixels(Z), name="A film")
    monkeypatch.setattr(player.__class__, "still", lambda self: 1 / 0)
    with pytest.warns(UserWarning, match=r"still picture of 'A film.*ZeroDivisionError"):
        data, _ = player._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data and "image/png" not in data and data["text/plain"]


@pytest.mark.heavy
def test_nbconvert_writes_the_still_where_no_widget_state_is_stored():
    """With the state, it writes the widget alone, whose code a page must fetch; so the README names the switch."""
    nbformat, nbconvert = pytest.importorskip("nbformat"), pytest.importorskip("nbconvert")
    data, _ = FramePlayer(pixels(Z), name="A film")._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data=data)])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    page, _ = nbconvert.HTMLExporter(template_name="basic").from_notebook_node(notebook)
    assert data["image/png"][:200] in page and "widget-view" not in page
    assert "store_widget_state" in nbconvert.preprocessors.ExecutePreprocessor.class_trait_names()
    assert "--ExecutePreprocessor.store_widget_state=False" in (Path(__file__).parent.parent / "README.md").read_text(
        "utf-8"
    )


# ---------------------------------------------------------------------------------------- the player


def film(**more):
    return FramePlayer(pixels(np.zeros((5, 4, 4), np.uint8)), **more)


def test_a_frame_is_clamped_at_both_ends():
    player = film()
    for asked, got in ((-3, 0), (2, 2), (99, 4)):
        player.value = asked
        assert player.value == got
    player.set_state({"value": -1})
    assert player.value == 0


def test_options_are_handed_on(tmp_path):
    player = film(
        start=3, loop=True, fps=7, panel_width=99, captions="said", labels=[f"l{i}" for i in range(5)], name="N"
    )
    assert (
        player.value == 3
        and player.film["loop"] is True
        and player.film["fps"] == 7
        and player.film["panel_width"] == 99
    )
    assert film().film["loop"] is False and film().value == 0
    assert player.alt() == "N. l3. said" and player.alt(1) == "N. l1. said"
    player.update(captions=[f"c{i}" for i in range(5)], labels=[f"k{i}" for i in range(5)])
    assert player.alt() == "N. k3. c3"
    page = player.save_html(tmp_path / "f.html", title="T").read_text("utf-8")
    assert in_page(page)["value"] == 3 and "<h1>T</h1>" in page
