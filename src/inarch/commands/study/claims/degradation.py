"""Degradation: deeper plain networks train worse, residual ones do not."""

from dataclasses import replace

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
from inarch.models.initialisation import open_residuals
from inarch.training.config import TrainingConfig

TRAINING = TrainingConfig(epochs=16, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the arm's model."""
    data = split_bench(require_bench(bench), seed)
    model = build(arm, classes=data.classes, seed=seed)
    open_residuals(model)
    learn(model, data.learned, replace(training, seed=seed))
    return accuracies(model, data)


STUDY = Study(
    Claim(
        name="degradation",
        statement="More layers lower the training accuracy of a plain network, and not that of a residual network.",
        source="He et al. 2016, arXiv 1512.03385, section 4.2 and Fig. 6",
        reported="CIFAR-10: plain networks of 56 layers end with a higher training error than those of 20; ResNet-56 "
        "ends lower than ResNet-20 (test error 6.97 against 8.75 %).",
        design=f"Networks of 20 and 56 layers and their plain counterparts, trained alike for {TRAINING.epochs} "
        "epochs, in which ResNet-56 fits nearly all of the digits; training accuracy, in evaluation mode. A seed draws "
        "the split, the weights and the order of the photos.",
        limits="Small photos and few epochs: the paper trains for 160. With more epochs the plain network might "
        "catch up.",
        quantities=(
            Quantity(
                words="plain, 20 layers less 56",
                one=("plain20", ReadingName.LEARNED),
                other=("plain56", ReadingName.LEARNED),
                threshold=0.05,
                scale=QuantityScale.POINTS,
                grain=0.002,
            ),
            Quantity(
                words="residual, 56 layers less 20",
                one=("resnet56", ReadingName.LEARNED),
                other=("resnet20", ReadingName.LEARNED),
                threshold=-0.02,
                scale=QuantityScale.POINTS,
                grain=0.002,
            ),
        ),
        arms=("plain20", "plain56", "resnet20", "resnet56"),
        seeds=5,
        seconds=135.0,
        photos=True,
    ),
    measure,
)
