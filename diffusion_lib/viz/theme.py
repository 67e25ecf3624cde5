"""What all parts look like and how they behave: the colours of both themes, and JavaScript that every widget shares.

    LIGHT["colors"][0], DARK["colors"][0]     # the same blue, for white and for dark paper
    class Pad(AnyWidget): _esm = script(__file__, "pad.js")

The colours stand here and nowhere else: stills and figures import them, and ``script`` puts them before the JavaScript.
"""

from __future__ import annotations

import json
from pathlib import Path

# colors: Okabe-Ito, told apart with every kind of colour vision; lines differ in their dashes as well. grey: what stands back.
# words: the same hues, darker, for letters and for marks on a coloured field (which is as light in both themes). Marks have a contrast of 3:1 with the card that they are drawn on, letters 4.5:1 (a test
# computes it). JupyterLab has cards, ink and lines of its own; these are for pages.
LIGHT = {
    "colors": ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07a00", "#2a93c9", "#444444"],
    "words": ["#0069a6", "#b04900", "#006e50", "#96477a", "#7d5600", "#1a668c", "#444444"],
    "grey": "#868e96",
    "ink": "#1f2328",
    "quiet": "#59636e",
    "line": "#d8dee4",
    "page": "#ffffff",
    "card": "#ffffff",
    "hover": "#f0f2f4",
    "on_accent": "#ffffff",
}
DARK = {
    "colors": ["#56b4e9", "#ff8f4a", "#2fcf9f", "#eda4cb", "#f0c04a", "#a9d8f5", "#d0d0d0"],
    "words": ["#56b4e9", "#ff8f4a", "#2fcf9f", "#eda4cb", "#f0c04a", "#a9d8f5", "#d0d0d0"],
    "grey": "#7d868f",
    "ink": "#e8eaed",
    "quiet": "#a5adb6",
    "line": "#3a4149",
    "page": "#14171a",
    "card": "#1c2024",
    "hover": "#2a3037",
    "on_accent": "#10202c",
}


def script(python: str, *names: str) -> str:
    """The text of our JavaScript files `names`, which lie beside the module `python` (its __file__), with all that they share
    before it: one module that imports nothing."""
    colours = f"const LIGHT = {json.dumps(LIGHT)};\nconst DARK = {json.dumps(DARK)};\n"
    files = [Path(__file__).with_name("theme.js"), *(Path(python).with_name(name) for name in names)]
    return colours + "\n".join(file.read_text("utf-8") for file in files)


def heard_at_once(widget):
    """Let what the browser says reach this widget beside a running cell; returns the widget.

    JupyterLab sends it to a thread of its own. But ipykernel 7.4 turns it round to the thread that last spoke to the browser
    through this widget: the one of the cells, where it waits until the last cell of a Run All has ended.
    """
    comm = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, wanted: wanted
    return widget
