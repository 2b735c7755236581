"""Image classifiers that show their work: Inception and ResNet, grafted onto your photos.

``import inarch`` is lazy: torch is imported when a function that needs it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inarch.api.estimator import ImageClassifier
    from inarch.api.evaluate import evaluate
    from inarch.api.inspect import trace
    from inarch.api.measure import measure
    from inarch.api.train import TrainOptions, train
    from inarch.nets.catalog import ARCHITECTURES, build
    from inarch.serving.predictor import Predictor, load

_HOMES = {
    "ARCHITECTURES": "inarch.nets.catalog",
    "ImageClassifier": "inarch.api.estimator",
    "Predictor": "inarch.serving.predictor",
    "TrainOptions": "inarch.api.train",
    "build": "inarch.nets.catalog",
    "evaluate": "inarch.api.evaluate",
    "load": "inarch.serving.predictor",
    "measure": "inarch.api.measure",
    "trace": "inarch.api.inspect",
    "train": "inarch.api.train",
}

__all__ = [
    "ARCHITECTURES",
    "ImageClassifier",
    "Predictor",
    "TrainOptions",
    "build",
    "evaluate",
    "load",
    "measure",
    "trace",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
