"""The next press, done beforehand: while one looks at what a button did, what it would do next is worked out.

    ahead = Ahead()
    ahead.begin("repeat", work)     # when the browser has painted, work() is done, once, on a thread of its own
    ahead.take("repeat")            # what it returned, waited for while it is under way; None where nothing is ready

work() touches nothing that others see or change: it works on a copy. Whoever takes its result looks whether the original still
stands where the copy was made, so that a press gives the same, to the bit, as if it were done only now.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from .worker import at_work

REST = 0.1  # seconds after a press that belong to the browser, which paints
_POOL = ThreadPoolExecutor(1, "ahead")  # one at a time, for all views; Python waits for it when it ends


class Ahead:
    """One result made ready: nothing more is begun until somebody presses again."""

    def __init__(self):
        self._key: Hashable = None
        self._dropped, self._future = Event(), None

    def begin(self, key: Hashable, work: Callable) -> None:
        """Do work() for whoever takes `key` next, unless something else is at work by then; what was ready is dropped."""
        self.take(None)
        self._key, self._dropped = key, Event()
        self._future = _POOL.submit(_after_a_rest, self._dropped, work)

    def take(self, key: Hashable):
        """The result of what was begun for `key`, or None; then there is nothing ready. One that is under way is waited for."""
        future, self._future = self._future, None
        self._dropped.set()
        if future is None or future.cancel() or future.exception():  # what it broke off with, the press itself will say
            return None
        return future.result() if key == self._key else None


def _after_a_rest(dropped: Event, work: Callable):
    return None if dropped.wait(REST) or at_work() else work()
