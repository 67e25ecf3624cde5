"""The exercises of lesson 13: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import torch

from ...words import N_
from ..exercise import Exercise


def centimetres(pixels, dpi):
    """How wide so many pixels are in print, (B,): an inch is 2.54 cm"""
    return 2.54 * pixels / dpi


def letters(font, width, shown):
    """Pixels that letters of `font` points (72 to an inch) are high, if a picture drawn `width` inches wide is shown `shown` pixels wide, (B,)"""
    return font / 72 * shown / width


def frames(budget, first, more):
    """How many pictures fit into `budget` bytes, if the first takes `first` and each further one `more`, (B,)"""
    return torch.where(budget < first, 0, 1 + torch.floor((budget - first) / more))


def contrast(a, b):
    """(lighter + 0.05) / (darker + 0.05) of two colours (B, 3) in sRGB 0..1, by 0.2126 R + 0.7152 G + 0.0722 B of their linear light"""

    def luminance(c):
        linear = torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return linear @ torch.tensor([0.2126, 0.7152, 0.0722], dtype=c.dtype)

    light, dark = torch.maximum(luminance(a), luminance(b)), torch.minimum(luminance(a), luminance(b))
    return (light + 0.05) / (dark + 0.05)


def _bright(
    c,
    weights=(0.2126, 0.7152, 0.0722),
    linear=lambda c: torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4),
):
    return linear(c) @ torch.tensor(weights, dtype=c.dtype)


def _ratio(bright, floor=0.05, ordered=True):
    """The contrast with knobs: slips are made of these."""

    def answer(a, b):
        p, q = bright(a), bright(b)
        top, low = (torch.maximum(p, q), torch.minimum(p, q)) if ordered else (p, q)
        return (top + floor) / (low + floor)

    return answer


def _even(g, *ranges):
    """Cases of (B,) numbers, one row of whole numbers for each range."""
    return [tuple(torch.randint(low, high, (n,), generator=g).double() for low, high in ranges) for n in (5, 4, 6)]


def _sizes(g):
    return _even(g, (200, 4000), (72, 1200))


def _letters(g):
    return _even(g, (6, 24), (3, 24), (200, 1600))


def _films(g):
    whole = _even(g, (300_000, 4_000_000), (20_000, 90_000), (2_000, 40_000))
    few = (
        torch.tensor([50_000.0, 30_000.0]).double(),
        torch.tensor([50_000.0, 40_000.0]).double(),
        torch.tensor([1_000.0, 900.0]).double(),
    )
    return [*whole, few]


def _colours(g):
    pairs = [tuple(torch.rand(n, 3, generator=g, dtype=torch.float64) for _side in range(2)) for n in (5, 4, 6)]
    black, white = torch.zeros(1, 3, dtype=torch.float64), torch.ones(1, 3, dtype=torch.float64)
    return [*pairs, (black + 0.02, white)]


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "13.centimetres",
        centimetres, _sizes,
        {
            "inches": (lambda n, d: n / d, N_("These are inches: an inch is 2.54 cm.")),
            "upside down": (lambda n, d: 2.54 * d / n, N_("It is upside down: more dots per inch make a print smaller, more pixels make it wider.")),
            "product": (lambda n, d: 2.54 * n * d, N_("It looks as if pixels and dpi are multiplied: dpi says how many pixels go into one inch.")),
            "divided by 2.54": (lambda n, d: n / d / 2.54, N_("It looks as if inches are divided by 2.54: a width has more centimetres than inches.")),
            "of a screen": (lambda n, d: 2.54 * n / 96, N_("It looks as if dpi is 96, which is what browsers count with: use the dpi that is given.")),
            "usual dpi": (lambda n, d: 2.54 * n / 200, N_("It looks as if dpi is always 200, as is usual in the studio: use the dpi that is given.")),
        },
        (N_("dpi is pixels per inch. How many inches are so many pixels?"),
         N_("pixels / dpi inches. An inch is 2.54 cm."),
         N_("2.54 * pixels / dpi")),
        N_("1,600 pixels are 20 cm at 200 dpi, and 13.5 cm at 300 dpi."),
        N_("The studio says it under each preview."),
    ),
    Exercise(
        "13.letters",
        letters, _letters,
        {
            "points as pixels": (lambda f, w, s: f * s / w, N_("It looks as if points are taken for inches: 72 points are an inch.")),
            "screen of 96": (lambda f, w, s: f / 72 * 96 + 0 * w * s, N_("It looks as if the picture is shown in its own size, 96 pixels to an inch: it is shown `shown` pixels wide, whatever its inches are.")),
            "96 points": (lambda f, w, s: f / 96 * s / w, N_("An inch has 72 points; 96 are the pixels of CSS.")),
            "upside down": (lambda f, w, s: f / 72 * w / s, N_("The share is upside down: an inch of the picture is shown / width pixels.")),
            "width forgotten": (lambda f, w, s: f / 72 * s + 0 * w, N_("It looks as if the picture were one inch wide: divide by `width`.")),
            "shown forgotten": (lambda f, w, s: f / 72 / w + 0 * s, N_("This is the letter's share of the width: of `shown` pixels, that share.")),
            "usual dpi": (lambda f, w, s: f / 72 * 200 + 0 * w * s, N_("These are the pixels of the file at 200 dpi: what counts is how wide it is shown.")),
        },
        (N_("How many inches is a letter high, and how many of the picture's pixels on the screen is one of its inches?"),
         N_("font / 72 inches; an inch of the picture is shown / width pixels."),
         N_("font / 72 * shown / width")),
        N_("11 points of a picture 8 inches wide are 7 pixels on a phone of 360: nobody reads that."),
        N_("The view above computes it by `looking.letter`."),
    ),
    Exercise(
        "13.frames",
        frames, _films,
        {
            "all equally large": (lambda n, a, b: torch.floor(n / a), N_("It looks as if each picture is as large as the first one.")),
            "first forgotten": (lambda n, a, b: torch.floor(n / b), N_("It looks as if the first picture is as small as the others.")),
            "first not counted": (lambda n, a, b: torch.where(n < a, 0, torch.floor((n - a) / b)), N_("The first picture is a picture too: it is missing from the count.")),
            "not whole": (lambda n, a, b: torch.where(n < a, 0, 1 + (n - a) / b), N_("A part of a picture does not count: round down.")),
            "rounded up": (lambda n, a, b: torch.where(n < a, 0, 1 + torch.ceil((n - a) / b)), N_("It looks as if it is rounded up: then the last picture is over the budget.")),
            "small budget": (lambda n, a, b: 1 + torch.floor((n - a) / b), N_("Where not even the first picture fits, there are 0: your answer is wrong there.")),
            "sum of both": (lambda n, a, b: torch.floor(n / (a + b)), N_("It looks as if each picture costs both: the first costs `first`, each further one `more`.")),
        },
        (N_("Pay for the first picture. What is left of the budget, and how many of the others does it buy?"),
         N_("1 + (budget - first) / more, rounded down; 0 where the first is too dear. `torch.floor`, `torch.where`."),
         N_("torch.where(budget < first, 0, 1 + torch.floor((budget - first) / more))")),
        N_("halve the side, and each picture of noise costs a quarter: then four times as many fit."),
    ),
    Exercise(
        "13.contrast",
        contrast, _colours,
        {
            "not linear": (_ratio(lambda c: _bright(c, linear=lambda c: c)), N_("It looks as if the numbers of the screen are weighed: make linear light of them first.")),
            "weights alike": (_ratio(lambda c: _bright(c, (1 / 3, 1 / 3, 1 / 3))), N_("It looks as if red, green and blue count alike: green is the brightest to the eye.")),
            "old weights": (_ratio(lambda c: _bright(c, (0.299, 0.587, 0.114))), N_("These are the weights of old television: here they are 0.2126, 0.7152 and 0.0722.")),
            "weights turned": (_ratio(lambda c: _bright(c, (0.0722, 0.7152, 0.2126))), N_("Red and blue have changed places.")),
            "power alone": (_ratio(lambda c: _bright(c, linear=lambda c: c**2.2)), N_("It looks as if light is c to the power 2.2: that is near, but the formula has two pieces.")),
            "dark piece forgotten": (_ratio(lambda c: _bright(c, linear=lambda c: ((c + 0.055) / 1.055) ** 2.4)), N_("Dark numbers, up to 0.04045, are divided by 12.92.")),
            "no floor": (_ratio(_bright, 0.0), N_("It looks as if 0.05 is missing: the light of the room that falls on the screen as well.")),
            "floor of one": (_ratio(_bright, 0.5), N_("It looks as if 0.5 is added: it is 0.05.")),
            "a over b": (_ratio(_bright, ordered=False), N_("It looks as if a is always the lighter one: the lighter of both stands on top.")),
            "difference": (lambda a, b: (_bright(a) - _bright(b)).abs(), N_("This is a difference: contrast is a ratio.")),
        },
        (N_("Three steps: linear light of each number, its weighted sum, and the ratio of both sums with 0.05 added."),
         N_("`torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)` is linear light; `linear @ weights` sums it. `torch.maximum` finds the lighter one."),
         N_("def bright(c): return torch.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ c.new_tensor([0.2126, 0.7152, 0.0722])")),
        N_("text wants 4.5, large text and lines 3; black on white has 21."),
        N_("The tests of this course ask it of each word in each view, light and dark."),
    ),
)
