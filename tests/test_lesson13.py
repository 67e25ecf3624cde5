"""Lesson 13 without a browser: the form of a scene, its preview, the files that it writes, and the command that writes the same."""

import io
import re
import shlex
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_scenes import HUGE

from diffusion_lib import __main__
from diffusion_lib.course import lesson13
from diffusion_lib.course.lesson13 import exercises, fields, form, looking, previews
from diffusion_lib.course.scenes import FILMS, LOOK, PAGE, STILL, named, scenes
from diffusion_lib.viz import figures, moving

SMALL = {"size": "8", "T": "9", "t": "0 4 9", "dpi": "80"}  # of `forward`: quick to draw


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def box():
    made = lesson13.studio("forward", **SMALL)
    yield made
    made.worker.join(20)


def picture(box):
    return np.asarray(Image.open(io.BytesIO(box.picture)).convert("RGB"))


def written(box, ending, **wish):
    """What the form says of the file that a press of this button writes."""
    box.choose(**wish) if wish else None
    box.write(ending)
    box.worker.join(60)
    assert not box.worker.error, box.worker.error
    return box.made[0]


def wait(fine):
    for _ in range(400):
        if fine():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came")


def png(size=(20, 12), color="red"):
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def hand_over(box, field, name, content, part=1 << 20):
    parts = [content[i : i + part] for i in range(0, len(content), part)] or [b""]
    for i, data in enumerate(parts):
        box._hear({"id": name, "name": name, "field": field, "part": i, "parts": len(parts)}, [memoryview(data)])


# ---------------------------------------------------------------------------------------- the form


@pytest.mark.parametrize("name", scenes())
def test_each_option_of_each_scene_is_a_field_and_each_field_an_option(name):
    scene = named(name)
    shown = fields.fields(scene)
    assert [f["name"] for f in shown] == [option.name for option, _only in scene.choices]
    for f, (option, only) in zip(shown, scene.choices, strict=True):
        assert f["only"] == list(only) and f["says"] and "%(" not in f["says"] and "default" not in f["says"]
        assert f["kind"] in ("number", "numbers", "text", "choice", "flag", "file", "files", "folder")
        assert (f["low"], f["high"]) == (option.low, option.high) and (f["part"] == "own") == (option.name not in LOOK)
        assert f["kind"] != "choice" or not f["usual"] or f["usual"] in [value for value, _said in f["choices"]]


def test_in_another_language_a_default_is_said(monkeypatch):
    """What is cut out of an English sentence stays in one of another language, with its values."""
    monkeypatch.setattr(
        fields,
        "_",
        lambda text: text.replace("how noise grows", "xx").replace("one of", "eins von").replace("default", "sonst"),
    )
    said = {f["name"]: f["says"] for f in fields.fields(named("forward"))}
    assert said["schedule"].startswith("xx, eins von linear, cosine") and said["schedule"].endswith(
        "(sonst: cosine; DDPM's is linear)"
    )


def test_a_film_is_offered_of_what_moves(box):
    modes = lambda name: form.Studio._modes(named(name))
    assert named("forward").endings == (*STILL, *FILMS, *PAGE) and modes("forward") == box.form["modes"] == [
        "picture",
        "film",
        "page",
    ]
    for name, scene in scenes().items():
        moves = any(option.name == "fps" for option, _only in scene.choices)
        assert {*scene.endings} == {*STILL, *PAGE, *(FILMS if moves else ())} and ("film" in modes(name)) == moves


def test_nothing_chosen_is_the_command_without_options(box):
    box.choose("gan-loop", values={})
    assert box.form["command"] == "python -m diffusion_lib figure gan-loop --out gan-loop.png"
    box.choose("forward", values={"background": "light", "kind": "cat", "schedule": "cosine", "T": "1000", "t": " "})
    assert box.form["command"] == "python -m diffusion_lib figure forward --out forward.png"


