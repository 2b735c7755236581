"""The clock of a run: the machine's, or a counting clock that makes a run reproducible.

Decisions by wall-clock time (how many epochs fit, which backbone is fast enough) depend on the load of the machine.
With the counting clock, a run always has time, and its decisions and outputs depend only on the photos and the seed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

TICK = 1e-6
"""Seconds per reading of the counting clock: not 0, because times are divided by."""

_ticks: ContextVar[Iterator[int] | None] = ContextVar("ticks", default=None)


def seconds() -> float:
    """Seconds since an arbitrary moment; only differences are meaningful."""
    ticks = _ticks.get()
    return time.perf_counter() if ticks is None else TICK * next(ticks)


@contextmanager
def only_counting() -> Iterator[None]:
    """Inside the ``with``, `seconds` in this thread counts its own readings instead of time."""
    token = _ticks.set(count())
    try:
        yield
    finally:
        _ticks.reset(token)
