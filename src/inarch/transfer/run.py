"""The input and the result of every strategy."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from inarch.data.folds import FOLDS, folds
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Preprocessing
from inarch.data.split import count_groups, groups_of, labels_of
from inarch.data.store import StoredPhotos
from inarch.errors import PhotosError
from inarch.metrics.answering import Evidence
from inarch.metrics.records import Curve, Estimate
from inarch.models import Backbone, Classifier
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache import cache_key
from inarch.transfer.class_weighting import ClassWeighting, class_weighting_of
from inarch.transfer.cuts import default_cut
from inarch.transfer.options import TrainOptions
from inarch.transfer.records.learning import LearningCurve
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.records.report import (
    Candidate,
    ParameterChanges,
)
from inarch.transfer.stopwatch import Stopwatch

Places = NDArray[np.int64]
"""Places of training photos in ``run.train``."""


@dataclass(frozen=True)
class StartingPoint:
    """The backbone before transfer."""

    architecture: str
    backbone: Backbone
    after: str
    """The stage or block after which it ends; the last stage's name if it is whole."""
    digest: str
    """Digest of its architecture and weights; weights alone do not distinguish ResNet v1 from v1.5."""
    weights: str
    """The origin of the weights, in words."""
    pretrained: bool
    folded: bool
    image_size: int | None = None
    """Pixels a side that its weights were trained at, if they say so."""
    cut_after: str | None = None
    """The stage or block up to which fine-tuning freezes it; None leaves that to `default_cut`."""

    @property
    def cut(self) -> str | None:
        """The end of the frozen prefix in fine-tuning; None if nothing would be frozen."""
        return self.cut_after or default_cut(self.backbone)


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training run, before a strategy is chosen."""

    stored: StoredPhotos
    train: NDArray[np.int64]
    """Rows of ``stored`` in the training set."""
    test: NDArray[np.int64]
    """Rows of ``stored`` in the test set, which takes no part in any choice."""
    start: StartingPoint
    preprocessing: Preprocessing
    options: TrainOptions
    """The options of the run."""
    weights: NDArray[np.float64] | None = None
    """How much each training photo counts in losses, in the order of ``train``, 1 on average; None where all count
    alike. `WEIGHTED_STRATEGIES` alone may be handed such a run."""
    reserved: float = 0.0
    """Seconds of the time budget that something else is to have."""
    ranking: Ranking | None = None
    """The backbone's figures on a sample of the photos, with those of others if none was named."""
    plan: Plan | None = None
    """The plan made before training."""
    unlabelled: StoredPhotos | None = None
    """Unlabelled photos, none of which is a test photo."""
    progress: Progress = ignore_progress
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the logits."""
        return self.stored.photos.classes

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The label of every row of ``stored``."""
        return np.array([photo.label for photo in self.stored.photos.photos], dtype=np.int64)

    @cached_property
    def digests(self) -> list[str]:
        """The content hash of every row of ``stored``."""
        return [photo.digest for photo in self.stored.photos.photos]

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """For every row of ``stored`` the number of its group: a user's, else of the copies of one file, (n,).

        Photos of one group stay on one side of every split.
        """
        return groups_of(self.stored.photos.photos)

    @cached_property
    def learned(self) -> PhotoLabels:
        """Classes, groups and weights of the training photos, in the order of ``train``."""
        photos = labels_of(self.stored.photos).at(self.train)
        return photos if self.weights is None else replace(photos, weights=self.weights)

    @cached_property
    def weighting(self) -> ClassWeighting:
        """How much a photo of each class counts, by the training photos."""
        photos = self.learned
        return class_weighting_of(self.options.class_weighting, photos.labels, photos.classes, photos.weights)

    def key(self, *parts: str) -> str:
        """A cache key of the training photos, their labels, the seed and ``parts``."""
        learned = [f"{self.digests[row]} {self.labels[row]}" for row in self.train]
        options = self.options
        return cache_key(*parts, str(options.seed), options.class_weighting, str(len(self.classes)), *learned)

    @property
    def learned_from(self) -> str:
        """A digest of the training photos and their labels; their order does not matter."""
        return cache_key(*sorted(f"{self.digests[row]} {self.labels[row]}" for row in self.train))

    @property
    def time_budget(self) -> float:
        """Seconds that this run may take in all."""
        return self.options.time_budget - self.reserved

    @property
    def seconds_left(self) -> float:
        """The rest of the time budget."""
        return self.time_budget - self.stopwatch.total


@dataclass(frozen=True, kw_only=True)
class StrategyResult:
    """A trained classifier and the evidence for it."""

    strategy: str
    model: Classifier
    graph: bytes
    """The classifier as an ONNX graph from pixels to logits."""
    temperature: float
    fitted: Estimate
    """Training accuracy."""
    candidates: tuple[Candidate, ...]
    curves: tuple[Curve, ...]
    movements: tuple[ParameterChanges, ...]
    """The parameters that each phase updated."""
    notes: tuple[str, ...]
    evidence: Evidence | None = None
    """The evidence for an abstention rule, if there were validation photos."""
    learning_curve: LearningCurve | None = None
    """The learning curve of the probe, if there was one and the photos suffice."""
    run: TrainingRun | None = None
    """The run with this model's own preprocessing, if it differs from the backbone's."""


def rarest_class(run: TrainingRun, rows: NDArray[np.int64] | None = None) -> tuple[str, int]:
    """The class with the fewest training photos, or of ``rows``; photos that belong together count once."""
    rows = run.train if rows is None else rows
    return find_rarest_class(run.classes, run.labels[rows], run.groups[rows])


def find_rarest_class(classes: Sequence[str], labels: NDArray[np.int64], groups: NDArray[np.intp]) -> tuple[str, int]:
    """The same of photos that are in no run yet."""
    counts = count_groups(labels, groups, len(classes))
    return classes[int(np.argmin(counts))], min(counts)


def held_out_fold(run: TrainingRun) -> tuple[Places, Places]:
    """The training part and the validation part of a trial.

    Copies of one file and photos of one group are in the same part.

    Raises:
        PhotosError: a class has too few photos for both parts.
    """
    rarest, count = rarest_class(run)
    if count < 2:
        raise PhotosError(
            f"Training needs validation photos, so every class needs two different training photos; "
            f"{rarest!r} has {count}. Add photos of it."
        )
    parts = folds(run.learned.labels, k=min(FOLDS, count), seed=run.options.seed, groups=run.learned.groups)
    return max(parts, key=lambda part: rarest_class(run, run.train[part[0]])[1])  # groups may fill one fold
