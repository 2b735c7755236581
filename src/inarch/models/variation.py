"""Variations: functions from one row of the catalog to another, which hands its builder other parts.

A varied row builds, traces, exports and trains like any other; its ``variant`` says what was varied. On the command
line a variation is written behind the model's name: ``googlenet:without_reduction``, ``resnet18:width=0.5:depth=2``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter, signature
from itertools import groupby
from types import MappingProxyType
from typing import Any

import torch

from inarch.errors import UnknownNameError, UserError
from inarch.models import resnet_parts, tables
from inarch.models.anatomy.records import Departure
from inarch.models.architecture import Architecture
from inarch.models.googlenet import scale_stem

LARGEST = 16
"""The factor up to which a width or a depth can be multiplied."""


def without_reduction(row: Architecture) -> Architecture:
    """Every module without the 1x1 convolutions before its larger ones; output widths and the pool branch stay.

    Raises:
        UserError: the model is not made of Inception modules whose branches are a part of it.
    """
    return _vary_branches(row, "without reduction", tables.remove_reduction)


def scale_reduction(row: Architecture, factor: float) -> Architecture:
    """Every module with the 1x1 convolutions before its larger ones so many times as wide.

    Raises:
        UserError: the factor is not above 0 and up to `LARGEST`, or the model is not made of such modules.
    """
    _check_factor("reduction", factor)
    return _vary_branches(row, f"reductions of width {factor:g}", tables.scale_reduction(factor))


def keep_single_branch(row: Architecture, name: str) -> Architecture:
    """Every module with branch ``name`` alone, widened so that it gives as many channels as all of them did.

    Raises:
        UserError: the model is not made of such modules, or one of them has no branch of that name.
    """
    return _check_buildable(_vary_branches(row, f"branch {name} alone", tables.keep_single_branch(name)))


def without_shortcut(row: Architecture) -> Architecture:
    """Every block without its skip path: the plain model.

    Raises:
        UserError: the model has no shortcuts that are a part of it.
    """
    if _parts(row).get("shortcut") in (None, resnet_parts.no_shortcut):
        raise UserError(f"{_display_name(row)} has no shortcuts that could be left out.")
    return _replace_parts(row, "without shortcut", shortcut=resnet_parts.no_shortcut)


def without_auxiliary(row: Architecture) -> Architecture:
    """The model without the auxiliary classifiers that it is trained with.

    Raises:
        UserError: it has none.
    """
    if row.auxiliary_head is None:
        raise UserError(f"{_display_name(row)} has no auxiliary heads that could be left out.")
    return replace(_replace_parts(row, "without auxiliary heads"), auxiliary_taps=(), auxiliary_head=None)


def scale_architecture(row: Architecture, *, width: float = 1.0, depth: float = 1.0) -> Architecture:
    """Every width and every stage's number of blocks multiplied, rounded, at least 1; the head's input follows.

    Raises:
        UserError: a factor is not above 0 and up to `LARGEST`, or the model cannot be made of that width or depth.
    """
    _check_factor("width", width)
    _check_factor("depth", depth)
    wide = row if width == 1.0 else _replace_parts(row, f"width {width:g}", **_widths(row, width))
    return _check_buildable(wide if depth == 1.0 else _replace_parts(wide, f"depth {depth:g}", **_depths(row, depth)))


def _check_factor(name: str, factor: float) -> None:
    if not 0 < factor <= LARGEST:
        raise UserError(f"A {name} is multiplied by a number above 0, up to {LARGEST}; {factor:g} was asked for.")


@dataclass(frozen=True)
class Notation:
    """How a variation is written behind a model's name, and what it does."""

    apply: Callable[..., Architecture]
    """Takes the row and, where something stands behind the equals sign, that."""
    what: str
    reads: Callable[[str], Any] | None = None
    """Turns what stands behind the equals sign into a value; None where nothing may stand there."""
    examples: tuple[str, ...] = ()


VARIATIONS: Mapping[str, Notation] = MappingProxyType(
    {
        "without_reduction": Notation(without_reduction, "no 1x1 convolution before the larger ones of a module"),
        "reduction": Notation(scale_reduction, "those 1x1 convolutions so many times as wide", float, ("0.5",)),
        "without_shortcut": Notation(without_shortcut, "no skip path, as in a plain model"),
        "without_auxiliary": Notation(without_auxiliary, "no auxiliary classifiers in training"),
        "branch": Notation(
            keep_single_branch, "one branch of every module, as wide as all of them", str, ("1x1", "3x3", "5x5")
        ),
        "width": Notation(
            lambda row, factor: scale_architecture(row, width=factor), "every width times that", float, ("0.5",)
        ),
        "depth": Notation(
            lambda row, factor: scale_architecture(row, depth=factor),
            "the blocks of every stage times that",
            float,
            ("0.5",),
        ),
    }
)
"""Every variation that can be written behind a model's name."""


