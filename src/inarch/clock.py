"""The clock that a run is timed by: the machine's, or one that only counts how often it was read.

What a clock decides (how many epochs fit, which backbone is fast enough) comes out otherwise on a busy machine. By the
counting clock a run always has time, and everything it decides and writes down follows from the photos and the seed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

TICK = 1e-6
"""Seconds that pass at every reading of the counting clock: not none, as times are divided by."""

_ticks: ContextVar[Iterator[int] | None] = ContextVar("ticks", default=None)


def seconds() -> float:
    """Seconds since a moment that means nothing; only differences do."""
    ticks = _ticks.get()
    return time.perf_counter() if ticks is None else TICK * next(ticks)


@contextmanager
def only_counting() -> Iterator[None]:
    """Inside the ``with``, `seconds` in this thread knows no time but its own readings."""
    token = _ticks.set(count())
    try:
        yield
    finally:
        _ticks.reset(token)
