"""`inarch.train` as a scikit-learn estimator, for ``cross_val_score``, pipelines and grid searches."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import compress, tee
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from inarch.bundle.contents import notes_of, untested_contents
from inarch.bundle.reading import Bundle
from inarch.bundle.writing import BundleContents, write_bundle
from inarch.commands.train.run import prepare_training_run
from inarch.commands.train.strategies.registry import WEIGHTED_STRATEGIES, strategy
from inarch.data.candidate_files import digest_of
from inarch.data.decode import decode_many, read_bytes, upright_rgb
from inarch.data.grouping import merge_clusters
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.data.pictures import as_source, describe, is_one_photo, several
from inarch.errors import PhotosError, UnreadableImageError, UserError
from inarch.metrics.answering import TARGET_ACCURACY, is_close, is_out_of_distribution, rule_for
from inarch.metrics.novelty import ood_scores
from inarch.metrics.softmax import softmax
from inarch.options.parameters import initialiser, options_from
from inarch.runtime.session import Graph
from inarch.storage.cache_size import in_use
from inarch.storage.home import expand
from inarch.transfer.options import TrainOptions
from inarch.transfer.photos import check_class_names
from inarch.transfer.records.report import Candidate

BATCH = 16

Source = Path | bytes
"""A file to decode, or its bytes."""


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An image classifier with the interface of scikit-learn's estimators.

    ``fit`` uses all given photos for training and validation; testing is up to the caller, for example by
    ``cross_val_score``. Photos are files (paths as text or `Path`, bytes, open files), PIL images, or arrays of 8-bit
    values, (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) each; their sizes may differ. A table of one column will do.
    Parameters are those of `inarch.TrainOptions` that say how to learn, and ``flip`` of its augmentation; ``cache`` is
    the folder of decoded photos and features, the user's own if None.

    Examples:
        >>> paths = sorted(Path("photos").rglob("*.png"))
        >>> labels = [path.parent.name for path in paths]
        >>> estimator = inarch.ImageClassifier(model="resnet18_narrow", strategy="probe").fit(paths, labels)
        >>> estimator.predict(["photo.jpg"]).tolist()
        ['dark']

    Attributes:
        classes_: the distinct labels, sorted.
        strategy_: the strategy that was chosen.
        candidates_: the validation figures of each strategy that was tried.
        notes_: notes on the photos and the choices of the run, one sentence each.
    """

    classes_: NDArray[Any]
    strategy_: str
    candidates_: tuple[Candidate, ...]
    notes_: tuple[str, ...]

    __init__ = initialiser(TrainOptions)

    def __sklearn_tags__(self) -> Any:
        """The input is not a table of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any, *, groups: Any = None, sample_weight: Any = None) -> "ImageClassifier":
        """Train on photos ``X`` and their labels ``y``, (n,) each.

        Args:
            X: photos.
            y: their labels.
            groups: labels of groups, (n,), such as patients or cameras: photos of one group, and photos that share one
                through copies of a file, are on one side of every split that is made here. None groups only copies.
            sample_weight: how much each photo counts, (n,), in what is minimised and in what settings are chosen by;
                their scale does not matter. Photos of weight 0 are left out. Other strategies than ``probe`` take equal
                weights alone.

        Raises:
            ValueError: ``X`` and ``y`` differ in length, a label is missing, or there are fewer than two classes.
            PhotosError: a photo cannot be read, or a class has too few.
            UserError: an option, the model or its weights cannot be used, a sample weight is negative or not finite, or
                the strategy cannot let photos count differently; the message gives the reason.
        """
        labels = _labels(y)
        if is_one_photo(X):
            raise UserError(f"X is a list of photos, but this is one photo, {describe(X)}: put it into a list.")
        X = list(several(X))
        check_consistent_length(X, labels)
        check_classification_targets(labels)
        together = None if groups is None else column_or_1d(groups)
        check_consistent_length(X, together)
        weights = _check_weights(sample_weight, len(labels), self.strategy)
        sources = _sources(X)
        if weights is not None:
            kept = weights > 0
            sources, labels, weights = compress(sources, kept), labels[kept], weights[kept] / weights[kept].mean()
            together = None if together is None else together[kept]
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise UserError(f"A classifier needs photos of at least two classes; there is {len(classes)}.")
        options = options_from(self, TrainOptions)
        choose = strategy(options.strategy)
        names = tuple(map(str, classes))
        with in_use(options.cache, options.cache_size), _photo_set(sources, codes, names) as photos:
            found = photos if together is None else merge_clusters(photos, _clusters(together))
            run = prepare_training_run(lambda: found, options)
            if run.stored.photos.skipped:
                first = run.stored.photos.skipped[0]
                raise PhotosError(f"{first.path}: {first.reason}")
            outcome = choose(replace(run, weights=weights))
            run = outcome.run or replace(run, weights=weights)
            self._contents: BundleContents = untested_contents(run, outcome)
        self.classes_ = classes
        self.strategy_ = outcome.strategy
        self.candidates_ = outcome.candidates
        self.notes_ = notes_of(run, outcome)
        return self

    def save(self, folder: str | Path) -> Bundle:
        """Write the fitted classifier as a bundle, which `inarch.load` and ``inarch predict`` read.

        Its record says that no test accuracy was measured; labels become text.

        Args:
            folder: the bundle's folder; an older bundle there is replaced.

        Raises:
            NotFittedError: `fit` was not called before.
            UserError: a label is no single line of text without spaces around it.
            OutputError: the folder cannot be written.

        Examples:
            >>> paths = sorted(Path("photos").rglob("*.png"))
            >>> labels = [path.parent.name for path in paths]
            >>> estimator = inarch.ImageClassifier(model="resnet18_narrow", strategy="probe").fit(paths, labels)
            >>> _ = estimator.save("fitted")
            >>> inarch.load("fitted")
            TrainedClassifier('fitted': resnet18_narrow by probe, 2 classes, test accuracy not measured)
        """
        contents = self._fitted()
        check_class_names(contents.report.classes)
        return write_bundle(expand(folder), contents)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Calibrated probabilities, (n, classes), in the order of ``classes_``.

        With a class weighting other than ``none``, they assume equally frequent classes.

        Raises:
            NotFittedError: `fit` was not called before.
            PhotosError: a photo cannot be read.
        """
        fitted = self._fitted()
        graph = Graph(fitted.graph)
        parts = [graph(pixels)[0] for pixels in _batches(_sources(X), fitted.report.preprocessing)]
        logits = np.concatenate(parts) if parts else np.zeros((0, len(self.classes_)), np.float32)
        return softmax(logits, fitted.report.temperature)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each photo, (n,); raises as `predict_proba` does."""
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]

    def answers(self, X: Any, *, target_accuracy: float = TARGET_ACCURACY) -> NDArray[np.bool_]:
        """Which photos the model answers, (n,), at a target accuracy: the abstention rule of bundles.

        The model abstains from photos with low confidence and from out-of-distribution photos.

        Raises:
            NotFittedError: `fit` was not called before.
            PhotosError: a photo cannot be read.
            UserError: ``target_accuracy`` is not between 0 and 1, or the strategy has no abstention rule.
        """
        fitted = self._fitted()
        evidence = fitted.evidence
        if evidence is None:
            raise UserError(f"The strategy {self.strategy_!r} has no abstention rule here; use predict_proba instead.")
        rule, known = rule_for(evidence, target_accuracy), evidence.known.astype(np.float32)
        graph = Graph(fitted.graph)
        answered: list[bool] = []
        for pixels in _batches(_sources(X), fitted.report.preprocessing):
            logits, features = graph(pixels)
            sure = softmax(logits, fitted.report.temperature).max(1)
            pairs = zip(sure.tolist(), ood_scores(features, known).tolist(), strict=True)
            answered += [
                not (is_out_of_distribution(rule, distance) or is_close(rule, share)) for share, distance in pairs
            ]
        return np.array(answered, dtype=bool)

    def _fitted(self) -> BundleContents:
        check_is_fitted(self, "classes_")
        return self._contents


def _check_weights(given: Any, photos: int, strategy: str) -> NDArray[np.float64] | None:
    """The sample weights; None where all photos count alike.

    Raises:
        UserError: they are no weights, or the strategy cannot honour them.
    """
    if given is None:
        return None
    weights = np.asarray(given, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(photos, weights)
    weights = column_or_1d(weights)
    if len(weights) != photos:
        raise UserError(f"There are {photos} photos and {len(weights)} sample weights; give one weight for each photo.")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise UserError("Sample weights are finite, not negative, and not all 0.")
    if (weights == weights[0]).all():
        return None
    if strategy not in WEIGHTED_STRATEGIES:
        raise UserError(
            f"Photos can count differently with strategy='probe' alone, and strategy={strategy!r} was asked for: other "
            "strategies would ignore the sample weights. Choose 'probe', or leave sample_weight out."
        )
    return weights


def _clusters(groups: NDArray[Any]) -> list[list[int]]:
    """The places of the photos of each group."""
    codes = np.unique(groups, return_inverse=True)[1]
    return [np.flatnonzero(codes == code).tolist() for code in range(codes.max() + 1)]


def _sources(photos: Any) -> Iterator[Source]:
    """Files unchanged, and everything else as the bytes of a file: a single way from photo to pixels."""
    if is_one_photo(photos):
        raise UserError(f"X is a list of photos, but this is one photo, {describe(photos)}: put it into a list.")
    return (_source(photo, place) for place, photo in enumerate(several(photos)))


def _source(photo: Any, place: int) -> Source:
    source = as_source(photo, place)
    return _bitmap(upright_rgb(source)) if isinstance(source, Image.Image) else source


def _labels(given: Any) -> NDArray[Any]:
    """The labels as one column.

    Raises:
        UserError: one is missing or empty, or they cannot be sorted.
    """
    labels = np.asarray(
        [each.item() if isinstance(each, np.generic) else each for each in _column(given)], dtype=object
    )
    missing = [place for place, label in enumerate(labels) if _is_missing(label)]
    if missing:
        more = f", and {len(missing) - 1} more are" if len(missing) > 1 else ""
        raise UserError(f"label {missing[0]} is missing{more}: give every photo a label, or leave such photos out.")
    kinds = {str if isinstance(label, str) else type(label) for label in labels}
    if str in kinds and len(kinds) > 1:
        raise UserError("Some labels are text and others are not, so they cannot be sorted; make all of them text.")
    return np.asarray(labels.tolist())


def _column(given: Any) -> Any:
    """One column of whatever holds labels."""
    if isinstance(given, str) or not hasattr(given, "__len__"):
        raise UserError(f"y is a list of labels, one for each photo, and this is {describe(given)}.")
    listed = list(several(given))
    return column_or_1d(np.asarray(listed), warn=True) if listed and np.ndim(listed[0]) else listed


def _is_missing(label: Any) -> bool:
    """Whether it is None, NaN, pandas' NA or NaT, or text without a word."""
    if isinstance(label, str):
        return not label.strip()
    return label is None or type(label).__name__ == "NAType" or bool(label != label)


