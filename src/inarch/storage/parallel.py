"""Work on many items in a few threads, with the results in the items' order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """``map(function, items)``, computed by ``workers`` threads that run at most a few items ahead.

    An exception of ``function`` is raised in its item's turn. A consumer may stop early: pending items are dropped.
    """
    waiting = 4 * workers  # results that may wait for their turn: enough to even out slow items, few enough for memory
    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future[Result]] = deque()
        try:
            for item in items:
                running.append(pool.submit(function, item))
                if len(running) > waiting:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
