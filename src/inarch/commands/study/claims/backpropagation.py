"""Backpropagation compared with finite differences."""

import torch
import torch.nn.functional as F

from inarch.commands.study.gradients import CLASSES, IMAGES
from inarch.commands.study.records import AT_MOST, Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.models import build
from inarch.models.initialisation import open_residuals

INCEPTION, RESIDUAL, PREACTIVATED = "googlenet_small_tiny", "cifar_resnet_tiny", "resnet_v2_tiny"
BACKPROPAGATED, DIFFERENCED = "slope by backpropagation", "slope by finite differences"
STEP = 1e-6
"""The length of the step along the gradient by all weights; the error of central differences falls with its square,
that of rounding rises as it falls."""
TOLERANCE = 1e-5


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The slope of the loss along its gradient by all weights, in both ways."""
    model = build(arm, classes=CLASSES, seed=seed).double().eval()
    open_residuals(model)
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(IMAGES, 3, model.image_size, model.image_size, generator=draws, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (IMAGES,), generator=draws)
    weights = list(model.parameters())
    loss = F.cross_entropy(model(noise), labels)
    gradients = torch.autograd.grad(loss, weights)
    length = torch.cat([each.flatten() for each in gradients]).norm()

    @torch.no_grad()
    def loss_at(step: float) -> float:
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient, alpha=step / float(length))
        moved = F.cross_entropy(model(noise), labels)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.sub_(gradient, alpha=step / float(length))
        return float(moved)

    slope = (loss_at(STEP) - loss_at(-STEP)) / (2 * STEP)
    return {BACKPROPAGATED: float(length), DIFFERENCED: slope}


def _quantities(arm: str) -> tuple[Quantity, ...]:
    """The two slopes agree: neither is larger than the other by more than the tolerance."""
    slope, differenced = (arm, BACKPROPAGATED), (arm, DIFFERENCED)
    return tuple(
        Quantity(words=f"{arm}: {words}", one=one, other=other, bound=AT_MOST, threshold=1 + TOLERANCE)
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
        quantities=tuple(each for arm in (INCEPTION, RESIDUAL, PREACTIVATED) for each in _quantities(arm)),
        arms=(INCEPTION, RESIDUAL, PREACTIVATED),
        seeds=5,
        seconds=3.0,
    ),
    measure,
)
