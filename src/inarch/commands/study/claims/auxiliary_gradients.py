"""Auxiliary classifiers against vanishing gradients."""

from enum import StrEnum

from inarch.commands.study.gradients import stem_gradient
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study

IMAGE_SIZE = 112


class AuxiliaryArm(StrEnum):
    """A GoogLeNet, with or without its auxiliary classifiers."""

    PAPER = "as in the paper"
    PAPER_AUXILIARY = "as in the paper, auxiliary classifiers"
    NORMALISED = "batch normalisation"
    NORMALISED_AUXILIARY = "batch normalisation, auxiliary classifiers"

    @property
    def model(self) -> str:
        """The model's name in the catalog."""
        return "googlenet_paper" if self in (AuxiliaryArm.PAPER, AuxiliaryArm.PAPER_AUXILIARY) else "googlenet"

    @property
    def has_auxiliary(self) -> bool:
        """Whether it has auxiliary classifiers."""
        return self in (AuxiliaryArm.PAPER_AUXILIARY, AuxiliaryArm.NORMALISED_AUXILIARY)


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The gradient norm at initialisation of the arm's model."""
    chosen = AuxiliaryArm(arm)
    norm = stem_gradient(chosen.model, seed, auxiliary=chosen.has_auxiliary, image_size=IMAGE_SIZE)
    return {ReadingName.GRADIENT: norm}


STUDY = Study(
    Claim(
        name="auxiliary-gradients",
        statement="Auxiliary classifiers give the first layer a larger gradient, with and without batch normalisation.",
        source="Szegedy et al. 2015, arXiv 1409.4842, section 5",
        reported="The auxiliary classifiers are said to increase the gradient that is propagated back; no figure is "
        "given. Szegedy et al. 2016 (arXiv 1512.00567, section 4) later find no effect early in training.",
        design=f"GoogLeNet as in the paper, and with batch normalisation, before the first step, on 8 images of noise "
        f"of {IMAGE_SIZE} pixels; the auxiliary losses have weight 0.3 each. The weights of the model are the same "
        "with and without auxiliary classifiers. A seed draws the weights, the images and the labels.",
        limits="A larger gradient need not be a better one, and dropout is left out.",
        quantities=(
            Quantity(
                words="with auxiliary classifiers against without, as in the paper",
                one=(AuxiliaryArm.PAPER_AUXILIARY, ReadingName.GRADIENT),
                other=(AuxiliaryArm.PAPER, ReadingName.GRADIENT),
                threshold=1.5,
            ),
            Quantity(
                words="with auxiliary classifiers against without, batch normalisation",
                one=(AuxiliaryArm.NORMALISED_AUXILIARY, ReadingName.GRADIENT),
                other=(AuxiliaryArm.NORMALISED, ReadingName.GRADIENT),
                threshold=1.5,
            ),
        ),
        arms=tuple(AuxiliaryArm),
        seeds=5,
        seconds=8.0,
    ),
    measure,
)
