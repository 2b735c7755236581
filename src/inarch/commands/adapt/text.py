"""What adapting came to, in lines for a terminal."""

from collections.abc import Mapping
from typing import Any

from inarch.metrics.records import Estimate
from inarch.report.wording import count_of, duration, percent


def adaptation_lines(adaptation: Mapping[str, Any]) -> tuple[str, ...]:
    """The table of candidates and both verdicts, from the adaptation in a bundle's ``metrics.json``."""
    candidates = adaptation["candidates"]
    learned = adaptation["labelled"]
    by = f"their {adaptation['validator']}"
    if learned:
        by = f"{count_of(learned, 'photo')} with labels, each answered by a fit that had not seen its label"
    columns = [*(name for name, _ in candidates[0]["scores"]), *(["beside none"] if learned else [])]
    titles = f"  {'method':<7}" + "".join(f"{name:>12}" for name in columns) + f"{'changed':>10}{'time':>13}"
    last = ["on labels"] * bool(learned) + ["oracle"] * any(each["oracle"] for each in candidates)
    lines = [f"adapted to {count_of(adaptation['photos'], 'photo')} without labels; chosen by {by}:"]
    lines.append(titles + "".join(f"  {name:<32}" for name in last).rstrip())
    lines += [_row(each, columns, last) for each in candidates]
    lines += [f"- {method} was left out: {why}" for method, why in adaptation["left_out"]]
    lines.append(f"- {adaptation['verdict'][:1].upper()}{adaptation['verdict'][1:]}.")
    if adaptation["oracle_verdict"]:
        lines.append(f"- {adaptation['oracle_verdict']}")
    return tuple(lines)


SHORT = {"too close to call": "undecided"}
"""A verdict that must fit into a column."""


def _row(each: Mapping[str, Any], columns: list[str], last: list[str]) -> str:
    scores = {name: f"{score:.3f}" for name, score in each["scores"]}
    if each["against"]:
        verdict = each["against"]["verdict"]
        scores["beside none"] = SHORT.get(verdict, verdict)
    shown = "".join(f"{scores.get(name, '–'):>12}" for name in columns)
    mark = "→" if each["chosen"] else " "
    row = f"{mark} {each['method']:<7}{shown}{percent(each['changed']):>10}{duration(each['seconds']):>13}"
    figures = {"on labels": each["learned"], "oracle": each["oracle"]}
    estimates = [str(Estimate(**figures[name])) if figures[name] else "–" for name in last]
    return (row + "".join(f"  {estimate:<32}" for estimate in estimates)).rstrip()
