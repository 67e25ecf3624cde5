"""Both machines as drawings that one can walk into: each part says what it is, and is a link to the lesson about it.

    whole_model()              # diffusion: x_0 ... x_T on one line, q there, p_theta back
    whole_model(here="03")     # at the head of a lesson: "you are here"
    gan_loop()                 # the four steps of a GAN

Each has two layouts, for a page and for a phone; what they are made of is in `sheet`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch

from .. import store
from ..data import sprites
from ..data.drawn import draw
from ..diffusion import Schedule, add_noise, randn_like
from ..values import choice, dice
from ..viz.figures import grid, png
from ..words import N_, _
from .roads import LESSONS
from .sheet import Map, Part, Sheet

CAT = {"species": "cat", "fur": "orange", "pattern": "tabby", "pose": "sitting", "time": "day"}
T, MIDDLE = 8, 3  # of the drawing: few steps, so that one of them is seen

MODEL = {
    "data": Part("01", N_("x_0, a picture"), N_("x_{0}: a picture from the data. How does it become noise?")),
    "q": Part("01", N_("q, one step of noise"), N_("q(x_{t} | x_{t−1}): the forward process. A little Gaussian noise is added: a rule, nothing to learn.")),
    "beta": Part("02", N_("beta, how fast"), N_("β_{t}: how much noise each step adds. Such a list is a schedule, and you may draw your own.")),
    "noise": Part("02", N_("x_T, noise"), N_("x_{T}: noise, in which no picture can be told from another. Is that so? A gauge tells.")),
    "p": Part("03", N_("p_theta, one step back"), N_("p_{θ}(x_{t−1} | x_{t}): the reverse process. A little noise is taken away, and a little fresh noise added.")),
    "net": Part("04", N_("the network"), N_("ε̂_{θ}(x_{t}, t): a network is shown a noisy picture and says which noise is in it. You train one, and watch.")),
    "fewer": Part("08", N_("fewer, larger steps"), N_("The way back may take ten steps instead of a thousand. Why?")),
    "words": Part("10", N_("words"), N_("Words tell the network what to draw: this makes a service of it.")),
    "judge": Part("07", N_("is it good?"), N_("How good are the pictures, at what price, and beside a GAN's?")),
    "copy": Part("09", N_("is it a copy?"), N_("Did it learn from its pictures, or does it hand them back?")),
}  # fmt: skip
LOOP = {
    "z": Part("09", N_("z, random numbers"), N_("z: a few random numbers. Walk through them, and a cat becomes another cat.")),
    "one": Part("05", N_("step 1, G draws fakes"), N_("1  Noise in, pictures out: the generator G draws fakes, in one leap.")),
    "real": Part("05", N_("real pictures"), N_("Real pictures. Only D ever sees them.")),
    "two": Part("05", N_("step 2, D learns"), N_("2  The discriminator D learns to tell real from fake, and pays for each time it was fooled.")),
    "three": Part("05", N_("step 3, G learns"), N_("3  G learns from D's gradient: how should each pixel change, so that D errs?")),
    "four": Part("06", N_("step 4, again"), N_("4  Again and again, until D can only guess. It does not always come to that.")),
    "judge": Part("07", N_("is it good?"), N_("How good are the pictures, at what price, and beside diffusion's?")),
}  # fmt: skip

# ---------------------------------------------------------------------------------------- diffusion


def the_cat(seed: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """A cat of ours and its noise, (1, 3, 32, 32) each."""
    x0 = torch.from_numpy(draw(CAT, 32)).permute(2, 0, 1)[None].float() / 127.5 - 1
    return x0, randn_like(x0, dice(seed))


@cache
def _chain() -> list[bytes]:
    """It at four times of a short schedule, as PNG."""
    (x0, eps), schedule = the_cat(), Schedule.of("cosine", T)
    return [png(grid(add_noise(x0, t, eps, schedule) if t else x0, pad=0)) for t in (0, MIDDLE - 1, MIDDLE, T)]


TAGS = ("x_{0}", "x_{t−1}", "x_{t}", "x_{T}")


WIDE, TALL = (128, (10, 290, 572, 852), 126), (116, 137, (66, 316, 566, 816))  # size, left and top of the four pictures


def _wide_arc(i: int, way: str) -> tuple:
    """Of the arrow between pictures i and i + 1, its path and its head; way: q there, p back."""
    size, left, top = WIDE
    a, b, bottom = left[i] + size / 2 + 14, left[i + 1] + size / 2 - 14, top + size
    if way == "q":
        return f"M{a} {top - 8} C{a + 22} {top - 62} {b - 22} {top - 62} {b - 4} {top - 14}", (b, top - 6, 60)
    path = f"M{b} {bottom + 8} C{b - 22} {bottom + 62} {a + 22} {bottom + 62} {a + 4} {bottom + 14}"
    return path, (a, bottom + 6, 240)


def _tall_arc(i: int, way: str) -> tuple:
    size, left, top = TALL
    a, b, right = top[i] + size - 26, top[i + 1] + 26, left + size
    if way == "q":
        return f"M{right + 8} {a} C{right + 44} {a + 22} {right + 44} {b - 22} {right + 14} {b - 4}", (
            right + 6,
            b,
            150,
        )
    path = f"M{left - 8} {b} C{left - 44} {b - 22} {left - 44} {a + 22} {left - 14} {a + 4}"
    return path, (left - 6, a, 330)


def model_wide(here: str = "", new=Sheet) -> Sheet:
    """The line from left to right. new: what it is drawn on, a Sheet or, for a picture, `viz.paper.Paper`."""
    s, (size, left, top) = new(990, 452), WIDE
    middle = [x + size / 2 for x in left]
    s.write(10, 28, _("forward: noise is added"), "q.strong", 20, "start")
    s.write(10, 52, _("by a rule: nothing to learn"), "q", 16, "start")
    s.write(980, 402, _("reverse: noise is taken away"), "p.strong", 20, "end")
    s.write(980, 426, _("by a network that has learned it"), "p", 16, "end")
    for i in range(3):
        for way in "qp":
            path, head = _wide_arc(i, way)
            s.arrow(path, way if i == 1 else f"{way}.far", head)
        if i != 1:
            s.write((left[i] + size + left[i + 1]) / 2, top + size / 2 + 6, "· · ·", "quiet.strong", 26)
    for x, picture, tag in zip(left, _chain(), TAGS, strict=True):
        s.picture(x, top, size, picture, tag)
    centre = (middle[1] + middle[2]) / 2
    s.write(centre, 66, "q(x_{t} | x_{t−1})", "math.q", 23), s.badge(centre + 92, 58, "01", here)
    s.write(middle[2] + 140, 66, "β_{t}", "math.q", 23), s.badge(middle[2] + 180, 58, "02", here)
    s.write(centre, 330, "p_{θ}(x_{t−1} | x_{t})", "math.p", 23), s.badge(centre + 98, 322, "03", here)
    s.arrow(f"M{centre} 366 V350", "n", (centre, 344, 270))
    s.box(centre - 110, 366, 220, 58, "n", (_("network"), "n.strong", 17), ("ε̂_{θ}(x_{t}, t)", "math", 20))
    s.badge(centre + 110, 366, "04", here)
    s.box(216, 372, 74, 46, "", (_("words"), "", 17)), s.badge(290, 372, "10", here)
    s.arrow(f"M290 395 H{centre - 124}", "grey", (centre - 113, 395, 0))
    s.write(middle[2] + 140, 330, _("fewer steps"), "p", 18), s.badge(middle[2] + 212, 324, "08", here)
    if s.links:
        s.box(10, 304, 150, 46, "", (_("is it good?"), "", 17)), s.badge(160, 304, "07", here)
        s.box(10, 372, 150, 46, "", (_("is it a copy?"), "", 17)), s.badge(160, 372, "09", here)
    s.badge(left[0] + size, top, "01", here), s.badge(left[3] + size - 4, top, "02", here)
    s.place("data", left[0] - 4, top - 4, size + 8, size + 8)
    s.place("q", centre - 92, 36, 204, 78), s.place("beta", middle[2] + 108, 36, 96, 46)
    s.place("noise", left[3] - 4, top - 4, size + 8, size + 8)
    s.place("p", centre - 100, 262, 220, 80), s.place("net", centre - 116, 352, 244, 78)
    s.place("fewer", middle[2] + 80, 302, 156, 44), s.place("words", 210, 356, 100, 68)
    s.place("judge", 4, 290, 176, 66), s.place("copy", 4, 358, 176, 66)
    return s


def model_tall(here: str = "", new=Sheet) -> Sheet:
    """The same for a phone, from top to bottom."""
    s, (size, left, top) = new(390, 1020), TALL
    right = left + size
    s.write(386, 20, _("forward: noise is added"), "q.strong", 18, "end")
    s.write(386, 42, _("by a rule: nothing to learn"), "q", 16, "end")
    s.write(4, 974, _("reverse: noise is taken away"), "p.strong", 18, "start")
    s.write(4, 998, _("by a network that has learned it"), "p", 16, "start")
    for i in range(3):
        for way in "qp":
            path, head = _tall_arc(i, way)
            s.arrow(path, way if i == 1 else f"{way}.far", head)
        if i != 1:
            s.write(195, (top[i] + size + top[i + 1]) / 2 + 7, "· · ·", "quiet.strong", 26)
    for y, picture, tag in zip(top, _chain(), TAGS, strict=True):
        s.picture(left, y, size, picture, tag)
    middle = (top[1] + size + top[2]) / 2
    s.write(346, middle - 4, "q(x_{t} | x_{t−1})", "math.q", 17), s.badge(346, middle + 20, "01", here)
    s.write(340, middle + 250, "β_{t}", "math.q", 20), s.badge(340, middle + 274, "02", here)
    s.write(52, middle - 4, "p_{θ}(x_{t−1} | x_{t})", "math.p", 17), s.badge(52, middle + 20, "03", here)
    s.box(left - 4, middle - 32, size + 8, 64, "n", (_("network"), "n.strong", 16), ("ε̂_{θ}(x_{t}, t)", "math", 17))
    s.badge(right, middle - 32, "04", here)
    s.box(8, middle + 62, 74, 42, "", (_("words"), "", 16)), s.badge(82, middle + 62, "10", here)
    s.arrow(f"M82 {middle + 83} H140 A16 16 0 0 0 156 {middle + 67} V{middle + 46}", "grey", (156, middle + 36, 270))
    s.write(50, middle + 250, _("fewer steps"), "p", 16), s.badge(50, middle + 274, "08", here)
    if s.links:
        s.box(4, 64, 110, 38, "", (_("is it good?"), "", 16)), s.badge(108, 64, "07", here)
        s.box(4, 118, 110, 38, "", (_("is it a copy?"), "", 16)), s.badge(108, 118, "09", here)
    s.badge(right, top[0], "01", here), s.badge(right, top[3], "02", here)
    s.place("data", left - 4, top[0] - 4, size + 8, size + 8), s.place("q", 284, middle - 28, 106, 66)
    s.place("beta", 306, middle + 226, 68, 66), s.place("noise", left - 4, top[3] - 4, size + 8, size + 8)
    s.place("p", 0, middle - 28, 108, 66), s.place("net", left - 10, middle - 46, size + 26, 84)
    s.place("fewer", 0, middle + 228, 104, 64), s.place("words", 2, middle + 48, 98, 62)
    s.place("judge", 0, 50, 126, 56), s.place("copy", 0, 107, 126, 54)
    return s


def model_move(s, k: int, u: float, way: str, picture: bytes, t: int) -> None:
    """A picture on its way, on drawing k: u from 0 to 3 is its place among the four, way "q" there or "p" back."""
    (size, left, top), arc = (TALL, _tall_arc) if k else (WIDE, _wide_arc)
    x, y = (left, float(np.interp(u, range(4), top))) if k else (float(np.interp(u, range(4), left)), top)
    if 0 < u < 3 or u == (3 if way == "q" else 0):
        path, head = arc(min(2, int(u)) if way == "p" else max(0, math.ceil(u) - 1), way)
        s.arrow(path, way, head)
        if way == "p":
            middle = (TALL[2][1] + TALL[0] + TALL[2][2]) / 2
            s.ring(*((left - 4, middle - 32, size + 8, 64) if k else (385, 366, 220, 58)), "n")
    s.picture(x, y, size, picture, f"t = {t}")
    s.ring(x, y, size, size, way, 9)


def whole_model(here: str = "") -> Map:
    """The whole diffusion model on one line, both ways; each part leads to its lesson. here: the lesson that one is in, "03"."""
    alt = _(
        "A diffusion model on one line: a picture x_0 becomes noise x_T step by step (q, by a rule), and noise becomes a picture step by step (p_theta, by a network that learned it)."
    )
    return _drawn(alt, MODEL, here, {"wide": model_wide, "tall": model_tall})


def _drawn(alt: str, parts: dict[str, Part], here: str, layouts: dict) -> Map:
    if here:
        choice(here, LESSONS, "There is no lesson")
    return Map(alt, parts, here, {kind: layout(here) for kind, layout in layouts.items()})


# ---------------------------------------------------------------------------------------- GAN


@cache
def _players(seed: int = 4) -> tuple[bytes, bytes, bytes]:
    """z, four fakes of the shipped generator, and four real cats, as PNG."""
    g = store.load("cat_g")
    z = g.noise(4, dice(seed))
    with torch.no_grad():
        fakes = grid(g(z), columns=2, pad=0)
    numbers = (z[:1].reshape(1, 1, 4, -1) / 2).clamp(-1, 1).repeat_interleave(2, 2)  # as grey fields: 4 rows of 8
    return png(grid(numbers, pad=0)), png(fakes), png(grid(sprites(4, 16, seed, "cat").x, columns=2, pad=0))


# of the game, on the page and on the phone: where G (p) and D (q) are; of its steps 1 to 4 the arrow, its head, and the number's place
BOXES = ({"p": (164, 110, 112, 80), "q": (606, 172, 126, 86)}, {"p": (134, 138, 122, 62), "q": (126, 470, 146, 66)})
STEPS = (
    [
        ("M280 150 H330", "p", (342, 150, 0), (312, 120)),
        ("M890 256 V296 A20 20 0 0 1 870 316 H688 A20 20 0 0 1 668 296 V274", "q", (668, 264, 270), (780, 316)),
        ("M668 168 V60 A22 22 0 0 0 646 38 H242 A22 22 0 0 0 220 60 V92", "p", (220, 104, 90), (444, 38)),
        ("M196 330 A40 40 0 1 0 236 370", "n", (236, 360, 270), (196, 370)),
    ],
    [
        ("M170 202 C170 232 104 222 104 250", "p", (104, 260, 90), (134, 234)),
        ("M274 618 H330 A20 20 0 0 0 350 598 V524 A20 20 0 0 0 330 504 H288", "q", (276, 504, 180), (350, 560)),
        ("M120 500 H40 A22 22 0 0 1 18 478 V186 A22 22 0 0 1 40 164 H116", "p", (128, 164, 0), (18, 420)),
        ("M110 704 A40 40 0 1 0 150 744", "n", (150, 734, 270), (110, 744)),
    ],
)


def _loop_steps(s, k: int) -> None:
    """The four steps on drawing k, none of them lit."""
    for number, (path, kind, head, at) in enumerate(STEPS[k], 1):
        s.arrow(path, "p.far" if number == 3 else kind, head), s.step(*at, str(number), kind)


def loop_wide(here: str = "", new=Sheet) -> Sheet:
    """The loop on a page. new: see `model_wide`."""
    s, (z, fakes, real), box = new(990, 440), _players(), BOXES[0]
    _loop_steps(s, 0)
    s.arrow("M112 150 H148", "grey", (160, 150, 0))
    s.arrow("M484 150 C540 150 540 196 588 196", "grey", (600, 196, 0))
    s.arrow("M484 336 C540 336 540 232 588 232", "grey", (600, 232, 0))
    s.arrow("M736 214 H796", "grey", (808, 214, 0))
    (
        s.picture(12, 102, 96, z, under="z"),
        s.picture(350, 72, 130, fakes, under=_("fakes")),
        s.picture(350, 268, 130, real, under=_("real")),
    )
    s.box(*box["p"], "p", ("G", "math.p.strong", 28), (_("generator"), "quiet", 15))
    s.box(*box["q"], "q", ("D", "math.q.strong", 28), (_("discriminator"), "quiet", 15))
    s.box(814, 180, 152, 70, "", (_("real or fake?"), "strong", 18))
    s.write(312, 190, _("draws"), "p", 16)
    s.write(780, 352, _("D pays when it errs, and learns"), "q", 17)
    s.write(466, 26, _("through D, back to G: it learns to fool D"), "p", 17, "start")
    s.write(112, 376, _("again"), "n", 17)
    for x, y, lesson in ((108, 102, "09"), (276, 110, "05"), (480, 270, "05"), (732, 172, "05"), (236, 326, "06")):
        s.badge(x, y, lesson, here)
    if s.links:
        s.box(814, 392, 152, 42, "", (_("is it good?"), "", 17)), s.badge(966, 392, "07", here)
    s.place("z", 6, 88, 122, 116), s.place("one", 158, 90, 182, 112), s.place("real", 344, 256, 156, 150)
    s.place("two", 598, 156, 376, 208), s.place("three", 226, 6, 440, 56), s.place("four", 76, 306, 186, 108)
    s.place("judge", 806, 376, 182, 62)
    return s


def loop_tall(here: str = "", new=Sheet) -> Sheet:
    """The same for a phone, from top to bottom."""
    s, (z, fakes, real), box = new(390, 860), _players(), BOXES[1]
    _loop_steps(s, 1)
    s.arrow("M195 106 V122", "grey", (195, 132, 90))
    s.arrow("M104 388 C104 430 160 424 160 452", "grey", (160, 464, 90))
    s.arrow("M300 388 C300 430 230 424 230 452", "grey", (230, 464, 90))
    s.arrow("M195 540 V574", "grey", (195, 586, 90))
    (
        s.picture(150, 8, 92, z),
        s.write(136, 60, "z", "", 16),
        s.picture(44, 268, 116, fakes),
        s.picture(242, 268, 116, real),
    )
    s.write(44, 260, _("fakes"), "", 15, "start"), s.write(242, 260, _("real"), "", 15, "start")
    s.box(*box["p"], "p", ("G", "math.p.strong", 24), (_("generator"), "quiet", 14))
    s.box(*box["q"], "q", ("D", "math.q.strong", 24), (_("discriminator"), "quiet", 14))
    s.box(120, 592, 152, 52, "", (_("real or fake?"), "strong", 17))
    s.write(160, 240, _("draws"), "p", 15, "start")
    s.write(386, 664, _("D pays when it errs"), "q", 15, "end")
    s.write(38, 444, _("G learns"), "p", 15, "start")
    s.write(168, 750, _("again"), "n", 16, "start")
    for x, y, lesson in ((242, 8, "09"), (256, 138, "05"), (358, 268, "05"), (272, 470, "05"), (150, 700, "06")):
        s.badge(x, y, lesson, here)
    if s.links:
        s.box(226, 790, 140, 42, "", (_("is it good?"), "", 16)), s.badge(366, 790, "07", here)
    s.place("z", 144, 0, 116, 108), s.place("one", 112, 124, 164, 128), s.place("real", 236, 254, 140, 136)
    s.place("two", 112, 452, 276, 222), s.place("three", 0, 396, 108, 62), s.place("four", 62, 686, 164, 86)
    s.place("judge", 218, 774, 166, 66)
    return s


def loop_move(s, k: int, step: int, fakes: bytes, real: bytes) -> None:
    """One of the four steps, lit on drawing k, and the pictures that it is about."""
    path, kind, head, (x, y) = STEPS[k][step - 1]
    s.arrow(path, kind, head)
    s.step(x, y, str(step), kind)
    s.ring(x - 19, y - 19, 38, 38, kind, 19)
    if kind in BOXES[k]:
        s.ring(*BOXES[k][kind], kind)
    s.picture(*((44, 268, 116) if k else (350, 72, 130)), fakes)
    s.picture(*((242, 268, 116) if k else (350, 268, 130)), real)


def gan_loop(here: str = "") -> Map:
    """The two players of a GAN and the four steps of its training; each part leads to its lesson. here: see `whole_model`."""
    alt = _(
        "A GAN: noise z goes into the generator G, which draws fakes; the discriminator D sees fakes and real pictures and says which is which; D learns from its errors, G from D's gradient, again and again."
    )
    return _drawn(alt, LOOP, here, {"wide": loop_wide, "tall": loop_tall})
