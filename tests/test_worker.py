"""One thread of work at a time: what begins it, what stops it, and what it leaves behind."""

import asyncio

import pytest

from diffusion_lib.course.worker import Worker, only

pytestmark = pytest.mark.usefixtures("one_thread")


def nothing():
    pass


def until_stopped(worker, began=nothing):
    """Work that goes on until somebody says Stop."""

    def work():
        began()
        worker.stopping.wait(20)

    return work


def test_what_is_shown_before_and_after_and_whether_it_counts_as_running():
    worker, heard = Worker("w"), []
    tell = lambda what: lambda: heard.append((what, worker.busy))
    worker.start(tell("work"), begun=tell("begun"), ended=tell("ended"))
    worker.join()
    assert heard == [("begun", True), ("work", True), ("ended", False)] and worker.error is None


def test_what_broke_it_off_is_kept_until_it_begins_again():
    worker, seen = Worker("w"), []
    worker.start(lambda: 1 / 0, begun=nothing, ended=lambda: seen.append(type(worker.error)))
    worker.join()
    assert seen == [ZeroDivisionError] and not worker.busy
    worker.start(nothing, begun=nothing, ended=nothing)
    worker.join()
    assert worker.error is None


def test_stop_is_meant_for_the_work_that_runs():
    worker, said = Worker("w"), []
    worker.halt()
    worker.start(lambda: said.append(worker.stopping.is_set()), begun=nothing, ended=nothing)
    worker.join()
    assert said == [False]


def test_one_works_at_a_time():
    first, second, heard = Worker("a"), Worker("b"), []
    first.start(until_stopped(first), begun=nothing, ended=nothing)
    assert first.busy
    second.start(until_stopped(second), begun=lambda: heard.append(first.busy), ended=nothing)
    assert heard == [False] and second.busy
    only(None)
    assert not second.busy


def test_who_waits_only_so_long_waits_so_long_and_a_thread_does_not_wait_for_itself():
    worker = Worker("w")
    worker.start(until_stopped(worker, began=worker.join), begun=nothing, ended=nothing)
    worker.join(0.1)
    assert worker.busy
    worker.halt()
    worker.join()
    assert not worker.busy


def test_an_interrupted_cell_stops_the_work_and_goes_on():
    worker = Worker("w")
    worker.start(until_stopped(worker), begun=nothing, ended=nothing)

    async def cell():
        waiting = asyncio.ensure_future(worker.wait())
        await asyncio.sleep(0.1)
        waiting.cancel()
        return await waiting

    assert asyncio.run(cell()) is None and not worker.busy
