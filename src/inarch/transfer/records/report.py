"""What a training run did: the record behind ``metrics.json`` and ``report.html``."""

from dataclasses import dataclass

from inarch.data.photos import Photo, Preprocessing, SkippedFile
from inarch.metrics.records import Curve, Estimate, Evaluation
from inarch.transfer.records.adaptation import Adaptation
from inarch.transfer.records.learning import LeakageMeasurement, LearningCurve
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.records.strategy_curves import StrategyCurves

CURVES_PHASE = "learning curves"
"""The phase that no promise is about: it takes what time there is."""


@dataclass(frozen=True)
class Phase:
    """A part of the run and how long it took."""

    name: str
    """``scan``, ``decode``, ``features``, ``fit``, ``export`` …"""
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Candidate:
    """A strategy that was measured on held-out training photos before one was chosen."""

    strategy: str
    settings: str
    accuracy: Estimate
    log_loss: float
    seconds: float
    chosen: bool
    why: str


@dataclass(frozen=True)
class ParameterChanges:
    """What a phase of training changed in the net, and what it left as it was, bit for bit."""

    phase: str
    moved: tuple[str, ...]
    """Names of the parameters and buffers that changed or are new."""
    kept: int
    """How many did not change."""


@dataclass(frozen=True)
class TrainingReport:
    """The whole run."""

    model: str
    variant: str
    weights: str
    """Where the backbone's weights come from; ``random initialisation`` where nowhere."""
    cut: str
    """The stage or block after which the backbone ends."""
    strategy: str
    seed: int
    root: str
    classes: tuple[str, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]
    """For each split the number of photos of each class."""
    preprocessing: Preprocessing
    skipped: tuple[SkippedFile, ...]
    notes: tuple[str, ...]
    """Sentences that the user should read: what was decided and why, what looks wrong."""
    candidates: tuple[Candidate, ...]
    curves: tuple[Curve, ...]
    evaluation: Evaluation
    evaluation_train: Estimate
    """Accuracy on the training photos: the gap to ``evaluation`` is the overfitting."""
    temperature: float
    phases: tuple[Phase, ...]
    versions: tuple[tuple[str, str], ...]
    samples: tuple[Photo, ...] = ()
    """A few photos of each class, to be shown; their thumbnails are found by path."""
    gap_at: int | None = None
    """About how many test photos it takes to tell the accuracy on them from that on the training photos, where the
    intervals overlap and the gap stays as it is."""
    calibration_error_before: Estimate | None = None
    """The calibration error of ``evaluation``'s photos at temperature 1, where it was measured."""
    movements: tuple[ParameterChanges, ...] = ()
    """Phase by phase."""
    ranking: Ranking | None = None
    """The backbones that this one was chosen from, where none was named."""
    plan: Plan | None = None
    """What was promised before the start."""
    learning_curve: LearningCurve | None = None
    """Of a linear classifier on the frozen features, where that was fitted and the photos suffice."""
    strategy_curves: StrategyCurves | None = None
    """Of every strategy, where they were asked for."""
    learned_from: str = ""
    """Names the training photos and their labels by content."""
    leakage: LeakageMeasurement | None = None
    """Where it was asked for."""
    adaptation: Adaptation | None = None
    """Where the net was adapted to photos of another domain; the figures above are then of the old one."""

    @property
    def seconds(self) -> float:
        """What all phases took of which a plan promises anything."""
        return sum(phase.seconds for phase in self.phases if phase.name != CURVES_PHASE)
