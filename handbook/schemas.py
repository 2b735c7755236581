"""The JSON of commands: a JSON Schema for each, and tables of the records, from the records themselves."""

import ast
import inspect
import json
import re
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Union, get_args, get_origin, get_type_hints

from inarch.commands.cli import commands
from inarch.storage.shown import marked_properties

PLAIN: Mapping[Any, Any] = types.MappingProxyType(
    {
        str: {"type": "string"},
        Path: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": ["number", "null"]},
        type(None): {"type": "null"},
        Any: {},
    }
)
EITHER = (Union, types.UnionType)
SEVERAL = (tuple, list, Sequence)
MAPPINGS = (dict, Mapping)
WORDS: Mapping[Any, str] = types.MappingProxyType(
    {str: "text", Path: "path", bool: "true or false", int: "integer", float: "number", type(None): "null", Any: "any"}
)


def results() -> dict[str, type]:
    """The record behind every schema, by the schema's name and version."""
    return {
        name: resolve_name(":".join(where.rsplit(".", 1)))
        for command in commands()
        for name, where in command.results.items()
    }


def file_of(schema: str) -> str:
    """The file of a schema: ``inarch.train/1`` is in ``train-1.json``."""
    return schema.removeprefix("inarch.").replace("/", "-") + ".json"


def schema_of(name: str, record: type) -> dict[str, Any]:
    """The JSON Schema of what a command prints."""
    definitions = {each.__name__: _object(each) for each in records_in(record)}
    top = definitions.pop(record.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        **top,
        "properties": {"schema": {"const": name}, **top["properties"]},
        "required": ["schema", *top["required"]],
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text(name: str, record: type) -> str:
    """The schema as its file holds it."""
    return json.dumps(schema_of(name, record), indent=1, ensure_ascii=False) + "\n"


def records_in(record: type) -> list[type]:
    """The record and all that it holds, each once."""
    found: list[type] = []

    def visit(kind: Any) -> None:
        if _is_record(kind) and kind not in found:
            found.append(kind)
            for inner in fields_of(kind).values():
                visit(inner)
        for part in get_args(kind):
            visit(part)

    visit(record)
    return found


@cache
def fields_of(record: Any) -> Mapping[str, Any]:
    """The keys of a record's JSON object, and the types of their values; pictures are left out."""
    hints = get_type_hints(record, include_extras=False)
    kinds = {}
    own = [each.name for each in fields(record)] if is_dataclass(record) else record._fields
    for name in (*own, *marked_properties(record)):
        shown = getattr(record, name, None)
        kinds[name] = get_type_hints(shown.fget)["return"] if isinstance(shown, property) else hints[name]
    return {name: kind for name, kind in kinds.items() if kind is not bytes}


@cache
def meanings_of(record: type) -> Mapping[str, str]:
    """The docstrings below a record's fields, and those of its properties."""
    said: dict[str, str] = {}
    for each in reversed(record.__mro__):
        if is_dataclass(each) or each is record:
            said |= dict(_docstrings(each))
    return {name: re.sub(r"\bNone\b", "null", " ".join(said.get(name, "").split())) for name in fields_of(record)}


def _docstrings(record: type) -> Iterator[tuple[str, str]]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(record)))
    body = next(each for each in tree.body if isinstance(each, ast.ClassDef)).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.FunctionDef):
            yield statement.name, ast.get_docstring(statement) or ""
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            below = following.value if isinstance(following, ast.Expr) else None
            if isinstance(below, ast.Constant) and isinstance(below.value, str):
                yield statement.target.id, below.value


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields"))


def _object(record: type) -> dict[str, Any]:
    meanings = meanings_of(record)
    properties = {}
    for name, kind in fields_of(record).items():
        properties[name] = {**_schema(kind), **({"description": meanings[name]} if meanings[name] else {})}
    return {
        "description": inspect.cleandoc(record.__doc__ or "").split("\n\n")[0].replace("\n", " "),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(kind: Any) -> dict[str, Any]:
    """A type as a part of a JSON Schema."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in PLAIN:
        return dict(PLAIN[kind])
    if _is_record(kind):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin in EITHER:
        return {"anyOf": [_schema(each) for each in parts]}
    if origin is tuple and parts[-1] is not Ellipsis:
        return {
            "type": "array",
            "prefixItems": [_schema(each) for each in parts],
            "minItems": len(parts),
            "maxItems": len(parts),
        }
    if origin in SEVERAL:
        return {"type": "array", "items": _schema(parts[0])}
    if origin in MAPPINGS:
        return {"type": "object", "additionalProperties": _schema(parts[1])}
    raise TypeError(f"JSON has nothing for {kind}.")


def type_words(kind: Any) -> str:
    """A type in the words of a table; records are links."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind in WORDS:
        return WORDS[kind]
    if _is_record(kind):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    if origin in EITHER:
        return " or ".join(type_words(each) for each in parts)
    if origin is tuple and parts[-1] is not Ellipsis:
        return f"[{', '.join(type_words(each) for each in parts)}]"
    if origin in SEVERAL:
        return f"list of {type_words(parts[0])}"
    return f"object of {type_words(parts[1])}"
