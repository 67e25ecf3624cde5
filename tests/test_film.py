"""A film that grows by a frame: what is joined, what stands still, what is sent."""

import numpy as np
import pytest

from diffusion_lib.viz.film import Film
from diffusion_lib.viz.packing import bytes_in
from diffusion_lib.viz.panels import Line, curve, mix, pixels, scatter
from diffusion_lib.viz.player import FramePlayer

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (6, 4, 5), np.uint8)
CLOUD, EDGE = RNG.normal(size=(6, 7, 2)), RNG.normal(size=(3, 2))
FIELD = RNG.integers(0, 256, (6, 2, 2, 3), np.uint8)
PLANE = {"xlim": (-3, 3), "ylim": (-3, 3)}


def panels(frames, all_of_them):
    """Pictures, a cloud over what stands still on a field, and a curve of all frames: as a growing view makes them."""
    k = list(frames)
    at = list(all_of_them)
    return [
        pixels(X[k], "pictures", notes=[f"note {i}" for i in k]),
        scatter(EDGE, "plane", layers=[{"points": CLOUD[k], "colors": 1}], field=FIELD[k], **PLANE),
        curve(at, [Line(np.square(at))], "curve", cursor=at, xlim=(0, 9)),
    ]


def words(frames):
    return {"captions": [f"caption {i}" for i in frames], "labels": [f"label {i}" for i in frames]}


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


@pytest.mark.parametrize("had, keep", [((0, 1, 2), (0, 1, 2)), ((0, 1, 2, 3), (0, 2, 3)), ((0, 3), (0,))])
def test_a_film_that_grows_is_the_film_made_whole(had, keep):
    film = Film(panels(had, had), **words(had), name="a", fps=3)
    after = [*(had[k] for k in range(len(had)) if had[k] in keep), 5]
    grown, part = film.append(panels([5], after), **words([5]), keep=[had.index(k) for k in keep])
    assert same(grown.panels, Film(panels(after, after)).panels) and grown.frames == len(after)
    assert grown.captions == words(after)["captions"] and grown.labels == words(after)["labels"]
    assert (grown.name, grown.fps, grown.grown, film.grown) == ("a", 3, 1, 0)
    assert film.frames == len(had) and same(film.panels, panels(had, had))  # the old one is as it was
    assert part["after"] == 0 and part["frames"] == len(after) and "whole" in part["panels"][2]
    # what stands still is not sent, and of what moves one row
    assert "data" in part["panels"][0] and part["panels"][1]["marks"][0] == {}
    assert part["panels"][1]["marks"][1]["x"].nbytes == 7 * 4 and part["panels"][1]["field"]["data"].nbytes == 12


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda f: f.append(panels([5], [4, 5])[:2], **words([5])), "as many panels"),
        (lambda f: f.append(panels([4, 5], [1, 2, 3, 4]), **words([5])), "one frame of 'notes' like"),
        (lambda f: f.append(panels([5], [1, 2, 3, 5])), "one frame of 'captions'"),
        (lambda f: f.append([pixels(X[:1, :3]), *panels([5], [1, 2, 3, 5])[1:]], **words([5])), "like those"),
        (lambda f: Film(panels([1], [1, 2])[0]).append(panels([5], [1, 5])[0]), "two frames or more"),
    ],
)
def test_a_frame_that_does_not_fit_is_one_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make(Film(panels([1, 2, 3], [1, 2, 3]), **words([1, 2, 3])))


def test_what_the_browser_mixes_stays_one_picture():
    x0 = np.zeros((2, 4))
    film = Film(mix(x0, x0, [1, 0.5], notes=["a", "b"]))
    grown, part = film.append(mix(x0, x0, [0], notes=["c"]))
    assert same(grown.panels[0], mix(x0, x0, [1, 0.5, 0], notes=["a", "b", "c"])) and "x0" not in part["panels"][0]


def test_a_player_sends_the_new_frame_only(monkeypatch):
    player, sent = FramePlayer(panels([1, 2], [1, 2]), **words([1, 2]), start=1), []
    monkeypatch.setattr(player, "send_state", lambda key=None: sent.append(key))
    seen = []
    player.observe(lambda change: seen.append(change["new"].frames), "film")
    player.append(panels([3], [1, 2, 3]), **words([3]))
    assert sent == ["grown"] and seen == [3] and player.n_frames == 3 and player.value == 1
    # a new page gets all
    assert same(player.get_state("film")["film"]["captions"], words([1, 2, 3])["captions"])
    player.append(panels([4], [3, 4]), **words([4]), keep=[2])
    assert player.value == 1 and player.film.captions == ["caption 3", "caption 4"]
    sent.clear()
    player.update(name="other")
    assert sent == ["film"] and player.film.grown == 3
    player._handle_custom_msg({"kind": "whole"}, [])
    assert sent == ["film", "film"]
    assert bytes_in(player.grown["panels"]) < bytes_in(player.film.panels)
