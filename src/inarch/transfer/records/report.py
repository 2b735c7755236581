"""The record of a training run, behind ``metrics.json`` and ``report.html``."""

from dataclasses import dataclass, replace

from inarch.data.photos import Photo, Preprocessing, SkippedFile
from inarch.metrics.records import Curve, Estimate, Evaluation
from inarch.transfer.records.adaptation import Adaptation
from inarch.transfer.records.learning import LeakageMeasurement, LearningCurve
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.records.strategy_curves import StrategyCurves

CURVES_PHASE = "learning curves"
"""The phase that no plan covers: it takes the remaining time."""


@dataclass(frozen=True)
class Phase:
    """A part of the run and its duration."""

    name: str
    """``scan``, ``decode``, ``features``, ``fit``, ``export`` …"""
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Candidate:
    """A strategy with its figures on validation photos."""

    strategy: str
    settings: str
    accuracy: Estimate
    log_loss: float
    seconds: float
    chosen: bool = False
    why: str = ""

    @property
    def name(self) -> str:
        """The strategy, with the depth of fine-tuning, of which a run may try several."""
        return f"{self.strategy}, {self.settings.split(', ')[0]}" if self.strategy == "finetune" else self.strategy

    def decided(self, why: str, *, chosen: bool) -> "Candidate":
        """The same with what was decided, and why."""
        return replace(self, chosen=chosen, why=why)


@dataclass(frozen=True)
class ParameterChanges:
    """The parameters and buffers that a phase of training updated, and the number of unchanged ones."""

    phase: str
    moved: tuple[str, ...]
    """Names of the parameters and buffers that changed or are new."""
    kept: int
    """The number of unchanged ones, bit for bit."""


@dataclass(frozen=True)
class TrainingReport:
    """The record of the whole run."""

    model: str
    variant: str
    weights: str
    """The origin of the backbone's weights; ``random initialisation`` if it has none."""
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
    """Notes for the user: the choices and their reasons, and problems."""
    candidates: tuple[Candidate, ...]
    curves: tuple[Curve, ...]
    evaluation: Evaluation | None
    """On photos of the test set; None without a test set, as in `ImageClassifier.fit`."""
    evaluation_train: Estimate
    """Accuracy on the training photos: the gap to ``evaluation`` is the overfitting."""
    temperature: float
    phases: tuple[Phase, ...]
    versions: tuple[tuple[str, str], ...]
    samples: tuple[Photo, ...] = ()
    """A few photos of each class; thumbnails are found by path."""
    gap_at: int | None = None
    """About how many test photos make the gap between test and training accuracy significant, if the intervals overlap
    and the gap stays the same."""
    calibration_error_before: Estimate | None = None
    """The calibration error of ``evaluation``'s photos at temperature 1, if it was measured."""
    movements: tuple[ParameterChanges, ...] = ()
    """One record per phase."""
    ranking: Ranking | None = None
    """The backbones that this one was selected from, if none was named."""
    plan: Plan | None = None
    """The plan made before training."""
    learning_curve: LearningCurve | None = None
    """The learning curve of a linear classifier on the frozen features, if it was fitted and the photos suffice."""
    strategy_curves: StrategyCurves | None = None
    """The learning curves of every strategy, if they were requested."""
    learned_from: str = ""
    """A digest of the training photos and their labels."""
    leakage: LeakageMeasurement | None = None
    """The effect of leakage, if it was requested."""
    caveat: str = ""
    """The reason why ``evaluation`` cannot be trusted; empty if there is none."""
    adaptation: Adaptation | None = None
    """The adaptation to a target domain, if there was one; the figures above are then of the source domain."""

    @property
    def seconds(self) -> float:
        """The duration of all phases that a plan covers."""
        return sum(phase.seconds for phase in self.phases if phase.name != CURVES_PHASE)
