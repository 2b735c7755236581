"""Residual paths whose last normalisation starts at zero."""

from enum import StrEnum

from inarch.commands.study.gradients import growth
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study


class PathStart(StrEnum):
    """The initial scale of the last normalisation of every residual path."""

    OPEN = "paths start at one"
    ZERO = "paths start at zero"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The growth of the first layer's gradient with depth."""
    return {ReadingName.GROWTH: growth("resnet20", "resnet110", seed, zero_start=arm == PathStart.ZERO)}


STUDY = Study(
    Claim(
        name="zero-start",
        statement="If the last normalisation of every residual path starts at zero, depth changes the first layer's "
        "gradient less.",
        source="Goyal et al. 2017, arXiv 1706.02677, section 5.1",
        reported="0.2 to 0.3 points of accuracy on ImageNet with ResNet-50; gradients are not reported.",
        design="ResNet-20 and ResNet-110 before the first step, on 8 images of noise; the two arms have the same "
        "weights except for these scales. A seed draws the weights, the images and the labels.",
        limits="It holds for the first step alone; the effect on accuracy is not measured.",
        quantities=(
            Quantity(
                words="growth of the gradient, started at one against started at zero",
                one=(PathStart.OPEN, ReadingName.GROWTH),
                other=(PathStart.ZERO, ReadingName.GROWTH),
                threshold=1.5,
            ),
        ),
        arms=tuple(PathStart),
        seeds=5,
        seconds=5.0,
    ),
    measure,
)
