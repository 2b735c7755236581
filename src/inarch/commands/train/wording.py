"""Sentences about a training run: parameters updated, what more photos would bring, leakage."""

from collections import Counter

from inarch.report.wording import count_of, percent
from inarch.transfer.records.learning import LeakageMeasurement, LearningCurve
from inarch.transfer.records.report import ParameterChanges


def describe_changes(movement: ParameterChanges) -> str:
    """What a phase of training moved: ``22 of 62 tensors: stage4 20, head 2; the other 40 stayed …``."""
    places = Counter(_place(name) for name in movement.moved)
    total = len(movement.moved) + movement.kept
    where = ", ".join(f"{place} {count}" for place, count in places.items())
    rest = "" if movement.kept == 0 else f"; the other {movement.kept} stayed as they were, bit for bit"
    return f"{len(movement.moved)} of {count_of(total, 'tensor')}{f': {where}' if where else ''}{rest}"


def describe_forecast(curve: LearningCurve) -> str:
    """What twice the photos would bring: ``Twice as many photos would add about 3.4 points (0.7 to 6.0) …``"""
    gain = curve.doubled
    said = f"about {100 * gain.value:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    if gain.low > 0:
        return f"Twice as many photos would add {said} to a linear classifier on these features."
    return f"Whether twice as many photos would help a linear classifier is too close to call: {said}."


def describe_leakage(measured: LeakageMeasurement) -> str:
    """What the leak was worth: ``With what belongs together on both sides, accuracy would look 3.1 points …``"""
    tax = measured.tax
    share = f"{100 * tax.value:+.1f} points ({100 * tax.low:+.1f} to {100 * tax.high:+.1f})"
    means = "" if tax.low > 0 else ", which is too close to call"
    return (
        f"A split that parts the {count_of(measured.grouped, 'photo')} that belong together would change the accuracy "
        f"of a linear classifier by {share}{means}: {percent(measured.parted.value)} instead of "
        f"{percent(measured.apart.value)}."
    )


def _place(tensor: str) -> str:
    """The stage, or what else of the net, that a tensor is in: ``backbone.stages.stage4.…`` is in stage4."""
    parts = tensor.split(".")
    return parts[2] if parts[:2] == ["backbone", "stages"] else parts[0]
