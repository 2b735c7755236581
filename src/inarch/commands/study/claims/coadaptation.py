"""Co-adapted layers."""

from inarch.commands.study import transplants
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
from inarch.commands.study.study import Study
from inarch.commands.study.transplants import DESIGN, TRANSPLANTS, TransplantedPrefix, reading

STUDY = Study(
    Claim(
        name="coadaptation",
        statement="A network that is cut in the middle, with the layers after the cut retrained on its own frozen "
        "prefix, does not recover its accuracy, because neighbouring layers are co-adapted; cut early it does.",
        source="Yosinski et al. 2014, arXiv 1411.1792, section 4.1 (fragile co-adaptation), Fig. 2",
        reported="AlexNet on half of ImageNet: cut after layer 4 or 5 of 8, 1 to 2 points are lost; cut after the "
        "first layers or the last, nothing.",
        design=f"{DESIGN.model} learns half of the classes; then the layers after the cut learn them again on its own "
        f"frozen prefix. All train for {DESIGN.training.epochs} epochs at the same learning rate; test accuracy. A "
        "seed draws the classes, the split and the weights.",
        limits="A small residual network, whose layers may be less co-adapted than AlexNet's.",
        quantities=(
            Quantity(
                words="whole network less the one cut in the middle",
                one=reading(TransplantedPrefix.UNCUT),
                other=reading(TransplantedPrefix.OWN, "stage2"),
                threshold=0.01,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="whole network less the one cut early",
                one=reading(TransplantedPrefix.UNCUT),
                other=reading(TransplantedPrefix.OWN, "stage1"),
                bound=Bound.AT_MOST,
                threshold=0.02,
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
