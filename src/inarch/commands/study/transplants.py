"""The prefix of a trained network under a randomly initialised tail, as in Yosinski et al. 2014, for two claims."""

import copy
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import nn

from inarch.commands.study.learning import (
    BATCH,
    Examples,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.study import Bench, Readings, require_bench
from inarch.errors import PhotosError
from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.training.inference import predict_batches
from inarch.training.seeds import derive_seed

TRANSPLANTS = "transplants"
"""The only arm: the networks of one seed depend on each other."""


class TransplantedPrefix(StrEnum):
    """The prefix of a network, as its reading says it."""

    UNCUT = "uncut"
    OWN = "own beginning, frozen"
    OTHER = "other's beginning, frozen"
    OTHER_TUNED = "other's beginning, tuned"


@dataclass(frozen=True, kw_only=True)
class TransplantDesign:
    """The settings that all networks share."""

    model: str
    cuts: tuple[str, ...]
    training: TrainingConfig


DESIGN = TransplantDesign(
    model="resnet20",
    cuts=("stage1", "stage2", "stage3"),
    training=TrainingConfig(epochs=20, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0),
)


def reading(what: TransplantedPrefix, cut: str = "") -> tuple[str, str]:
    """The reading of such a network's test accuracy on its classes."""
    return TRANSPLANTS, f"{what}, {cut}" if cut else what


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = DESIGN.training) -> Readings:
    """Half of the classes are learned from scratch, then on frozen prefixes of two networks.

    One of these networks learned the same half, the other the other half.

    Raises:
        PhotosError: there are too few classes for two halves.
    """
    data = split_bench(require_bench(bench), seed)
    if data.classes < 4:
        raise PhotosError(f"This study halves the classes and needs 4 of them; the photos have {data.classes}.")
    drawn = torch.randperm(data.classes, generator=torch.Generator().manual_seed(derive_seed(seed, "halves")))
    half = data.classes // 2
    mine, others = drawn[:half], drawn[half : 2 * half]
    config = replace(training, seed=seed)
    learned, held_out = _select_classes(data.learned, mine), _select_classes(data.held_out, mine)
    own, other = (build(DESIGN.model, classes=half, seed=seed) for _ in range(2))
    learn(own, learned, config)
    learn(other, _select_classes(data.learned, others), config)
    readings: dict[str, float] = {TransplantedPrefix.UNCUT: accuracy(own, held_out)}
    for cut in DESIGN.cuts:
        for name, donor in ((TransplantedPrefix.OWN, own), (TransplantedPrefix.OTHER, other)):
            prefix, tail = donor.backbone.cut(cut), _build_random_tail(cut, half, seed)
            learn(tail, _compute_features(prefix, learned), config)
            readings[reading(name, cut)[1]] = accuracy(tail, _compute_features(prefix, held_out))
        whole = nn.Sequential(copy.deepcopy(other.backbone.cut(cut)), _build_random_tail(cut, half, seed))
        learn(whole, learned, config)
        readings[reading(TransplantedPrefix.OTHER_TUNED, cut)[1]] = accuracy(whole, held_out)
    return readings


def _build_random_tail(cut: str, classes: int, seed: int) -> nn.Module:
    """The randomly initialised layers after the cut."""
    fresh = build(DESIGN.model, classes=classes, seed=derive_seed(seed, "behind"))
    return nn.Sequential(fresh.backbone.split(cut)[1], fresh.head)


def _compute_features(prefix: nn.Module, examples: Examples) -> Examples:
    """The features of the frozen prefix."""
    return replace(examples, images=predict_batches(prefix, examples.images.split(BATCH)))


def _select_classes(examples: Examples, classes: torch.Tensor) -> Examples:
    """The examples of these classes, renumbered."""
    numbers = torch.full((int(examples.labels.max()) + 1,), -1)
    numbers[classes] = torch.arange(len(classes))
    labels = numbers[examples.labels]
    return replace(examples, labels=labels).at(labels >= 0)
