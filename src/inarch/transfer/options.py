"""The options of a training run: one record that the command line, the estimator and every run hold."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from inarch.data.arrangement import Arrangement
from inarch.data.augmentation import Augmentation
from inarch.errors import UserError
from inarch.options.device import AUTO, Device
from inarch.options.kinds import Cache, CacheSize, Seed
from inarch.options.notation import DURATION
from inarch.options.option import Option, check_options
from inarch.storage.cache_folder import DEFAULT_SIZE, default_cache_folder
from inarch.transfer.recipes import Recipes

STRATEGIES = ("auto", "probe", "finetune", "scratch")
CLASS_WEIGHTINGS = ("none", "loss", "logit-adjustment")
LARGEST_IMAGE = 2048
"""Pixels a side; a batch of larger ones would not fit into the memory of an ordinary computer."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How to train; the defaults suit a folder of photos.

    Examples:
        >>> options = inarch.TrainOptions(strategy="probe", group_by="folder")
        >>> options.time_budget
        600.0
        >>> inarch.TrainOptions(class_weighting="lost")
        Traceback (most recent call last):
        ...
        inarch.errors.UnknownNameError: No class weighting is called 'lost'. Did you mean 'loss'? ...
    """

    model: Annotated[
        str | None,
        Option(
            "A model of `inarch models`, timm:NAME, or a bundle whose backbone is transferred again; by default the "
            "backbones that are available locally are compared.",
            metavar="NAME|BUNDLE",
        ),
    ] = None
    weights: Annotated[
        Path | str | None,
        Option(
            "Pre-trained weights: a file (safetensors, PyTorch, Keras, .npz), a folder with one, or a name: imagenet, "
            "torchvision:IMAGENET1K_V1, timm:resnet18.a1_in1k, embedded, random. This machine is searched first. By "
            "default those that the model comes with.",
            metavar="FILE|NAME",
        ),
    ] = None
    strategy: Annotated[
        str,
        Option(
            "Linear probe on frozen features, fine-tuning, training from scratch, or the best of them by "
            "cross-validation.",
            choices=STRATEGIES,
        ),
    ] = "auto"
    time_budget: Annotated[float, Option("How long training may take.", notation=DURATION)] = 600.0
    """Seconds."""
    augmented_copies: Annotated[
        int,
        Option(
            "Augmented copies of each training image for probe and finetune, in addition to the image itself.",
            kind="number of augmented copies",
            minimum=0,
        ),
    ] = 0
    freeze_until: Annotated[
        str | None,
        Option(
            "Stage or block (see `inarch inspect`) up to which finetune keeps the model frozen; none: every layer is "
            "trained. By default finetune tries the last stage and every layer, auto what the time allows.",
            metavar="NAME|none",
        ),
    ] = None
    image_size: Annotated[
        int | None,
        Option(
            "Pixels a side; by default what the weights were trained for.",
            kind="image size in pixels",
            minimum=1,
            maximum=LARGEST_IMAGE,
        ),
    ] = None
    class_weighting: Annotated[
        str,
        Option(
            "Against class imbalance. loss: every class counts alike in training. logit-adjustment: the logits no "
            "longer lean towards the frequent classes.",
            choices=CLASS_WEIGHTINGS,
        ),
    ] = "none"
    arrangement: Arrangement = field(default_factory=Arrangement)
    unlabelled: Annotated[
        Path | None,
        Option(
            "Folder of more photos without labels, for the probe: semi-supervised, where that proves better.",
            in_estimator=False,
        ),
    ] = None
    group_by: Annotated[
        str | None,
        Option(
            "Photos that stay together in the split: those of a folder (inside the class folder), of a burst (EXIF), "
            "or with the same match of a pattern such as '(patient\\d+)'.",
            metavar="folder|burst|PATTERN",
            in_estimator=False,
        ),
    ] = None
    min_photos: Annotated[
        int,
        Option(
            "Leave out classes with fewer training photos; the report names them.",
            kind="number of photos",
            minimum=1,
            maximum=1_000_000,
            in_estimator=False,
        ),
    ] = 1
    near_duplicates: Annotated[
        bool, Option("Look for near-duplicates and keep them on one side of the split.", in_estimator=False)
    ] = True
    measure_leakage: Annotated[
        bool,
        Option(
            "Measure the accuracy inflation of a split that has near-duplicates or groups on both sides.",
            in_estimator=False,
        ),
    ] = False
    seed: Seed = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    learning_curves: Annotated[
        bool,
        Option(
            "Measure probe, finetune and scratch with 5, 10, 20 … photos of each class, too; takes half of the time "
            "budget.",
            in_estimator=False,
        ),
    ] = False
    device: Device = AUTO
    cache: Cache = field(default_factory=default_cache_folder)
    cache_size: CacheSize = DEFAULT_SIZE
    resume: Annotated[bool, Option("Go on where an interrupted run stopped.", in_estimator=False)] = False
    deterministic: Annotated[
        bool,
        Option(
            "Reproducible: ignores wall-clock time. The same photos, options and machine give the same bundle, byte by "
            "byte; the time budget is not obeyed.",
            in_estimator=False,
        ),
    ] = False
    recipes: Recipes = field(default_factory=Recipes)
    """How each strategy learns, for studies and tests; the command line has no option for it."""

    @property
    def names_backbone(self) -> bool:
        """Whether the user named the model."""
        return self.model is not None or self.weights is not None

    @property
    def views(self) -> int:
        """How often each training photo is seen: as it is, and augmented."""
        return 1 + self.augmented_copies

    def __post_init__(self) -> None:
        check_options(self)
        if self.freeze_until is not None and self.strategy not in ("auto", "finetune"):
            raise UserError(
                f"Fine-tuning alone takes freeze_until, in strategy auto or finetune; "
                f"freeze_until={self.freeze_until} and strategy={self.strategy} were asked for."
            )
        if self.unlabelled is not None and (
            self.class_weighting == "logit-adjustment" or self.strategy not in ("auto", "probe")
        ):
            raise UserError(
                "Photos without labels are for the probe, in strategy auto or probe, and not with logit "
                f"adjustment; strategy={self.strategy} and class_weighting={self.class_weighting} were asked for."
            )
