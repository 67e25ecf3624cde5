"""A row of ipywidgets' buttons and menus, with what these leave out: names, states and groups for screen readers, keys that stay.

row([stop, resume], name="Training")
row(buttons, name="Which way?", one_of=True);  choose(buttons, buttons[1])     # options of which one is chosen
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import anywidget
import ipywidgets as widgets
import traitlets

from ..viz.theme import heard_at_once, script
from ..words import N_, _, spoken

CHOSEN = "dl-chosen"
SOON = 0.06  # seconds of work for a press, after which its row hears that it is worked on
WORDS = {  # what controls.js says
    "waits": N_("Heard. Something else is running: this comes when it has ended."),
    "works": N_("Working …"),
    "gone": N_("No kernel hears this: run the cell again."),
    "progress": N_("Progress"),
}


class Care(anywidget.AnyWidget):
    """Stands unseen at the end of a row and looks after its neighbours; see controls.js. It answers when one of them is pressed."""

    _esm = script(__file__, "controls.js")
    name = traitlets.Unicode().tag(sync=True)
    one_of = traitlets.Bool(False).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits):
        super().__init__(words=spoken(WORDS), **traits)
        heard_at_once(self)
        self.on_msg(lambda care, content, buffers: content and self.send({"done": content["ring"]}))

    def watch(self, control: widgets.Widget) -> None:
        """Tell the browser when what this control has said keeps the kernel at work."""
        handle = control._handle_msg

        def watched(message):
            clock = threading.Timer(SOON, self.send, [{"works": True}])
            clock.daemon = True
            clock.start()
            try:
                handle(message)
            finally:
                clock.cancel()

        control.comm.on_msg(watched)


def group(children: Sequence[widgets.Widget], name: str = "", one_of: bool = False, **layout) -> widgets.HBox:
    """The children side by side, in several lines where there is no room. name: of the group; one_of: they are its options."""
    care = Care(name=name, one_of=one_of)
    for child in children:
        care.watch(heard_at_once(child))
    box = widgets.HBox([*children, care], layout={"flex_flow": "row wrap"} | layout)
    return box.add_class("dl-row")


def _size(wide: int, high: int) -> dict[str, str]:
    return {"width": "auto", "min_width": f"{wide}px"} | ({"height": f"{high}px"} if high else {})


def button(text: str, tip: str = "", icon: str = "", wide: int = 150, high: int = 44) -> widgets.Button:
    """A button of wide x high pixels, wider for longer words; high 0: as a line is. tip: what it does, for whoever points at it."""
    return widgets.Button(description=text, tooltip=tip, icon=icon, layout=_size(wide, high))


def menu(text: str, options, value=None, wide: int = 200, high: int = 44) -> widgets.Dropdown:
    """A menu of wide x high pixels, wider for longer words; high 0: as a line is. value None chooses the first of its options."""
    chosen = {} if value is None else {"value": value}
    return widgets.Dropdown(options=options, description=text, layout=_size(wide, high), **chosen)


def choices(values: Sequence[str]) -> list:
    """Options of a menu in the learner's language, each (what it says, its value)."""
    said = [(_(value), value) for value in values]
    return said if any(a != b for a, b in said) else list(values)


def choose(options: Sequence[widgets.Button], chosen: widgets.Button | None) -> None:
    """Say which of the options is the chosen one."""
    for button in options:
        button.add_class(CHOSEN) if button is chosen else button.remove_class(CHOSEN)
