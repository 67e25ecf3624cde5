"""A sprite in words, and words as a sprite."""

from __future__ import annotations

import difflib
import itertools
import re

from .factors import FACTORS, FUR


def checked(spec: dict | str) -> dict:
    """All factors of a sprite that some factors, or words, describe."""
    if isinstance(spec, str):
        return parse(spec)
    species = spec.get("species") if isinstance(spec, dict) else spec
    if species not in FACTORS:
        raise ValueError(f"A sprite's species must be one of {', '.join(FACTORS)}, but got {species!r}.")
    factors = FACTORS[spec["species"]]
    full = {"species": spec["species"], **{f: values[0] for f, values in factors.items()}, **spec}
    for name, value in full.items():
        if name != "species" and value not in factors.get(name, ()):
            known = (
                f"{name} is one of {', '.join(factors[name])}" if name in factors else f"it has {', '.join(factors)}"
            )
            raise ValueError(f"A {spec['species']} cannot have {name} = {value!r}: {known}.")
    return full


# --- words ---------------------------------------------------------------------------------------------------------------------
EYES = {"open": "open eyes", "wide": "wide eyes", "happy": "happy eyes", "sleepy": "sleepy eyes", "winking": "winking"}
TIMES = {"day": "by day", "night": "at night"}
SYNONYMS = {
    "5": "five", "6": "six", "8": "eight", "many": "eight", "gray": "grey", "ginger": "orange", "violet": "purple",
    "striped": "tabby", "wink": "winking", "smiling": "happy", "sleeping": "sleepy", "asleep": "sleepy", "kitten": "cat",
    "kitty": "cat", "blossom": "flower", "tulip": "tulip flower", "sun": "day", "sunny": "day", "daylight": "day",
    "moon": "night", "moonlight": "night", "stars": "night", "starry": "night", "center": "centre", "middle": "centre",
}  # fmt: skip
IGNORED = set("a an the with of in on at by and under is its petal gorgeous beautiful pretty cute lovely nice".split())


def caption(spec: dict | str) -> str:
    """What the picture shows, every factor in words; other factors, other words."""
    s = checked(spec)
    if s["species"] == "cat":
        return f"{s['fur']} {s['pattern']} cat, {s['pose']}, {EYES[s['eyes']]}, {TIMES[s['time']]}"
    return f"{s['petals']} and {s['centre']} flower, {s['count']} {s['shape']} petals, {TIMES[s['time']]}"


def vocabulary() -> tuple[str, ...]:
    """Every word that can stand in a caption, in alphabetical order."""
    specs = (
        {"species": kind, **dict(zip(factors, values, strict=True))}
        for kind, factors in FACTORS.items()
        for values in itertools.product(*factors.values())
    )
    return tuple(sorted({word for s in specs for word in re.findall(r"\w+", caption(s))}))


def parse(text: str) -> dict:
    """The sprite that some words ask for, "blue and yellow flower at night"; what they leave open is the first value in FACTORS.

    A flower's first colour is its petals', the second its centre's, unless the words "petals" or "centre" follow a colour.
    "Sleeping" also curls a cat up, and a cat that is white and something else is a tuxedo.
    Raises ValueError for words that we cannot draw.
    """
    said = re.findall(r"\w+", str(text).lower())
    words = [w for word in said for w in SYNONYMS.get(word, word).split()]
    kinds = sorted(set(words) & set(FACTORS))
    if len(kinds) != 1:
        raise ValueError(f"{text!r} should name one thing to draw: {' or '.join(FACTORS)}.")
    kind, factors = kinds[0], FACTORS[kinds[0]]
    if kind == "cat" and "white" in words and len(set(words) & set(FUR)) > 1:
        words[words.index("white")] = "tuxedo"
    spec = {"species": kind}
    pairs = zip(words, [*words[1:], ""], strict=True)
    for word, after in sorted(pairs, key=lambda p: p[1] not in factors):  # "yellow centre" before a lone "blue"
        if word in IGNORED or word in FACTORS or word in factors:
            continue
        homes = [f for f, values in factors.items() if word in values]
        free = [f for f in homes if f not in spec]
        if not free and (len(homes) != 1 or spec[homes[0]] != word):
            raise ValueError(_why_not(word, spec, homes))
        spec[after if after in free else (free or homes)[0]] = word
    if {"sleeping", "asleep"} & set(said):
        spec.setdefault("pose", "curled")
    return checked(spec)


def _why_not(word: str, spec: dict, homes: list[str]) -> str:
    kind = spec["species"]
    if homes:
        taken = " and ".join(f"{f} = {spec[f]}" for f in homes)
        return f"There is no room for {word!r}, because the {kind} already has {taken}: leave one of them out."
    known = {w for values in FACTORS[kind].values() for w in values} | set(SYNONYMS)
    near = difflib.get_close_matches(word, sorted(known), 3, 0.8)
    if near:
        return f"I cannot draw {word!r}: did you mean {' or '.join(near)}?"
    options = "; ".join(f"{f} {', '.join(values)}" for f, values in FACTORS[kind].items())
    return f"I cannot draw {word!r}, but a {kind} can have {options}."
