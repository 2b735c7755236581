"""Properties that commands print with the fields of a record."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def in_json(getter: F) -> F:
    """Mark a property as part of the JSON that commands print; stands below ``@property``."""
    getter.__in_json__ = True  # type: ignore[attr-defined]
    return getter


def marked_properties(record: type) -> Iterator[str]:
    """The names of a record's properties that are marked so."""
    for name, value in vars(record).items():
        if isinstance(value, property) and hasattr(value.fget, "__in_json__"):
            yield name