def _bitmap(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()


@contextmanager
def _photo_set(sources: Iterable[Source], labels: NDArray[np.int64], classes: tuple[str, ...]) -> Iterator[PhotoSet]:
    """The photos as a set of files, which exist inside the ``with``."""
    with TemporaryDirectory() as folder:
        photos = []
        for place, (source, label) in enumerate(zip(sources, labels.tolist(), strict=True)):
            path = source.absolute() if isinstance(source, Path) else Path(folder, f"photo {place}.bmp")
            content = _content(source)
            if isinstance(source, bytes):
                path.write_bytes(content)
            photos.append(Photo(path.as_posix(), label, digest_of(content), split="train"))
        yield PhotoSet(root=folder, classes=classes, photos=tuple(photos))


def _content(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return read_bytes(source)
    except UnreadableImageError as error:
        raise PhotosError(f"{source}: {error}") from error


def _batches(sources: Iterator[Source], preprocessing: Preprocessing) -> Iterator[NDArray[np.uint8]]:
    """Pixels of the photos, (n, side, side, 3), a few at a time."""
    batch: list[NDArray[np.uint8]] = []
    sources, names = tee(sources)  # buffers only the photos that are decoded ahead
    for place, (source, image) in enumerate(zip(names, decode_many(sources, preprocessing), strict=True)):
        if isinstance(image, UnreadableImageError):
            name = source if isinstance(source, Path) else f"photo {place}"
            raise PhotosError(f"{name}: {image}")
        batch.append(image)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
