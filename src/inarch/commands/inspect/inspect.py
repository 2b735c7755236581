"""A net, taken apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from inarch.bundle.model import _bundle_trace, trace
from inarch.bundle.reading import Bundle
from inarch.commands.inspect.drawing.html import to_html
from inarch.commands.inspect.drawing.json import to_json
from inarch.commands.inspect.drawing.mermaid import to_mermaid
from inarch.commands.inspect.drawing.svg import to_svg
from inarch.commands.inspect.drawing.text import to_text
from inarch.commands.inspect.records import Measurements
from inarch.errors import UnknownNameError
from inarch.models import (
    ARCHITECTURES,
    Classifier,
)
from inarch.models.anatomy.records import ModelSize, ModelTrace
from inarch.models.anatomy.size import size_of
from inarch.models.anatomy.trace import trace as trace_net

PNG = "png"
"""The one form that is not text; see `inarch.commands.inspect.picture`."""


def picture_of(net: Classifier | Bundle) -> str:
    """The picture of a net, or of a bundle's, as HTML: what a notebook shows in place of its text."""
    if isinstance(net, Bundle):
        return to_svg(_bundle_trace(net))
    return to_svg(trace_net(net, name=net.name, image_size=net.image_size))


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How a net is to be drawn."""

    layers: bool = False
    """As text: every layer, not just stages."""
    part: str = ""
    """As SVG or PNG: ``net`` for the whole at a glance, a stage, a block; empty for every layer of every stage."""
    colour: str = "macs"
    """As SVG or PNG: what boxes are coloured by."""


FORMS: Mapping[str, Callable[[ModelTrace, Measurements | None, Drawing], str]] = MappingProxyType(
    {
        "text": lambda record, measured, how: to_text(record, measured, layers=how.layers),
        "json": lambda record, measured, how: to_json(record, measured),
        "svg": lambda record, measured, how: to_svg(record, measured, part=how.part, colour=how.colour),
        "html": lambda record, measured, how: to_html(record, measured),
        "mermaid": lambda record, measured, how: to_mermaid(record),
    }
)
"""What a net can be drawn as, from its record, what was measured, and how it is wanted."""


def draw_model(net: str | Path, form: str, *, image_size: int | None = None, how: Drawing | None = None) -> str:
    """The trace of a net as ``text``, ``json``, ``svg``, ``html`` or ``mermaid``.

    Raises:
        UnknownNameError: no such net, no such form, no such part or colour.
    """
    show = find_form(form)
    return show(trace(net, image_size=image_size), None, how or Drawing())


def find_form(name: str) -> Callable[[ModelTrace, Measurements | None, Drawing], str]:
    """What draws in the form of that name.

    Raises:
        UnknownNameError: no such form.
    """
    if name not in FORMS:
        raise UnknownNameError("format", name, [*FORMS, PNG])
    return FORMS[name]


def catalog(*, everything: bool = False) -> tuple[ModelSize, ...]:
    """How large every architecture is; the tiny variants, made for tests, only with ``everything``."""
    return tuple(size_of(name) for name in ARCHITECTURES if everything or not name.endswith("_tiny"))
