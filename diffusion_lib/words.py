"""What a learner reads, in the language that was chosen: gettext, with one catalogue a lesson and one for shared words.

_("Two players.") is the sentence now; N_("Two players.") only marks it, in a table that is read when the module is loaded:
_ looks it up where it is shown, so a language that was chosen in between counts. With numbers in it: _("{n} points").format(n=n).
"""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "locale"
_chosen: str | None = None


def language(code: str) -> None:
    """Choose the language of everything that is shown from now on: "en", one that is installed ("ja"), or a folder of .mo files.

    Without a call, the environment variable DIFFUSION_LIB_LANGUAGE chooses, and else it is English. ValueError: no such language.
    """
    global _chosen
    _catalogue(code)
    _chosen = code


def languages() -> list[str]:
    """English, and each language that has words here."""
    return ["en", *sorted(folder.name for folder in FOLDER.glob("*") if (folder / "LC_MESSAGES").is_dir())]


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    """All lessons' words in one: a message that two lessons need stands in the shared catalogue, so none means two things."""
    words = gettext.NullTranslations()
    if code == "en":
        return words
    folder = Path(code) if os.sep in code or "/" in code else FOLDER / code
    files = sorted((folder / "LC_MESSAGES").glob("*.mo"))
    if not files:
        known = f"choose one of {', '.join(languages())}, or a folder that holds LC_MESSAGES/*.mo."
        raise ValueError(f"There are no words in the language {code!r}: {known}")
    for file in files:
        with open(file, "rb") as stream:
            found = gettext.GNUTranslations(stream)
        found.add_fallback(words)
        words = found
    return words


def _now() -> gettext.NullTranslations:
    return _catalogue(_chosen or os.environ.get("DIFFUSION_LIB_LANGUAGE") or "en")


def _(message: str) -> str:
    """The message in the language chosen; as it stands where that has no words for it."""
    return _now().gettext(message) if message else ""  # gettext's "" is the catalogue's head


def ngettext(one: str, many: str, n: int) -> str:
    """One or many, as the language counts: ngettext("{n} frame", "{n} frames", n).format(n=n)."""
    return _now().ngettext(one, many, n)


def spoken(words: dict[str, str]) -> dict[str, str]:
    """{key: sentence} in the language chosen: what a widget's JavaScript says, which has no words of its own."""
    return {key: _(message) for key, message in words.items()}


def code() -> str:
    """The language chosen, as a page's `lang` has it."""
    return Path(_chosen or os.environ.get("DIFFUSION_LIB_LANGUAGE") or "en").name


def N_(message: str) -> str:
    """Marks a sentence for the catalogue, and leaves it in English."""
    return message
