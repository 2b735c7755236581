"""Options as the parameters of a scikit-learn estimator, which keeps each as an attribute of its own name."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from inarch.options.option import OptionField, fill_record, option_fields

R = TypeVar("R")


def initialiser(record: type) -> Callable[..., None]:
    """An ``__init__`` that takes the options of a record by name, and does nothing but keep them.

    A default that is computed for every record is None here: it may differ on the machine that an estimator is sent to.
    """
    parameters = [
        inspect.Parameter(
            _name_of(each),
            inspect.Parameter.KEYWORD_ONLY,
            default=_default_of(each),
            annotation=each.type | None if each.is_computed else each.type,
        )
        for each in _taken_fields(record)
    ]
    signature = inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *parameters])

    def __init__(self: Any, **given: Any) -> None:  # it becomes one
        bound = signature.bind(self, **given)
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            setattr(self, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return __init__


def options_from(estimator: Any, record: type[R]) -> R:
    """The options that an estimator holds.

    Raises:
        UserError: they do not go together, or one has a value that it cannot have.
    """
    kept = [(each, getattr(estimator, _name_of(each))) for each in _taken_fields(record)]
    values = {
        each.path: Path(value) if each.type is Path else value
        for each, value in kept
        if not (each.is_computed and value is None)
    }
    return fill_record(record(), values)


def _taken_fields(record: type) -> list[OptionField]:
    return [each for each in option_fields(record) if each.option.in_estimator]


def _name_of(each: OptionField) -> str:
    return each.path[-1]


def _default_of(each: OptionField) -> Any:
    return None if each.is_computed else each.default
