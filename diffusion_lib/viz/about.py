"""What a picture says of itself inside its file: what it shows, whose it is, and the command that makes it again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePath

from PIL import Image

OURS = "Drawn by diffusion_lib (MIT licence): yours to use."
DESCRIPTION, COPYRIGHT, COMMENT = (
    0x010E,
    0x8298,
    0x9286,
)  # EXIF's numbers of ImageDescription, Copyright and UserComment
PATHS = ("--out", "--image", "--folder", "--weights")  # options whose words are files


def command(words: Sequence[str]) -> str:
    """The line of the shell. Of each file only its name: a picture need not tell how its maker's folders are called."""
    option, line = "", []
    for word in words:
        if word.startswith("--"):
            option, sign, value = word.partition("=")
            word = option + sign + (_name(value) if option in PATHS else value)
        elif option in PATHS:
            word = _name(word)
        line.append(word)
    return shlex.join(["python", "-m", "diffusion_lib", *line])


def _name(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name or path


@dataclass(frozen=True)
class About:
    """title: what it is; alt: what is to be seen, for those who do not see it; licence; command. "" leaves one out."""

    title: str = ""
    alt: str = ""
    licence: str = OURS
    command: str = ""

    def saving(self, ending: str) -> dict:
        """What Matplotlib's savefig wants for a file of this ending."""
        if ending == ".jpg":
            return {"pil_kwargs": {"exif": self.exif()}}
        if ending == ".svg":
            words = {"Description": self.alt, "Rights": self.licence, "Source": self.command}
            return {"metadata": self._given(Title=self.title, **words)}
        if ending == ".pdf":
            words = {"Subject": self.alt, "Keywords": f"{self.licence} {self.command}"}
            return {"metadata": self._given(Title=self.title, **words)}
        return {"metadata": self.words()}

    def words(self) -> dict[str, str]:
        """By the names that PNG has for them."""
        return self._given(Title=self.title, Description=self.alt, Copyright=self.licence, Comment=self.command)

    @staticmethod
    def _given(**words: str) -> dict[str, str]:
        return {key: text for key, text in words.items() if text.strip()}

    def exif(self) -> bytes:
        """For JPEG and WebP."""
        exif = Image.Exif()
        exif[DESCRIPTION], exif[COPYRIGHT] = self.alt, self.licence
        exif.get_ifd(0x8769)[COMMENT] = b"ASCII\0\0\0" + self.command.encode("ascii", "backslashreplace")
        return exif.tobytes()

    def comment(self) -> str:
        """All of it as lines, for a GIF and for a page."""
        return "\n".join(text for text in (self.title, self.alt, self.licence, self.command) if text)

    def head(self) -> str:
        """For the head of a page."""
        words = {"description": self.alt, "copyright": self.licence, "generator": self.command}
        return "".join(f'\n<meta name="{key}" content="{escape(text)}">' for key, text in words.items() if text)

    def described(self, svg: str) -> str:
        """An SVG with <title> and <desc>, which a browser shows and a screen reader reads; the licence is in its <metadata>."""
        if not (self.alt or self.title):
            return svg
        svg = re.sub(r"\s*<title>.*?</title>", "", svg, count=1, flags=re.S)
        head = f"\n <title>{escape(self.title)}</title>\n <desc>{escape(self.alt)}</desc>"
        label = escape(". ".join(t for t in (self.title, self.alt) if t))
        return re.sub(r"(<svg\b[^>]*?)>", lambda m: f'{m[1]} role="img" aria-label="{label}">{head}', svg, count=1)