def test_a_change_is_a_change_of_command_and_picture_and_what_was_typed_comes_back(box):
    first = picture(box)
    assert (
        box.form["command"]
        == "python -m diffusion_lib figure forward --T 9 --size 8 --t 0 4 9 --dpi 80 --out forward.png"
    )
    box.choose(values=SMALL | {"background": "dark", "caption": "black cat"})
    assert not np.array_equal(picture(box)[0, 0], first[0, 0]) and "black cat" in box.seen["alt"]
    assert "--caption 'black cat'" in box.form["command"] and "--background dark" in box.form["command"]
    box.choose("particles")
    assert box.form["stem"] == "particles" and box.form["values"]["background"] == "dark"  # how it looks goes along
    box.choose("forward")
    assert box.form["values"]["caption"] == "black cat" and box.form["stem"] == "forward"


def test_words_that_were_understood_are_said():
    box = lesson13.studio("prompt", text="blakc cat", steps=2, n=1, t="1000 0", dpi=60)
    assert any("Understood: cat" in note for note in box.seen["notes"]) and any(
        "“blakc”" in note for note in box.seen["notes"]
    )


def test_the_size_in_print_is_that_of_the_file(box):
    box.choose(values=SMALL | {"dpi": "300"})
    said = box.seen["says"]
    made = written(box, ".png")
    w, h, *centimetres, dpi = (float(n) for n in re.findall(r"[\d.]+", said.replace(",", "")))
    with Image.open(made["path"]) as image:
        assert (
            abs(w / image.width - 1) < 0.01
            and abs(h / image.height - 1) < 0.01
            and abs(dpi / image.info["dpi"][0] - 1) < 0.01
        )
        assert abs(centimetres[0] / (2.54 * image.width / image.info["dpi"][0]) - 1) < 0.02


def test_a_film_and_a_page_are_seen_too(box):
    box.choose(mode="film")
    film = Image.open(io.BytesIO(box.picture))
    assert box.seen["kind"] == "image/gif" and film.n_frames == 3 and "3 pictures" in box.seen["says"]
    assert [o["ending"] for o in box.form["offers"]] == list(FILMS) and box.form["command"].endswith("forward.gif")
    box.choose(mode="page", values=SMALL | {"title": "Ours"})
    assert box.seen["kind"] == "text/html" and b"Ours" in box.picture and "--title Ours" in box.form["command"]
    assert "--dpi" not in box.form["command"]  # which means nothing for a page
    assert box.still()[:4] == b"\x89PNG" and "figure forward" in box.alt()


def test_mp4_says_why_it_is_not_offered(box, monkeypatch):
    monkeypatch.setenv("PATH", "")
    box.choose(mode="film")
    assert [bool(o["why"]) for o in box.form["offers"]] == [False, False, True]


# ---------------------------------------------------------------------------------------- files, and the same from a shell

ASKED = [
    ("forward", SMALL | {"caption": "blue flower", "background": "transparent", "formula": "off"}, ".png"),
    ("forward", SMALL | {"kind": "digit", "size": ""}, ".svg"),
    ("forward", SMALL | {"kind": "digit", "size": "", "fps": "7"}, ".gif"),
    ("forward", SMALL | {"title": "Our page"}, ".html"),
    ("reverse", {"data": "digits", "steps": "4", "n": "2", "eta": "0", "font": "9"}, ".webp"),
    ("gan-loop", {"background": "dark", "captions": "none", "width": "4"}, ".pdf"),
    ("jump", {"t": "3 30", "columns": "1", "dpi": "60"}, ".png"),
]


@pytest.mark.heavy
@pytest.mark.parametrize(("scene", "values", "ending"), ASKED, ids=lambda v: v if isinstance(v, str) else "")
def test_the_command_that_is_shown_makes_the_same_bytes(here, scene, values, ending, capsys):
    made = written(lesson13.studio(scene, **values), ending)
    first = (here / made["path"]).read_bytes()
    (here / made["path"]).unlink()
    program, *words = shlex.split(made["command"])[2:]
    assert program == "diffusion_lib" and __main__.main(words) == 0
    assert (here / made["path"]).read_bytes() == first
    assert made["size"] in capsys.readouterr().out and made["alt"]


