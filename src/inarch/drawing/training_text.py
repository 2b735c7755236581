"""What a training run came to, in lines for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from inarch.drawing.wording import duration, headline
from inarch.records import Estimate


def training_lines(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    """The headline, the candidates, the notes and the times of a bundle's ``metrics.json``."""
    evaluation = metrics["evaluation"]
    return (
        headline(Estimate(**evaluation["accuracy"])),
        f"{metrics['model']}, {metrics['strategy']}, seed {metrics['seed']}, from {metrics['weights']}",
        "",
        *_candidates(metrics["candidates"]),
        *(f"- {note}" for note in metrics["notes"]),
        "",
        "time    " + ", ".join(f"{phase['name']} {duration(phase['seconds'])}" for phase in metrics["phases"]),
    )


def _candidates(candidates: Sequence[Mapping[str, Any]]) -> list[str]:
    if not candidates:
        return []
    lines = ["measured on training photos that were held out:"]
    for each in candidates:
        mark = "→" if each["chosen"] else " "
        lines.append(f"{mark} {each['strategy']:<9} {Estimate(**each['accuracy'])}  log loss {each['log_loss']:.3f}")
    return [*lines, ""]
