"""Words for the learner: symbol and word, never colour alone; a plain Python prints them, a notebook frames them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

_KINDS = {  # symbol and frame, of colours that are seen on white and on black paper
    "right": ("✓", "#2e8540"),
    "wrong": ("✗", "#d83933"),
    "open": ("○", "#c26a00"),
    "info": ("▸", "#2378c3"),
}


@dataclass(frozen=True)
class Note:
    """Words for the learner: printed as they are, framed in a notebook. pairs: (label, value), shown side by side."""

    kind: str
    title: str
    text: str
    pairs: tuple[tuple[str, str], ...] = ()
    code: str = ""

    def __repr__(self) -> str:
        first = f"{_KINDS[self.kind][0]} {self.title}: {self.text}"
        return "\n".join([first, *(f"  {k}: {v}" for k, v in self.pairs), self.code]).rstrip()

    def _repr_html_(self) -> str:
        symbol, colour = _KINDS[self.kind]
        style = f"border-left:6px solid {colour}; padding:8px 16px; margin:4px 0; font-size:17px; line-height:1.5"
        text = re.sub(r"`([^`]+)`", r'<code style="font-size:16px">\1</code>', escape(self.text))
        pairs = "".join(f"<div>{escape(k)}: <b>{escape(v)}</b></div>" for k, v in self.pairs)
        code = self.code and f'<pre style="font-size:16px">{escape(self.code)}</pre>'
        return (
            f'<div role="status" style="{style}; color:var(--jp-content-font-color1, inherit)">'
            f"<b>{symbol} {escape(self.title)}:</b> {text}"
            f'<div style="display:flex; flex-wrap:wrap; gap:8px 48px">{pairs}</div>{code}</div>'
        )
