"""Scenes from a shell: python -m diffusion_lib figure forward --image cat.jpg --out forward.png

What there is to draw stands in the lessons (`course.scenes`); here an option becomes one of the shell, and a Story a file.
The heavy imports stand where they are used, so that --help and a mistyped option are answered at once.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from types import SimpleNamespace

from .options import Parser, number, place, tell, there

ABOUT = """Draw a scene of the course: a picture for a page, a film, or a page that plays without a network.

  figure --list                 what there is: a scene a line
  figure --sheet sheet.png      all of them as small pictures
  figure SCENE --help           what can be chosen

The ending of --out decides what you get:
  .png .svg .pdf .jpg   a picture
  .gif .webp .mp4       a film (MP4 where ffmpeg is installed)
  .html                 one file to step through, which works offline
What the picture shows (for those who do not see it), its licence and the command that makes it again stand in the file.
"""


class Figures(Parser):
    """The parser of `figure`. The scenes come in when it is used: the lessons take a second to load, and other commands do without."""

    kinds = None

    def fill(self) -> Figures:
        """Give it a parser for each scene."""
        if self.kinds is None:
            from ..course.scenes import scenes

            self.kinds = self.add_subparsers(title="scenes", metavar="SCENE", parser_class=Parser)
            for scene in scenes().values():
                _add(self.kinds, scene)
        return self

    def parse_known_args(self, args=None, namespace=None):
        """What argparse asks of the parser of a command; the words are kept as they came, for the file to name them."""
        self.fill()
        if args and not args[0].startswith("-") and args[0] not in self.kinds.choices:
            from ..course.scenes import named

            try:
                named(args[0])
            except ValueError as error:
                raise ValueError(f"{error} For all: {self.prog} --list") from None
        found, rest = super().parse_known_args(args, namespace)
        found.words = ["figure", *(args or ())]
        return found, rest


def add_figure(commands) -> None:
    """`figure`, its options, and a command for each scene."""
    figure = commands.add_parser("figure", help="draw a scene of the course", description=ABOUT)
    figure.__class__ = Figures
    figure.add_argument("--list", action="store_true", help="name every scene, one a line")
    kinds = place(".png", ".jpg", ".pdf", ".svg")
    figure.add_argument("--sheet", type=kinds, metavar="FILE", help="draw all scenes as small pictures")
    figure.set_defaults(run=lambda args: _all(args, figure))


def _add(kinds, scene) -> None:
    lines = (f"\n  python -m diffusion_lib figure {scene.name} {line}".rstrip() for line in ("", *scene.examples))
    about = "\n\n".join(textwrap.fill(said, 100) for said in (scene.shows, *scene.more))
    about += (
        "\n\nThe ending of --out decides what you get: a still, a film (.gif, .webp, .mp4) or an offline page (.html)."
    )
    about += f"\n\nexamples:{''.join(lines)}"
    p = kinds.add_parser(scene.name, help=scene.shows, usage="%(prog)s [options]", description=about)
    p.set_defaults(run=lambda args: draw(scene, args))
    groups = {}
    for option, _ in scene.choices:
        at = groups.setdefault(option.group, p.add_mutually_exclusive_group()) if option.group else p
        at.add_argument(f"--{option.name}", **_argument(option))
    out, kinds = f"{scene.name}.png", place(*_endings())
    p.add_argument("--out", type=kinds, default=out, metavar="FILE", help=f"the file to write (default: {out})")


def _endings() -> tuple[str, ...]:
    from ..course.scenes import FILMS, PAGE, STILL

    return (*STILL, *FILMS, *PAGE)


def _argument(option) -> dict:
    """An Option as argparse has it."""
    more = {"help": option.says, "default": option.default, "dest": option.name}
    if option.kind == "flag":
        return more | {"action": "store_true"}
    if option.choices is not None:
        names = option.choices() if callable(option.choices) else option.choices
        return more | {"choices": list(names), "metavar": "NAME"}
    if option.kind in ("file", "folder", "files"):
        words = {"nargs": "+"} if option.kind == "files" else {}
        return more | {"type": there, "metavar": "DIR" if option.kind == "folder" else "FILE"} | words
    if option.kind in (int, float):
        more |= {"nargs": "+"} if option.many else {}
        return more | {"type": number(option.low, option.high, option.kind), "metavar": "N"}
    return more | {"metavar": option.example}


def _all(args, figure: Figures) -> None:
    from ..course.scenes import scenes

    found = scenes()
    if args.sheet:
        return sheet(found.values(), args.sheet)
    if args.list:
        wide = max(map(len, found))
        return tell("\n".join(f"{name:{wide}}  {scene.shows}" for name, scene in found.items()))
    figure.print_help()


def draw(scene, args) -> None:
    """Write a scene as the file that --out names, and say what there is to be said on a page that shows it."""
    from ..course.making import make

    made = make(scene, args, args.out, args.words)
    for note in made.notes:
        tell(note)
    _report(made)


def sheet(found, out: Path) -> None:
    """All scenes as thumbnails, each with its name."""
    import io

    import numpy as np
    from PIL import Image, ImageOps

    from ..course.making import Made
    from ..viz.figures import png, save, strip

    small = []
    for scene in found:
        usual = {option.name: option.default for option, _ in scene.choices}
        picture = scene.draw(SimpleNamespace(**usual, ending=".png")).still(_thumbnail())
        image = Image.open(io.BytesIO(png(picture))).convert("RGB")
        small.append(np.asarray(ImageOps.pad(image, (360, 240), Image.Resampling.LANCZOS, "white")))
    save(strip(np.stack(small), [scene.name for scene in found], columns=4), out)
    _report(Made(out, f"{len(small)} scenes: {', '.join(scene.name for scene in found)}"))


def _thumbnail():
    from ..viz.look import Look

    return Look(dpi=100)


def _report(made) -> None:
    """Where it is, and the line that shows it on a page."""
    tell(f"Wrote {made.path} ({made.size}).")
    tell(f"For a page: {made.tag}")
