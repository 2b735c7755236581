"""Selection of a candidate by labelled target photos, with paired tests."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inarch.commands.adapt.selection import NONE
from inarch.metrics.accuracy import accuracy_of_units, is_correct
from inarch.metrics.comparison import compare_classifiers, paired_difference
from inarch.metrics.losses import log_losses
from inarch.metrics.records import Comparison, Estimate
from inarch.metrics.softmax import softmax
from inarch.metrics.temperature import fit_temperature


@dataclass(frozen=True)
class LabelledChoice:
    """The selected candidate, and how each candidate compares."""

    name: str
    why: str
    accuracies: Mapping[str, Estimate]
    against: Mapping[str, Comparison]
    """Each candidate compared with the unadapted model."""


def choose_by_labels(
    held_out: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    unlabelled_choice: str,
) -> LabelledChoice:
    """The candidate that is significantly better on the labels than the unsupervised choice; else that choice.

    Of several significantly better ones it is the first whose log loss is within one standard error of the lowest
    (Breiman et al. 1984, section 3.4.3). A few labels carry little evidence, and many unlabelled photos may carry
    more: so the unsupervised choice stays unless the labels are significantly against it.

    Args:
        held_out: each candidate's out-of-fold logits of the same photos, (n, classes); `NONE` is among them. Cheaper
            candidates come first.
        labels: of these photos, (n,).
        groups: photos of one group count once, (n,).
        unlabelled_choice: the selection without labels.
    """
    units = np.unique(groups, return_inverse=True)[1]
    correct = {name: is_correct(each, labels) for name, each in held_out.items()}
    # Each at its own best temperature: a candidate that is overconfident on the target is not worse for that.
    losses = {name: log_losses(softmax(each, fit_temperature(each, labels)), labels) for name, each in held_out.items()}

    def beside(name: str, other: str) -> Comparison:
        return compare_classifiers((correct[name], correct[other]), groups, (losses[name], losses[other]))

    rivals = {name: beside(name, unlabelled_choice) for name in held_out if name != unlabelled_choice}
    better = [name for name, each in rivals.items() if each.verdict == "better"]
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
    """The sentence on the selection and its evidence."""
    if name == unlabelled_choice == NONE:
        return "the model was not adapted: no candidate is significantly better on the labelled photos"
    if name == NONE:
        hurt = "adaptation hurt, and the model was not adapted"
        return f"{hurt}: no adaptation is {_format_comparison(rivals[NONE])} than {unlabelled_choice}"
    if name == unlabelled_choice:
        rest = f"; compared with no adaptation it is {_format_comparison(against[name])}"
        return f"{name} was selected, as without labels: no other is significantly better on the labelled photos{rest}"
    than = "no adaptation" if unlabelled_choice == NONE else unlabelled_choice
    return f"{name} was selected: it is {_format_comparison(rivals[name])} than {than}, the selection without labels"


def _format_comparison(comparison: Comparison) -> str:
    """``better (+4.0 points, 0.1 to 7.9, p = 0.04; log loss lower by 0.120)``"""
    gain, p = comparison.gain, comparison.p
    points = f"{100 * gain.value:+.1f} points, {100 * gain.low:+.1f} to {100 * gain.high:+.1f}, p = {p:.2g}"
    return f"{comparison.verdict} ({points}; log loss lower by {comparison.log_loss_drop:.3f})"
