"""Fine-tuning as domain adaptation."""

from dataclasses import dataclass, replace
from enum import StrEnum

import torch

from inarch.commands.study.learning import (
    BATCH,
    Examples,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed
from inarch.training.statistics import adopt_statistics


class DomainArm(StrEnum):
    """The photos that are used for training."""

    SOURCE = "source only"
    ADAPTED = "fine-tuned"
    STATISTICS = "source, target's statistics"
    TARGET = "target only"


@dataclass(frozen=True, kw_only=True)
class FewLabelsDesign:
    """The domains, and how the model is trained on each."""

    model: str
    of_class: int
    """Photos per class of the target that have labels."""
    contrast: float
    """The factor of the target's normalised images."""
    noise: float
    """The standard deviation of the noise that is added then."""
    source: TrainingConfig
    tuned: TrainingConfig
    """On the target, after the source."""
    alone: TrainingConfig
    """On the target alone."""


DESIGN = FewLabelsDesign(
    model="resnet20",
    of_class=10,
    contrast=0.5,
    noise=0.25,
    source=TrainingConfig(epochs=8, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0),
    tuned=TrainingConfig(epochs=60, batch_size=16, lr=0.02, label_smoothing=0.0, ema_decay=0.0),
    alone=TrainingConfig(epochs=100, batch_size=16, lr=0.05, label_smoothing=0.0, ema_decay=0.0),
)


def measure(bench: Bench | None, arm: str, seed: int, design: FewLabelsDesign = DESIGN) -> Readings:
    """Train on the source photos, on a few target photos, which are pale and noisy, or on one after the other."""
    data = split_bench(require_bench(bench), seed)
    draws = torch.Generator().manual_seed(derive_seed(seed, "target"))
    own, other = _halves(data.learned, draws)
    few = _target(_take_first_photos(other, data.classes, design.of_class), design, draws)
    tested = _target(data.held_out, design, draws)
    model = build(design.model, classes=data.classes, seed=seed)
    if arm != DomainArm.TARGET:
        learn(model, own, replace(design.source, seed=seed))
    if arm == DomainArm.STATISTICS:
        adopt_statistics(model, _target(other, design, draws).images.split(BATCH))
    if arm in (DomainArm.ADAPTED, DomainArm.TARGET):
        learn(model, few, replace(design.tuned if arm == DomainArm.ADAPTED else design.alone, seed=seed))
    return {ReadingName.HELD_OUT_TARGET: accuracy(model, tested)}


def _halves(examples: Examples, draws: torch.Generator) -> tuple[Examples, Examples]:
    """Two disjoint halves: no photo of the source is one of the target."""
    order = torch.randperm(len(examples.labels), generator=draws)
    first, second = order.chunk(2)
    return examples.at(first), examples.at(second)


def _take_first_photos(examples: Examples, classes: int, of_class: int) -> Examples:
    """The first photos of every class."""
    places = [torch.nonzero(examples.labels == label)[:of_class, 0] for label in range(classes)]
    return examples.at(torch.cat(places))


def _target(examples: Examples, design: FewLabelsDesign, draws: torch.Generator) -> Examples:
    """The target domain's images."""
    noise = torch.randn(examples.images.shape, generator=draws)
    return replace(examples, images=design.contrast * examples.images + design.noise * noise)


def _gain_quantity(words: str, other: str) -> Quantity:
    return Quantity(
        words=words,
        one=(DomainArm.ADAPTED, ReadingName.HELD_OUT_TARGET),
        other=(other, ReadingName.HELD_OUT_TARGET),
        threshold=0.05,
        scale=QuantityScale.POINTS,
        grain=0.005,
    )


STUDY = Study(
    Claim(
        name="few-labels",
        statement="On photos of another domain, a model fine-tuned on a few of them is more accurate than one trained "
        "on the source alone, than one trained on those few alone, and than one that adopted their batch statistics "
        "without labels.",
        source="Donahue et al. 2014, arXiv 1310.1531, section 4.2 (Office: source, target and both); Li et al. 2017, "
        "arXiv 1603.04779 (statistics)",
        reported="Donahue et al., Table 1, Amazon to Webcam with a few labelled target photos: better with source and "
        "target than with either alone.",
        design=f"{DESIGN.model} is trained on half of the photos. The target is made of the others: half the contrast, "
        f"and noise. {DESIGN.of_class} photos per class of it have labels. Target only: the same model, randomly "
        "initialised, is trained on these; statistics: batch normalisation sees the target's half without labels. Test "
        "accuracy on the target domain. A seed draws the halves, the noise and the weights.",
        limits="One synthetic domain shift, one number of labels; learning rates were set once and not searched. "
        "`inarch adapt` has other unsupervised methods, which this does not compare.",
        quantities=(
            _gain_quantity("fine-tuned less source only", DomainArm.SOURCE),
            _gain_quantity("fine-tuned less target only", DomainArm.TARGET),
            _gain_quantity("fine-tuned less statistics", DomainArm.STATISTICS),
        ),
        arms=tuple(DomainArm),
        seeds=5,
        seconds=60.0,
        photos=True,
    ),
    measure,
)
