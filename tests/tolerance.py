"""How far two computations of one thing may lie apart, derived from their arithmetic.

How a sum is rounded depends on the order of its terms, and that on the machine: on the length of its vectors, on the
number of threads, on the size of the batch, on the library. Two results that differ by no more than rounding are the
same on every machine; two that agree bit for bit on one machine prove nothing about the next.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

LAMBDA = 6.0
"""How sure the bound is: one rounding path in 2 exp(-18), that is 3e-8, leaves it."""


def rounding_error(terms: int, dtype: torch.dtype = torch.float32) -> float:
    """The relative error of a value that ``terms`` roundings went into, as a share of the magnitude of its terms.

    With the unit roundoff u = eps / 2, a sum of n products is off by at most gamma_n = n u / (1 - n u) of the sum of
    their magnitudes, whatever their order (Higham 2002, Accuracy and Stability of Numerical Algorithms, 2nd edition,
    sections 3.1 and 3.4). All n roundings have to go one way for that. Of independent roundings of mean zero,
    gamma_n(lambda) = exp(lambda sqrt(n) u + n u^2 / (1 - u)) - 1 is exceeded with a probability of at most
    2 exp(-lambda^2 (1 - u)^2 / 2) (Higham and Mary 2019, SIAM J. Sci. Comput. 41 (5), Theorem 2.4). The smaller of
    the two holds.
    """
    u = torch.finfo(dtype).eps / 2
    worst = terms * u / (1 - terms * u) if terms * u < 1 else float("inf")
    return min(worst, float(np.expm1(LAMBDA * sqrt(terms) * u + terms * u**2 / (1 - u))))


def terms_of(net: nn.Module) -> int:
    """Products that are summed up on the way through all layers of ``net``: the fan-ins of its weights.

    Where layers stand side by side that is more than any path has, and the bound is wider by the root of it.
    """
    return sum(each[0].numel() for each in net.parameters() if each.dim() > 1)


Values = Tensor | NDArray[Any] | Sequence[Any] | float


def assert_same_computation(
    actual: Values,
    expected: Values,
    *,
    terms: int,
    magnitude: float | None = None,
    condition: float = 1.0,
    dtype: torch.dtype | None = None,
    name: str = "",
) -> None:
    """Fail unless the two differ by no more than the roundings of both.

    Both may be off by `rounding_error` of ``magnitude``, so that they may differ by twice that.

    Args:
        actual: A number, or numbers in any container that has a shape. Integers and booleans have to be equal.
        expected: The same thing, computed in another way; of the same shape.
        terms: How many roundings one value went through: the length of the sum, all sums in a row added up.
        magnitude: Of the terms that were summed. Without it, the largest value of ``expected``: terms that are not
            larger than the results, and small results that are as uncertain as the large ones beside them.
        condition: How much larger, relatively, an error comes out than it went in: the condition number (Higham 2002,
            section 1.6). Not 1 where something is divided by a small difference, as by the deviation of few values.
        dtype: In which it was computed. Without it, the coarser of the two types; Python's floats are double.
        name: What is compared, for the message.

    """
    one, other = _array(actual), _array(expected)
    what = f"{name}: " if name else ""
    assert one.shape == other.shape, f"{what}shapes differ: {one.shape} and {other.shape}"
    if not (one.dtype.kind == other.dtype.kind == "f"):
        assert (one == other).all(), f"{what}{one} is not {other}"
        return
    computed = dtype or max(_dtype(actual), _dtype(expected), key=lambda each: torch.finfo(each).eps)
    largest = float(np.abs(other).max(initial=0.0)) if magnitude is None else magnitude
    largest = max(largest, torch.finfo(computed).tiny)  # subnormal numbers are rounded as the smallest normal one is
    tolerance = 2 * rounding_error(terms, computed) * largest * condition
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    assert (apart <= tolerance).all(), (
        f"{what}{np.count_nonzero(~(apart <= tolerance))} of {apart.size} values differ by up to {np.max(apart):.3g}; "
        f"{terms} roundings of {computed} at a magnitude of {largest:.3g} explain {tolerance:.3g}"
    )


def assert_same_probabilities(actual: Values, expected: Values, *, terms: int) -> None:
    """`assert_same_computation` for the softmax of logits that were computed in single precision.

    A probability moves by less than the logits do, and those are about as large as the logarithms of the odds.
    """
    shares = _array(expected)
    assert_same_computation(actual, shares, terms=terms, magnitude=np.ptp(np.log(shares)), dtype=torch.float32)


def _array(values: Values) -> NDArray[Any]:
    if isinstance(values, Tensor):
        values = values.detach()
        return (values.double() if values.is_floating_point() else values).numpy()
    return np.asarray(values)


def _dtype(values: Values) -> torch.dtype:
    if isinstance(values, Tensor):
        return values.dtype
    return torch.from_numpy(np.zeros(0, np.asarray(values).dtype)).dtype