def test_a_picture_of_ones_own_is_kept_so_that_the_command_can_name_it(box, here):
    hand_over(box, "image", "../my cat.png", png(), part=40)  # in several parts
    assert box.form["values"]["image"] == "my cat.png" and (here / "my cat.png").read_bytes() == png()
    assert "--image 'my cat.png'" in box.form["command"] and not box.seen["bad"]
    made = written(box, ".png")
    first = Path(made["path"]).read_bytes()
    assert __main__.main(shlex.split(made["command"])[3:]) == 0 and Path(made["path"]).read_bytes() == first
    hand_over(box, "image", "my cat.png", png())  # again: it is there
    hand_over(box, "image", "my cat.png", png(color="blue"))  # another of that name
    assert box.form["values"]["image"] == "my cat-2.png" and sorted(p.name for p in here.glob("my*")) == [
        "my cat-2.png",
        "my cat.png",
    ]
    seen = picture(box)
    (here / "my cat-2.png").write_bytes(png(color="lime"))  # changed on the disk
    box.choose()
    assert not np.array_equal(picture(box), seen)


def test_several_pictures_are_handed_over_and_take_the_place_of_what_excludes_them():
    box = lesson13.studio("reverse", data="digits", steps=3, dpi=60)
    for name in ("a.png", "b.png"):
        hand_over(box, "image", name, png())
    assert box.form["values"]["image"].split() == ["a.png", "b.png"] and "data" not in box.form["values"]
    assert "--image a.png b.png" in box.form["command"] and "end at one of your 2 pictures" in box.seen["notes"][0]


def test_a_file_that_is_there_stays_unless_one_says_so(box, here):
    assert [Path(written(box, ".png")["path"]).name for _ in range(3)] == [
        "forward.png",
        "forward-2.png",
        "forward-3.png",
    ]
    assert "forward.png was there already, and stays" in box.made[0]["said"]
    assert (
        box.made[0]["command"].endswith(" forward-3.png")
        and Image.open("forward-3.png").text["Comment"] == box.made[0]["command"]
    )
    before = (here / "forward.png").read_bytes()
    made = written(box, ".png", replace=True, values=SMALL | {"background": "dark"})
    assert (
        made["path"] == "forward.png"
        and (here / "forward.png").read_bytes() != before
        and "takes the place" in made["said"]
    )
    made = written(box, ".png", folder="new/one", stem="cat.png", replace=False)
    assert Path(made["path"]) == Path("new/one/cat.png") and (here / made["path"]).exists() and not made["said"]
    assert 'src="cat.png"' in made["tag"] and made["alt"] in made["tag"]


# ---------------------------------------------------------------------------------------- what goes wrong is one sentence


MISTAKES = [
    ({"T": "9999"}, "T", "whole number from 2 to 5,000, and this is 9999"),
    ({"T": "ten"}, "T", "this is ten"),
    ({"dpi": "nan"}, "dpi", "a number from 30"),
    ({"t": "0, 4; x"}, "t", "this is x"),
    ({"kind": "dog"}, "kind", "choose one of cat"),
    ({"kind": "digit", "caption": "cat", "size": ""}, "caption", "Only one of kind and caption"),
    ({"t": "77"}, "", "“t” 77 is no moment of this scene"),
    ({"caption": "<b>cat</b> 😺"}, "", "do not know"),
    ({"image": "gone.png"}, "", "There is no file 'gone.png'"),
    ({"image": "."}, "", "There is no file '.'"),
    ({"image": "broken.png"}, "", "cannot be read as an image"),
]


def test_a_mistake_is_one_sentence_and_nothing_is_lost(box, here):
    """One box for all of them: each is said, and after it the form goes on."""
    (here / "broken.png").write_bytes(b"\x89PNG nothing")
    before = box.picture
    for values, field, says in MISTAKES:
        box.choose(values=SMALL | values)
        assert box.seen["bad"] and says in box.seen["says"] and "\n" not in box.seen["says"], values
        assert not field or says in box.form["faults"][field], values
        assert box.picture == before and box.form["values"] == SMALL | values and not box.progress, values
        box.write(".png")
        box.worker.join(20)
        assert not list(here.glob("forward*")) and not box.made and box.seen["bad"], values
    box.choose(values=SMALL)
    assert not box.seen["bad"] and not box.form["faults"] and box.picture == before


