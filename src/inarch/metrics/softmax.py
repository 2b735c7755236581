"""The softmax; imports NumPy alone, because prediction should not load more."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError, WorkError


def softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities along the last axis.

    Args:
        logits: scores of any shape whose last axis is the classes.
        temperature: the logits are divided by it: above 1 it lowers the confidence, below 1 it raises it.

    Raises:
        UserError: the temperature is not positive.
        WorkError: a logit is NaN or infinite.
    """
    if not temperature > 0:
        raise UserError(f"A temperature is above 0; {temperature} was asked for.")
    check_finite("logits", logits)
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def check_finite(what: str, values: NDArray[np.floating[Any]]) -> None:
    """Refuse NaN and infinity, which later steps would turn into plausible wrong results.

    Raises:
        WorkError: a value is NaN or infinite.
    """
    spoilt = int(values.size - np.isfinite(values).sum())
    if spoilt:
        raise WorkError(
            f"{spoilt} of {values.size} {what} are NaN or infinite: the training diverged, or the weights are damaged. "
            f"Train again with a lower learning rate, or load other weights."
        )
