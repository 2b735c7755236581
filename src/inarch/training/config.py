"""How a net is trained; saved with every run."""

from dataclasses import dataclass

from inarch.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training run."""

    epochs: int
    batch_size: int = 32
    optimiser: str = "sgd"
    """``sgd`` (Nesterov momentum), ``adamw`` or ``muon``."""
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    """Applied to weights of convolutions and linear layers only; never to biases and norms."""
    warmup: float = 0.1
    """Fraction of all steps over which the rate rises to ``lr``; then it falls along a cosine to zero."""
    cooldown: float = 0.0
    """If set, the rate stays after the warm-up and falls along a straight line over this last fraction of the steps."""
    label_smoothing: float = 0.1
    ema_decay: float = 0.99
    """Decay of the running average of the weights, which is what the run returns; 0 turns it off."""
    precision: str = "float32"
    """``bfloat16``: convolutions and matrix products read 16 bits and add up in 32; weights, statistics, loss and
    updates stay in 32. Sooner on processors that have such products (AVX512_BF16, AMX), slower on all others."""
    keeps_statistics: bool = False
    """Batch normalisation goes by the running statistics that the net came with, which then never move; its scale and
    shift still learn. By default it goes by those of the batch, and the running ones follow."""
    auxiliary_weight: float = 0.3
    """Weight of each auxiliary head's loss (Szegedy et al. 2015, section 5)."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UserError(f"Training needs at least one epoch; epochs={self.epochs} was asked for.")
        if self.batch_size < 1:
            raise UserError(f"A batch holds at least one image; batch_size={self.batch_size} was asked for.")
        if self.optimiser not in ("sgd", "adamw", "muon"):
            raise UserError(f"The optimiser is sgd, adamw or muon, not {self.optimiser!r}.")
        if self.precision not in ("float32", "bfloat16"):
            raise UserError(f"The precision is float32 or bfloat16, not {self.precision!r}.")
        for name in ("momentum", "warmup", "cooldown", "label_smoothing", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} must be in [0, 1), got {getattr(self, name)}.")
        for name in ("lr", "weight_decay", "auxiliary_weight"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} must not be negative, got {getattr(self, name)}.")
