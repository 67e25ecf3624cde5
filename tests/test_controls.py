"""Rows of controls without a browser: what the kernel says of a press that keeps it at work."""

import time

import ipywidgets
import pytest

from diffusion_lib.course import controls

CLICK = {"content": {"data": {"method": "custom", "content": {"event": "click"}}}, "buffers": []}


@pytest.mark.parametrize(("works", "said"), ((0.0, []), (0.1, [{"works": True}])))
def test_a_row_hears_of_long_work_and_nothing_of_short(monkeypatch, works, said):
    monkeypatch.setattr(controls, "SOON", 0.05)
    button, heard, pressed = ipywidgets.Button(), [], []
    row = controls.group([button])
    monkeypatch.setattr(type(row.children[-1]), "send", lambda care, content: heard.append(content))
    button.on_click(lambda b: pressed.append(time.sleep(works)))
    button.comm.handle_msg(CLICK)
    time.sleep(0.1)
    assert heard == said and pressed == [None]


def test_a_ring_is_answered_by_its_number(monkeypatch):
    care, heard = controls.Care(), []
    monkeypatch.setattr(controls.Care, "send", lambda care, content: heard.append(content))
    care._handle_custom_msg({"ring": 7}, [])
    care._handle_custom_msg({}, [])  # it carried an acknowledgement, and says nothing
    assert heard == [{"done": 7}]
