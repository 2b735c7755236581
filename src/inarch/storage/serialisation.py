"""Records as JSON, and back: checked as they are read, so that no value of another type gets in."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from math import isfinite
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from cattrs import (
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.cols import (
    is_mapping,
    is_namedtuple,
    list_structure_factory,
    mapping_structure_factory,
    namedtuple_dict_unstructure_factory,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.strategies import configure_union_passthrough

from inarch.errors import UserError
from inarch.storage.shown import marked_properties

Record = TypeVar("Record")
Hook = Callable[[Any, Any], Any]
EXPECTED = MappingProxyType({int: "a whole number", float: "a number", str: "text", bool: "true or false"})
"""The expected value of a field, by its type, in words."""


def to_data(content: object) -> Any:
    """The same with records as dicts and tuples as lists, as JSON has them."""
    return _converter(strict=False).unstructure(content)


def to_json(content: object, *, indent: int | None = 2, null_for_infinite: bool = False) -> str:
    """Records, or what holds them, as JSON.

    Args:
        content: records, dicts, lists, numbers, text. Text may hold bytes of a file's name that are no text, as
            `os.fsdecode` gives them: they become escapes that are read as the same.
        indent: spaces; None writes a single line.
        null_for_infinite: write null for NaN and infinity, which JSON does not have; else they are an error.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    data = _with_nulls(to_data(content)) if null_for_infinite else to_data(content)
    text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def to_printed_json(result: object, schema: str, *, indent: int | None = 2) -> str:
    """The JSON output of a command: its result as one object, which says by what schema.

    Named tuples are objects as records are, and marked properties are added to the fields (`inarch.storage.shown`).
    Bytes are left out, as pictures are in the files that a command writes. Numbers that are not finite are null.

    Args:
        result: a record, or a mapping of names to records.
        schema: name and version, as ``inarch.train/1``; the version rises when a key goes or changes its meaning.
        indent: spaces; None writes a single line.
    """
    return to_json(
        {"schema": schema, **_printing_converter().unstructure(result)}, indent=indent, null_for_infinite=True
    )


def to_ascii(text: str) -> str:
    """JSON with escapes for all other characters than ASCII, which stand only inside its texts."""
    return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)


def from_data(kind: type[Record], data: object, *, strict: bool = False) -> Record:
    """The record that `to_data` made ``data`` of.

    Args:
        kind: the record's class.
        data: what is missing takes its default, where there is one.
        strict: whether a name that the record does not have is an error; else it is passed over.

    Raises:
        UserError: something is missing, of another type, or refused by a record's own check.
    """
    try:
        return _converter(strict=strict).structure(data, kind)
    except Exception as error:  # checks of records may raise any kind
        raise UserError(_first_problem(error)) from error


def from_json(kind: type[Record], text: str | bytes) -> Record:
    """The record that `to_json` wrote.

    Raises:
        UserError: it is no JSON, or not that of such a record.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"It is no JSON: {error}.") from error
    return from_data(kind, data)


def _with_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _with_nulls(each) for name, each in data.items()}
    if isinstance(data, list):
        return [_with_nulls(each) for each in data]
    return None if isinstance(data, float) and not isfinite(data) else data


class _MismatchError(ValueError):
    """A value of another type; the message goes on from the value's name."""


@cache
def _converter(*, strict: bool) -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})
    configure_union_passthrough(str | int | float | bool | None, converter)
    for kind in EXPECTED:
        converter.register_structure_hook(kind, _scalar)

    def record(kind: Any, converter: Converter) -> Hook:
        return _of_table(make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=strict))

    def mapping(kind: Any, converter: Converter) -> Hook:
        return _of_table(mapping_structure_factory(kind, converter))

    def named(kind: Any, converter: Converter) -> Callable[[Any], Any]:
        return lambda value: [converter.unstructure(each) for each in value]

    converter.register_unstructure_hook_factory(is_namedtuple, named)
    for fits, factory in ((_is_sequence, _sequence), (is_mapping, mapping), (is_dataclass, record)):
        converter.register_structure_hook_factory(fits, factory)
    return converter


@cache
def _printing_converter() -> Converter:
    converter = Converter(unstruct_collection_overrides={tuple: list})
    converter.register_unstructure_hook_factory(is_namedtuple, namedtuple_dict_unstructure_factory)
    converter.register_unstructure_hook_factory(is_dataclass, _printed_record)
    return converter


def _printed_record(kind: Any, converter: Converter) -> Callable[[Any], dict[str, Any]]:
    pictures = {name: override(omit=True) for name, each in get_type_hints(kind).items() if each is bytes}
    write = make_dict_unstructure_fn(kind, converter, **pictures)  # type: ignore[arg-type]  # options have other types
    marked = tuple(marked_properties(kind))
    return lambda record: {**write(record), **{name: converter.unstructure(getattr(record, name)) for name in marked}}


def _scalar(value: Any, kind: Any) -> Any:
    """A whole number is a number, and a truth value is neither."""
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise _MismatchError(f"must be {EXPECTED[kind]}, not {value!r}")
    return kind(value)


def _is_sequence(kind: Any) -> bool:
    return (get_origin(kind) or kind) in (tuple, list)


def _sequence(kind: Any, converter: Converter) -> Hook:
    """From a list alone; cattrs takes whatever can be iterated, text included."""
    container, parts = get_origin(kind) or kind, get_args(kind) or (Any, ...)
    many = list_structure_factory(list[parts[0]], converter)  # type: ignore[valid-type]

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise _MismatchError(f"must be a list, not {value!r}")
        if container is list or parts[-1] is ...:
            return container(many(value, kind))
        if len(parts) != len(value):
            raise _MismatchError(f"must be a list of {len(parts)}, not {value!r}")
        return tuple(converter.structure(each, part) for each, part in zip(value, parts, strict=True))

    return structure


def _of_table(hook: Hook) -> Hook:
    def structure(value: Any, kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise _MismatchError(f"must be a table of names and values, not {value!r}")
        return hook(value, kind)

    return structure


def _first_problem(error: BaseException, place: str = "") -> str:
    """The error and its place: ``phases[1].chunks must be a whole number, not '2'.``"""
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted: Any
        noted, others = error.group_exceptions()
        if noted:
            inner, note = noted[0]
            return _first_problem(inner, _place(place, getattr(note, "name", None) or note.index))
        return _first_problem(others[0], place)
    if isinstance(error, ForbiddenExtraKeysError):
        known = ", ".join(sorted(each.name for each in fields(error.cl)))
        return f"{place or 'It'} has no {sorted(error.extra_fields)[0]!r}; there is {known}."
    if isinstance(error, KeyError):
        return f"{place} is missing."
    if isinstance(error, _MismatchError):
        return f"{place or 'It'} {error}."
    return f"{place}: {error}" if place else str(error)


def _place(outer: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{outer}[{name}]"
    return f"{outer}.{name}" if outer else name
