"""Which way of adapting is taken where some labels of the target may be learned from: by those labels, paired."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inarch.commands.adapt.selection import NONE
from inarch.commands.train.learning_curve import accuracy_of_units
from inarch.metrics.calibration import fit_temperature
from inarch.metrics.comparison import BETTER, compare_classifiers, paired_difference
from inarch.metrics.losses import log_losses
from inarch.metrics.records import Comparison, Estimate
from inarch.metrics.softmax import softmax


@dataclass(frozen=True)
class LabelledChoice:
    """What was chosen and what the labels say of each candidate."""

    name: str
    why: str
    accuracies: Mapping[str, Estimate]
    against: Mapping[str, Comparison]
    """Each candidate beside the net as it was."""


def choose_by_labels(
    held_out: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    unlabelled_choice: str,
) -> LabelledChoice:
    """The candidate that labels prove better than what would be taken without them; else that one.

    Of several that are better beyond chance it is the first whose log loss is within one standard error of the least
    (Breiman et al. 1984, section 3.4.3). A few labels say little, and many photos without labels may say more: so
    what those chose stays until labels speak against it.

    Args:
        held_out: each candidate's logits of the same photos, whose labels it had not seen, (n, classes); `NONE` is
            among them. Cheaper candidates stand first.
        labels: of these photos, (n,).
        groups: photos of one group count once, (n,).
        unlabelled_choice: what would be taken without labels.
    """
    units = np.unique(groups, return_inverse=True)[1]
    correct = {name: each.argmax(1) == labels for name, each in held_out.items()}
    # Each at the temperature that suits it: a candidate that is too sure on the target is not for that the worse one.
    losses = {name: log_losses(softmax(each, fit_temperature(each, labels)), labels) for name, each in held_out.items()}

    def beside(name: str, other: str) -> Comparison:
        return compare_classifiers((correct[name], correct[other]), groups, (losses[name], losses[other]))

    rivals = {name: beside(name, unlabelled_choice) for name in held_out if name != unlabelled_choice}
    better = [name for name, each in rivals.items() if each.verdict == BETTER]
    name = _cheapest_candidate(better, losses) if better else unlabelled_choice
    against = {each: beside(each, NONE) for each in held_out if each != NONE}
    accuracies = {each: accuracy_of_units((~own).astype(np.float64), units) for each, own in correct.items()}
    return LabelledChoice(name, _explain_choice(name, unlabelled_choice, rivals, against), accuracies, against)


def _cheapest_candidate(better: list[str], losses: Mapping[str, NDArray[np.float64]]) -> str:
    best = min(better, key=lambda name: float(losses[name].mean()))
    for name in better:
        if name == best:
            break
        behind = paired_difference(losses[name], losses[best])
        if behind.mean <= behind.standard_error:
            return name
    return best


def _explain_choice(
    name: str, unlabelled_choice: str, rivals: Mapping[str, Comparison], against: Mapping[str, Comparison]
) -> str:
    """The sentence that says what was taken and what that goes by."""
    if name == unlabelled_choice == NONE:
        return "the net was kept as it was: no candidate is better beyond chance on the labelled photos"
    if name == NONE:
        hurt = "adapting hurt, and the net was kept as it was"
        return f"{hurt}: it is {_format_comparison(rivals[NONE])} than {unlabelled_choice}"
    if name == unlabelled_choice:
        rest = f"; beside the net as it was it is {_format_comparison(against[name])}"
        return f"{name} was taken, as without labels: on those no other is better beyond chance{rest}"
    than = "the net as it was" if unlabelled_choice == NONE else unlabelled_choice
    return (
        f"{name} was taken: it is {_format_comparison(rivals[name])} than {than}, which would be taken without labels"
    )


def _format_comparison(comparison: Comparison) -> str:
    """``better (+4.0 points, 0.1 to 7.9, p = 0.04; log loss lower by 0.120)``"""
    gain, p = comparison.gain, comparison.p
    points = f"{100 * gain.value:+.1f} points, {100 * gain.low:+.1f} to {100 * gain.high:+.1f}, p = {p:.2g}"
    return f"{comparison.verdict} ({points}; log loss lower by {comparison.log_loss_drop:.3f})"
