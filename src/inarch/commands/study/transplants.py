"""The beginning of one trained net under a fresh end, as in Yosinski et al. 2014, of which two claims are made."""

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
from inarch.models import build, evaluating
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed

NET, CUTS = "resnet20", ("stage1", "stage2", "stage3")
TRAINING = TrainingConfig(epochs=20, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)
TRANSPLANTS = "transplants"
UNCUT = "uncut"
OWN, OTHER, OTHER_TUNED = "own beginning, frozen", "other's beginning, frozen", "other's beginning, tuned"
FEWEST_CLASSES = 4


def reading(what: str, cut: str = "") -> tuple[str, str]:
    """The reading that is the accuracy of such a net on held-out photos of its classes."""
    return TRANSPLANTS, f"{what}, {cut}" if cut else what


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """Half of the classes are learned from the start, then behind frozen beginnings of two nets.

    One of these nets learned the same half, the other the other half.

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
    config = replace(TRAINING, seed=seed)
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
    """What follows the cut in a net with first weights."""
    fresh = build(NET, classes=classes, seed=derive_seed(seed, "behind"))
    return nn.Sequential(fresh.backbone.split(cut)[1], fresh.head)


@torch.no_grad()
def _compute_features(prefix: nn.Module, examples: Examples) -> Examples:
    """What the frozen beginning makes of the images."""
    with evaluating(prefix):
        return replace(examples, images=torch.cat([prefix(each) for each in examples.images.split(BATCH)]))


def _select_classes(examples: Examples, classes: torch.Tensor) -> Examples:
    """The examples of these classes, numbered anew."""
    numbers = torch.full((int(examples.labels.max()) + 1,), -1)
    numbers[classes] = torch.arange(len(classes))
    labels = numbers[examples.labels]
    return replace(examples, labels=labels).at(labels >= 0)
