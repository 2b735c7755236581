"""The structure and the measurements of a model as one record, and the forms of its drawing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from inarch import notebook
from inarch.commands.inspect.drawing.html import to_html
from inarch.commands.inspect.drawing.json import to_json
from inarch.commands.inspect.drawing.mermaid import to_mermaid
from inarch.commands.inspect.drawing.svg import to_svg
from inarch.commands.inspect.drawing.text import to_text
from inarch.commands.inspect.records import Measurements
from inarch.errors import UnknownNameError
from inarch.models.anatomy.records import ModelTrace


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """The settings of a drawing."""

    layers: bool = False
    """For text: every layer, not just stages."""
    part: str = ""
    """For SVG or PNG: ``model`` for an overview, a stage, a block; empty for every layer of every stage."""
    colour: str = "macs"
    """For SVG or PNG: the quantity that colours the boxes."""


Draw = Callable[[ModelTrace, Measurements | None, Drawing], str]

FORMS: Mapping[str, Draw] = MappingProxyType(
    {
        "text": lambda record, measured, how: to_text(record, measured, layers=how.layers),
        "json": lambda record, measured, how: to_json(record, measured),
        "svg": lambda record, measured, how: to_svg(record, measured, part=how.part, colour=how.colour),
        "html": lambda record, measured, how: to_html(record, measured),
        "mermaid": lambda record, measured, how: to_mermaid(record),
    }
)
"""The forms of a drawing; each takes the trace, the measurements and the settings.

One form is no text, PNG; see `inarch.commands.inspect.picture`.
"""


def find_form(name: str) -> Draw:
    """The function that draws in the form of that name.

    Raises:
        UnknownNameError: no such form.
    """
    if name not in FORMS:
        raise UnknownNameError("format", name, [*FORMS, "png"])
    return FORMS[name]


@dataclass(frozen=True)
class Inspection:
    """A model taken apart; printed, it is the table that ``inarch inspect`` shows, in a notebook its picture."""

    trace: ModelTrace
    """Layer by layer: shapes, parameters, multiply-adds, memory, receptive fields."""
    measurements: Measurements | None = None
    """Milliseconds, effective receptive fields and gradients, where it was run."""

    def draw(self, form: str = "text", *, layers: bool = False, part: str = "", colour: str = "macs") -> str:
        """The model as ``text``, ``json``, ``svg``, ``html`` or ``mermaid``.

        Args:
            form: which of them.
            layers: as text: every layer, not just stages.
            part: for SVG: ``model`` for an overview, a stage or a block by its name; empty for all stages.
            colour: as SVG, what boxes are coloured by: ``macs``, ``parameters`` or ``memory``, and of a model that was
                run ``ms``, ``onnx-ms`` or ``gradient``.

        Raises:
            UnknownNameError: no such form, part or colour.
        """
        return find_form(form)(self.trace, self.measurements, Drawing(layers=layers, part=part, colour=colour))

    def __str__(self) -> str:
        return self.draw()

    def _repr_html_(self) -> str | None:
        return notebook.picture_of(self)
