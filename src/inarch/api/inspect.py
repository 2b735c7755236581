"""A net, taken apart."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from inarch.anatomy.size import size_of
from inarch.anatomy.trace import trace as trace_net
from inarch.anatomy.trace import trace_architecture
from inarch.bundle.reading import Bundle, read_bundle
from inarch.drawing.inspect_html import to_html
from inarch.drawing.inspect_json import to_json
from inarch.drawing.inspect_mermaid import to_mermaid
from inarch.drawing.inspect_svg import to_svg
from inarch.drawing.inspect_text import to_text
from inarch.errors import OutputError, UnknownNameError
from inarch.nets import ARCHITECTURES, Classifier, architecture, build, folded, head_for
from inarch.nets.foreign import is_foreign
from inarch.records import NetTrace
from inarch.records.anatomy import NetSize
from inarch.records.measured import Measurements

PNG = "png"
"""The one form that is not text; see `inarch.api.picture`."""


def trace(net: str | Path, *, image_size: int | None = None) -> NetTrace:
    """What a net is made of, layer by layer.

    Args:
        net: a name of the catalog, perhaps with variations (``googlenet:without_reduction``), or a bundle's folder.
        image_size: pixels a side; None takes the size that the net was designed or trained for.

    Raises:
        UnknownNameError: neither a model nor a bundle, or no variation of that name.
        UserError: the images are too small for the net, or a variation makes no sense for it.
    """
    if not means_bundle(net):
        if not _is_of_catalog(net):
            raise UnknownNameError("model or bundle", str(net), ARCHITECTURES)
        return trace_architecture(str(net), image_size=image_size)
    return _bundle_trace(read_bundle(net), image_size)


def _bundle_trace(bundle: Bundle, image_size: int | None = None) -> NetTrace:
    row = architecture(bundle.config.architecture)
    side = bundle.preprocessing.image_size if image_size is None else image_size
    name = bundle.path.resolve().name
    return trace_net(net_of(bundle), name=name, variant=row.variant, source=row.source, image_size=side)


def means_bundle(net: str | Path) -> bool:
    """Whether a user who writes ``net`` means a bundle: a folder or a path, but no name of the catalog."""
    return not _is_of_catalog(net) and (Path(net).is_dir() or os.sep in str(net))


def _is_of_catalog(net: str | Path) -> bool:
    """Whether it is a name of the catalog, perhaps with variations behind it, or that of another library's net."""
    return str(net).partition(":")[0] in ARCHITECTURES or is_foreign(str(net))


def net_of(bundle: Bundle) -> Classifier:
    """The bundle's net, without its weights (on the meta device)."""
    model = unfolded_net(bundle, build(bundle.config.architecture, device="meta"))
    model.head.to("meta")
    return folded(model) if bundle.config.folded else model


def unfolded_net(bundle: Bundle, whole: Classifier) -> Classifier:
    """``whole``, of the bundle's architecture, ending where the bundle's net ends, with a head for its classes."""
    backbone = whole.backbone.cut(bundle.config.after).gathering(bundle.config.gathered)
    return Classifier(backbone, head_for(backbone, len(bundle.classes)))


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


FORMS: Mapping[str, Callable[[NetTrace, Measurements | None, Drawing], str]] = MappingProxyType(
    {
        "text": lambda record, measured, how: to_text(record, measured, layers=how.layers),
        "json": lambda record, measured, how: to_json(record, measured),
        "svg": lambda record, measured, how: to_svg(record, measured, part=how.part, colour=how.colour),
        "html": lambda record, measured, how: to_html(record, measured),
        "mermaid": lambda record, measured, how: to_mermaid(record),
    }
)
"""What a net can be drawn as, from its record, what was measured, and how it is wanted."""


def drawn(net: str | Path, form: str, *, image_size: int | None = None, how: Drawing | None = None) -> str:
    """The trace of a net as ``text``, ``json``, ``svg``, ``html`` or ``mermaid``.

    Raises:
        UnknownNameError: no such net, no such form, no such part or colour.
    """
    show = form_called(form)
    return show(trace(net, image_size=image_size), None, how or Drawing())


def form_called(name: str) -> Callable[[NetTrace, Measurements | None, Drawing], str]:
    """What draws in the form of that name.

    Raises:
        UnknownNameError: no such form.
    """
    if name not in FORMS:
        raise UnknownNameError("format", name, [*FORMS, PNG])
    return FORMS[name]


def write_text(path: Path, text: str | bytes) -> None:
    """Write ``text``, or a picture's bytes, to ``path``: all of it, or nothing.

    Raises:
        OutputError: it cannot be written there.
    """
    content = text.encode() if isinstance(text, str) else text
    try:
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():  # a pipe or a device takes text, but must not be replaced
            place.write_bytes(content)
        else:
            _replace(place, content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; choose another --out.") from error


def _replace(place: Path, content: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name[:32]}.") as folder:
        partial = Path(folder, "partial")
        partial.write_bytes(content)
        os.replace(partial, place)


def catalog(*, everything: bool = False) -> tuple[NetSize, ...]:
    """How large every architecture is; the tiny variants, made for tests, only with ``everything``."""
    return tuple(size_of(name) for name in ARCHITECTURES if everything or not name.endswith("_tiny"))
