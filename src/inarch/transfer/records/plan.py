"""The plan of a run: the expected run time and accuracy of each strategy, made before training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedStrategy:
    """One strategy with its expected run time and accuracy."""

    strategy: str
    settings: str
    seconds: float
    """The run time if the run ends with this strategy."""
    low: float
    high: float
    """The bounds of the expected test accuracy, a fraction."""
    planned: bool
    """Whether the run will try it."""
    why: str


@dataclass(frozen=True)
class Plan:
    """Every strategy, and notes on the photos and the machine."""

    strategies: tuple[PlannedStrategy, ...]
    notes: tuple[str, ...]
    """Sentences on what is unusual about these photos."""
    cut: str | None = None
    """The end of the frozen prefix in fine-tuning; None if fine-tuning is not possible."""

    def is_planned(self, strategy: str) -> bool:
        """Whether the run will try it."""
        return any(each.planned for each in self.strategies if each.strategy == strategy)

    def seconds(self, strategy: str) -> float:
        """The expected run time if the run ends with ``strategy``."""
        return next(each.seconds for each in self.strategies if each.strategy == strategy)
