"""Records come back from JSON as they were, and what is no such record is told in a sentence."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, nan
from typing import NamedTuple

import pytest

from inarch.errors import UserError
from inarch.storage.serialisation import from_data, from_json, to_data, to_json


class Point(NamedTuple):
    """A pair that JSON has as a list."""

    name: str
    value: float


@dataclass(frozen=True)
class Part:
    """A record inside another, with a check of its own."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"A size is at least 1, got {self.size}.")


@dataclass(frozen=True)
class Whole:
    """Everything that our records are made of."""

    name: str
    share: float
    is_on: bool
    triple: tuple[float, float, float]
    parts: tuple[Part, ...] = ()
    counts: tuple[tuple[str, tuple[int, ...]], ...] = ()
    points: tuple[Point, ...] = ()
    words: Mapping[str, str | int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    best: Part | None = None


WHOLE = Whole(
    name="caf\N{LATIN SMALL LETTER E WITH ACUTE}",
    share=0.1,
    is_on=True,
    triple=(1.0, 2.0, 3.0),
    parts=(Part(1), Part(2)),
    counts=(("train", (3, 4)), ("", ())),
    points=(Point("a", 0.5),),
    words={"torch": "2", "cores": 2},
    names=["x"],
    best=Part(9),
)
LEAST = {"name": "n", "share": 1, "is_on": False, "triple": [1, 2, 3]}


def test_what_is_written_is_read() -> None:
    """To the last bit, tuples as tuples, through plain JSON."""
    assert from_json(Whole, to_json(WHOLE)) == WHOLE
    assert from_json(Whole, to_json(WHOLE, indent=None).encode()) == WHOLE
    assert from_data(Whole, to_data(WHOLE), strict=True) == WHOLE
    assert json.loads(to_json(WHOLE)) == to_data(WHOLE)
    assert isinstance(from_json(Whole, to_json(WHOLE)).points[0], Point)


def test_what_older_files_lack_takes_its_default() -> None:
    """And what newer ones have beside is passed over; whole numbers are numbers."""
    read = from_data(Whole, {**LEAST, "from the future": 1})
    assert read == Whole("n", 1.0, False, (1.0, 2.0, 3.0))
    assert isinstance(read.share, float)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": 3}, "name must be text, not 3."),
        ({"share": "0.5"}, "share must be a number, not '0.5'."),
        ({"share": True}, "share must be a number, not True."),
        ({"is_on": 1}, "is_on must be true or false, not 1."),
        ({"triple": [1, 2]}, "triple must be a list of 3, not [1, 2]."),
        ({"names": "xyz"}, "names must be a list, not 'xyz'."),
        ({"words": [1]}, "words must be a table of names and values, not [1]."),
        ({"words": {"a": 1.5}}, "words.a: 1.5 (<class 'float'>) not part of str | int"),
        ({"parts": [{"size": 1}, {"size": 1.5}]}, "parts[1].size must be a whole number, not 1.5."),
        ({"parts": [{"size": 1}, {}]}, "parts[1].size is missing."),
        ({"parts": [{"size": 0}]}, "parts[0]: A size is at least 1, got 0."),
        ({"parts": [3]}, "parts[0] must be a table of names and values, not 3."),
        ({"best": []}, "best must be a table of names and values, not []."),
    ],
)
def test_what_is_of_another_type_is_told_with_its_place(change: dict[str, object], said: str) -> None:
    """The first thing that is wrong."""
    with pytest.raises(UserError) as caught:
        from_data(Whole, {**LEAST, **change})
    assert str(caught.value) == said


def test_names_are_checked_where_that_is_asked() -> None:
    """A file that is written by hand may have a slip of the pen."""
    with pytest.raises(UserError, match=r"^It has no 'shore'; there is best, .*, share, "):
        from_data(Whole, {**LEAST, "shore": 1}, strict=True)
    with pytest.raises(UserError, match=r"^best has no 'sise'; there is size\.$"):
        from_data(Whole, {**LEAST, "best": {"size": 1, "sise": 1}}, strict=True)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff"])
def test_what_is_no_json_is_told(text: str | bytes) -> None:
    """Cut off, nested too deep, no text."""
    with pytest.raises(UserError, match="It is no JSON"):
        from_json(Whole, text)
    with pytest.raises(UserError, match="It must be a table"):
        from_json(Whole, "[]")


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_numbers_that_json_does_not_have(value: float) -> None:
    """An error, or null where that is asked for."""
    with pytest.raises(ValueError, match="not JSON compliant") as caught:
        to_json({"a": [value]})
    assert not isinstance(caught.value, UserError)
    assert to_json({"a": [value, 1.0]}, indent=None, null_for_infinite=True) == '{"a": [null, 1.0]}'


def test_names_of_files_need_be_no_text() -> None:
    """Linux allows any bytes in them."""
    name = os.fsdecode(b"caf\xe9")
    written = to_json({"name": name})
    assert json.loads(written.encode("utf-8")) == {"name": name}
