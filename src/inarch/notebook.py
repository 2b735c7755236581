"""Pictures of objects in notebooks.

`inarch` itself registers the drawing function, so that a model or a bundle can show its picture without importing it.
"""

from collections.abc import Callable

_drawers: list[Callable[[object], str | None]] = []


def register(draw: Callable[[object], str | None]) -> None:
    """Use ``draw`` for pictures from now on."""
    _drawers[:] = [draw]


def picture_of(thing: object) -> str | None:
    """The picture of ``thing`` as HTML; None, which notebooks ignore, if no drawing function is registered."""
    return _drawers[0](thing) if _drawers else None
