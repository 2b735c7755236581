"""Figures in plain words: percent, intervals, counts and durations, the same on every page and in the terminal."""

from collections.abc import Sequence
from unicodedata import bidirectional, category

from inarch.metrics.records import Estimate, Evaluation


def percent(share: float, digits: int = 1) -> str:
    """A fraction as percent: 0.948 is ``94.8 %``."""
    return f"{100 * share:.{digits}f} %"


def interval(estimate: Estimate, unit: str = "%") -> str:
    """The bounds of an estimate: ``90.0 to 97.3 %``."""
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} {unit}"


def points(difference: float) -> str:
    """A difference of two fractions in percentage points: 0.044 is ``4.4 points``."""
    return f"{100 * difference:.1f} points"


def count_of(n: int, noun: str, plural: str = "") -> str:
    """A count with its noun: ``1 photo``, ``1,530 photos``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A time span in the two units that matter: ``0.4 s``, ``2 min 14 s``, ``1 h 5 min``."""
    minute, hour = 60, 3600
    if round(seconds, 1) < minute:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < hour:
        return f"{whole // minute} min {whole % minute} s"
    return f"{whole // hour} h {whole % hour // minute} min"


def make_printable(text: str) -> str:
    """The text with every character replaced that a page cannot hold or that a terminal would obey."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unsafe(character) else character for character in text)


def _is_unsafe(character: str) -> bool:
    """Control characters, halves of surrogate pairs, line separators, and characters that reverse the writing."""
    turning = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # they make a file name show another
    return category(character) in ("Cc", "Cs", "Zl", "Zp") or bidirectional(character) in turning


def photos_wanted(evaluation: Evaluation) -> str:
    """The photos needed for a narrower interval: ``About 1,677 more test photos would narrow the interval …``"""
    if evaluation.precise_at is None or evaluation.precise_at <= evaluation.n:
        return ""
    more = count_of(evaluation.precise_at - evaluation.n, "more photo")
    return f"About {more} would narrow the interval to 2 points either way."


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters, cut in the middle, because names often differ at their ends."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def headline(accuracy: Estimate, split: str = "test") -> str:
    """The accuracy as a title, with its 95 % interval: ``Test accuracy 97.5 % (95.3–98.7)``."""
    titles = {
        "test": "Test accuracy",
        "val": "Validation accuracy",
        "train": "Training accuracy",
    }  # other photos have no split
    bounds = f"{100 * accuracy.low:.1f}–{100 * accuracy.high:.1f}"
    return f"{titles.get(split, 'Accuracy')} {percent(accuracy.value)} ({bounds})"


def correct_count(accuracy: Estimate) -> str:
    """The accuracy as a count: ``350 of 359``."""
    return f"{round(accuracy.value * accuracy.n):,} of {accuracy.n:,}"


def shortened(names: Sequence[str], most: int = 20) -> str:
    """``a, b, c``; of more than ``most``, the first and how many there are besides."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
