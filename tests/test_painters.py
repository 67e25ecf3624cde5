"""Every factor of a sprite is seen in its pixels, where it belongs."""

import itertools

import numpy as np
import pytest

from diffusion_lib.data import factors, painters
from diffusion_lib.data.captions import parse
from diffusion_lib.data.drawn import draw
from diffusion_lib.data.factors import COLOURS, FACTORS, FUR
from diffusion_lib.data.painters import HEADS, STARS, silhouette

SIZE = 128


def paint(species, **factors):
    return draw({"species": species, **factors}, SIZE).astype(int)


def cat(**factors):
    return paint("cat", **factors)


def flower(**factors):
    return paint("flower", **factors)


def pixel(image, x, y):
    """The colour at (x, y), both -1..1, y upwards."""
    return image[round((1 - y) / 2 * SIZE - 0.5), round((x + 1) / 2 * SIZE - 0.5)]


def head(image, x, y, pose="sitting"):
    """The colour at a place of the head's own frame."""
    hx, hy, scale, _ = HEADS[pose]
    return pixel(image, hx + scale * x, hy + scale * y)


def code(text):
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)])


def close(a, b, off=30):
    return np.abs(np.asarray(a) - b).max() <= off


def changed(a, b, off=12):
    """(rows, columns) of the pixels that differ."""
    return np.nonzero(np.abs(a - b).max(-1) > off)


# ---------------------------------------------------------------------------------------- the sky


def test_stars_by_night_clouds_by_day_and_spots_on_the_moon_alone():
    day, night = (cat(pose="loaf", time=time) for time in ("day", "night"))
    for x, y, _ in STARS[:4]:
        ring = [
            pixel(night, x + 0.12 * a, y + 0.12 * b) for a, b in ((1, 0), (-1, 0), (0, -1)) if abs(x + 0.12 * a) < 1
        ]
        assert pixel(night, x, y).sum() > max(r.sum() for r in ring) + 100  # a bright spot
        ring = [pixel(day, x + 0.12 * a, y + 0.12 * b) for a, b in ((1, 0), (-1, 0), (0, -1)) if abs(x + 0.12 * a) < 1]
        assert abs(pixel(day, x, y).sum() - np.mean([r.sum() for r in ring])) < 120
    by_day, beside = pixel(day, -0.72, 0.58), pixel(day, -0.3, 0.58)
    assert by_day.min() > 225 > beside.min()  # a white cloud in a blue sky
    by_night, beside = pixel(night, -0.76, 0.6), pixel(night, -0.5, 0.66)
    assert close(by_night, beside, 25)
    for sky, spotted in ((day, False), (night, True)):
        assert (np.abs(pixel(sky, 0.6, 0.7) - pixel(sky, 0.66, 0.62)).max() > 8) == spotted


# ---------------------------------------------------------------------------------------- cats


def test_the_left_eye_stays_open_in_a_wink():
    open_, wink, happy = (cat(eyes=eyes, fur="grey") for eyes in ("open", "winking", "happy"))
    _, columns = changed(open_, wink)
    assert len(columns) > 20 and columns.min() > SIZE // 2  # only the right one has changed
    _, columns = changed(wink, happy)
    assert len(columns) > 20 and columns.max() < SIZE // 2


@pytest.mark.parametrize("fur", FUR)
def test_the_iris_has_its_colour_and_the_coat_its_fur(fur):
    image = cat(fur=fur, eyes="open")
    assert close(head(image, 0.38 - 0.13, 0), code(FUR[fur][4])) and close(
        head(image, -0.38 - 0.13, 0), code(FUR[fur][4])
    )
    assert close(head(image, 0, 0.3), code(FUR[fur][0]))