def test_a_file_or_a_folder_in_the_wrong_place_is_said(box, here):
    (here / "a").write_text("")
    box.choose(folder="a")
    assert "a is a file: name a folder" in box.form["faults"][":folder"]
    for stem in ("a/b", "..", "x" * 300, 'say "hi"'):
        box.choose(folder="", stem=stem)
        assert ":stem" in box.form["faults"], stem
    box.choose(stem="a folder")
    (here / "a folder.png").mkdir()
    assert written(box, ".png")["path"] == "a folder-2.png"
    hand_over(box, "image", "evil.png", b"no picture")
    assert (
        box.seen["bad"]
        and "evil.png: This picture cannot be read" in box.seen["says"]
        and not (here / "evil.png").exists()
    )
    hand_over(box, "image", "huge.png", HUGE)
    assert (
        "huge.png: This picture" in box.seen["says"]
        and "million pixels" in box.seen["says"]
        and not (here / "huge.png").exists()
    )
    hand_over(box, "image", "", png((3, 3)))
    assert box.form["values"]["image"] == "picture.png"
    hand_over(box, "image", "C:\\pics\\sea.png", png((3, 3), "blue"))
    assert box.form["values"]["image"] == "sea.png"


def test_a_full_disk_leaves_the_old_file(box, here, monkeypatch):
    (here / "forward.png").write_bytes(b"old")

    def full(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figures.Figure, "savefig", full)
    box.choose(replace=True)
    box.write(".png")
    box.worker.join(20)
    assert box.seen["bad"] and (here / "forward.png").read_bytes() == b"old" and not box.made
    assert [p.name for p in here.iterdir()] == ["forward.png"] and not box.progress


def test_what_is_not_there_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="no scene 'forwrad'; the nearest is 'forward'"):
        lesson13.studio("forwrad")
    with pytest.raises(ValueError, match="'forward' has no option called 'tee': choose one of"):
        lesson13.studio("forward", tee=3)


# ---------------------------------------------------------------------------------------- newer wins, and stop stops


def test_an_old_answer_never_overwrites_a_newer_one(box, monkeypatch):
    began, go_on, drawn, seen = threading.Event(), threading.Event(), [], []
    true = previews.PREVIEWS["picture"]

    def slow(story, o, scene):
        drawn.append(o.seed)
        if o.seed == 1:
            began.set()
            assert go_on.wait(20)
        return true(story, o, scene)

    monkeypatch.setitem(previews.PREVIEWS, "picture", slow)
    first = threading.Thread(target=lambda: box.choose(values=SMALL | {"seed": "1"}))
    first.start()
    assert began.wait(20)
    box.observe(lambda change: seen.append(change["new"]["n"]), "seen")
    later = threading.Thread(target=lambda: [box.choose(values=SMALL | {"seed": s}) for s in ("2", "3")])
    later.start(), later.join(), first.join()
    newest = box.now["n"]
    go_on.set()
    wait(lambda: box.seen["n"] == newest)
    assert seen == [newest] and drawn[0] == 1 and drawn[-1] == 3
    assert np.array_equal(picture(box), picture(lesson13.studio("forward", **SMALL, seed=3)))


def test_what_is_seen_already_is_not_drawn_again_and_what_is_being_drawn_is_not_wanted(box, monkeypatch):
    true, began, go_on, drawn = previews.PREVIEWS["picture"], threading.Event(), threading.Event(), []

    def slow(story, o, scene):
        drawn.append(o.seed)
        began.set()
        assert go_on.wait(20)
        return true(story, o, scene)

    monkeypatch.setitem(previews.PREVIEWS, "picture", slow)
    before = box.picture
    box.choose(stem="another", replace=True)
    assert not drawn and box.seen["n"] == box.now["n"] and box.form["command"].endswith("another.png")
    thread = threading.Thread(target=lambda: box.choose(values=SMALL | {"seed": "1"}))
    thread.start()
    assert began.wait(20)
    thread = threading.Thread(target=lambda: box.choose(values=SMALL))
    thread.start(), thread.join()
    assert box.seen["n"] == box.now["n"]
    go_on.set()
    wait(lambda: not box._newest._at_work.locked())
    assert box.picture == before and drawn == [1] and not box.seen["bad"]


