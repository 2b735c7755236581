"""What was measured on labelled photos; fractions, not percent."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval and the number of photos behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%}, n={self.n})"


@dataclass(frozen=True)
class Comparison:
    """One classifier beside another on the same photos."""

    gain: Estimate
    """Its accuracy minus the other's, a share; ``n`` counts photos that belong together once."""
    p: float
    """How often chance alone would make the accuracies differ so."""
    log_loss_drop: float | None
    """By how much its log loss is lower, where that was compared."""
    verdict: str
    """``better``, ``worse`` or ``too close to call``."""


@dataclass(frozen=True)
class ClassScore:
    """One class: how many photos, how many of them found, how many of the answers right."""

    name: str
    n: int
    recall: Estimate | None
    """None where there are no photos of the class."""
    precision: Estimate | None
    """None where the class was never the answer."""


@dataclass(frozen=True)
class Bin:
    """One bar of the reliability diagram: the answers whose confidence lies in [low, high), or is 1 in the last bar."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """A photo that was answered wrongly."""

    path: str
    label: int
    predicted: int
    confidence: float


@dataclass(frozen=True)
class Evaluation:
    """Everything measured on one set of labelled photos."""

    split: str
    """What the photos were: ``val``, ``test``, ``held out``."""
    n: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    log_loss: float
    calibration_error: Estimate
    """Expected calibration error over the reliability bins."""
    confusion: tuple[tuple[int, ...], ...]
    """Row: true class; column: predicted class."""
    per_class: tuple[ClassScore, ...]
    reliability: tuple[Bin, ...]
    """Without the bars that have no photos."""
    mistakes: tuple[Mistake, ...]
    """Worst first: the most confident wrong answers."""
