"""The labels of photos: classes, groups and weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class PhotoLabels:
    """The class, the group and the weight of each of n photos."""

    labels: NDArray[np.int64]
    """(n,)"""
    groups: NDArray[np.int64]
    """(n,); photos of one group stay in one fold."""
    classes: int
    """How many there are, with or without photos among these."""
    weights: NDArray[np.float64] | None = None
    """How much each photo counts in losses, (n,); None where all count alike."""

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, rows: NDArray[np.int64]) -> "PhotoLabels":
        """The same for those photos alone."""
        weights = None if self.weights is None else self.weights[rows]
        return PhotoLabels(self.labels[rows], self.groups[rows], self.classes, weights)
