"""A model compared with others: with one of them, or with its siblings and variations."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from inarch.bundle.model import means_bundle, trace
from inarch.commands.inspect.comparison import compare
from inarch.commands.inspect.drawing import against_text
from inarch.commands.inspect.drawing import departures_text as ledger_text
from inarch.errors import UnknownNameError, UserError
from inarch.models import ARCHITECTURES, Architecture, architecture
from inarch.models.anatomy.records import Ledger, ModelComparison, Sibling, VariedModel
from inarch.models.anatomy.size import size_of
from inarch.models.variation import VARIATIONS, applicable_variations

Show = TypeVar("Show", bound=Callable[..., str])


def compare_models(model: str | Path, other: str | Path, *, image_size: int | None = None) -> ModelComparison:
    """How ``model`` differs from ``other``: names of the catalog, perhaps with variations, or bundles' folders.

    Raises:
        UnknownNameError: neither a model nor a bundle.
        UserError: the images are too small for one of the models, or a variation is not defined for it.

    Examples:
        >>> comparison = inarch.compare_models("resnet18", "plain18")
        >>> [(change.what, change.here, change.there, change.count) for change in comparison.changes]
        [('shortcut', 'projection', 'none', 3), ('shortcut', 'identity', 'none', 5)]
    """
    return compare(trace(model, image_size=image_size), trace(other, image_size=image_size))


def ledger(name: str) -> Ledger:
    """How the model ``name`` departs from its paper, its siblings in the catalog, and the effects of variations.

    Raises:
        UnknownNameError: no architecture, or no variation, of that name.
        UserError: it is a bundle's folder, or a variation is not defined for it.
    """
    if means_bundle(name):
        raise UserError(f"Variants exist for models of the catalog, not for the bundle {name}; see `inarch models`.")
    row = architecture(name)
    return Ledger(
        model=size_of(name),
        departures=row.departures,
        siblings=tuple(Sibling(size_of(each), ARCHITECTURES[each].departures) for each in _siblings(name, row)),
        variations=tuple(
            VariedModel(size_of(f"{name}:{each}"), _variation_summary(each)) for each in applicable_variations(row)
        ),
    )


def _siblings(name: str, row: Architecture) -> Iterator[str]:
    """The catalog's other models of the same table of the same paper, or whose name begins with the same word."""
    own = name.partition(":")[0]
    for each, other in ARCHITECTURES.items():
        kin = other.source == row.source or each.partition("_")[0] == own.partition("_")[0]
        if kin and each != own and not each.endswith("_tiny"):
            yield each


def _variation_summary(variation: str) -> str:
    return VARIATIONS[variation.partition("=")[0]].what


def render_comparison(model: str | Path, other: str | Path, form: str, *, image_size: int | None = None) -> str:
    """The comparison as ``text`` or ``json``.

    Raises:
        UnknownNameError: no such model, or no such form.
    """
    show = _pick_form(form, {"text": against_text.to_text, "json": against_text.to_json})
    return show(compare_models(model, other, image_size=image_size))


def render_ledger(name: str, form: str) -> str:
    """The ledger as ``text`` or ``json``.

    Raises:
        UnknownNameError: no such model, or no such form.
    """
    show = _pick_form(form, {"text": ledger_text.to_text, "json": ledger_text.to_json})
    return show(ledger(name))


def _pick_form(form: str, forms: Mapping[str, Show]) -> Show:
    if form not in forms:
        raise UnknownNameError("format for this", form, forms)
    return forms[form]
