"""The activation between two convolutions."""

from torch import nn

from inarch.commands.study.chains import DESIGN, train_chain
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)

ACTIVATIONS = {"ReLU": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "none": nn.Identity}


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The accuracies of a chain with this activation."""
    return train_chain(require_bench(bench), seed, activation=ACTIVATIONS[arm], scale=1.0)


STUDY = Study(
    Claim(
        name="activation",
        statement="ReLU lets a deep network without normalisation learn; sigmoids do not, and without an activation it "
        "is linear and learns less.",
        source="Glorot, Bordes and Bengio 2011, AISTATS; Krizhevsky et al. 2012, section 3.1",
        reported="Krizhevsky et al.: a small network reaches 25 % training error on CIFAR-10 six times sooner with "
        "ReLU than with tanh.",
        design=f"{DESIGN.layers} convolutions of 3x3, each with the activation, five epochs of AdamW at one learning "
        "rate; test accuracy. The arms have the same initial weights, those of He et al. 2015. A seed draws the split, "
        "the weights and the order of the photos.",
        limits="One learning rate and one initialisation, which is made for ReLU. If the classes are nearly linearly "
        "separable, a linear network is nearly as accurate.",
        quantities=(
            Quantity(
                words="ReLU less sigmoid",
                one=("ReLU", ReadingName.HELD_OUT),
                other=("sigmoid", ReadingName.HELD_OUT),
                threshold=0.3,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
            Quantity(
                words="ReLU less none",
                one=("ReLU", ReadingName.HELD_OUT),
                other=("none", ReadingName.HELD_OUT),
                threshold=0.05,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
        ),
        arms=tuple(ACTIVATIONS),
        seeds=3,
        seconds=20.0,
        photos=True,
    ),
    measure,
)
