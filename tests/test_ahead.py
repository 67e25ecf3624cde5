"""What is done beforehand: once, each for its own press, after the browser has painted, and beside nobody else's work."""

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


def ready(ahead):
    until(lambda: all(future.done() for future in ahead._futures.values()))


def test_each_press_finds_its_own_done_and_the_others_are_gone_with_it(at_once):
    ahead, done = Ahead(), []
    assert ahead.take("a") is None
    for key, found in (("a", "A"), ("b", "B"), ("c", None)):
        ahead.begin({"b": lambda: done.append("b") or "B", "a": lambda: done.append("a") or "A"})
        ready(ahead)
        assert ahead.take(key) == found and ahead.take("a") is ahead.take("b") is None
    assert done == ["b", "a"] * 3  # in the order that was given


def test_after_a_dear_one_no_other_is_done(at_once, monkeypatch):
    for cheap, found in ((60, "B"), (-1, None)):
        ahead = Ahead()
        monkeypatch.setattr(module, "CHEAP", cheap)
        for key, what in (("a", "A"), ("b", found)):
            ahead.begin({"a": lambda: "A", "b": lambda: "B"})
            ready(ahead)
            assert ahead.take(key) == what


def test_who_presses_while_it_is_under_way_waits_for_his_own_only(at_once):
    ahead, begun, go, done = Ahead(), threading.Event(), threading.Event(), []
    works = {"a": lambda: (begun.set(), go.wait(10), "done")[2], "b": lambda: done.append("b")}
    ahead.begin(works)
    assert begun.wait(10)
    assert ahead.take("b") is None and not go.is_set()  # at once: it has not begun, and never will
    begun.clear()
    go.set()
    module._POOL.submit(int).result()
    go.clear()
    ahead.begin(works)
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()
    assert ahead.take("a") == "done" and ahead._futures == {}
    module._POOL.submit(int).result()
    assert done == []


def test_nothing_is_begun_while_the_browser_paints_or_something_works(monkeypatch):
    ahead, done = Ahead(), []
    monkeypatch.setattr(module, "REST", 3)
    ahead.begin({"a": lambda: done.append("too early")})
    until(lambda: ahead._futures["a"].running() or ahead._futures["a"].done())
    assert ahead.take("a") is None
    monkeypatch.setattr(module, "REST", 0)
    monkeypatch.setattr(worker, "_working", [SimpleNamespace(busy=True)])
    ahead.begin({"a": lambda: done.append("beside a training"), "b": lambda: done.append("this as well")})
    ready(ahead)
    assert ahead.take("a") is None and done == []


def test_what_breaks_off_is_nothing(at_once):
    ahead = Ahead()
    ahead.begin({"a": lambda: 1 / 0, "b": lambda: "B"})
    ready(ahead)
    assert ahead.take("a") is None
    ahead.begin({"a": lambda: 1 / 0, "b": lambda: "B"})
    ready(ahead)
    assert ahead.take("b") == "B"


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
