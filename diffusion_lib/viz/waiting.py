"""Whoever makes a picture or a film says how far it is; whoever waits for it listens, and may break it off.

for step in counted(walk, 50): ...             # who makes it
with heard(say): story.reel(look)              # who waits: say(share of this part); what say raises ends the work
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar

_say: ContextVar[Callable[[float], None] | None] = ContextVar(
    "say", default=None
)  # of this thread: others have their own


@contextmanager
def heard(say: Callable[[float], None]) -> Iterator[None]:
    """Within it, `say` hears the share that is done, 0 to 1, each time that a part goes a step on."""
    before = _say.set(say)
    try:
        yield
    finally:
        _say.reset(before)


def tell(share: float) -> None:
    """Let whoever waits hear how much is done."""
    if say := _say.get():
        say(min(1.0, share))


def counted(items: Iterable, n: int = 0) -> Iterator:
    """The items, n of them (0: they know it themselves); whoever waits hears how many are done."""
    n = n or (len(items) if isinstance(items, Sized) else 1)
    for i, item in enumerate(items):
        tell(i / n)
        yield item
