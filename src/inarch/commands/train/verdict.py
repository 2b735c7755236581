"""Better, worse or inconclusive: two classifiers compared on the same validation photos."""

import numpy as np
from numpy.typing import NDArray

from inarch.metrics.accuracy import is_correct
from inarch.metrics.comparison import mcnemar, paired_difference
from inarch.transfer.run import TrainingRun


def judge_improvement(
    run: TrainingRun,
    held_out: NDArray[np.int64],
    rival: tuple[str, NDArray[np.float64]],
    cheaper: tuple[str, NDArray[np.float64]],
    *,
    accepts_equal: bool = False,
) -> tuple[bool, str]:
    """Whether ``rival`` is significantly better than ``cheaper``; each is a name and its logits on ``held_out``.

    Better means: no less accurate, and either its accuracy (McNemar's exact test, p < 0.05; where classes are balanced,
    two standard errors of the paired difference) or its log loss (paired, two standard errors) beats the other's.
    Everything else is inconclusive, and the cheaper strategy stays; unless ``accepts_equal``, which prefers the rival
    where it is no less accurate and has the lower log loss, both by the figures alone.
    """
    labels = run.learned.labels[held_out]
    tuned, probed = (run.weighting.answers(each, labels) for _, each in (rival, cheaper))
    right_tuned, right_probed = is_correct(tuned, labels), is_correct(probed, labels)
    gain = paired_difference(*(run.weighting.losses(each, labels) for each in (probed, tuned)))
    counting = run.weighting.judged[labels]
    more = paired_difference(counting * right_tuned, counting * right_probed)
    p = mcnemar(right_tuned, right_probed)
    is_proven = p < 0.05 if run.options.class_weighting == "none" else abs(more.mean) > 2 * more.standard_error
    alike = "" if run.options.class_weighting == "none" else f", {100 * more.mean:+.1f} points of balanced accuracy"
    figures = (
        f"on {len(labels)} validation photos, {rival[0]} is correct on {right_tuned.sum()} and {cheaper[0]} on "
        f"{right_probed.sum()} (p = {p:.2g}{alike}); log loss lower by {gain.mean:.3f} ± {gain.standard_error:.3f}"
    )
    if more.mean >= 0 and (is_proven or gain.mean > 2 * gain.standard_error):
        return True, f"better: {figures}"
    if more.mean < 0 and is_proven:
        return False, f"worse: {figures}"
    if accepts_equal and more.mean >= 0 and gain.mean > 0:
        return True, f"no worse, and preferred: {figures}"
    return False, f"inconclusive: {figures}"
