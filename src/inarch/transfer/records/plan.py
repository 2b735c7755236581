"""What a run means to do, and how long that should take: said before it starts, and judged when it has ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedStrategy:
    """One way to learn from the photos, and what it should take and reach."""

    strategy: str
    settings: str
    seconds: float
    """The whole run, if this is what comes out of it."""
    low: float
    high: float
    """The accuracy expected on new photos lies between, a share."""
    planned: bool
    """Whether the run gets as far as to try it."""
    why: str


@dataclass(frozen=True)
class Plan:
    """Every strategy, and what the photos and the machine say about them."""

    strategies: tuple[PlannedStrategy, ...]
    notes: tuple[str, ...]
    """Sentences: what is unusual about these photos."""
    cut: str | None = None
    """Where fine-tuning cuts; None where it is not possible."""

    def is_planned(self, strategy: str) -> bool:
        """Whether the run gets as far as to try it."""
        return any(each.planned for each in self.strategies if each.strategy == strategy)

    def seconds(self, strategy: str) -> float:
        """What the run should take if it ends with ``strategy``."""
        return next(each.seconds for each in self.strategies if each.strategy == strategy)
