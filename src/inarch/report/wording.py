"""Figures in plain words: percent, intervals, counts and durations, the same on every page and in the terminal."""

from unicodedata import bidirectional, category

from inarch.metrics.records import Estimate, Evaluation

MINUTE, HOUR = 60, 3600
TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""Bidirectional classes by which a file name can show itself as another."""


def percent(share: float, digits: int = 1) -> str:
    """A fraction as percent: 0.948 is ``94.8 %``."""
    return f"{100 * share:.{digits}f} %"


def interval(estimate: Estimate, unit: str = "%") -> str:
    """The bounds of an estimate: ``90.0 to 97.3 %``."""
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} {unit}"


def points(difference: float) -> str:
    """A difference of two shares in percentage points: 0.044 is ``4.4 points``."""
    return f"{100 * difference:.1f} points"


def count_of(n: int, noun: str, plural: str = "") -> str:
    """A count with its noun: ``1 photo``, ``1,530 photos``."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A time span in the two units that matter: ``0.4 s``, ``2 min 14 s``, ``1 h 5 min``."""
    if round(seconds, 1) < MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"


def make_printable(text: str) -> str:
    """The text with every character that a page cannot hold, or that a terminal would obey, replaced."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unsafe(character) else character for character in text)


def _is_unsafe(character: str) -> bool:
    """Control characters, halves of surrogate pairs, line separators, and what turns the direction of writing."""
    return category(character) in ("Cc", "Cs", "Zl", "Zp") or bidirectional(character) in TURNING


def photos_wanted(evaluation: Evaluation) -> str:
    """What it takes to know the accuracy well: ``About 1,677 more test photos would tell it to 2 points …``"""
    if evaluation.precise_at is None or evaluation.precise_at <= evaluation.n:
        return ""
    more = count_of(evaluation.precise_at - evaluation.n, "more test photo")
    return f"About {more} would tell the accuracy to 2 points either way."


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters, cut in the middle: names often differ at their ends."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def headline(right: Estimate) -> str:
    """The accuracy as the beginning of a sentence: ``Right on 94.8 % of 153 photos``."""
    return f"Right on {percent(right.value)} of {count_of(right.n, 'photo')}"
