"""What adapting came to, in lines for a terminal."""

from collections.abc import Mapping
from typing import Any

from inarch.drawing.wording import counted, duration, percent
from inarch.records import Estimate


def adaptation_lines(adaptation: Mapping[str, Any]) -> tuple[str, ...]:
    """The table of candidates and both verdicts, from the adaptation in a bundle's ``metrics.json``."""
    candidates = adaptation["candidates"]
    validator = adaptation["validator"]
    lines = [f"adapted to {counted(adaptation['photos'], 'photo')} without labels; chosen by their {validator}:"]
    heads = [name for name, _ in candidates[0]["scores"]]
    titles = f"  {'method':<7}" + "".join(f"{name:>12}" for name in heads) + f"{'changed':>10}{'time':>13}"
    lines.append(titles + ("  oracle" if any(each["oracle"] for each in candidates) else ""))
    for each in candidates:
        scores = "".join(f"{score:>12.3f}" for _, score in each["scores"])
        mark = "→" if each["chosen"] else " "
        row = f"{mark} {each['method']:<7}{scores}{percent(each['changed']):>10}{duration(each['seconds']):>13}"
        lines.append(row + (f"  {Estimate(**each['oracle'])}" if each["oracle"] else ""))
    lines += [f"- {method} was left out: {why}" for method, why in adaptation["left_out"]]
    lines.append(f"- {adaptation['verdict'][:1].upper()}{adaptation['verdict'][1:]}.")
    if adaptation["oracle_verdict"]:
        lines.append(f"- {adaptation['oracle_verdict']}")
    return tuple(lines)
