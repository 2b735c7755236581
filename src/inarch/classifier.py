"""One object for a classifier of one's own photos: `train` and `load` give it, and all that is done with it is here.

Each method calls the function of the command that has its name. What a method needs is imported when it is called, so
that loading, predicting and evaluating take no torch; where a package is missing, the error says what to install.
"""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from inarch import notebook
from inarch.bundle.reading import Bundle, read_bundle
from inarch.data.arrangement import USUAL, Arrangement
from inarch.errors import BundleError, UnknownNameError
from inarch.extras import explaining_missing_extras
from inarch.progress import Progress, ignore_progress
from inarch.transfer.records.report import TrainingReport

if TYPE_CHECKING:
    from inarch.bundle.predictor import PhotoSource, Prediction, Predictor
    from inarch.commands.adapt.options import AdaptOptions
    from inarch.commands.evaluate.records import EvaluationReport
    from inarch.commands.explain.options import ExplainOptions
    from inarch.commands.explain.records import Explanation
    from inarch.commands.export.export import Parity
    from inarch.models import Classifier
    from inarch.training.transform import PhotoTransform
    from inarch.transfer.options import TrainOptions
    from inarch.transfer.records.plan import Plan

Options = TypeVar("Options")


class TrainedClassifier:
    """A classifier of photos that was trained, and the bundle that holds it; `train` and `load` give it.

    Args:
        bundle: a bundle, or its folder.
        target_accuracy: of the answered photos (selective classification): where a photo would spoil it, the classifier
            abstains. Above 0 and below 1; 0 answers every photo, None takes 0.95 where the bundle knows how.
        sets: the coverage of the prediction sets, see ``Prediction.likely``; 0 makes none.

    Raises:
        BundleError: there is no bundle, or a file of it is missing or was altered.

    Examples:
        >>> mine = inarch.load("mine")
        >>> mine
        TrainedClassifier('mine': resnet18_narrow by probe, 2 classes, test accuracy 100.0 % (67.6–100.0), n = 8)
        >>> mine.classes
        ('dark', 'light')
        >>> mine.report.strategy, mine.report.evaluation.accuracy.n
        ('probe', 8)
    """

    def __init__(self, bundle: Bundle | str | Path, *, target_accuracy: float | None = None, sets: float = 0.0) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
        self.target_accuracy = target_accuracy
        self.sets = sets

    @property
    def path(self) -> Path:
        """The bundle's folder."""
        return self.bundle.path

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the logits."""
        return self.bundle.classes

    @property
    def report(self) -> TrainingReport:
        """How it was trained, and its figures on photos of the test set.

        Raises:
            BundleError: the bundle's ``metrics.json`` is missing, altered or damaged.
        """
        return self.bundle.report

    @cached_property
    def predictor(self) -> "Predictor":
        """The session of ONNX Runtime that answers; it begins with a check of the bundle's golden inputs.

        Raises:
            BundleError: the bundle is damaged, or answers differently here than where it was trained.
            UserError: ``target_accuracy`` or ``sets`` is no share, or the bundle has nothing to choose a rule by.
        """
        from inarch.bundle.predictor import Predictor

        return Predictor(self.bundle, target_accuracy=self.target_accuracy, sets=self.sets)

    def predict(self, photos: "Iterable[PhotoSource] | PhotoSource") -> "tuple[Prediction, ...]":
        """Classify photos: one record for each, in order; needs no torch.

        Args:
            photos: files, folders of photos, the bytes of files, open files, Pillow images, or arrays of uint8; one of
                these, or several.

        Raises:
            BundleError: the bundle is damaged, or answers differently here than where it was trained.
            PhotosError: a folder cannot be opened or holds no photos. A photo that cannot be read raises nothing: its
                record says why.

        Examples:
            >>> mine = inarch.load("mine", target_accuracy=0.0)
            >>> (prediction,) = mine.predict("photo.jpg")
            >>> prediction.label
            'dark'
            >>> len(mine.predict("new-photos"))
            10
        """
        from inarch.commands.predict.predict import expand_folders

        return tuple(self.predictor.predict(expand_folders(photos)))

    def evaluate(
        self, photos: str | Path, *, progress: Progress = ignore_progress, arrangement: Arrangement = USUAL
    ) -> "EvaluationReport":
        """Measure it on labelled photos; needs no torch. Arguments and errors are those of `inarch.evaluate`.

        Examples:
            >>> report = inarch.load("mine").evaluate("new-photos")
            >>> report.accuracy.n, report.skipped
            (10, ())
        """
        from inarch.commands.evaluate.evaluate import evaluate

        return evaluate(self.path, photos, progress, target_accuracy=self.target_accuracy, arrangement=arrangement)

    @explaining_missing_extras()
    def explain(
        self,
        photos: str | Path,
        /,  # an option is called photos, too
        out: str | Path = "explained",
        *,
        options: "ExplainOptions | None" = None,
        progress: Progress = ignore_progress,
        **overrides: Any,
    ) -> "Explanation":
        """Show what it sees in labelled photos. Arguments and errors are those of `inarch.explain`.

        Args:
            photos: of the bundle's classes or some of them.
            out: a folder for the page and its figures.
            options: how much to look at.
            progress: called with a phase's name, what is done, and what there is to do.
            overrides: fields of `inarch.ExplainOptions`, in place of those of ``options``.
        """
        from inarch.commands.explain.explain import explain
        from inarch.commands.explain.options import ExplainOptions

        return explain(self.path, photos, out, _override(options or ExplainOptions(), overrides), progress)

    @explaining_missing_extras()
    def export(self, to: str, out: str | Path, *, photos: str | Path | None = None) -> "Parity":
        """Write it for another runtime, proven there first. Arguments and errors are those of `inarch.export`.

        Examples:
            >>> parity = inarch.load("mine").export("onnx", "exported")
            >>> parity.largest < 1e-3
            True
        """
        from inarch.commands.export.export import export

        return export(self.path, out, to, photos=photos, target_accuracy=self.target_accuracy)

    def adapt(
        self,
        photos: str | Path,
        out: str | Path = "adapted",
        *,
        options: "AdaptOptions | None" = None,
        progress: Progress = ignore_progress,
        **overrides: Any,
    ) -> "TrainedClassifier":
        """Adapt it to photos of another domain, as a new classifier. Arguments and errors are those of `adapt`."""
        return adapt(self.path, photos, out, options=options, progress=progress, **overrides)

    @explaining_missing_extras()
    def torch(self) -> "Classifier":
        """The model as an ``nn.Module`` with its weights, in evaluation mode; a new one with each call.

        Raises:
            BundleError: the weights are missing or were altered.

        Examples:
            >>> mine = inarch.load("mine")
            >>> model = mine.torch()
            >>> image = mine.transform("photo.jpg")
            >>> mine.classes[model(image[None]).argmax()]
            'dark'
        """
        from inarch.bundle.model import load_model

        return load_model(self.bundle)

    @property
    @explaining_missing_extras()
    def transform(self) -> "PhotoTransform":
        """The preprocessing that the model was trained with, as `inarch.transform_for` gives it."""
        from inarch.training.transform import PhotoTransform

        return PhotoTransform(self.bundle.preprocessing)

    def __repr__(self) -> str:
        config = self.bundle.config
        parts = [f"{config.architecture} by {config.strategy}", f"{len(self.classes)} classes"]
        with contextlib.suppress(BundleError):
            parts.append(_describe_accuracy(self.report))
        return f"TrainedClassifier({str(self.path)!r}: {', '.join(parts)})"

    def _repr_html_(self) -> str | None:
        """The picture of its model, for notebooks."""
        return notebook.picture_of(self.bundle)


def _describe_accuracy(report: TrainingReport) -> str:
    if report.evaluation is None:
        return "test accuracy not measured"
    accuracy = report.evaluation.accuracy
    value, low, high = (f"{100 * each:.1f}" for each in (accuracy.value, accuracy.low, accuracy.high))
    return f"{report.evaluation.split} accuracy {value} % ({low}–{high}), n = {accuracy.n}"


def load(bundle: str | Path, *, target_accuracy: float | None = None, sets: float = 0.0) -> TrainedClassifier:
    """A classifier that was trained before; needs no torch.

    Args:
        bundle: the folder that `train` or ``inarch train`` wrote.
        target_accuracy: of the answered photos, see `TrainedClassifier`.
        sets: the coverage of the prediction sets, see `TrainedClassifier`.

    Raises:
        BundleError: there is no bundle, or a file of it is missing or was altered.

    Examples:
        >>> mine = inarch.load("mine", target_accuracy=0.9)
        >>> [prediction.label for prediction in mine.predict(["photo.jpg"])]
        ['dark']
    """
    return TrainedClassifier(bundle, target_accuracy=target_accuracy, sets=sets)


@explaining_missing_extras()
def train(
    photos: str | Path,
    out: str | Path = "bundle",
    *,
    options: "TrainOptions | None" = None,
    progress: Progress = ignore_progress,
    announce: "Callable[[Plan], object] | None" = None,
    **overrides: Any,
) -> TrainedClassifier:
    """Train a classifier on labelled photos, and write it as a bundle.

    Args:
        photos: a folder of class folders, one holding ``train/ val/ test/``, or a CSV manifest.
        out: the bundle's folder; an older bundle there is replaced.
        options: how to train.
        progress: called with a phase's name, what is done, and what there is to do.
        announce: called with the plan, before anything is trained: what each strategy should take and reach.
        overrides: fields of `inarch.TrainOptions`, in place of those of ``options``.

    Raises:
        UnknownNameError: an override is no option; offers the nearest one.
        UserError: the photos, the weights, the output folder or an option cannot be used; the message says why.
        WorkError: the training itself failed.

    Examples:
        >>> mine = inarch.train("photos", "mine", model="resnet18_narrow", strategy="probe")
        >>> mine.report.evaluation.accuracy.value > 0.9
        True
        >>> inarch.train("photos", "mine", stratgy="probe")
        Traceback (most recent call last):
        ...
        inarch.errors.UnknownNameError: No option is called 'stratgy'. Did you mean 'strategy'? ...
    """
    from inarch.transfer.options import TrainOptions

    chosen = _override(options or TrainOptions(), overrides)
    from inarch.commands.train.run import train as run

    return TrainedClassifier(run(photos, out, chosen, progress, announce or _ignore))


@explaining_missing_extras()
def adapt(
    bundle: str | Path,
    photos: str | Path,
    out: str | Path = "adapted",
    *,
    options: "AdaptOptions | None" = None,
    progress: Progress = ignore_progress,
    **overrides: Any,
) -> TrainedClassifier:
    """Adapt a bundle to photos of another domain, without labels or with some, and write the result as a bundle.

    Args:
        bundle: what to adapt; it stays as it is.
        photos: a folder of photos of the same classes, arranged in any way; the names of its folders are not read.
        out: the folder of the new bundle. Where no method of adapting is better, it holds the model as it was.
        options: how to adapt.
        progress: called with a phase's name, what is done, and what there is to do.
        overrides: fields of `inarch.AdaptOptions`, in place of those of ``options``.

    Raises:
        UnknownNameError: an override is no option; offers the nearest one.
        UserError: the bundle, the photos, the output folder or an option cannot be used; the message says why.
        WorkError: the training itself failed.

    Examples:
        >>> adapted = inarch.adapt("mine", "new-photos", "adapted", labelled="new-photos")
        >>> adapted.report.adaptation.labelled > 0
        True
    """
    from inarch.commands.adapt.adapt import adapt as run
    from inarch.commands.adapt.options import AdaptOptions

    return TrainedClassifier(run(bundle, photos, out, _override(options or AdaptOptions(), overrides), progress))


def _ignore(plan: object) -> None:
    """Announce no plan."""


def _override(options: Options, overrides: dict[str, Any]) -> Options:
    """The options with some of their fields changed.

    Raises:
        UnknownNameError: they have no such field.
    """
    known = [field.name for field in fields(options)]  # type: ignore[arg-type]  # every record of options is a dataclass
    for name in overrides:
        if name not in known:
            raise UnknownNameError("option", name, known)
    return replace(options, **overrides)  # type: ignore[type-var]
