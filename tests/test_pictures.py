"""The README's gallery and the picture at its head: commands that are understood, and what `make figures` makes of them."""

import dataclasses
import re
import shlex

import numpy as np
import pictures
import pytest
from pictures import IMAGES, ROOT, gallery, small
from PIL import Image

from diffusion_lib import __main__
from diffusion_lib.course import scenes

README = (ROOT / "README.md").read_text(encoding="utf-8")
HEAD = re.search(r"figure prompt .*images/prompt\.gif", (ROOT / "Makefile").read_text(encoding="utf-8"))[0]


class Understood(Exception):
    """A command came as far as the drawing."""


@pytest.fixture
def undrawn(monkeypatch):
    """Scenes whose options are read and held to the file's ending as ever, and that draw nothing."""

    def draw(options):
        raise Understood

    there = {name: dataclasses.replace(scene, draw=draw) for name, scene in scenes.scenes().items()}
    monkeypatch.setattr(scenes, "scenes", lambda: there)
    monkeypatch.setenv("DIFFUSION_LIB_TRACEBACK", "1")


@pytest.mark.heavy
def test_each_command_of_the_front_page_is_understood(undrawn, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30)).save("cat.jpg")
    said = re.findall(r"`(figure [a-z-]+ [^`]*--out [^`]*)`", README)
    assert len(gallery()) >= 9 and len(gallery()) == README.count("<td") and len(said) >= 2
    for words in [*(words for _, words in gallery().values()), *map(shlex.split, [*said, HEAD])]:
        __main__.main([word.replace("notebooks/images/", "") for word in words])
        assert "Understood" in capsys.readouterr().err, words


def test_the_gallery_is_what_make_figures_makes():
    """Each picture bears the command of the README, drawn small; together with the moving one they are light."""
    for name, (path, words) in gallery().items():
        assert words[:2] == ["figure", name] and path == IMAGES / "gallery" / f"{name}.png"
        line = shlex.join(["python", "-m", "diffusion_lib", *small(words, path)[:-1], path.name])
        assert Image.open(path).text["Comment"] == line, (
            f"make figures has not been run since the README changed: {name}"
        )
    assert {p.stem for p in (IMAGES / "gallery").iterdir()} == {*gallery()}
    moving = IMAGES / "prompt.gif"
    line = shlex.join(shlex.split(HEAD.replace("notebooks/images/", "")))
    assert line in Image.open(moving).info["comment"].decode()
    assert sum(p.stat().st_size for p in [moving, *(IMAGES / "gallery").iterdir()]) < 1.5e6
    assert (
        "benchmarks/pictures.py"
        in (ROOT / "Makefile").read_text(encoding="utf-8").split("\nfigures:")[1].split("\n\n")[0]
    )


def test_pictures_of_the_front_page_are_described():
    found = re.findall(r'<img width="250" src="([^"]+)" alt="([^"]+)">', README) + [
        (src, alt) for alt, src in re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README)
    ]
    assert len(found) == len(gallery()) + 1 and all(len(alt) > 25 and (ROOT / src).exists() for src, alt in found)
    assert len({alt for _, alt in found}) == len(found)


def drawn_again(name, folder, monkeypatch):
    """How far, of 255, a picture of the gallery is from the same drawn now."""
    path, words = gallery()[name]
    monkeypatch.setattr(pictures, "gallery", lambda: {name: (folder / path.name, words)})
    pictures.main([name])
    new, old = (np.asarray(Image.open(p).convert("RGB"), np.float64) for p in (folder / path.name, path))
    assert new.shape == old.shape, f"{name}: {new.shape}, was {old.shape}"
    return np.abs(new - old).mean()


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["gan-loop"])
def test_a_drawing_of_the_gallery_comes_out_again(name, tmp_path, monkeypatch):
    assert drawn_again(name, tmp_path, monkeypatch) < 1


@pytest.mark.slow
@pytest.mark.parametrize("name", gallery())
def test_the_whole_gallery_comes_out_again(name, tmp_path, monkeypatch):
    assert drawn_again(name, tmp_path, monkeypatch) < 3
