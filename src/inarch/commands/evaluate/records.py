"""The result of `inarch.evaluate`."""

from dataclasses import dataclass

from inarch.data.photos import SkippedFile
from inarch.metrics.records import Estimate, Evaluation
from inarch.report.evaluation import to_text


@dataclass(frozen=True)
class EvaluationReport:
    """A bundle's figures on labelled photos; printed, it is the table that ``inarch evaluate`` shows."""

    evaluation: Evaluation
    """Accuracy, calibration, the confusion matrix, figures of every class, mistakes."""
    skipped: tuple[SkippedFile, ...]
    """Files that could not be read, and why; no figure counts them."""
    notes: tuple[str, ...] = ()
    """Remarks on how the photos were read: names of splits, columns of a manifest."""

    @property
    def accuracy(self) -> Estimate:
        """Accuracy with its interval."""
        return self.evaluation.accuracy

    def __str__(self) -> str:
        return to_text(self.evaluation)
