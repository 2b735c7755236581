"""Identity shortcuts compared with projections."""

from dataclasses import replace
from enum import StrEnum
from functools import partial

from inarch.commands.study.gradients import growth
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.models import Architecture, architecture
from inarch.models.cifar_resnet import cifar_depths, cifar_resnet
from inarch.models.resnet_parts import projection_everywhere


class ShortcutArm(StrEnum):
    """The shortcuts of a network."""

    IDENTITY = "identity shortcuts"
    PROJECTION = "1x1 shortcuts"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The growth of the first layer's gradient with depth."""
    shallow, deep = (
        (_projection_architecture(20), _projection_architecture(110))
        if arm == ShortcutArm.PROJECTION
        else ("resnet20", "resnet110")
    )
    return {ReadingName.GROWTH: growth(shallow, deep, seed)}


def _projection_architecture(layers: int) -> Architecture:
    builder = partial(cifar_resnet, depths=cifar_depths(layers), shortcut=projection_everywhere)
    return replace(architecture("resnet110"), builder=builder)


STUDY = Study(
    Claim(
        name="identity-shortcut",
        statement="Only identity shortcuts carry gradients through a very deep network: with 1x1 convolutions on them "
        "depth changes the first layer's gradient more.",
        source="He et al. 2016, arXiv 1603.05027, section 3.1 and Table 1",
        reported="ResNet-110 on CIFAR-10: 6.61 % error with identity shortcuts, 12.22 % with 1x1 convolutions on all "
        "of them. Gradients are argued about (eq. 5 and 8) and not reported.",
        design="CIFAR networks of 20 and 110 layers before the first step, on 8 images of noise, with a 1x1 "
        "convolution and batch normalisation on every shortcut or on none. A seed draws the weights, the images and "
        "the labels.",
        limits="Gradients at initialisation only; the paper's errors are not reproduced.",
        quantities=(
            Quantity(
                words="growth of the gradient, 1x1 against identity",
                one=(ShortcutArm.PROJECTION, ReadingName.GROWTH),
                other=(ShortcutArm.IDENTITY, ReadingName.GROWTH),
                threshold=2.0,
            ),
        ),
        arms=tuple(ShortcutArm),
        seeds=5,
        seconds=6.0,
    ),
    measure,
)
