"""What a notebook shows in place of an object's text.

`inarch` itself registers what draws, so that a model or a bundle can show its picture and import nothing above it.
"""

from collections.abc import Callable

_drawers: list[Callable[[object], str]] = []


def register(draw: Callable[[object], str]) -> None:
    """Let ``draw`` make the pictures from now on."""
    _drawers[:] = [draw]


def picture_of(thing: object) -> str | None:
    """The picture of ``thing`` as HTML; None, which notebooks take for no picture, where nothing draws."""
    return _drawers[0](thing) if _drawers else None
