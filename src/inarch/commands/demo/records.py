"""The results of the demo."""

from dataclasses import dataclass

from inarch.transfer.records.report import TrainingReport


@dataclass(frozen=True)
class DemoReports:
    """Two classifiers, trained on the same photos."""

    transfer: TrainingReport
    """A linear classifier on the frozen features of a backbone that comes with inarch."""
    scratch: TrainingReport
    """A small model, trained from scratch."""
