"""Normalisation and activation before the convolutions."""

from dataclasses import replace
from enum import StrEnum
from functools import partial

from inarch.commands.study.gradients import growth
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.models import Architecture, architecture
from inarch.models.cifar_resnet import cifar_depths
from inarch.models.preactivation import small_resnet_v2
from inarch.models.resnet_parts import padded_shortcut


class ActivationPlace(StrEnum):
    """The place of the activation in a residual block."""

    POST = "activation after the sum"
    PRE = "pre-activation"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The growth of the first layer's gradient with depth."""
    shallow, deep = (
        ("resnet20", "resnet110")
        if arm == ActivationPlace.POST
        else (_preactivation_architecture(20), _preactivation_architecture(110))
    )
    return {ReadingName.GROWTH: growth(shallow, deep, seed)}


def _preactivation_architecture(layers: int) -> Architecture:
    builder = partial(small_resnet_v2, depths=cifar_depths(layers), shortcut=padded_shortcut)
    return replace(architecture("resnet110_v2"), builder=builder)


STUDY = Study(
    Claim(
        name="preactivation",
        statement="With pre-activation, depth changes the first layer's gradient less than with an activation after "
        "every sum.",
        source="He et al. 2016, arXiv 1603.05027, sections 2 and 4",
        reported="ResNet-110 on CIFAR-10: 6.37 % error with pre-activation, 6.61 % without; gradients are argued about "
        "(eq. 5) and not reported.",
        design="CIFAR networks of 20 and 110 layers before the first step, on 8 images of noise, with zero-padded "
        "shortcuts in both arms. A seed draws the weights, the images and the labels.",
        limits="Gradients at initialisation only; the paper finds the gain in accuracy at 1,001 layers.",
        quantities=(
            Quantity(
                words="growth of the gradient, activation after the sum against pre-activation",
                one=(ActivationPlace.POST, ReadingName.GROWTH),
                other=(ActivationPlace.PRE, ReadingName.GROWTH),
                threshold=1.5,
            ),
        ),
        arms=tuple(ActivationPlace),
        seeds=5,
        seconds=5.0,
    ),
    measure,
)