def test_a_press_is_about_what_was_typed_before_it(box, here):
    """The browser's message of the press may come before that of the form."""
    box._hear(
        {"make": ".png", "wish": box.now | {"n": 7, "values": SMALL | {"caption": "black cat"}, "stem": "cat"}}, []
    )
    box.worker.join(20)
    assert (
        "black cat" in box.made[0]["alt"]
        and (here / "cat.png").exists()
        and box.made[0]["folder"] == str(here.resolve())
    )
    assert "✓ cat.png is written" in box.seen["says"] and "MIT" in box.made[0]["licence"]


def test_a_file_in_the_making_can_be_stopped_and_leaves_nothing(box, here, monkeypatch):
    began = threading.Event()
    true = moving._label

    def slow(a, labels, background):
        began.set()
        assert box.worker.stopping.wait(20)
        return true(a, labels, background)

    monkeypatch.setattr(moving, "_label", slow)
    box.write(".gif")
    assert began.wait(20) and box.progress["what"] == "forward.gif"
    box.write(".gif")  # one at a time
    assert "being written" in box.seen["says"]
    box._hear({"stop": True}, [])
    box.worker.join(20)
    assert "Stopped: forward.gif is not written" in box.seen["says"] and not list(here.iterdir()) and not box.progress


def test_a_preview_can_be_stopped(box, monkeypatch):
    before = box.picture
    told = form.Studio._tell
    monkeypatch.setattr(form.Studio, "_tell", lambda self, *what: (told(self, *what), self._hear({"stop": True}, [])))
    box.choose(mode="film")
    assert "Stopped" in box.seen["says"] and box.picture == before and not box.progress


# ---------------------------------------------------------------------------------------- the other views


def test_other_eyes_see_what_is_known():
    """White stays white, grey stays grey; pure red and pure green come near one another without green cones."""
    flat = lambda *c: np.array(c, np.uint8).reshape(1, 1, 3)
    for name, eye in looking.EYES.items():
        assert np.allclose(eye.sum(1), 1, atol=1e-5)
        assert (np.abs(looking.seen(flat(128, 128, 128), eye).astype(int) - 128) <= 1).all(), name
    grey = looking.seen(flat(200, 30, 90), looking.EYES["printed in grey"])
    assert np.ptp(grey) == 0
    tone = (
        0.2126 * looking.light(np.array(200 / 255))
        + 0.7152 * looking.light(np.array(30 / 255))
        + 0.0722 * looking.light(np.array(90 / 255))
    )
    assert abs(looking.light(grey[0, 0, 0] / 255) - tone) < 0.01


def test_letters_on_a_phone_are_as_high_as_is_said():
    fig = looking.on_a_phone("gan-loop")
    assert f"{looking.letter(11, 8, 360):.0f} pixels" in fig.alt and fig._repr_html_().startswith("<img alt=")


def test_the_articles_pictures_are_scenes_and_their_commands_parse(capsys):
    for _what, name, ending in looking.ARTICLE:
        assert ending in named(name).endings
    said = str(lesson13.article_commands())
    assert all(f"figure {name} --out {name}{ending}" in said for _what, name, ending in looking.ARTICLE)


def test_the_contrast_of_the_exercise_is_wcags():
    black, white, grey = (torch.full((1, 3), v, dtype=torch.float64) for v in (0.0, 1.0, 118 / 255))
    assert exercises.contrast(black, white).item() == pytest.approx(21)
    assert exercises.contrast(white, grey).item() == pytest.approx(4.54, abs=0.01)  # #767676
