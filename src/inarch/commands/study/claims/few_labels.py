"""Fine-tuning as domain adaptation."""

from dataclasses import replace
from typing import NamedTuple

import torch

from inarch.commands.adapt.statistics import adopt_statistics
from inarch.commands.study.learning import (
    BATCH,
    Examples,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.records import POINTS, Claim, Quantity
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed

NET = "resnet20"
OF_CLASS = 10
CONTRAST, NOISE = 0.5, 0.25
"""The factor of the target's normalised images, and the standard deviation of the noise that is added then."""
SOURCE, ADAPTED, STATISTICS, TARGET = "source only", "fine-tuned", "source, target's statistics", "target only"
HELD_OUT = "test accuracy on the target domain"


class Trainings(NamedTuple):
    """How the model is trained on each domain."""

    source: TrainingConfig = TrainingConfig(epochs=8, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)
    tuned: TrainingConfig = TrainingConfig(epochs=60, batch_size=16, lr=0.02, label_smoothing=0.0, ema_decay=0.0)
    """On the target, after the source."""
    alone: TrainingConfig = TrainingConfig(epochs=100, batch_size=16, lr=0.05, label_smoothing=0.0, ema_decay=0.0)
    """On the target alone."""


def measure(bench: Bench | None, arm: str, seed: int, training: Trainings | None = None) -> Readings:
    """Train on the source photos, on a few target photos, which are pale and noisy, or on one after the other."""
    training = training or Trainings()
    data = split_bench(require_bench(bench), seed)
    draws = torch.Generator().manual_seed(derive_seed(seed, "target"))
    own, other = _halves(data.learned, draws)
    few, tested = _target(_take_first_photos(other, data.classes), draws), _target(data.held_out, draws)
    model = build(NET, classes=data.classes, seed=seed)
    if arm != TARGET:
        learn(model, own, replace(training.source, seed=seed))
    if arm == STATISTICS:
        adopt_statistics(model, _target(other, draws).images.split(BATCH))
    if arm in (ADAPTED, TARGET):
        learn(model, few, replace(training.tuned if arm == ADAPTED else training.alone, seed=seed))
    return {HELD_OUT: accuracy(model, tested)}


def _halves(examples: Examples, draws: torch.Generator) -> tuple[Examples, Examples]:
    """Two disjoint halves: no photo of the source is one of the target."""
    order = torch.randperm(len(examples.labels), generator=draws)
    first, second = order.chunk(2)
    return examples.at(first), examples.at(second)


def _take_first_photos(examples: Examples, classes: int) -> Examples:
    """The first photos of every class."""
    places = [torch.nonzero(examples.labels == label)[:OF_CLASS, 0] for label in range(classes)]
    return examples.at(torch.cat(places))


def _target(examples: Examples, draws: torch.Generator) -> Examples:
    """The target domain's images."""
    noise = torch.randn(examples.images.shape, generator=draws)
    return replace(examples, images=CONTRAST * examples.images + NOISE * noise)


def _gain_quantity(words: str, other: str) -> Quantity:
    return Quantity(
        words=words, one=(ADAPTED, HELD_OUT), other=(other, HELD_OUT), threshold=0.05, scale=POINTS, grain=0.005
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
        design=f"{NET} is trained on half of the photos. The target is made of the others: half the contrast, and "
        f"noise. {OF_CLASS} photos per class of it have labels. Target only: the same model, randomly initialised, is "
        "trained on these; statistics: batch normalisation sees the target's half without labels. Test accuracy on the "
        "target domain. A seed draws the halves, the noise and the weights.",
        limits="One synthetic domain shift, one number of labels; learning rates were set once and not searched. "
        "`inarch adapt` has other unsupervised methods, which this does not compare.",
        quantities=(
            _gain_quantity("fine-tuned less source only", SOURCE),
            _gain_quantity("fine-tuned less target only", TARGET),
            _gain_quantity("fine-tuned less statistics", STATISTICS),
        ),
        arms=(SOURCE, ADAPTED, STATISTICS, TARGET),
        seeds=5,
        seconds=60.0,
        photos=True,
    ),
    measure,
)
