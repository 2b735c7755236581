"""The scale of the initial weights."""

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

SCALES = {"He": 1.0, "Xavier": 0.5**0.5, "a quarter of He": 0.25, "four times He": 4.0}
"""Xavier's variance is 1 / fan-in if all layers have one width: half of He's."""


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """The accuracies of a chain with this initialisation."""
    return train_chain(require_bench(bench), seed, activation=nn.ReLU, scale=SCALES[arm])


STUDY = Study(
    Claim(
        name="initialisation",
        statement="The scale of the initial weights decides whether a deep network without normalisation learns at "
        "all.",
        source="He et al. 2015, arXiv 1502.01852, section 2.2 and Fig. 3; Glorot and Bengio 2010, AISTATS",
        reported="A network of 30 layers learns with He's initialisation and stalls with Xavier's.",
        design=f"{DESIGN.layers} convolutions of 3x3 with ReLU and nothing else, five epochs of AdamW at one "
        "learning rate. The arms have the same drawn weights, multiplied. Training accuracy, as the claim is about "
        "learning. A seed draws the split, the weights and the order of the photos.",
        limits="One learning rate and one short run for all arms: another rate might rescue a bad initialisation.",
        quantities=(
            Quantity(
                words="He's scale less a quarter of it",
                one=("He", ReadingName.LEARNED),
                other=("a quarter of He", ReadingName.LEARNED),
                threshold=0.3,
                scale=QuantityScale.POINTS,
                grain=0.002,
            ),
            Quantity(
                words="He's scale less four times it",
                one=("He", ReadingName.LEARNED),
                other=("four times He", ReadingName.LEARNED),
                threshold=0.3,
                scale=QuantityScale.POINTS,
                grain=0.002,
            ),
        ),
        arms=tuple(SCALES),
        seeds=3,
        seconds=20.0,
        photos=True,
    ),
    measure,
)
