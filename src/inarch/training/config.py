"""The configuration of a training run; saved with every run."""

from dataclasses import dataclass

from inarch.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The hyperparameters of one training run."""

    epochs: int
    batch_size: int = 32
    optimiser: str = "sgd"
    """``sgd`` (Nesterov momentum), ``adamw`` or ``muon``."""
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    """Weight decay of the weights of convolutions and linear layers only; not of biases and norms."""
    warmup: float = 0.1
    """Fraction of all steps over which the learning rate rises to ``lr``; then it falls along a cosine to zero."""
    cooldown: float = 0.0
    """If set, the rate stays constant after the warm-up and falls linearly over this last fraction of the steps."""
    label_smoothing: float = 0.1
    ema_decay: float = 0.99
    """Decay of the running average of the weights, which is the result of the run; 0 turns it off."""
    precision: str = "float32"
    """``bfloat16``: convolutions and matmuls take bfloat16 and accumulate in float32; weights, statistics, loss and
    updates stay in float32. Faster on processors with bfloat16 matmul (AVX512_BF16, AMX), slower on all others."""
    keeps_statistics: bool = False
    """Batch normalisation uses the given running statistics, which stay unchanged; its scale and shift are trained. By
    default it uses the batch's statistics, and the running ones follow."""
    auxiliary_weight: float = 0.3
    """Weight of each auxiliary classifier's loss (Szegedy et al. 2015, section 5)."""
    head_rate: float = 1.0
    """The learning rate of the head, as a multiple of that of the last stage."""
    stage_decay: float = 1.0
    """The learning rate of a stage, as a multiple of that of the stage behind it (discriminative fine-tuning: Howard
    and Ruder 2018, arXiv 1801.06146, section 3.2)."""
    clip_norm: float = 0.0
    """The largest norm of the gradients of all parameters together; larger ones are scaled down. 0: any norm."""
    device: str = "cpu"
    """Where parameters and batches are: a device of PyTorch."""
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
        for name in ("lr", "weight_decay", "auxiliary_weight", "head_rate", "stage_decay", "clip_norm"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} must not be negative, got {getattr(self, name)}.")
