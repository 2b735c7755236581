"""What every strategy is handed, and what every strategy hands back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch import clock
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Preprocessing
from inarch.data.split import count_groups, groups_of
from inarch.data.store import StoredPhotos
from inarch.metrics.answering import Evidence
from inarch.metrics.records import Curve, Estimate
from inarch.models import Backbone, Classifier
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache import cache_key
from inarch.storage.cache_size import DEFAULT_SIZE
from inarch.transfer.class_weighting import ClassWeighting, class_weighting_of
from inarch.transfer.cuts import default_cut
from inarch.transfer.records.learning import LearningCurve
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.records.report import (
    Candidate,
    ParameterChanges,
    Phase,
)


@dataclass(frozen=True)
class StartingPoint:
    """The backbone before the graft."""

    architecture: str
    backbone: Backbone
    after: str
    """The stage or block after which it ends; the last stage's name where it is whole."""
    digest: str
    """Content hash of its architecture and weights; weights alone do not tell ResNet v1 from v1.5."""
    weights: str
    """Where they come from, in words."""
    pretrained: bool
    folded: bool
    image_size: int | None = None
    """Pixels a side that its weights were trained at, where they say so."""
    cut_after: str | None = None
    """The stage or block behind which fine-tuning is to train; None leaves that to `default_cut`."""

    @property
    def cut(self) -> str | None:
        """Where fine-tuning cuts; None where nothing would stay frozen."""
        return self.cut_after or default_cut(self.backbone)


class Stopwatch:
    """Collects how long each phase took; a phase timed twice adds up."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what runs inside the ``with``."""
        began = clock.seconds()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + clock.seconds() - began

    @property
    def total(self) -> float:
        """Seconds in all phases so far."""
        return sum(self._seconds.values(), 0.0)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases in the order in which they first began."""
        return tuple(Phase(name, seconds) for name, seconds in self._seconds.items())


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training run, before a strategy is chosen."""

    stored: StoredPhotos
    train: NDArray[np.int64]
    """Rows of ``stored`` to learn from."""
    test: NDArray[np.int64]
    """Rows of ``stored`` that no choice may look at."""
    start: StartingPoint
    preprocessing: Preprocessing
    augmentation: Augmentation
    cache: Path
    cache_size: int = DEFAULT_SIZE
    """Bytes that this run may need in the cache."""
    views: int = 1
    """How often each training photo is seen by a frozen prefix: once as it is, then augmented."""
    seed: int = 0
    class_weighting: str = "none"
    """What is done about classes of different size: a name of `BALANCES`."""
    time_budget: float = 600.0
    """Seconds that training may take in all."""
    resume: bool = False
    named: bool = True
    """Whether the user chose the net."""
    ranking: Ranking | None = None
    """How the backbone did on a sample of the photos, beside others where none was named."""
    plan: Plan | None = None
    """What was promised before the start."""
    unlabelled: StoredPhotos | None = None
    """Photos without labels, of which none is a photo to report on."""
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
        """For every row of ``stored`` the number of its group: a user's, else of the copies of one file.

        Photos of one group stand on one side whenever some are held out.
        """
        return groups_of(self.stored.photos.photos)

    @cached_property
    def weighting(self) -> ClassWeighting:
        """How much a photo of each class counts, by the training photos."""
        return class_weighting_of(self.class_weighting, self.labels[self.train], len(self.classes))

    def key(self, *parts: str) -> str:
        """Names what is learned from these photos with these labels and this seed, as far as ``parts`` say the rest."""
        learned = [f"{self.digests[row]} {self.labels[row]}" for row in self.train]
        return cache_key(*parts, str(self.seed), self.class_weighting, str(len(self.classes)), *learned)

    @property
    def learned_from(self) -> str:
        """Names the training photos and their labels by content; their order does not matter."""
        return cache_key(*sorted(f"{self.digests[row]} {self.labels[row]}" for row in self.train))

    @property
    def seconds_left(self) -> float:
        """What is left of the time budget."""
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
    """Accuracy on the training photos themselves."""
    candidates: tuple[Candidate, ...]
    curves: tuple[Curve, ...]
    movements: tuple[ParameterChanges, ...]
    """What each phase changed in the net."""
    notes: tuple[str, ...]
    evidence: Evidence | None = None
    """What a rule for answering is chosen by, where photos were held out."""
    learning_curve: LearningCurve | None = None
    """Of the probe, where there was one and the photos suffice."""
    job: TrainingRun | None = None
    """Where the net sees the photos otherwise than the backbone did that was to be grafted: the job as it sees them."""


def rarest_class(job: TrainingRun, rows: NDArray[np.int64] | None = None) -> tuple[str, int]:
    """The class with the fewest training photos, or of ``rows``; photos that belong together count once."""
    rows = job.train if rows is None else rows
    return find_rarest_class(job.classes, job.labels[rows], job.groups[rows])


def find_rarest_class(classes: Sequence[str], labels: NDArray[np.int64], groups: NDArray[np.intp]) -> tuple[str, int]:
    """The same of photos that are in no job yet."""
    counts = count_groups(labels, groups, len(classes))
    return classes[int(np.argmin(counts))], min(counts)
