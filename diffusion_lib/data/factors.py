"""What a sprite can be: every factor, its values, and the colours that they have."""

from __future__ import annotations

from zlib import crc32

# --- palettes ------------------------------------------------------------------------------------------------------------------
FUR = {  # fur, its markings, bib and paws of a tuxedo, lines of mouth and closed eyes, iris
    "orange": ("F39A4A", "CF6A26", "FFF3E2", "5B2E20", "8CC152"),
    "black": ("433E57", "766E96", "F7F2FA", "DDD2EA", "FFD34E"),
    "grey": ("9AA3B5", "67708A", "F6F7FB", "3B3F52", "F2C14E"),
    "white": ("FCF7F1", "D8C9C4", "F6D2AE", "5B4652", "57B3E8"),
    "brown": ("9A6A4B", "653F2B", "F6E3CB", "3A211A", "A9D65C"),
}
COLOURS = {"pink": "F78FB3", "red": "E5484D", "orange": "F98A3C", "yellow": "FFD23F", "blue": "4F90FA"}
COLOURS |= {"purple": "9B5DE5", "white": "FFFAF3", "brown": "8A5637"}
SKY = {"day": ("7CC6EF", "E6F2EA"), "night": ("161C52", "5A55AC")}
# behind the subject, so that a white cat shows by day and a black one by night
GLOW = {"day": "DDF1F7", "night": "7A78CF"}
HILLS = {"day": ("BFE3A4", "9FD08C"), "night": ("34407F", "28306A")}
LAMP = {"day": "FFD45E", "night": "FFF3CF"}  # the sun or the moon
LIGHT = {"day": (1.0, 1.0, 1.0), "night": (0.95, 0.94, 1.0)}  # moonlight cools every colour a little

# The first value of each factor is what parse() takes for a factor that the text does not mention.
FACTORS: dict[str, dict[str, tuple[str, ...]]] = {
    "cat": {
        "fur": tuple(FUR),
        "pattern": ("plain", "tabby", "tuxedo", "patched"),
        "eyes": ("open", "wide", "happy", "sleepy", "winking"),
        "pose": ("sitting", "portrait", "loaf", "curled"),
        "time": ("day", "night"),
    },
    "flower": {
        "petals": tuple(c for c in COLOURS if c != "brown"),
        "centre": ("yellow", *(c for c in COLOURS if c != "yellow")),
        "shape": ("round", "pointed", "heart", "tulip"),
        "count": ("five", "six", "eight"),
        "time": ("day", "night"),
    },
}

# What a network is told, in this order: y has one column for each, the number of the value, and -1 where nothing is said.
TOLD: dict[str, tuple[str, ...]] = {
    "species": tuple(FACTORS),
    **{name: values for factors in FACTORS.values() for name, values in factors.items() if name != "time"},
    "time": FACTORS["cat"]["time"],
}


def told(spec: dict) -> list[int]:
    """A sprite, or as much of it as is said, as numbers: {"species": "cat", "time": "night"} -> [0, -1, ..., -1, 1]."""
    return [values.index(spec[name]) if name in spec else -1 for name, values in TOLD.items()]


def vocabulary() -> list[str]:
    """What a sentence may ask for, a line for each species: "cat: fur orange, black, ...; eyes open, ..."."""
    said = lambda factors: "; ".join(f"{name} {', '.join(values)}" for name, values in factors.items())
    return [f"{kind}: {said(factors)}" for kind, factors in FACTORS.items()]


def held_out(spec: dict) -> bool:
    """Does the sprite belong to the tenth of all combinations that no network of words is trained on? A fixed hash decides."""
    return crc32(" ".join(str(spec.get(name, "")) for name in TOLD).encode()) % 10 == 0
