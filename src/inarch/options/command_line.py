"""Options on the command line: a function that takes records becomes one that Typer can read.

The only module of the library that imports Typer.
"""

import functools
import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import typer

from inarch.errors import UserError
from inarch.options.option import VALUE_KINDS, OptionField, fill_record, option_fields
from inarch.storage.home import expand

R = TypeVar("R")
METAVARS: Mapping[Any, str] = types.MappingProxyType({int: "INTEGER", float: "NUMBER", Path: "PATH"})


def with_options(function: Callable[..., R]) -> Callable[..., R]:
    """``function``, but every parameter that is a record of options is spread into its options.

    What the command line gives is read, put into the record, and checked there.

    Args:
        function: its parameters are annotated; those that are no records are Typer's own, such as its arguments.
    """
    signature = inspect.signature(function, eval_str=True)
    annotations: dict[str, Any] = {each.name: each.annotation for each in signature.parameters.values()}
    records: dict[str, Any] = {name: record for name, record in annotations.items() if is_dataclass(record)}
    parameters = []
    for each in signature.parameters.values():
        if each.name in records:
            parameters += [_parameter(each.name, field) for field in _shown_fields(each.annotation)]
        else:
            parameters.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def reading(**given: Any) -> R:
        filled = {name: _read_record(record, name, given) for name, record in records.items()}
        own = {name: _at_home(value) for name, value in given.items() if name in signature.parameters}
        return function(**own, **filled)

    reading.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    reading.__annotations__ = {each.name: each.annotation for each in parameters}
    return reading


def _shown_fields(record: Any) -> list[OptionField]:
    return [each for each in option_fields(record) if each.option.on_command_line]


def _name_of(record: str, field: OptionField) -> str:
    """The name of its parameter: apart from the function's own parameters, of which one may have the field's name."""
    return "__".join((record, *field.path))


def _read_record(record: Callable[[], Any], name: str, given: Mapping[str, Any]) -> Any:
    values = {each.path: _read(each, given[_name_of(name, each)]) for each in _shown_fields(record)}
    return fill_record(record(), values)


def _at_home(value: Any) -> Any:
    """Paths with the home in place of ``~``, which a shell leaves in ``--out=~/x``; nothing else begins with ``~/``."""
    if isinstance(value, list):
        return [_at_home(each) for each in value]
    if isinstance(value, Path) or (isinstance(value, str) and value.startswith(("~/", "~\\"))):
        return type(value)(expand(value))
    return value


def _read(field: OptionField, value: Any) -> Any:
    """The value that a text means: text that means none is one sentence, where Typer would print several lines."""
    if isinstance(value, list):
        return tuple(dict.fromkeys(map(_at_home, value)))
    if not isinstance(value, str):
        return value
    value = _at_home(value)
    if field.option.notation is not None:
        return field.option.notation.read(value)
    kind = _kind_of(field)
    if kind is Path:
        return Path(value)
    if kind not in (int, float):
        return value
    try:
        return kind(value)
    except ValueError:
        raise UserError(f"--{field.name} takes {VALUE_KINDS[kind].noun}; {value!r} was given.") from None


def _parameter(record: str, field: OptionField) -> inspect.Parameter:
    option, default = field.option, field.default
    flag = f"--{field.name}/--no-{field.name}" if default is True else f"--{field.name}"
    declared = typer.Option(
        flag,
        help=_help_of(field),
        metavar=_metavar_of(field),
        autocompletion=_completer(option.choices) if option.choices else None,
    )
    if isinstance(default, tuple):
        default = list(default)
    elif not isinstance(default, bool) and default is not None:
        default = str(default) if option.notation is None else option.notation.write(default)
    return inspect.Parameter(
        _name_of(record, field),
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[_typer_type(field), declared],
    )


def _kind_of(field: OptionField) -> Any:
    """The type of the value where there is one; text where it may be a path or a name."""
    members = get_args(field.type) if get_origin(field.type) in (Union, types.UnionType) else (field.type,)
    kinds = [each for each in members if each is not type(None)]
    return kinds[0] if len(kinds) == 1 else str


def _typer_type(field: OptionField) -> Any:
    kind = _kind_of(field)
    if get_origin(kind) is tuple:
        return list[str]
    return bool if kind is bool else str | None


def _metavar_of(field: OptionField) -> str | None:
    option, kind = field.option, _kind_of(field)
    if kind is bool:
        return None
    if option.notation is not None:
        return option.notation.metavar
    return option.metavar or "|".join(option.choices) or METAVARS.get(kind, "TEXT")


def _help_of(field: OptionField) -> str:
    notation = field.option.notation
    return field.option.help if notation is None else f"{field.option.help.rstrip('.')}: {notation.examples}."


def _completer(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [each for each in choices if each.startswith(incomplete)]

    return complete
