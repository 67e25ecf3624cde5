"""A sprite in words, and words as a sprite."""

from __future__ import annotations

from .factors import FACTORS
from .prompts import meaning, tokens, understand


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


def caption(spec: dict | str) -> str:
    """What the picture shows, every factor in words; other factors, other words."""
    s = checked(spec)
    if s["species"] == "cat":
        return f"{s['fur']} {s['pattern']} cat, {s['pose']}, {EYES[s['eyes']]}, {TIMES[s['time']]}"
    return f"{s['petals']} and {s['centre']} flower, {s['count']} {s['shape']} petals, {TIMES[s['time']]}"


def parse(text: str) -> dict:
    """The sprite that some words ask for, "blue and yellow flower at night"; what they leave open is the first value in FACTORS.

    As `prompts.understand` reads it, but strictly: raises ValueError for words that we cannot draw.
    """
    p = understand(str(text))
    if len({m for w in tokens(str(text)) for m in (meaning(w) or "").split() if m in FACTORS}) != 1:
        raise ValueError(f"{text!r} should name one thing to draw: {' or '.join(FACTORS)}.")
    if p.unknown or p.problems:
        raise ValueError(next(iter(p.troubles())))
    if p.avoided:
        raise ValueError(f"{text!r} says what shall not be there, but a picture is painted of what is there.")
    return checked(p.readings[0])