def test_wide_eyes_are_wider_and_sleepy_ones_curve_the_other_way():
    def dark(eyes):
        image = cat(eyes=eyes, fur="white", pose="portrait")
        hx, hy, scale, _ = HEADS["portrait"]
        top, low = (round((1 - hy - scale * v) / 2 * SIZE) for v in (0.34, -0.16))
        left, right = (round((1 + hx + scale * v) / 2 * SIZE) for v in (0.1, 0.66))
        return image[top:low, left:right].sum(-1) < 380

    across = {eyes: np.ptp(np.nonzero(dark(eyes).any(0))[0]) for eyes in ("wide", "open")}  # of the rim
    assert across["wide"] > 1.1 * across["open"] and dark("wide").sum() > 1.2 * dark("open").sum()
    for eyes, up in (("happy", True), ("sleepy", False)):
        marks = dark(eyes)
        rows = [np.nonzero(column)[0].mean() for column in marks.T if column.any()]
        middle, ends = rows[len(rows) // 2], (rows[0] + rows[-1]) / 2
        assert (middle < ends) == up, eyes  # happy: an arch, its middle highest


def test_each_pattern_is_where_it_belongs():
    for fur in ("orange", "black"):
        plain, tabby, tuxedo, patched = (cat(fur=fur, pattern=p) for p in ("plain", "tabby", "tuxedo", "patched"))
        mark, bib, coat = code(FUR[fur][1]), code(FUR[fur][2]), code(FUR[fur][0])
        assert close(head(tuxedo, 0, -0.05), bib) and close(head(plain, 0, -0.05), coat)  # the blaze
        # the bib
        assert close(pixel(tuxedo, 0, -0.35), bib, 60) and not close(pixel(plain, 0, -0.35), bib, 60)
        assert close(head(tabby, 0, 0.5), mark) and close(head(plain, 0, 0.5), coat)  # a stripe
        assert close(head(patched, 0.45, 0.4), mark) and close(head(patched, -0.45, 0.4), coat)  # on one side
        tip = painters.TAIL[-1]
        for image, color in ((plain, coat), (tabby, mark), (tuxedo, bib), (patched, mark)):
            assert close(pixel(image, *tip), color), color


def test_each_pose_has_its_own_body():
    """A loaf is broad and low with its head in the middle, a curled cat has its head at the left."""
    coat = code(FUR["orange"][0])
    images = {pose: cat(pose=pose, fur="orange") for pose in HEADS}
    for pose in HEADS:
        assert close(head(images[pose], 0, 0.3, pose), coat, 40)

    def fur_at(pose, x, y):
        return close(pixel(images[pose], x, y), coat, 60)

    assert fur_at("loaf", -0.6, -0.6) and fur_at("loaf", 0.6, -0.55)
    assert fur_at("curled", 0.6, -0.3) and not fur_at("curled", -0.75, -0.6)
    assert fur_at("sitting", 0.3, -0.7) and not fur_at("sitting", -0.6, -0.6) and fur_at("portrait", 0.6, -0.2)


# ---------------------------------------------------------------------------------------- flowers


def test_petals_and_centre_have_their_own_colours():
    image = flower(petals="blue", centre="pink", shape="round")
    assert close(pixel(image, 0, 0.2), code(COLOURS["pink"])) and not close(
        pixel(image, 0, 0.2), code(COLOURS["blue"]), 60
    )
    assert close(pixel(image, 0.1, 0.2 + 0.68 * 0.6), code(COLOURS["blue"]), 60)
    tulip = flower(petals="blue", centre="yellow", shape="tulip")
    red, blue = tulip[..., 0], tulip[..., 2]
    middle = tulip[40:75, 56:72]
    assert (np.abs(middle - code(COLOURS["yellow"])).max(-1) < 40).sum() > 20 and (blue > red + 60).sum() > 200


@pytest.mark.parametrize(("count", "n"), [("five", 5), ("six", 6), ("eight", 8)])
def test_the_petals_can_be_counted(count, n):
    """Around a circle near the petals' tips, petals and what lies between take turns."""
    image = flower(petals="white", centre="red", shape="pointed", count=count, time="night")
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    bright = np.array([pixel(image, 0.68 * 0.82 * np.sin(a), 0.2 + 0.68 * 0.82 * np.cos(a)).sum() for a in angles])
    wave = np.abs(np.fft.rfft(bright - bright.mean()))
    assert next(k for k in range(3, 13) if wave[k] > 0.5 * wave[3:].max()) == n  # twice as many lie behind


@pytest.mark.parametrize(("count", "n"), [("five", 5), ("six", 6), ("eight", 8)])
def test_a_tulip_has_as_many_petals_as_it_says(count, n):
    """Petals are counted as they are painted: each is an edge and a fill of one colour, and a front one a flame too."""
    behind, front = painters.TULIP[n]
    assert behind + front == n and front % 2 == 1
    painted = []

    class Leaf:
        def __init__(self, name=""):
            self.name = name

        def at(self, *_):
            return Leaf("leaf")

        def fill(self, shape, colour, **_):
            painted.append(colour)

    colours = {k: k for k in ("shade", "petals", "edge", "centre")}
    painters._paint_tulip(Leaf(), n, colours)
    assert (painted.count("edge"), painted.count("shade"), painted.count("petals"), painted.count("centre")) == (
        n,
        behind,
        front,
        front,
    )


@pytest.mark.parametrize("species", factors.FACTORS)
def test_every_value_of_every_factor_is_another_picture(species):
    plain = paint(species)
    for factor, values in factors.FACTORS[species].items():
        seen = [paint(species, **{factor: value}) for value in values]
        assert np.array_equal(seen[0], plain)
        for i in range(len(values)):
            for j in range(i):
                assert len(changed(seen[i], seen[j])[0]) > 15, (factor, values[i], values[j])


ALL = [
    {"species": kind, **dict(zip(factors, values, strict=True))}
    for kind, factors in FACTORS.items()
    for values in itertools.product(*factors.values())
]


@pytest.mark.parametrize(
    "kind,of", [(k, {f: v}) for k, f in (("cat", "pose"), ("flower", "shape")) for v in FACTORS[k][f]]
)
def test_each_factor_changes_the_picture(kind, of):
    """In every pose and every shape of petals."""
    base = {"species": kind, **{f: v[0] for f, v in FACTORS[kind].items()}, **of}
    for f, values in FACTORS[kind].items():
        shown = [draw({**base, f: v}, 32).astype(int) for v in values]
        for a, b in itertools.combinations(shown, 2):
            assert np.abs(a - b).max() > 30, (base, f)


def test_petals_and_centre_have_the_colours_of_the_caption():
    def hue(rgb):
        import colorsys

        return colorsys.rgb_to_hsv(*(np.median(rgb.reshape(-1, 3), 0) / 255))[0] * 360

    want = {"red": 358, "orange": 25, "yellow": 46, "blue": 219, "purple": 265}
    for colour, degrees in want.items():
        for other in ("yellow", "blue"):
            a = draw(parse(f"{colour} and {other} flower, eight round petals"), 128)
            petals, centre = a[28:36, 60:68], a[47:53, 61:67]
            assert abs((hue(petals) - degrees + 180) % 360 - 180) < 16, colour
            assert abs((hue(centre) - want[other] + 180) % 360 - 180) < 16, other


@pytest.mark.heavy
def test_night_is_dark_and_the_subject_stands_out():
    for s in ALL[::17]:
        day, night = (draw({**s, "time": t}, 32).astype(float) for t in ("day", "night"))
        assert day[:, :3].mean() > night[:, :3].mean() + 60  # the edge of the picture is sky


@pytest.mark.parametrize("time", ("day", "night"))
def test_every_colour_stands_out_against_the_sky(time):
    def apart(spec, subject, sky):
        a = draw({**spec, "time": time}, 128).astype(int)
        return np.abs(a[subject] - a[sky]).max()

    for fur in FACTORS["cat"]["fur"]:
        assert apart({"species": "cat", "fur": fur}, (93, 77), (93, 19)) > 50, fur  # flank and air beside it
    for colour in FACTORS["flower"]["petals"]:
        assert apart({"species": "flower", "petals": colour}, (26, 68), (51, 10)) > 75, colour


def test_thin_things_stay_and_tiny_ones_fade():
    """A whisker shows at 32 pixels; at 8 a star must not fill its pixel."""
    cat = draw("white cat, portrait", 32).astype(int)
    assert cat[18:24, :3].min() < 140  # dark lines on a light sky
    small, large = (draw("cat, curled, at night", size).astype(int) for size in (8, 256))
    blocks = large.reshape(8, 32, 8, 32, 3).mean((1, 3))
    assert np.abs(small - blocks)[:2, :6].max() < 40  # the stars' part of the sky


def test_the_silhouette_is_that_of_the_sitting_cat():
    y, x = np.meshgrid(*[(np.arange(128, dtype=np.float32) + 0.5) / 64 - 1] * 2, indexing="ij")
    inside = silhouette(x, -y)
    near = np.any([silhouette(x + dx, -y + dy) for dx in (-0.06, 0, 0.06) for dy in (-0.06, 0, 0.06)], 0)
    orange, white = (draw(f"{fur} cat", 128).astype(int) for fur in ("orange", "white"))
    changed = np.abs(orange - white).max(2) > 40  # where the fur's colour shows
    assert changed[~near].mean() < 0.001 and changed[inside].mean() > 0.8
