"""Numbers as people write them: ``90s``, ``20G``, ``0.95``."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from inarch.errors import UserError

SECONDS: Mapping[str, int] = MappingProxyType({"h": 3600, "m": 60, "s": 1})
LONGEST = 1e9
"""In any unit: thirty years of seconds."""
BYTES: Mapping[str, int] = MappingProxyType({"t": 10**12, "g": 10**9, "m": 10**6})


@dataclass(frozen=True)
class NumberNotation:
    """How a number is written, and which numbers make sense."""

    metavar: str
    noun: str
    """The kind of number, as an error names it."""
    examples: str
    """Shown by the help."""
    read: Callable[[str], float]
    """The number that a text means; raises `UserError` where it means none."""
    write: Callable[[float], str]
    """The shortest text that `read` takes for the number."""
    accepts: Callable[[float], bool]


def seconds_of(text: str) -> float:
    """The seconds in ``text``.

    Raises:
        UserError: it is not a number with s, m or h behind it, or nothing is left of it.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    if not found or not 0 < float(found[1]) <= LONGEST:
        raise UserError(f"{text!r} is not a duration; write it as 90s, 10m or 1h.")
    return float(found[1]) * SECONDS[found[2] or "s"]


def bytes_of(text: str) -> int:
    """The bytes in ``text``.

    Raises:
        UserError: it is not a number with M, G or T behind it, or less than a megabyte.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mgt])b?", text.strip().lower())
    size = int(float(found[1]) * BYTES[found[2]]) if found else 0
    if size < BYTES["m"]:
        raise UserError(f"{text!r} is not a size; write it as 500M, 20G or 1T, of at least 1M.")
    return size


def share_of(text: str) -> float:
    """The share that ``text`` is, between 0 and 1; whether it lies there is not checked.

    Raises:
        UserError: it is no number.
    """
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{text!r} is not a share; write it as a number between 0 and 1, such as 0.95.") from None


def _in_units(number: int | float, units: Mapping[str, int]) -> str:
    """The number in the largest unit of which it is a whole multiple, else in the smallest."""
    unit = next((each for each, worth in units.items() if number % worth == 0), [*units][-1])
    return f"{number / units[unit]:g}{unit}"


DURATION = NumberNotation(
    "TIME",
    "a number of seconds above 0",
    "90s, 10m, 1h",
    seconds_of,
    lambda seconds: _in_units(seconds, SECONDS),
    lambda seconds: seconds > 0 and math.isfinite(seconds),
)
SIZE = NumberNotation(
    "SIZE",
    "a number of bytes above 0",
    "500M, 20G, 1T",
    bytes_of,
    lambda size: _in_units(size, BYTES).upper(),
    lambda size: size > 0,
)
SHARE = NumberNotation(
    "SHARE",
    "a share between 0 and 1, such as 0.95",
    "0.95",
    share_of,
    lambda share: f"{share:g}",
    lambda share: 0 < share < 1,
)
