"""Co-adapted layers."""

from inarch.commands.study import transplants
from inarch.commands.study.records import (
    AT_MOST,
    POINTS,
    Claim,
    Quantity,
)
from inarch.commands.study.study import Study
from inarch.commands.study.transplants import (
    CUTS,
    NET,
    OWN,
    TRAINING,
    TRANSPLANTS,
    UNCUT,
    reading,
)

FIRST, MIDDLE, _ = CUTS

STUDY = Study(
    Claim(
        name="coadaptation",
        statement="A network that is cut in the middle, with the layers after the cut retrained on its own frozen "
        "prefix, does not recover its accuracy, because neighbouring layers are co-adapted; cut early it does.",
        source="Yosinski et al. 2014, arXiv 1411.1792, section 4.1 (fragile co-adaptation), Fig. 2",
        reported="AlexNet on half of ImageNet: cut after layer 4 or 5 of 8, 1 to 2 points are lost; cut after the "
        "first layers or the last, nothing.",
        design=f"{NET} learns half of the classes; then the layers after the cut learn them again on its own frozen "
        f"prefix. All train for {TRAINING.epochs} epochs at the same learning rate; test accuracy. A seed draws the "
        "classes, the split and the weights.",
        limits="A small residual network, whose layers may be less co-adapted than AlexNet's.",
        quantities=(
            Quantity(
                words="whole network less the one cut in the middle",
                one=reading(UNCUT),
                other=reading(OWN, MIDDLE),
                threshold=0.01,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="whole network less the one cut early",
                one=reading(UNCUT),
                other=reading(OWN, FIRST),
                bound=AT_MOST,
                threshold=0.02,
                scale=POINTS,
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
