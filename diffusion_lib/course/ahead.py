"""The next press, done beforehand: while one looks at what a button did, what the buttons would do next is worked out.

    ahead = Ahead()
    ahead.begin({"repeat": work, "draw": other})    # when the browser has painted, each is done once, on a thread of its own
    ahead.take("repeat")                            # what it returned, waited for while it is under way; None where nothing is

The first of them is done in any case, the others in turn as long as none has been dear. work() touches nothing that others see or
change: it works on a copy. Whoever takes its result looks whether the original still stands where the copy was made, so that a
press gives the same, to the bit, as if it were done only now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from .worker import at_work

REST = 0.1  # seconds after a press that belong to the browser, which paints
CHEAP = 0.1  # seconds: what takes longer is done for the button that was pressed alone
_POOL = ThreadPoolExecutor(1, "ahead")  # one at a time, for all views; Python waits for it when it ends


class Ahead:
    """A result for each of a few presses: nothing more is begun until somebody presses again."""

    def __init__(self):
        self._dropped, self._futures = Event(), dict[Hashable, Future]()

    def begin(self, works: dict[Hashable, Callable]) -> None:
        """Do each work() for whoever takes its key next, unless something else is at work by then; what was ready is dropped."""
        self.take(None)
        dropped, begin = Event(), time.monotonic() + REST

        def do(work: Callable):
            if dropped.wait(begin - time.monotonic()) or at_work():
                return None
            tick = time.perf_counter()
            result = work()
            if time.perf_counter() - tick > CHEAP:
                dropped.set()  # the others
            return result

        self._dropped, self._futures = dropped, {key: _POOL.submit(do, work) for key, work in works.items()}

    def take(self, key: Hashable):
        """The result of what was begun for `key`, or None; then there is nothing ready. Only its own work is waited for."""
        futures, self._futures = self._futures, {}
        self._dropped.set()
        for future in futures.values():
            future.cancel()  # what has not begun
        own = futures.get(key)
        done = own is not None and not own.cancelled() and not own.exception()  # what broke off, the press will say
        return own.result() if done else None
