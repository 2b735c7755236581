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
class AnswerRule:
    """A photo is answered if the confidence is above one bound and its novelty not above another."""

    goal: float
    """The share of answers that is to be right."""
    confidence: float | None
    """Above this a photo is answered; None where no confidence reaches the goal."""
    novelty: float
    """Up to this a photo counts as like those that were learned from."""
    promised: bool
    """Whether the goal is kept except by bad luck of 1 in 20; else it is what the held-out photos suggest."""
    n: int
    """Photos that the bounds were chosen by, none of which had been learned from."""
    coverage: Estimate
    """The share of them that is answered."""


@dataclass(frozen=True)
class CoveragePoint:
    """If only the most confident answers were given: how many of all photos that is, and how many are right."""

    coverage: float
    accuracy: Estimate


@dataclass(frozen=True)
class SelectiveResult:
    """What a rule comes to on labelled photos that had no part in choosing it."""

    rule: AnswerRule
    coverage: Estimate
    """The share of photos that is answered."""
    accuracy: Estimate | None
    """Among the answered; None where none is."""
    unlike: int
    """Photos without an answer because they are unlike those that were learned from."""
    close: int
    """Photos without an answer because two classes are too close."""
    curve: tuple[CoveragePoint, ...]
    """With rising coverage; the last point has every photo that is not unlike."""


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
    precise_at: int | None = None
    """About how many photos it takes to know an accuracy like this one to 2 points either way."""
    answered: SelectiveResult | None = None
    """What saying "don't know" comes to, where there is a rule for it."""


@dataclass(frozen=True)
class Curve:
    """A quantity over the course of training."""

    name: str
    x_label: str
    y_label: str
    points: tuple[tuple[float, float], ...]
