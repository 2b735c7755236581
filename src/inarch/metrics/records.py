"""Metrics of labelled photos; fractions, not percent."""

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
    """One classifier compared with another on the same photos."""

    gain: Estimate
    """The difference in accuracy, a fraction; ``n`` counts groups of photos."""
    p: float
    """The p-value of the difference in accuracy."""
    log_loss_drop: float | None
    """The decrease in log loss, if it was compared."""
    verdict: str
    """``better``, ``worse`` or ``inconclusive``."""


@dataclass(frozen=True)
class ClassScore:
    """The recall and the precision of one class."""

    name: str
    n: int
    recall: Estimate | None
    """None if there are no photos of the class."""
    precision: Estimate | None
    """None if the class was never predicted."""


@dataclass(frozen=True)
class Bin:
    """A bar of the reliability diagram: predictions with confidence in [low, high), or up to 1 in the last bar."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction."""

    path: str
    label: int
    predicted: int
    confidence: float


@dataclass(frozen=True)
class AnswerRule:
    """The abstention rule: a photo is answered if its confidence is above a threshold and its OOD score is not."""

    target_accuracy: float
    """The target accuracy of the answered photos."""
    confidence: float | None
    """The confidence threshold; None if no threshold reaches the target accuracy."""
    novelty: float
    """The OOD threshold: up to it a photo is in distribution."""
    promised: bool
    """Whether the target accuracy is guaranteed with 95 % confidence; else it only holds on the validation photos."""
    n: int
    """The number of validation photos that the thresholds were chosen on."""
    coverage: Estimate
    """The coverage on the validation photos."""


@dataclass(frozen=True)
class CoveragePoint:
    """Coverage and accuracy if only the most confident predictions are answered."""

    coverage: float
    accuracy: Estimate


@dataclass(frozen=True)
class SelectiveResult:
    """The results of a rule on labelled photos that took no part in choosing it."""

    rule: AnswerRule
    coverage: Estimate
    """The fraction of photos that are answered."""
    accuracy: Estimate | None
    """The selective accuracy; None if no photo is answered."""
    unlike: int
    """The number of out-of-distribution photos, which are not answered."""
    close: int
    """The number of photos that are not answered because of low confidence."""
    curve: tuple[CoveragePoint, ...]
    """With rising coverage; the last point has all in-distribution photos."""


@dataclass(frozen=True)
class Evaluation:
    """All metrics of one set of labelled photos."""

    split: str
    """The name of the split: ``val``, ``test`` or ``all``."""
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
    """Without empty bins."""
    mistakes: tuple[Mistake, ...]
    """The most confident mistakes, worst first."""
    precise_at: int | None = None
    """About how many photos an accuracy like this one needs for an interval of 2 points either way."""
    answered: SelectiveResult | None = None
    """Selective classification, if there is a rule."""


@dataclass(frozen=True)
class Curve:
    """A quantity during training."""

    name: str
    x_label: str
    y_label: str
    points: tuple[tuple[float, float], ...]
