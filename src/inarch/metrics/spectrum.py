"""The effective dimension of features."""

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError


def effective_rank(features: NDArray[np.floating]) -> float:
    """The exponential of the entropy of the covariance's spectrum (Roy and Vetterli 2007, EUSIPCO, section 2).

    1 if all features vary along one line, d if they vary equally in every direction; 0 if they are constant.

    Args:
        features: (n, d), n of at least 2.

    Raises:
        UserError: there are fewer than two rows.
    """
    if len(features) < 2:
        raise UserError(f"An effective rank needs two rows of features at least; got {len(features)}.")
    centred = np.asarray(features, dtype=np.float64)
    centred = centred - centred.mean(0)
    spectrum = np.linalg.eigvalsh(centred.T @ centred).clip(0)
    total = spectrum.sum()
    if total <= 0:
        return 0.0
    shares = spectrum[spectrum > 0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))
