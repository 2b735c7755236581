"""Image classifiers that show their work: Inception and ResNet, grafted onto your photos.

``import inarch`` is lazy: torch is imported when a function that needs it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inarch import notebook

if TYPE_CHECKING:
    from inarch.bundle.model import trace
    from inarch.bundle.predictor import Predictor, load
    from inarch.commands.evaluate.evaluate import evaluate
    from inarch.commands.inspect.measure import measure
    from inarch.commands.train.estimator import ImageClassifier
    from inarch.commands.train.run import train
    from inarch.models.catalog import ARCHITECTURES, build
    from inarch.transfer.options import TrainOptions

_HOMES = {
    "ARCHITECTURES": "inarch.models.catalog",
    "ImageClassifier": "inarch.commands.train.estimator",
    "Predictor": "inarch.bundle.predictor",
    "TrainOptions": "inarch.transfer.options",
    "build": "inarch.models.catalog",
    "evaluate": "inarch.commands.evaluate.evaluate",
    "load": "inarch.bundle.predictor",
    "measure": "inarch.commands.inspect.measure",
    "trace": "inarch.commands.inspect.inspect",
    "train": "inarch.commands.train.run",
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


def _draw(thing: Any) -> str:
    from inarch.commands.inspect.inspect import picture_of

    return picture_of(thing)


notebook.register(_draw)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
