"""``inarch inspect``: the structure of a model, drawn."""

from collections.abc import Iterable
from pathlib import Path

from inarch.bundle.model import trace, trace_bundle
from inarch.bundle.reading import Bundle
from inarch.commands.inspect.drawing.svg import to_svg
from inarch.commands.inspect.inspection import Inspection, find_form
from inarch.commands.inspect.measure import measure
from inarch.commands.inspect.records import ModelCatalog
from inarch.models import ARCHITECTURES, Classifier
from inarch.models.anatomy.size import size_of
from inarch.models.anatomy.trace import trace as trace_model
from inarch.progress import Progress, ignore_progress


def inspect(
    model: str | Path,
    *,
    measured: bool = False,
    image_size: int | None = None,
    progress: Progress = ignore_progress,
) -> Inspection:
    """Take a model apart, layer by layer; printed, the result is the table that ``inarch inspect`` shows.

    Args:
        model: a name of `inarch.list_models`, perhaps with variations (``googlenet:without_reduction``), or a bundle's
            folder.
        measured: whether to run it, too: seconds for a small model, a minute or two for ResNet-152.
        image_size: pixels a side; None takes the size that the model was designed or trained for.
        progress: called with a phase's name, what is done, and what there is to do.

    Raises:
        UnknownNameError: neither a model nor a bundle, or no variation of that name.
        UserError: the images are too small for the model, or a variation makes no sense for it.

    Examples:
        >>> googlenet = inarch.inspect("googlenet")
        >>> googlenet.trace.parameters, googlenet.trace.macs
        (6624904, 1498376192)
        >>> print(googlenet)  # doctest: +ELLIPSIS
        googlenet...
        >>> svg = googlenet.draw("svg", part="4a")
    """
    if measured:
        return measure(model, image_size=image_size, progress=progress)
    return Inspection(trace(model, image_size=image_size))


def picture_of(model: Classifier | Bundle | Inspection) -> str:
    """The picture of a model, a bundle or an inspection as HTML, for notebooks."""
    if isinstance(model, Inspection):
        return model.draw("svg")
    if isinstance(model, Bundle):
        return to_svg(trace_bundle(model))
    return to_svg(trace_model(model, name=model.name, image_size=model.image_size))


def draw_model(model: str | Path, form: str, *, image_size: int | None = None) -> str:
    """The trace of a model as ``text``, ``json``, ``svg``, ``html`` or ``mermaid``.

    Raises:
        UnknownNameError: no such model, or no such form.
    """
    find_form(form)  # before anything is traced
    return inspect(model, image_size=image_size).draw(form)


def catalog(*, everything: bool = False, names: Iterable[str] = ARCHITECTURES) -> ModelCatalog:
    """The size of every architecture; the tiny variants, made for tests, only with ``everything``."""
    return ModelCatalog(tuple(size_of(name) for name in names if everything or not name.endswith("_tiny")))
