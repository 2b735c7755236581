"""Correlation alignment: source features take the target's mean and covariance, and the head is refitted to them."""

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf


def align_features(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """``source`` (n, d), whitened and then recoloured to the mean and covariance of ``target`` (m, d).

    Sun, Feng and Saenko 2016, arXiv 1511.05547, algorithm 1; the covariances are shrunk by Ledoit and Wolf's rule. The
    paper adds the identity instead, which assumes a scale that features do not have.
    """
    recolouring = (_power(source, -0.5) @ _power(target, 0.5)).astype(np.float32)
    return (source - source.mean(0)) @ recolouring + target.mean(0)


def _power(features: NDArray[np.float32], exponent: float) -> NDArray[np.float64]:
    """The shrunk covariance of the features, raised to a power, (d, d)."""
    most = 20_000  # photos, which bounds the memory
    floor = 1e-6  # the smallest eigenvalue, as a fraction of the largest: a direction without variance has no scale
    covariance, _ = ledoit_wolf(features[:: -(-len(features) // most)].astype(np.float64))
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, floor * max(values[-1], np.finfo(np.float64).tiny))
    return np.asarray((vectors * values**exponent) @ vectors.T)
