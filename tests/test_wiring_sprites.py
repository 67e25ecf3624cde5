"""Every factor of a sprite is seen in its pixels, where it belongs; and pictures and data sets keep what belongs together."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_lib import data
from diffusion_lib.data import captions, drawn, factors, painters
from diffusion_lib.data.drawn import draw
from diffusion_lib.data.factors import COLOURS, FUR
from diffusion_lib.data.own import square
from diffusion_lib.data.painters import HEADS, STARS

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
            pixel(night, x + 0.12 * a, y + 0.12 * b)
            for a, b in ((1, 0), (-1, 0), (0, -1))
            if abs(x + 0.12 * a) < 1
        ]
        assert pixel(night, x, y).sum() > max(r.sum() for r in ring) + 100  # a bright spot
        ring = [
            pixel(day, x + 0.12 * a, y + 0.12 * b)
            for a, b in ((1, 0), (-1, 0), (0, -1))
            if abs(x + 0.12 * a) < 1
        ]
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
        plain, tabby, tuxedo, patched = (
            cat(fur=fur, pattern=p) for p in ("plain", "tabby", "tuxedo", "patched")
        )
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
    assert (
        fur_at("sitting", 0.3, -0.7) and not fur_at("sitting", -0.6, -0.6) and fur_at("portrait", 0.6, -0.2)
    )


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
    assert (np.abs(middle - code(COLOURS["yellow"])).max(-1) < 40).sum() > 20 and (
        blue > red + 60
    ).sum() > 200


@pytest.mark.parametrize(("count", "n"), [("five", 5), ("six", 6), ("eight", 8)])
def test_the_petals_can_be_counted(count, n):
    """Around a circle near the petals' tips, petals and what lies between take turns."""
    image = flower(petals="white", centre="red", shape="pointed", count=count, time="night")
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    bright = np.array(
        [pixel(image, 0.68 * 0.82 * np.sin(a), 0.2 + 0.68 * 0.82 * np.cos(a)).sum() for a in angles]
    )
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
    assert (
        painted.count("edge"),
        painted.count("shade"),
        painted.count("petals"),
        painted.count("centre"),
    ) == (n, behind, front, front)


@pytest.mark.parametrize("species", factors.FACTORS)
def test_every_value_of_every_factor_is_another_picture(species):
    plain = paint(species)
    for factor, values in factors.FACTORS[species].items():
        seen = [paint(species, **{factor: value}) for value in values]
        assert np.array_equal(seen[0], plain)
        for i in range(len(values)):
            for j in range(i):
                assert len(changed(seen[i], seen[j])[0]) > 15, (factor, values[i], values[j])


def test_sprites_of_one_group_are_not_mixed_up():
    """All of these have the same shapes and are painted together; each must have its own colours."""
    pictures, specs = drawn.random_sprites(60, 32, seed=3)
    for image, spec in zip(pictures, specs, strict=True):
        night = image[:3].astype(int).mean((0, 1))
        assert (night[2] > 60 and night[1] < 100) == (spec["time"] == "night")
    d = data.sprites(60, 32, seed=3)
    for y, spec, said in zip(d.y.tolist(), specs, d.captions, strict=True):
        assert d.names[y] == spec["species"] and d.names[y] in said
        assert ("night" in said) == (spec["time"] == "night") and captions.parse(said) == spec
    assert captions.caption({"species": "flower", "petals": "blue", "centre": "pink"}).startswith(
        "blue and pink flower"
    )


# ---------------------------------------------------------------------------------------- pictures and data


def test_photos_are_turned_made_square_and_put_on_white():
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))  # left half blue
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter, clockwise, to see it upright
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, exif=exif)
    turned = square(out.getvalue(), 16, crop="none").astype(int)
    assert turned[2, 8, 2] > 200 > 60 > turned[2, 8, 0] and turned[13, 8, 0] > 200  # blue above, red below
    wide = Image.new("RGB", (90, 30), "green")
    wide.paste("red", (0, 0, 30, 30))
    assert (
        square(wide, 15, crop="center")[:, :, 0].max() < 60 and square(wide, 15, crop="none")[7, 2, 0] > 200
    )
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert square(clear, 8).min() == 255


def test_a_subset_keeps_what_belongs_together():
    d = data.sprites(12, 16, seed=0)
    for which in ([3, 7, 1], torch.tensor([11, 0]), d.y == 1, 4):
        part = d.subset(which)
        for x, y, said in zip(part.x, part.y, part.captions, strict=True):
            i = next(k for k in range(12) if torch.equal(d.x[k], x))
            assert d.captions[i] == said and d.y[i] == y
    learn, rest = d.split(5, seed=2)
    assert len(learn) == 5 and sorted(learn.captions + rest.captions) == sorted(d.captions)


def test_each_epoch_has_an_order_of_its_own():
    d = data.Data(torch.arange(12.0)[:, None])
    batches = d.batches(12, seed=1)
    first, second = (next(batches)[0].flatten().tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(12)) and first != second != list(range(12)) != first
    assert next(d.batches(12, seed=2))[0].flatten().tolist() != first
