"""The effect of 1x1 reductions on accuracy."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from inarch.commands.study.learning import accuracy, learn, split_bench
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.training.config import TrainingConfig


class ReductionArm(StrEnum):
    """The width of the reductions."""

    WITHOUT = "without"
    PUBLISHED = "as published"
    QUARTER = "a quarter"
    SIXTEENTH = "a sixteenth"


ARMS: Mapping[str, str] = {
    ReductionArm.WITHOUT: "googlenet_small:width=0.25:without_reduction",
    ReductionArm.PUBLISHED: "googlenet_small:width=0.25",
    ReductionArm.QUARTER: "googlenet_small:width=0.25:reduction=0.25",
    ReductionArm.SIXTEENTH: "googlenet_small:width=0.25:reduction=0.0625",
}
"""The model of each arm."""
TRAINING = TrainingConfig(epochs=8, batch_size=64, lr=0.1, label_smoothing=0.0, ema_decay=0.0)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the model with reductions of the arm's width."""
    data = split_bench(require_bench(bench), seed)
    model = build(ARMS[arm], classes=data.classes, seed=seed)
    learn(model, data.learned, replace(training, seed=seed))
    held_out = accuracy(model, data.held_out)
    return {ReadingName.HELD_OUT: held_out, ReadingName.GAP: accuracy(model, data.learned) - held_out}


STUDY = Study(
    Claim(
        name="reduction-accuracy",
        statement="The published reductions cost no accuracy and do not widen the gap between training and test "
        "accuracy; reductions to a sixteenth of them cost accuracy.",
        source="Szegedy et al. 2015, arXiv 1409.4842, sections 3 and 4; Szegedy et al. 2016, arXiv 1512.00567, "
        "section 2 (no representational bottlenecks)",
        reported="An argument, that even low-dimensional embeddings hold much of what a patch says; no figure for "
        "models with and without.",
        design="A GoogLeNet for small images, a quarter as wide, without reductions, with those of the paper's table, "
        "and with a quarter and a sixteenth of their width. The output of every module has the same width in all, and "
        f"all train for {TRAINING.epochs} epochs. A seed draws the split, the weights and the order of the photos.",
        limits="Not matched in parameters or time: the model without reductions has more of both. Small photos, a "
        "narrow model: at full width a sixteenth would leave more channels.",
        quantities=(
            Quantity(
                words="published less without, test accuracy",
                one=(ReductionArm.PUBLISHED, ReadingName.HELD_OUT),
                other=(ReductionArm.WITHOUT, ReadingName.HELD_OUT),
                threshold=-0.02,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="gap with the published less gap without",
                one=(ReductionArm.PUBLISHED, ReadingName.GAP),
                other=(ReductionArm.WITHOUT, ReadingName.GAP),
                bound=Bound.AT_MOST,
                threshold=0.01,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="published less a sixteenth, test accuracy",
                one=(ReductionArm.PUBLISHED, ReadingName.HELD_OUT),
                other=(ReductionArm.SIXTEENTH, ReadingName.HELD_OUT),
                threshold=0.01,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
        ),
        arms=tuple(ARMS),
        seeds=3,
        seconds=150.0,
        photos=True,
    ),
    measure,
)