def apply_variations(name: str, row: Architecture, variations: Sequence[str]) -> Architecture:
    """``row``, which is called ``name``, put through ``variations`` as they are written behind a model's name.

    Raises:
        UnknownNameError: no variation of that name.
        UserError: a variation is not defined for this model.
    """
    for variation in variations:
        change = _parse_variation(variation)
        try:
            row = change(row)
        except UserError as error:
            possible = ", ".join(applicable_variations(row))
            raise UserError(
                f"{name} cannot be varied by {variation}: {error} Possible variations: {possible}."
            ) from error
    return row


def applicable_variations(row: Architecture) -> tuple[str, ...]:
    """The variations that ``row`` can be put through, as they are written, with an example where they take a value."""
    written = [
        f"{name}={text}" if text else name for name, each in VARIATIONS.items() for text in each.examples or ("",)
    ]
    return tuple(each for each in written if _is_applicable(row, each))


def _is_applicable(row: Architecture, variation: str) -> bool:
    try:
        _parse_variation(variation)(row)
    except UserError:
        return False
    return True


def _parse_variation(variation: str) -> Callable[[Architecture], Architecture]:
    """The function that ``variation`` is written for."""
    name, equals, text = variation.partition("=")
    if name not in VARIATIONS:
        raise UnknownNameError("variation", name, VARIATIONS)
    notation = VARIATIONS[name]
    if notation.reads is None:
        if equals:
            raise UserError(f"The variation {name} takes no value; leave {equals + text!r} out.")
        return notation.apply
    try:
        value = notation.reads(text)
    except ValueError as error:
        raise UserError(f"The variation {name} takes a number, as in {name}=0.5, not {text!r}.") from error
    return lambda row: notation.apply(row, value)


def _parts(row: Architecture) -> Mapping[str, Any]:
    """The arguments of the row's builder besides the number of classes: bound in the row, or defaults."""
    parameters = signature(row.builder).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is Parameter.KEYWORD_ONLY}


def _replace_parts(row: Architecture, words: str, **parts: Any) -> Architecture:
    """``row`` with other parts; what was varied is said in its variant and among its departures."""
    departure = Departure(
        f"A variation of the catalog's model: {words}.", "It was asked for.", "inarch/models/variation.py"
    )
    return replace(
        row,
        builder=partial(row.builder, **parts),
        variant=f"{row.variant}, {words}",
        departures=(*row.departures, departure),
    )


def _vary_branches(row: Architecture, words: str, variation: tables.Variation) -> Architecture:
    parts = _parts(row)
    if "branches" in parts:
        before = parts["branches"]
        return _replace_parts(row, words, branches=lambda branches: variation(before(branches)))
    if "stages" in parts:
        return _replace_parts(
            row, words, stages={name: _vary_rows(rows, variation) for name, rows in parts["stages"].items()}
        )
    raise UserError(f"{_display_name(row)} has no table of Inception modules that could be varied.")


def _vary_rows(rows: Mapping[str, tables.TableRow], variation: tables.Variation) -> dict[str, tables.TableRow]:
    """A stage of a table, every module of it varied."""
    return {name: variation(row) if isinstance(row, Mapping) else row for name, row in rows.items()}


def _widths(row: Architecture, factor: float) -> dict[str, Any]:
    parts = _parts(row)
    if "modules" in parts:
        modules = tables.scale_widths(parts["modules"], width=factor)
        return {"modules": modules, "stem": scale_stem(parts["stem"], width=factor)}
    if "width" not in parts:
        raise UserError(f"{_display_name(row)} has no width that could be multiplied.")
    width = parts["width"]
    return {"width": max(1, round(width * factor)) if isinstance(width, int) else width * factor}


def _depths(row: Architecture, factor: float) -> dict[str, Any]:
    parts = _parts(row)
    if "modules" in parts:
        modules = parts["modules"]
        sizes = [len([*names]) for _, names in groupby(modules, lambda name: name[0])]
        return {"modules": tables.keep_last_modules(modules, [_scale_count(size, factor) for size in sizes])}
    depths = parts.get("depths") or getattr(parts.get("table"), "depths", None)
    if depths is None:
        raise UserError(f"The table of {_display_name(row)} has no depth that could be multiplied.")
    return {"depths": tuple(_scale_count(depth, factor) for depth in depths)}


def _scale_count(count: int, factor: float) -> int:
    return max(1, round(count * factor))


def _check_buildable(row: Architecture) -> Architecture:
    """``row``, which was found to build, with auxiliary heads only where there is still something to tap."""
    try:
        with torch.device("meta"):
            taps = row.builder(1).backbone.taps
    except UserError:
        raise
    except ValueError as error:  # among others, channels that torch cannot divide into groups
        raise UserError(f"{_display_name(row)} cannot be built: {error}.") from error
    return replace(row, auxiliary_taps=tuple(tap for tap in row.auxiliary_taps if tap in taps))


def _display_name(row: Architecture) -> str:
    return f"{row.family} ({row.variant})"
