"""What is done beforehand: once, for the same press only, after the browser has painted, and beside nobody else's work."""

import threading
from types import SimpleNamespace

import pytest
import torch
from small import until

from diffusion_lib.course import ahead as module
from diffusion_lib.course import worker
from diffusion_lib.course.ahead import Ahead
from diffusion_lib.machine import beside_the_browser


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(module, "REST", 0)


def test_the_same_press_finds_it_done_and_another_does_not(at_once):
    ahead, done = Ahead(), []
    assert ahead.take("a") is None
    for key, found in (("a", 1), ("b", None)):
        ahead.begin("a", lambda: done.append(1) or len(done))
        until(lambda: ahead._future.done())
        assert ahead.take(key) == found and ahead.take("a") is None  # and it is gone
    assert done == [1, 1]


def test_who_presses_while_it_is_under_way_waits_for_it(at_once):
    ahead, begun, go = Ahead(), threading.Event(), threading.Event()
    ahead.begin("a", lambda: (begun.set(), go.wait(10), "done")[2])
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()
    assert ahead.take("a") == "done"


def test_nothing_is_begun_while_the_browser_paints_or_something_works(monkeypatch):
    ahead, done = Ahead(), []
    monkeypatch.setattr(module, "REST", 3)
    ahead.begin("a", lambda: done.append("too early"))
    until(lambda: ahead._future.running() or ahead._future.done())
    assert ahead.take("a") is None
    monkeypatch.setattr(module, "REST", 0)
    monkeypatch.setattr(worker, "_working", [SimpleNamespace(busy=True)])
    ahead.begin("a", lambda: done.append("beside a training"))
    until(lambda: ahead._future.done())
    assert ahead.take("a") is None and done == []


def test_what_breaks_off_is_nothing(at_once):
    ahead = Ahead()
    ahead.begin("a", lambda: 1 / 0)
    until(lambda: ahead._future.done())
    assert ahead.take("a") is None


def test_two_threads_leave_one_core_and_give_it_back_when_both_are_done():
    before, inside, go, seen = torch.get_num_threads(), threading.Event(), threading.Event(), []

    def other():
        with beside_the_browser():
            seen.append(torch.get_num_threads())
            inside.set()
            go.wait(10)

    try:
        torch.set_num_threads(3)
        thread = threading.Thread(target=other)
        with beside_the_browser():
            thread.start()
            inside.wait(10)
            seen.append(torch.get_num_threads())
        go.set()
        thread.join()
        assert seen == [2, 2] and torch.get_num_threads() == 3
        threading.Thread(target=lambda: seen.append(torch.get_num_threads())).start()
        until(lambda: len(seen) == 3)
        assert seen[2] == 3  # who comes later has all of them
    finally:
        torch.set_num_threads(before)
