"""LogME: the evidence of a linear model for the labels given the features, without fitting one.

You et al. 2021, "LogME: Practical assessment of pre-trained models for transfer learning" (arXiv 2102.11005): for each
class a Bayesian linear regression of its one-hot labels, weights drawn from N(0, 1/alpha) and noise from N(0, 1/beta);
the evidence of the best alpha and beta, per photo, averaged over the classes.
"""

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError
from inarch.metrics.arrays import AnyLabels, AnyScores


def logme(features: AnyScores, labels: AnyLabels) -> float:
    """The log evidence per photo, averaged over the classes; higher is better, and only differences are meaningful.

    Comparable between features (n, d) of any width and scale, for the same photos.

    Raises:
        UserError: there are no photos, ``features`` and ``labels`` differ in length, or there are fewer than two
            classes.
    """
    if len(features) != len(labels) or len(np.unique(labels)) < 2:
        raise UserError(
            f"LogME needs as many labels as photos and at least two classes; got {len(features)} photos, "
            f"{len(labels)} labels and {len(np.unique(labels))} classes."
        )
    values = features.astype(np.float64)
    left, spread, _ = np.linalg.svd(values, full_matrices=False)
    evidences = [_evidence(left, spread**2, values.shape[1], labels == label) for label in np.unique(labels)]
    return float(np.mean(evidences))


def _evidence(left: NDArray[np.float64], variances: NDArray[np.float64], d: int, own: NDArray[np.bool_]) -> float:
    """The evidence of one class, per photo; ``left`` and ``variances`` are from the SVD of the features."""
    most, tolerance = 100, 1e-4  # steps of the fixed-point iteration; relative change of alpha / beta at which it ends
    tiny = 1e-12  # keeps divisors above 0
    n = len(own)
    inside = (left.T @ own) ** 2
    outside = max(own.sum() - inside.sum(), 0.0)
    ratio = 1.0  # alpha / beta
    for _ in range(most):
        kept = variances / (variances + ratio)
        effective = kept.sum()
        size = (inside * kept / (variances + ratio)).sum()  # |m|²
        residual = (inside * (1 - kept) ** 2).sum() + outside  # |Fm - y|²
        alpha, beta = effective / (size + tiny), (n - effective) / (residual + tiny)
        before, ratio = ratio, alpha / (beta + tiny)
        if abs(ratio - before) <= tolerance * before:
            break
    logarithms = np.log(alpha + beta * variances).sum() + (d - len(variances)) * np.log(alpha)
    fit = beta * residual + alpha * size
    return float(d * np.log(alpha) + n * np.log(beta) - logarithms - fit - n * np.log(2 * np.pi)) / (2 * n)
