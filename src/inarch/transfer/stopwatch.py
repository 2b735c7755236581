"""The duration of each phase of a run."""

from collections.abc import Iterator
from contextlib import contextmanager

from inarch import clock
from inarch.transfer.records.report import Phase


class Stopwatch:
    """Collects the duration of each phase; a phase timed twice adds up."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body of the ``with``."""
        began = clock.seconds()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + clock.seconds() - began

    @property
    def total(self) -> float:
        """Seconds in all phases so far."""
        return sum(self._seconds.values(), 0.0)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases in the order in which they first began."""
        return tuple(Phase(name, seconds) for name, seconds in self._seconds.items())
