"""A net, taken apart."""

import os
import tempfile
from pathlib import Path

from inarch.anatomy.size import size_of
from inarch.anatomy.trace import trace as trace_net
from inarch.anatomy.trace import trace_architecture
from inarch.bundle.reading import Bundle, read_bundle
from inarch.drawing.inspect_html import to_html
from inarch.drawing.inspect_json import to_json
from inarch.drawing.inspect_svg import to_svg
from inarch.drawing.inspect_text import to_text
from inarch.errors import OutputError, UnknownNameError
from inarch.nets import ARCHITECTURES, Classifier, architecture, build, folded, head_for
from inarch.nets.foreign import is_foreign
from inarch.records import NetTrace
from inarch.records.anatomy import NetSize


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
    bundle = read_bundle(net)
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
    whole = build(bundle.config.architecture, device="meta").backbone
    backbone = whole.cut(bundle.config.after).gathering(bundle.config.gathered)
    model = Classifier(backbone, head_for(backbone, len(bundle.classes)).to("meta"))
    return folded(model) if bundle.config.folded else model


def drawn(net: str | Path, form: str, *, image_size: int | None = None, layers: bool = False) -> str:
    """The trace of a net as ``text``, ``json``, ``svg`` or ``html``.

    Raises:
        UnknownNameError: no such net, or no such form.
    """
    forms = {"text": lambda trace: to_text(trace, layers=layers), "json": to_json, "svg": to_svg, "html": to_html}
    if form not in forms:
        raise UnknownNameError("format", form, forms)
    return forms[form](trace(net, image_size=image_size))


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``: all of it, or nothing.

    Raises:
        OutputError: it cannot be written there.
    """
    try:
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():  # a pipe or a device takes text, but must not be replaced
            place.write_text(text, encoding="utf-8")
        else:
            _replace(place, text)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; choose another --out.") from error


def _replace(place: Path, text: str) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name[:32]}.") as folder:
        partial = Path(folder, "partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, place)


def catalog(*, everything: bool = False) -> tuple[NetSize, ...]:
    """How large every architecture is; the tiny variants, made for tests, only with ``everything``."""
    return tuple(size_of(name) for name in ARCHITECTURES if everything or not name.endswith("_tiny"))
