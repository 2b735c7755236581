"""Better, worse, or too close to call: two classifiers on the same photos, which neither had seen."""

import numpy as np
from numpy.typing import NDArray

from inarch.metrics.comparison import mcnemar, paired_difference
from inarch.transfer.run import TrainingRun


def judge_improvement(
    job: TrainingRun,
    held_out: NDArray[np.int64],
    rival: tuple[str, NDArray[np.float64]],
    cheaper: tuple[str, NDArray[np.float64]],
) -> tuple[bool, str]:
    """Whether ``rival`` is better than ``cheaper`` beyond chance: for each its name and its logits on ``held_out``.

    Better means: no less accurate, and either its accuracy (McNemar's exact test, p < 0.05; where classes are balanced,
    two standard errors of the paired difference) or its log loss (paired, two standard errors) beats the other's.
    Everything else is too close to call, and the cheaper strategy stays.
    """
    labels = job.labels[job.train][held_out]
    tuned, probed = (job.weighting.answers(each, labels) for _, each in (rival, cheaper))
    right_tuned, right_probed = tuned.argmax(1) == labels, probed.argmax(1) == labels
    gain = paired_difference(*(job.weighting.losses(each, labels) for each in (probed, tuned)))
    counting = job.weighting.judged[labels]
    more = paired_difference(counting * right_tuned, counting * right_probed)
    p = mcnemar(right_tuned, right_probed)
    is_proven = p < 0.05 if job.class_weighting == "none" else abs(more.mean) > 2 * more.standard_error
    alike = "" if job.class_weighting == "none" else f", {100 * more.mean:+.1f} points where every class counts alike"
    figures = (
        f"on {len(labels)} held-out photos {rival[0]} is right on {right_tuned.sum()} and {cheaper[0]} on "
        f"{right_probed.sum()} (p = {p:.2g}{alike}); log loss lower by {gain.mean:.3f} ± {gain.standard_error:.3f}"
    )
    if more.mean >= 0 and (is_proven or gain.mean > 2 * gain.standard_error):
        return True, f"better: {figures}"
    if more.mean < 0 and is_proven:
        return False, f"worse: {figures}"
    return False, f"too close to call: {figures}"
