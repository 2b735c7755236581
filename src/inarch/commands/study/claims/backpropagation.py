"""Backpropagation compared with finite differences."""

from enum import StrEnum

import torch
import torch.nn.functional as F

from inarch.commands.study.gradients import NOISE
from inarch.commands.study.records import Bound, Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.models import build
from inarch.models.initialisation import open_residuals

ARMS = ("googlenet_small_tiny", "cifar_resnet_tiny", "resnet_v2_tiny")
"""Models: one that concatenates, and two that add."""


class SlopeReading(StrEnum):
    """The slope of the loss along its gradient, and how it was computed."""

    BACKPROPAGATED = "slope by backpropagation"
    DIFFERENCED = "slope by finite differences"


def measure(bench: Bench | None, arm: str, seed: int, step: float = 1e-6) -> Readings:
    """The slope of the loss along its gradient by all weights, in both ways.

    Args:
        bench: is not used.
        arm: a model's name.
        seed: of the weights, the images and the labels.
        step: the length of the step along the gradient; the error of central differences falls with its square, that
            of rounding rises as it falls.
    """
    model = build(arm, classes=NOISE.classes, seed=seed).double().eval()
    open_residuals(model)
    noise, labels = NOISE.draw(model.image_size, seed, torch.float64)
    weights = list(model.parameters())
    loss = F.cross_entropy(model(noise), labels)
    gradients = torch.autograd.grad(loss, weights)
    length = torch.cat([each.flatten() for each in gradients]).norm()

    @torch.no_grad()
    def loss_at(moved_by: float) -> float:
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient, alpha=moved_by / float(length))
        moved = F.cross_entropy(model(noise), labels)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.sub_(gradient, alpha=moved_by / float(length))
        return float(moved)

    slope = (loss_at(step) - loss_at(-step)) / (2 * step)
    return {SlopeReading.BACKPROPAGATED: float(length), SlopeReading.DIFFERENCED: slope}


def _quantities(arm: str) -> tuple[Quantity, ...]:
    """The two slopes agree: neither is larger than the other by more than a hundred-thousandth."""
    slope, differenced = (arm, SlopeReading.BACKPROPAGATED), (arm, SlopeReading.DIFFERENCED)
    return tuple(
        Quantity(words=f"{arm}: {words}", one=one, other=other, bound=Bound.AT_MOST, threshold=1 + 1e-5)
        for words, one, other in (
            ("backpropagation over differences", slope, differenced),
            ("differences over backpropagation", differenced, slope),
        )
    )


STUDY = Study(
    Claim(
        name="backpropagation",
        statement="Backpropagation gives the slope of the loss, through concatenations and sums alike.",
        source="Rumelhart, Hinton and Williams 1986, Nature 323",
        reported="A derivation; no measurement.",
        design="A small GoogLeNet, a ResNet and a pre-activation ResNet in double precision, on 8 images of noise: the "
        "slope of the loss along its own gradient by all weights, by backpropagation and by central differences. A "
        "seed draws the weights, the images and the labels.",
        limits="One direction for each seed, the steepest; in single precision rounding hides what is compared here.",
        quantities=tuple(each for arm in ARMS for each in _quantities(arm)),
        arms=ARMS,
        seeds=5,
        seconds=3.0,
    ),
    measure,
)
