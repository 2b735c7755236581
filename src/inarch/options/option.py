"""An option is declared once, as an annotated field of a frozen record.

::

    @dataclass(frozen=True, kw_only=True)
    class GrowOptions:
        seed: Seed = 0
        height: Annotated[int, Option("Metres.", minimum=1)] = 10

        def __post_init__(self) -> None:
            check_options(self)

The command line (`inarch.options.command_line`), the parameters of an estimator (`inarch.options.parameters`) and the
tables in the documentation are made from the record.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from functools import cache, partial
from numbers import Integral, Number, Real
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from inarch.errors import UnknownNameError, UserError
from inarch.options.notation import NumberNotation
from inarch.storage.home import expand

R = TypeVar("R")


class ValueKind(NamedTuple):
    """The types of values that are taken for a field's type, and the word for them."""

    accepted: Any
    """NumPy's numbers are numbers too."""
    noun: str


VALUE_KINDS: Mapping[Any, ValueKind] = MappingProxyType(
    {
        int: ValueKind(Integral, "a whole number"),
        float: ValueKind(Real, "a number"),
        bool: ValueKind(bool, "True or False"),
        str: ValueKind((str, os.PathLike), "text"),
        tuple: ValueKind((tuple, list), "a tuple"),
    }
)


@dataclass(frozen=True)
class Option:
    """Everything about an option that its type and its default do not say."""

    help: str
    """A sentence or two; examples of the notation are added."""
    name: str = ""
    """On the command line, where it is not the field's name."""
    kind: str = ""
    """The name of the value in errors (``image size``), where that is not the field's name."""
    metavar: str = ""
    notation: NumberNotation | None = None
    """How people write the value, where it is more than a plain number."""
    choices: tuple[str, ...] = ()
    """All values that there are."""
    minimum: int | None = None
    maximum: int | None = None
    verify: Callable[[Any], object] | None = None
    """Raises `UserError` about a value that cannot be used, in place of the check for choices and bounds."""
    on_command_line: bool = True
    in_estimator: bool = True
    """Whether it makes sense where photos and labels are handed over in memory."""

    def check(self, kind: str, value: Any) -> None:
        """Refuse a value that is none of the choices, or out of bounds.

        Raises:
            UnknownNameError: it is no choice; offers the nearest one.
            UserError: it is out of bounds.
        """
        if self.verify is not None:
            self.verify(value)
        elif self.choices and value not in self.choices:
            raise UnknownNameError(kind, value, self.choices)
        if self.notation is not None and not self.notation.accepts(value):
            raise UserError(_refusal(kind, self.notation.noun, value))
        low, high = self.minimum, self.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"from {low} to {high}" if high is not None else f"of {low} or more"
            raise UserError(_refusal(kind, f"a whole number {bounds}", value))


def _refusal(kind: str, noun: str, value: Any) -> str:
    return f"{'An' if kind[0] in 'aeiou' else 'A'} {kind} is {noun}; {value} was asked for."


@dataclass(frozen=True)
class OptionField:
    """An option in its place in a record."""

    path: tuple[str, ...]
    """The fields that lead to it: more than one where a record holds another."""
    type: Any
    option: Option
    default: Any
    is_computed: bool
    """Whether the default is computed for every record, and may differ from one machine to the next."""

    @property
    def name(self) -> str:
        """Its name on the command line, without dashes in front: ``image-size``."""
        return self.option.name or self.path[-1].replace("_", "-")

    @property
    def kind(self) -> str:
        """The name of its value in errors."""
        return self.option.kind or self.path[-1].replace("_", " ")


@cache
def option_fields(record: Any) -> tuple[OptionField, ...]:
    """Every option of a kind of record, those of records that it holds in their place; other fields are passed over."""
    return tuple(_fields_of(record, (), _default_of))


def _fields_of(record: type, path: tuple[str, ...], value_of: Callable[[Field[Any]], Any]) -> Iterator[OptionField]:
    hints = get_type_hints(record, include_extras=True)
    for each in fields(record):
        here, value = (*path, each.name), value_of(each)
        kind, *notes = get_args(hints[each.name]) if get_origin(hints[each.name]) is Annotated else [hints[each.name]]
        option = next((note for note in notes if isinstance(note, Option)), None)
        if option is not None:
            yield OptionField(here, kind, option, value, each.default is MISSING)
        elif is_dataclass(value):
            yield from _fields_of(type(value), here, partial(_value_in, value))


def _value_in(record: Any, each: Field[Any]) -> Any:
    return getattr(record, each.name)


def _default_of(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def check_options(record: Any) -> None:
    """Refuse a record that holds what its options do not allow; empty defaults are always allowed.

    Text in an option's notation (``60s``) becomes its number, and a path gets the home in place of ``~``.

    Raises:
        UserError: one sentence about the first such option.
    """
    kind: Any = type(record)
    for each in option_fields(kind):
        if len(each.path) > 1:  # the inner record has checked itself
            continue
        value = _as_typed(each, getattr(record, each.path[0]))
        object.__setattr__(record, each.path[0], value)  # the record is frozen once it is made
        for one in value if isinstance(value, tuple) else (value,):
            if one is not None and one != "":
                each.option.check(each.kind, one)


def _as_typed(field: OptionField, value: Any) -> Any:
    """The value in the type of its option.

    Raises:
        UserError: it has another type.
    """
    kinds = get_args(field.type) if get_origin(field.type) in (Union, UnionType) else (field.type,)
    if Path in kinds and isinstance(value, str | Path) and str(value):
        return expand(value)
    if field.option.notation is not None and isinstance(value, str):
        return field.option.notation.read(value)
    if value is None and (type(None) in kinds or field.default is None):
        return None
    value = value.item() if isinstance(value, Number) and hasattr(value, "item") else value  # JSON takes no NumPy
    expected = [each for each in kinds if each in VALUE_KINDS]
    accepted = [each for each in expected if isinstance(value, VALUE_KINDS[each].accepted)]
    if not expected or any(_is_truth(value, each) for each in accepted):
        return value
    noun = field.option.notation.noun if field.option.notation else VALUE_KINDS[expected[0]].noun
    raise UserError(_refusal(field.kind, noun, repr(value)[:80]))


def _is_truth(value: Any, kind: Any) -> bool:
    """Whether a truth value stands where one is wanted, and no other where none is."""
    return isinstance(value, bool) == (kind is bool)


def fill_record(record: R, values: Mapping[tuple[str, ...], Any]) -> R:
    """The record with other values, each named by the fields that lead to it."""
    changes = {path[0]: value for path, value in values.items() if len(path) == 1}
    for name in {path[0] for path in values if len(path) > 1}:
        inner = {path[1:]: value for path, value in values.items() if len(path) > 1 and path[0] == name}
        changes[name] = fill_record(getattr(record, name), inner)
    return replace(record, **changes)  # type: ignore[type-var]  # every record of options is a dataclass
