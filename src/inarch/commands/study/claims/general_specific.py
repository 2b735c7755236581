"""From general to specific features."""

from inarch.commands.study import transplants
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import Study
from inarch.commands.study.transplants import DESIGN, TRANSPLANTS, TransplantedPrefix, reading

STUDY = Study(
    Claim(
        name="general-specific",
        statement="The first stage of a network that learned other classes transfers without loss; the last, frozen, "
        "does not, unless it is fine-tuned.",
        source="Yosinski et al. 2014, arXiv 1411.1792, sections 4.1 and 4.2, Fig. 2",
        reported="AlexNet on two halves of ImageNet: the first two layers transfer without loss, later ones lose up to "
        "some 8 points when frozen, and tuned ones gain 1 to 2 over the network that was trained from scratch.",
        design=f"{DESIGN.model} learns one half of the classes; then the layers after a stage learn them again on the "
        "frozen prefix, up to each stage, of a network that learned the other half, and with that prefix fine-tuned. "
        f"Every network trains for {DESIGN.training.epochs} epochs at the same learning rate; test accuracy. A seed "
        "draws the halves, the split and the weights.",
        limits="A small network and two halves of one dataset, which resemble each other. After the last stage only a "
        "linear head learns.",
        quantities=(
            Quantity(
                words="other's first stage, frozen, less the whole network",
                one=reading(TransplantedPrefix.OTHER, "stage1"),
                other=reading(TransplantedPrefix.UNCUT),
                threshold=-0.02,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="other's first stage less its last, both frozen",
                one=reading(TransplantedPrefix.OTHER, "stage1"),
                other=reading(TransplantedPrefix.OTHER, "stage3"),
                threshold=0.03,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="other's last stage, tuned, less the whole network",
                one=reading(TransplantedPrefix.OTHER_TUNED, "stage3"),
                other=reading(TransplantedPrefix.UNCUT),
                threshold=-0.01,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
        ),
        arms=(TRANSPLANTS,),
        seeds=5,
        seconds=100.0,
        photos=True,
    ),
    transplants.measure,
)
