"""How every method of adaptation trains: the numbers in one frozen record, each with its reason."""

from dataclasses import dataclass, field

from inarch.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class AdaptRecipe:
    """Updates, regularisation strengths and fractions; `inarch.commands.adapt.adapt.AdaptOptions` holds one."""

    config: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(
            epochs=1,
            batch_size=64,
            optimiser="adamw",
            lr=3e-4,
            weight_decay=0.01,
            label_smoothing=0.0,
            ema_decay=0.99,
        )
    )
    updates: int = 600
    """The updates of a method if there is time."""
    fewest_updates: int = 30
    """The fewest that count as adaptation."""
    share: float = 0.8
    """The share of a method's time for training; the rest is for statistics and predictions."""
    counted: int = 4000
    """The most photos for statistics."""
    calibrating: int = 2000
    """The most validation photos of the source for a temperature."""
    critic_width: int = 256
    """The units of each hidden layer of the domain critic."""
    epoch_updates: int = 30
    """The most updates between two readings of the clock: an epoch of a large source would exceed the time."""

    folds: int = 5
    """The most folds of the labelled target photos for a head."""
    tuned_folds: int = 3
    """The same for a tail: training costs more than a linear fit."""
    head_shares: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    """The target photos' fractions of the head's loss that are tried."""
    head_strengths: tuple[float, ...] = (0.1, 0.01, 0.001)
    """The L2 regularisation strengths per photo that are tried with each."""
    search_photos: int = 1000
    """The most source photos of the search for fraction and strength: both are relative to the number of photos, so
    they carry over."""
    head_photos: int = 4000
    """The most source photos of the head's final fit: memory and time stay bounded."""
    tuned_updates: int = 200
    """The updates of a tail, on as many source photos as target photos."""
