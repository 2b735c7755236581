"""The options of a training run: one record that the command line, the estimator and every run hold."""

from dataclasses import dataclass, field
from pathlib import Path

from inarch.data.augmentation import Augmentation
from inarch.errors import UnknownNameError, UserError
from inarch.options.checks import check_seed_and_time
from inarch.storage.cache import default_cache_folder
from inarch.storage.cache_size import DEFAULT_SIZE
from inarch.transfer.class_weighting import CLASS_WEIGHTINGS


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How to train; the defaults suit a folder of photos."""

    model: str | None = None
    """A model of the catalog, or a bundle whose backbone is grafted again. Where neither it nor ``weights`` are named,
    `train` compares the backbones at hand on a sample of the photos."""
    weights: Path | str | None = None
    """A file of pre-trained weights or the name of one, such as ``imagenet``, ``embedded`` or ``random``; None takes
    what the model comes with."""
    strategy: str = "auto"
    time_budget: float = 600.0
    """Seconds."""
    augmented_copies: int = 0
    """How many augmented copies of each training image probe and finetune learn from, beside the image as it is."""
    freeze_until: str | None = None
    """The stage or block behind which fine-tuning trains the net; what stands before it stays frozen. None takes the
    last stage that has weights."""
    image_size: int | None = None
    """Pixels a side; None takes what the weights were trained for."""
    seed: int = 0
    class_weighting: str = "none"
    """What is done about class imbalance: ``none``; ``loss``, every class counts alike in
    training; ``logit-adjustment``, answers no longer lean towards the frequent classes."""
    unlabelled: Path | None = None
    """A folder of more photos without labels; the probe learns from them where that proves better."""
    group_by: str | None = None
    """What else keeps photos on one side of the split: ``folder``, ``burst`` or a regular expression (see
    `inarch.data.grouping.group_photos`)."""
    near_duplicates: bool = True
    """Whether near-duplicates are looked for, and kept on one side of the split."""
    measure_leakage: bool = False
    """Whether to measure what a split that parts what belongs together would have added to the accuracy."""
    resume: bool = False
    deterministic: bool = False
    """Whether the clock decides nothing, so that the same photos and options give the same bundle, byte by byte. The
    time budget is then not obeyed."""
    learning_curves: bool = False
    """Whether every strategy is measured with fewer photos, too. Half of the time budget is kept for that."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    cache: Path = field(default_factory=default_cache_folder)
    cache_size: int = DEFAULT_SIZE
    """Bytes: what the cache is trimmed to after the run, and what this run may need at most."""

    def __post_init__(self) -> None:
        check_seed_and_time(self.seed, self.time_budget)
        if self.class_weighting not in CLASS_WEIGHTINGS:
            raise UnknownNameError("class weighting", self.class_weighting, CLASS_WEIGHTINGS)
        if self.augmented_copies < 0:
            raise UserError(f"The number of augmented copies is 0 or more; {self.augmented_copies} was asked for.")
        if self.freeze_until is not None and self.strategy not in ("auto", "finetune"):
            raise UserError(
                f"Fine-tuning alone takes freeze_until, in strategy auto or finetune; "
                f"freeze_until={self.freeze_until} and strategy={self.strategy} were asked for."
            )
        if self.unlabelled is not None and (
            self.class_weighting == "logit-adjustment" or self.strategy not in ("auto", "probe")
        ):
            raise UserError(
                "Photos without labels are learned from by the probe, in strategy auto or probe, and not with logit "
                f"adjustment; strategy={self.strategy} and class_weighting={self.class_weighting} were asked for."
            )
        if self.image_size is not None and self.image_size > LARGEST_IMAGE:
            raise UserError(
                f"Images may have {LARGEST_IMAGE} pixels a side at most; image_size={self.image_size} was asked for."
            )


LARGEST_IMAGE = 2048
"""Pixels a side; a batch of larger ones would not fit into the memory of an ordinary computer."""
