"""Residual networks as ensembles: the effect of removing one block of a trained model."""

from dataclasses import replace
from enum import StrEnum
from statistics import mean

from inarch.commands.study.learning import accuracy, learn, split_bench
from inarch.commands.study.lesions import removable_blocks, removing_block
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.models.initialisation import open_residuals
from inarch.training.config import TrainingConfig

TRAINING = TrainingConfig(epochs=12, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


class LesionReading(StrEnum):
    """Test accuracy of the whole model, or without one of its blocks."""

    WHOLE = "accuracy, whole"
    LESIONED = "accuracy, one block out"
    """The mean over the blocks."""
    LOST = "fraction of correct predictions lost"
    """The difference of these two."""
    WORST = "accuracy, worst block out"


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the arm's model, and remove each of its blocks in turn."""
    data = split_bench(require_bench(bench), seed)
    model = build(arm, classes=data.classes, seed=seed)
    open_residuals(model)
    learn(model, data.learned, replace(training, seed=seed))
    whole = accuracy(model, data.held_out)
    left = []
    for stage, name in removable_blocks(model):
        with removing_block(model, stage, name):
            left.append(accuracy(model, data.held_out))
    return {
        LesionReading.WHOLE: whole,
        LesionReading.LESIONED: mean(left),
        LesionReading.LOST: whole - mean(left),
        LesionReading.WORST: min(left),
    }


STUDY = Study(
    Claim(
        name="lesion",
        statement="A trained residual network, as accurate as its plain counterpart, hardly loses accuracy with the "
        "removal of a block; the plain one collapses.",
        source="Veit, Wilber and Belongie 2016, arXiv 1605.06431, section 4.1 and Fig. 3",
        reported="On CIFAR-10, ResNet-110 keeps its error when a block is removed, except for those that change the "
        "grid; VGG falls to chance with the removal of any layer.",
        design="ResNet-20 and its plain counterpart, equal in parameters and initial weights, each trained for "
        f"{TRAINING.epochs} epochs, in which both fit the digits. "
        "Each block whose output has the shape of its input is removed in turn, and test accuracy is measured; the "
        "mean over the blocks counts. A seed draws the split, the weights and the order of the photos.",
        limits="With 20 layers each block is a larger part of the model than with the paper's 110; small photos, short "
        "training.",
        quantities=(
            Quantity(
                words="accuracy of the residual network less that of the plain one, both whole",
                one=("resnet20", LesionReading.WHOLE),
                other=("plain20", LesionReading.WHOLE),
                threshold=-0.05,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="loss of the plain network less that of the residual one",
                one=("plain20", LesionReading.LOST),
                other=("resnet20", LesionReading.LOST),
                threshold=0.2,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="loss of the residual network",
                one=("resnet20", LesionReading.WHOLE),
                other=("resnet20", LesionReading.LESIONED),
                bound=Bound.AT_MOST,
                threshold=0.2,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
        ),
        arms=("resnet20", "plain20"),
        seeds=5,
        seconds=40.0,
        photos=True,
    ),
    measure,
)
