"""Work beside the notebook: a thread that can be stopped, the lock that it shares with the buttons, and what broke it off.

    worker = Worker("training")
    worker.start(work, begun=show, ended=tell)      # work looks at worker.stopping between its steps
    worker.halt();  worker.join()

One works at a time: two trainings would both crawl. Run a cell again, and what it had begun before stops.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import threading
import time
from collections.abc import Callable

from .common import PlayerBox, same_place


class Worker:
    """A thread for one piece of work after the other.

    lock: for whatever the work and the buttons both change. stopping: an Event, set where the work shall rest.
    busy: from `start` until the work has ended. error: what it raised, if it did; nobody sees the traceback of a thread.
    """

    def __init__(self, name: str):
        self.name, self.busy = name, False
        self.error: BaseException | None = None
        self.lock, self.stopping = threading.RLock(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, work: Callable, *, begun: Callable, ended: Callable) -> None:
        """Do `work()` on a thread, after whatever works elsewhere was stopped; `begun()` before it, `ended()` after it."""
        only(self)
        self.stopping.clear()
        self.error, self.busy = None, True
        begun()
        self._thread = threading.Thread(target=lambda: self._do(work, ended), name=self.name, daemon=True)
        self._thread.start()

    def _do(self, work: Callable, ended: Callable) -> None:
        try:
            work()
        except BaseException as error:
            self.error = error
        self.busy = False
        ended()

    def halt(self) -> None:
        """Rest after the step that is being taken."""
        self.stopping.set()

    def _alive(self) -> bool:
        """Whether there is something to wait for; a thread does not wait for itself."""
        thread = self._thread
        return thread is not None and thread is not threading.current_thread() and thread.is_alive()

    def join(self, seconds: float = math.inf) -> None:
        """Wait until the work has ended, or so many seconds; Ctrl+C stops it."""
        end = time.monotonic() + seconds
        try:
            while self._alive() and time.monotonic() < end:
                self._thread.join(0.05)
        except KeyboardInterrupt:
            self._stop()

    async def wait(self) -> None:
        """`join` for a cell that awaits; the kernel's own stop button (■) stops the work, and the next cells run on."""
        try:
            while self._alive():
                await asyncio.sleep(0.05)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self._stop()

    def _stop(self) -> None:
        self.halt()
        self._thread.join()


_working: list[Worker] = []


def only(worker: Worker | None) -> None:
    """Stop all others, and wait until they rest; None: stop all."""
    for other in list(_working):
        if other is not worker:
            other.halt()
            other.join()
            _working.remove(other)
    if worker is not None and worker not in _working:
        _working.append(worker)


def at_work() -> bool:
    """Does anything work just now?"""
    return any(worker.busy for worker in _working)


atexit.register(only, None)  # or Python would end in the middle of a step


class WorkBox(PlayerBox):
    """A player whose film grows while `.worker` works, with buttons that start and stop it.

    A subclass has `_pictures(frames)`, panels that show each frame by itself; `_curves(frames)`, panels that show all of them;
    `_caption(frame)` and `_label(frame)`.
    """

    def __init__(self, name: str):
        super().__init__()
        self.worker = Worker(name)
        self._lock = self.worker.lock
        self._shown: list = []
        self._sending = False  # a film is on its way: whoever speaks of it speaks after it

    def _film(self, frames: list) -> dict:
        """What a player shows of these frames."""
        words = {"captions": [self._caption(f) for f in frames], "labels": [self._label(f) for f in frames]}
        return {"panels": [*self._pictures(frames), *self._curves(frames)], **words}

    def _play(self, frames: list, jump: bool, at: Callable) -> None:
        """Show these frames: the last one of them on a jump, or where one is at the end; else the one on show, or its neighbour.

        A film that is the one on show and a frame more is not made anew. at(frame) -> where in the film it is.
        """
        frames, player = frames if len(frames) > 1 else frames * 2, self.player
        jump, more = jump or player.value >= player.n_frames - 1, self._more_by_one(frames)
        looking, self._shown = self._shown[player.value], frames
        self._sending = True
        with player.hold_sync():  # the film and its frame travel together
            player.append(**more) if more else player.update(**self._film(frames))
            player.value = len(frames) - 1 if jump else same_place(frames, looking, at)
        self._sending = False

    def _more_by_one(self, frames: list) -> dict | None:
        """What a player appends that shows these frames but the last, and maybe some that are to go; None for another film."""
        *old, new = frames
        before = {id(f): i for i, f in enumerate(self._shown)}
        if id(new) in before or not all(id(f) in before for f in old):
            return None
        keep = [before[id(f)] for f in old]
        panels = [*self._pictures([new]), *self._curves(frames)]
        return {"panels": panels, "captions": self._caption(new), "labels": self._label(new), "keep": keep}

    @property
    def error(self) -> BaseException | None:
        """What broke the work off, if anything did."""
        return self.worker.error

    def halt(self) -> None:
        """Stop after the step that is being taken; nothing is lost."""
        self.worker.halt()

    def _repr_mimebundle_(self, **kwargs):
        with self._lock:  # a still of a film that changes while it is drawn would mix two of its states
            return super()._repr_mimebundle_(**kwargs)
