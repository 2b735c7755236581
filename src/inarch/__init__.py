"""Image classifiers that show their work: Inception and ResNet, transferred to your photos.

``import inarch`` is lazy: torch is imported when something that needs it is first used, and predicting never needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inarch import extras, notebook, telemetry

if TYPE_CHECKING:
    from inarch.bundle.model import trace
    from inarch.bundle.predictor import Predictor
    from inarch.classifier import TrainedClassifier, adapt, load, train
    from inarch.commands.adapt.options import AdaptOptions
    from inarch.commands.demo.demo import demo
    from inarch.commands.doctor.doctor import apply_patch, doctor
    from inarch.commands.doctor.options import DoctorOptions
    from inarch.commands.evaluate.evaluate import evaluate
    from inarch.commands.explain.explain import explain
    from inarch.commands.explain.options import ExplainOptions
    from inarch.commands.export.export import export
    from inarch.commands.inspect.compare import compare_models
    from inarch.commands.inspect.inspect import inspect
    from inarch.commands.inspect.measure import measure
    from inarch.commands.predict.predict import predict
    from inarch.commands.pretrain.run import pretrain
    from inarch.commands.rename.rename import rename
    from inarch.commands.study.options import StudyOptions
    from inarch.commands.study.run import study
    from inarch.commands.train.estimator import ImageClassifier
    from inarch.data.arrangement import Arrangement
    from inarch.data.augmentation import Augmentation
    from inarch.models.catalog import ARCHITECTURES
    from inarch.training.transform import transform_for
    from inarch.transfer.create import create_model, list_models
    from inarch.transfer.options import TrainOptions
    from inarch.weights.export import export_state_dict

telemetry.switch_off()

__all__ = [
    "ARCHITECTURES",
    "AdaptOptions",
    "Arrangement",
    "Augmentation",
    "DoctorOptions",
    "ExplainOptions",
    "ImageClassifier",
    "Predictor",
    "StudyOptions",
    "TrainOptions",
    "TrainedClassifier",
    "adapt",
    "apply_patch",
    "compare_models",
    "create_model",
    "demo",
    "doctor",
    "evaluate",
    "explain",
    "export",
    "export_state_dict",
    "inspect",
    "list_models",
    "load",
    "measure",
    "predict",
    "pretrain",
    "rename",
    "study",
    "trace",
    "train",
    "transform_for",
]

_HOMES = {
    "ARCHITECTURES": "inarch.models.catalog",
    "AdaptOptions": "inarch.commands.adapt.options",
    "Arrangement": "inarch.data.arrangement",
    "Augmentation": "inarch.data.augmentation",
    "DoctorOptions": "inarch.commands.doctor.options",
    "ExplainOptions": "inarch.commands.explain.options",
    "ImageClassifier": "inarch.commands.train.estimator",
    "Predictor": "inarch.bundle.predictor",
    "StudyOptions": "inarch.commands.study.options",
    "TrainOptions": "inarch.transfer.options",
    "TrainedClassifier": "inarch.classifier",
    "adapt": "inarch.classifier",
    "apply_patch": "inarch.commands.doctor.doctor",
    "compare_models": "inarch.commands.inspect.compare",
    "create_model": "inarch.transfer.create",
    "demo": "inarch.commands.demo.demo",
    "doctor": "inarch.commands.doctor.doctor",
    "evaluate": "inarch.commands.evaluate.evaluate",
    "explain": "inarch.commands.explain.explain",
    "export": "inarch.commands.export.export",
    "export_state_dict": "inarch.weights.export",
    "inspect": "inarch.commands.inspect.inspect",
    "list_models": "inarch.transfer.create",
    "load": "inarch.classifier",
    "measure": "inarch.commands.inspect.measure",
    "predict": "inarch.commands.predict.predict",
    "pretrain": "inarch.commands.pretrain.run",
    "rename": "inarch.commands.rename.rename",
    "study": "inarch.commands.study.run",
    "trace": "inarch.bundle.model",
    "train": "inarch.classifier",
    "transform_for": "inarch.training.transform",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with extras.explaining_missing_extras():
        found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found  # from now on it is found without coming here
    return found


def _draw(thing: Any) -> str | None:
    """The picture of a model; None where torch is missing, which takes it apart."""
    try:
        from inarch.commands.inspect.inspect import picture_of
    except ImportError:
        return None
    return picture_of(thing)


notebook.register(_draw)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
