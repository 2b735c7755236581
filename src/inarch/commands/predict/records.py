"""The predictions of a bundle."""

from dataclasses import dataclass

from inarch.bundle.predictor import Prediction


@dataclass(frozen=True)
class Predictions:
    """The answers for some photos, in the order in which they were named."""

    predictions: tuple[Prediction, ...]
