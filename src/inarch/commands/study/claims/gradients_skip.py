"""Skip connections keep the gradient of the first layer alive."""

from inarch.commands.study.gradients import first_layer_gradient
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Bound, Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The gradient norm at initialisation of the arm's model."""
    return {ReadingName.GRADIENT: first_layer_gradient(arm, seed)}


STUDY = Study(
    Claim(
        name="gradients-skip",
        statement="Skip connections keep the first layer's gradient bounded at any depth; without them it is "
        "unbounded.",
        source="He et al. 2016, arXiv 1512.03385, section 4.1; Yang et al. 2019, arXiv 1902.08129 (batch normalisation "
        "makes gradients explode)",
        reported="Norms of 2.1, 1,089 and 4.7 million at 20, 56 and 110 layers without shortcuts, of 0.8, 3.9 and 9.0 "
        "with them: a run of CIFAR networks by a third party.",
        design="CIFAR networks of 20, 56 and 110 layers and their plain counterparts, with equal parameters and equal "
        "weights, before the first step, on 8 images of noise. A seed draws the weights, the images and the labels.",
        limits="It says nothing about training: a large gradient can be scaled down, and later steps look different.",
        quantities=(
            Quantity(
                words="110 layers against 20, without shortcuts",
                one=("plain110", ReadingName.GRADIENT),
                other=("plain20", ReadingName.GRADIENT),
                threshold=1000.0,
            ),
            Quantity(
                words="110 layers against 20, with shortcuts",
                one=("resnet110", ReadingName.GRADIENT),
                other=("resnet20", ReadingName.GRADIENT),
                bound=Bound.AT_MOST,
                threshold=30.0,
            ),
        ),
        arms=("plain20", "resnet20", "plain56", "resnet56", "plain110", "resnet110"),
        seeds=5,
        seconds=8.0,
    ),
    measure,
)
