"""The optimiser and its learning rate."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from inarch.commands.study.learning import accuracies, learn, split_bench
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

TRAINING = TrainingConfig(epochs=10, batch_size=64, weight_decay=0.0, label_smoothing=0.0, ema_decay=0.0)


class OptimiserArm(StrEnum):
    """An optimiser and its learning rate."""

    MOMENTUM = "momentum"
    PLAIN = "no momentum"
    ADAMW = "AdamW"
    TOO_SMALL = "momentum, a thousandth of the rate"
    TOO_LARGE = "momentum, a hundred times the rate"


ARMS: Mapping[str, TrainingConfig] = {
    OptimiserArm.MOMENTUM: replace(TRAINING, lr=0.1),
    OptimiserArm.PLAIN: replace(TRAINING, lr=0.1, momentum=0.0),
    OptimiserArm.ADAMW: replace(TRAINING, lr=3e-3, optimiser="adamw"),
    OptimiserArm.TOO_SMALL: replace(TRAINING, lr=1e-4),
    OptimiserArm.TOO_LARGE: replace(TRAINING, lr=10.0),
}


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """Train the same model by the arm's optimiser."""
    data = split_bench(require_bench(bench), seed)
    model = build("resnet20", classes=data.classes, seed=seed)
    learn(model, data.learned, replace(ARMS[arm], seed=seed))
    return accuracies(model, data)


def _gain_quantity(words: str, one: str, other: str, threshold: float) -> Quantity:
    return Quantity(
        words=words,
        one=(one, ReadingName.LEARNED),
        other=(other, ReadingName.LEARNED),
        threshold=threshold,
        scale=QuantityScale.POINTS,
        grain=0.003,
    )


STUDY = Study(
    Claim(
        name="optimiser",
        statement="In a few epochs momentum learns more than plain gradient descent at the same learning rate, AdamW "
        "about as much, and a rate that is far too small or too large hardly anything.",
        source="Sutskever et al. 2013, ICML (momentum); Loshchilov and Hutter 2019, arXiv 1711.05101 (AdamW)",
        reported="Sutskever et al., Table 1: deep autoencoders end with a fraction of the error with momentum. Others' "
        "networks, data and lengths.",
        design=f"ResNet-20 with the same initial weights for {TRAINING.epochs} epochs of a warm-up and a cosine, in "
        "which momentum fits the digits. Rate 0.1 with Nesterov momentum of 0.9 and without, AdamW at 0.003, and "
        "momentum at 0.0001 and at 10. Training accuracy. A seed draws the split, the weights and "
        "the order of the photos.",
        limits="One model with batch normalisation, one rate for each optimiser, none of them searched; momentum of "
        "0.9 at one rate takes steps that add up to ten times those without.",
        quantities=(
            _gain_quantity("momentum less none", OptimiserArm.MOMENTUM, OptimiserArm.PLAIN, 0.02),
            _gain_quantity("AdamW less momentum", OptimiserArm.ADAMW, OptimiserArm.MOMENTUM, -0.05),
            _gain_quantity(
                "momentum less a thousandth of its rate", OptimiserArm.MOMENTUM, OptimiserArm.TOO_SMALL, 0.3
            ),
            _gain_quantity(
                "momentum less a hundred times its rate", OptimiserArm.MOMENTUM, OptimiserArm.TOO_LARGE, 0.3
            ),
        ),
        arms=tuple(ARMS),
        seeds=5,
        seconds=105.0,
        photos=True,
    ),
    measure,
)
