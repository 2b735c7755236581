"""The scikit-learn face: `inarch.train` as an estimator, for ``cross_val_score``, pipelines and grid searches."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import tee
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

from inarch.commands.train.reporting import notes_of
from inarch.commands.train.run import prepare_training_run
from inarch.commands.train.strategies.registry import strategy
from inarch.data.augmentation import Augmentation
from inarch.data.candidate_files import digest_of
from inarch.data.decode import decode_many, read_bytes, upright_rgb
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.errors import PhotosError, UnreadableImageError, UserError
from inarch.metrics.answering import GOAL, is_close, is_out_of_distribution, rule_for
from inarch.metrics.novelty import ood_scores
from inarch.metrics.softmax import softmax
from inarch.runtime.session import Graph
from inarch.storage.cache import default_cache_folder
from inarch.storage.cache_size import DEFAULT_SIZE, in_use
from inarch.transfer.options import TrainOptions
from inarch.transfer.records.report import Candidate

BATCH = 16

Source = Path | bytes
"""What is decoded: a file, or the bytes of one."""


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A classifier of photos that behaves as scikit-learn's estimators do.

    ``fit`` learns from all photos that it is given: testing is the caller's, by ``cross_val_score`` for example.
    Photos are files (paths as text or `Path`), PIL images, or arrays of 8-bit values, (h, w, 3) or (h, w) each; they
    may differ in size. Arguments are those of `inarch.TrainOptions`; ``flip`` says whether mirrored photos keep their
    class, and ``cache`` is the folder of what was decoded and computed, the user's own if None.

    Attributes:
        classes_: the distinct labels, sorted.
        strategy_: the strategy that was chosen.
        candidates_: what was measured on held-out folds of the photos before it was chosen.
        notes_: what the user should know, in sentences.
    """

    classes_: NDArray[Any]
    strategy_: str
    candidates_: tuple[Candidate, ...]
    notes_: tuple[str, ...]

    def __init__(
        self,
        *,
        model: str | None = None,
        weights: Path | str | None = None,
        strategy: str = "auto",
        time_budget: float = 600.0,
        augmented_copies: int = 0,
        freeze_until: str | None = None,
        image_size: int | None = None,
        flip: bool = True,
        class_weighting: str = "none",
        seed: int = 0,
        cache: Path | str | None = None,
        cache_size: int = DEFAULT_SIZE,
    ) -> None:
        self.model = model
        self.weights = weights
        self.strategy = strategy
        self.time_budget = time_budget
        self.augmented_copies = augmented_copies
        self.freeze_until = freeze_until
        self.image_size = image_size
        self.flip = flip
        self.class_weighting = class_weighting
        self.seed = seed
        self.cache = cache
        self.cache_size = cache_size

    def __sklearn_tags__(self) -> Any:
        """Photos are no table of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags

    def fit(self, X: Any, y: Any) -> "ImageClassifier":
        """Learn from photos ``X`` and their labels ``y``, one each.

        Raises:
            ValueError: there are not as many labels as photos, or fewer than two classes.
            PhotosError: a photo cannot be read, or a class has too few.
            UserError: an option, the model or its weights cannot be used; the message says why.
        """
        labels = column_or_1d(y, warn=True)
        check_consistent_length(X, labels)
        check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise UserError(f"A classifier needs photos of at least two classes; there is {len(classes)}.")
        options = TrainOptions(
            model=self.model,
            weights=self.weights,
            strategy=self.strategy,
            time_budget=self.time_budget,
            augmented_copies=self.augmented_copies,
            freeze_until=self.freeze_until,
            image_size=self.image_size,
            seed=self.seed,
            class_weighting=self.class_weighting,
            augmentation=Augmentation(flip=self.flip),
            cache=default_cache_folder() if self.cache is None else Path(self.cache),
            cache_size=self.cache_size,
        )
        choose = strategy(options.strategy)
        names = tuple(map(str, classes))
        with in_use(options.cache, options.cache_size), _photo_set(_sources(X), codes, names) as photos:
            job = prepare_training_run(lambda: photos, options)
            if job.stored.photos.skipped:
                first = job.stored.photos.skipped[0]
                raise PhotosError(f"{first.path}: {first.reason}")
            outcome = choose(job)
        self.classes_ = classes
        self.strategy_ = outcome.strategy
        self.candidates_ = outcome.candidates
        self.notes_ = notes_of(job, outcome)
        self._learned: tuple[bytes, float, Preprocessing] = (outcome.graph, outcome.temperature, job.preprocessing)
        self._evidence = outcome.evidence
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Calibrated probabilities, (n, classes), in the order of ``classes_``; with a class weighting other than
        ``none`` they suppose that every class is equally frequent.

        Raises:
            NotFittedError: `fit` comes first.
            PhotosError: a photo cannot be read.
        """
        content, temperature, preprocessing = self._fitted()
        graph = Graph(content)
        parts = [graph(pixels)[0] for pixels in _batches(_sources(X), preprocessing)]
        logits = np.concatenate(parts) if parts else np.zeros((0, len(self.classes_)), np.float32)
        return softmax(logits, temperature)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each photo; raises as `predict_proba` does."""
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]

    def answers(self, X: Any, *, goal: float = GOAL) -> NDArray[np.bool_]:
        """Which photos may be answered, (n,), so that of the answers ``goal`` are right: the rule that bundles have.

        Not answered is what lies too close between two classes, and what is unlike the photos that were learned from.

        Raises:
            NotFittedError: `fit` comes first.
            PhotosError: a photo cannot be read.
            UserError: ``goal`` is no share above 0 and below 1.
        """
        content, temperature, preprocessing = self._fitted()
        if self._evidence is None:
            raise UserError(f"What {self.strategy_} learned cannot say when it is unsure.")
        rule, known = rule_for(self._evidence, goal), self._evidence.known.astype(np.float32)
        graph = Graph(content)
        answered: list[bool] = []
        for pixels in _batches(_sources(X), preprocessing):
            logits, features = graph(pixels)
            sure = softmax(logits, temperature).max(1)
            pairs = zip(sure.tolist(), ood_scores(features, known).tolist(), strict=True)
            answered += [
                not (is_out_of_distribution(rule, distance) or is_close(rule, share)) for share, distance in pairs
            ]
        return np.array(answered, dtype=bool)

    def _fitted(self) -> tuple[bytes, float, Preprocessing]:
        check_is_fitted(self, "classes_")
        return self._learned


def _sources(photos: Any) -> Iterator[Source]:
    """Files as they are, and everything else as the bytes of one: a single way from photo to pixels."""
    is_image = isinstance(photos, Image.Image) or (isinstance(photos, np.ndarray) and photos.shape[2:] == (3,))
    if isinstance(photos, str | bytes | Path) or is_image:
        raise UserError(f"Photos come in a list, and this is a single one, {_kind(photos)}: put it into a list.")
    return (_source(photo, place) for place, photo in enumerate(photos))


def _source(photo: Any, place: int) -> Source:
    if isinstance(photo, str | Path):
        return Path(photo)
    if isinstance(photo, Image.Image):
        return _bitmap(upright_rgb(photo))
    array = np.asarray(photo)
    has_shape = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not has_shape or not array.size:
        raise UserError(
            f"Photo {place} is neither a path, a PIL image nor an array of uint8 of shape (h, w, 3) or (h, w), but "
            f"{_kind(photo)}."
        )
    return _bitmap(Image.fromarray(array).convert("RGB"))


def _kind(photo: Any) -> str:
    if isinstance(photo, np.ndarray):
        return f"an array of {photo.dtype} of shape {photo.shape}"
    return repr(photo)[:80]


def _bitmap(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "BMP")
    return buffer.getvalue()


@contextmanager
def _photo_set(sources: Iterable[Source], labels: NDArray[np.int64], classes: tuple[str, ...]) -> Iterator[PhotoSet]:
    """The photos as a set of files, which are there inside the ``with``."""
    with TemporaryDirectory() as folder:
        photos = []
        for place, (source, label) in enumerate(zip(sources, labels.tolist(), strict=True)):
            path = source.absolute() if isinstance(source, Path) else Path(folder, f"photo {place}.bmp")
            content = _content(source)
            if isinstance(source, bytes):
                path.write_bytes(content)
            photos.append(Photo(str(path), label, digest_of(content), split="train"))
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
    sources, names = tee(sources)  # holds no more than what is decoded ahead
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
