"""The similarity of two sets of features of the same photos."""

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError


def linear_cka(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019, arXiv 1905.00414, section 3).

    With the unbiased estimate of the Hilbert-Schmidt criterion (Song et al. 2012, JMLR 13, equation 5), so that wide
    features of few photos are not similar by chance. 1 for features that differ only by rotation and scale; about 0,
    and possibly below, for unrelated features.

    Args:
        one: features of each photo, (n, d).
        other: other features of the same photos, (n, e).

    Raises:
        UserError: there are fewer than four photos, or ``one`` and ``other`` differ in length.
    """
    fewest = 4  # the unbiased estimate divides by n - 3
    if len(one) != len(other) or len(one) < fewest:
        raise UserError(f"Alignment takes features of the same {fewest} photos at least; got {len(one)}, {len(other)}.")
    first, second = _gram(one), _gram(other)
    scale = np.sqrt(max(_criterion(first, first), 0.0) * max(_criterion(second, second), 0.0))
    return float(_criterion(first, second) / scale) if scale > 0 else 0.0


def _gram(features: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = np.asarray(features, dtype=np.float64)
    centred = centred - centred.mean(0)
    products = centred @ centred.T
    np.fill_diagonal(products, 0.0)
    return products


def _criterion(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    n = len(one)
    first, second = one.sum(0), other.sum(0)
    alike = (one * other).sum() + first.sum() * second.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (first @ second)
    return float(alike / (n * (n - 3)))
