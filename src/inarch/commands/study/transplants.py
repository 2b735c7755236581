"""The prefix of a trained network under a randomly initialised tail, as in Yosinski et al. 2014, for two claims."""

import copy
from dataclasses import replace

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

NET, CUTS = "resnet20", ("stage1", "stage2", "stage3")
TRAINING = TrainingConfig(epochs=20, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)
TRANSPLANTS = "transplants"
UNCUT = "uncut"
OWN, OTHER, OTHER_TUNED = "own beginning, frozen", "other's beginning, frozen", "other's beginning, tuned"
FEWEST_CLASSES = 4


def reading(what: str, cut: str = "") -> tuple[str, str]:
    """The reading of such a network's test accuracy on its classes."""
    return TRANSPLANTS, f"{what}, {cut}" if cut else what


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Half of the classes are learned from scratch, then on frozen prefixes of two networks.

    One of these networks learned the same half, the other the other half.

    Raises:
        PhotosError: there are too few classes for two halves.
    """
    data = split_bench(require_bench(bench), seed)
    if data.classes < FEWEST_CLASSES:
        raise PhotosError(
            f"This study halves the classes and needs {FEWEST_CLASSES} of them; the photos have {data.classes}."
        )
    drawn = torch.randperm(data.classes, generator=torch.Generator().manual_seed(derive_seed(seed, "halves")))
    half = data.classes // 2
    mine, others = drawn[:half], drawn[half : 2 * half]
    config = replace(training, seed=seed)
    learned, held_out = _select_classes(data.learned, mine), _select_classes(data.held_out, mine)
    donors = {name: build(NET, classes=half, seed=seed) for name in (OWN, OTHER)}
    learn(donors[OWN], learned, config)
    learn(donors[OTHER], _select_classes(data.learned, others), config)
    readings = {UNCUT: accuracy(donors[OWN], held_out)}
    for cut in CUTS:
        for name, donor in donors.items():
            prefix, tail = donor.backbone.cut(cut), _build_random_tail(cut, half, seed)
            learn(tail, _compute_features(prefix, learned), config)
            readings[reading(name, cut)[1]] = accuracy(tail, _compute_features(prefix, held_out))
        whole = nn.Sequential(copy.deepcopy(donors[OTHER].backbone.cut(cut)), _build_random_tail(cut, half, seed))
        learn(whole, learned, config)
        readings[reading(OTHER_TUNED, cut)[1]] = accuracy(whole, held_out)
    return readings


def _build_random_tail(cut: str, classes: int, seed: int) -> nn.Module:
    """The randomly initialised layers after the cut."""
    fresh = build(NET, classes=classes, seed=derive_seed(seed, "behind"))
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
