"""Auxiliary classifiers against vanishing gradients."""

from inarch.commands.study.gradients import stem_gradient
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study

NORM = "first-layer gradient"
IMAGE_SIZE = 112
PAPER, PAPER_AUXILIARY = "as in the paper", "as in the paper, auxiliary classifiers"
NORMALISED, NORMALISED_AUXILIARY = "batch normalisation", "batch normalisation, auxiliary classifiers"
NETS = {
    PAPER: ("googlenet_paper", False),
    PAPER_AUXILIARY: ("googlenet_paper", True),
    NORMALISED: ("googlenet", False),
    NORMALISED_AUXILIARY: ("googlenet", True),
}


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The gradient norm at initialisation of the arm's model."""
    name, auxiliary = NETS[arm]
    return {NORM: stem_gradient(name, seed, auxiliary=auxiliary, image_size=IMAGE_SIZE)}


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
                one=(PAPER_AUXILIARY, NORM),
                other=(PAPER, NORM),
                threshold=1.5,
            ),
            Quantity(
                words="with auxiliary classifiers against without, batch normalisation",
                one=(NORMALISED_AUXILIARY, NORM),
                other=(NORMALISED, NORM),
                threshold=1.5,
            ),
        ),
        arms=tuple(NETS),
        seeds=5,
        seconds=8.0,
    ),
    measure,
)
