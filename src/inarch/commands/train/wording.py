"""Sentences about a training run: parameters updated, the forecast for more photos, leakage."""

from collections import Counter

from inarch.report.wording import count_of, percent
from inarch.transfer.records.learning import LeakageMeasurement, LearningCurve
from inarch.transfer.records.report import ParameterChanges


def describe_changes(movement: ParameterChanges) -> str:
    """The parameters that a phase updated: ``22 of 62 tensors (stage4 20, head 2); the other 40 …``."""
    places = Counter(_place(name) for name in movement.moved)
    total = len(movement.moved) + movement.kept
    where = ", ".join(f"{place} {count}" for place, count in places.items())
    rest = "" if movement.kept == 0 else f"; the other {movement.kept} are unchanged, bit for bit"
    return f"{len(movement.moved)} of {count_of(total, 'tensor')}{f' ({where})' if where else ''}{rest}"


def describe_forecast(curve: LearningCurve) -> str:
    """The forecast: ``Twice as many photos would add about 3.4 points (0.7 to 6.0) …``"""
    gain = curve.doubled
    said = f"about {100 * gain.value:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    if gain.low > 0:
        return f"Twice as many photos would add {said} to a linear classifier on these features."
    return f"Inconclusive: twice as many photos would add {said} to a linear classifier on these features."


def describe_leakage(measured: LeakageMeasurement) -> str:
    """The effect of leakage: ``Train/test leakage would change the accuracy of a linear classifier by …``"""
    tax = measured.tax
    share = f"{100 * tax.value:+.1f} points ({100 * tax.low:+.1f} to {100 * tax.high:+.1f})"
    means = "" if tax.low > 0 else " (inconclusive)"
    return (
        f"Train/test leakage would change the accuracy of a linear classifier by {share}{means}: "
        f"{percent(measured.parted.value)} if splits separate the {count_of(measured.grouped, 'photo')} that belong to "
        f"groups, {percent(measured.apart.value)} if groups stay whole."
    )


def _place(tensor: str) -> str:
    """The stage, or other part of the model, of a tensor: ``backbone.stages.stage4.…`` is in stage4."""
    parts = tensor.split(".")
    return parts[2] if parts[:2] == ["backbone", "stages"] else parts[0]
