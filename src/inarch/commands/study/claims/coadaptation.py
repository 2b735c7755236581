"""Layers that have learned together."""

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
        statement="A net cut in the middle, whose end learns anew behind its own frozen beginning, does not come back "
        "to what it was, as neighbouring layers have learned together; cut early it does.",
        source="Yosinski et al. 2014, arXiv 1411.1792, section 4.1 (fragile co-adaptation), Fig. 2",
        reported="AlexNet on half of ImageNet: cut behind layer 4 or 5 of 8, 1 to 2 points are lost; cut behind the "
        "first ones or the last, nothing.",
        design=f"{NET} learns half of the classes; then its end learns them anew behind its own beginning, which is "
        f"frozen. All train for {TRAINING.epochs} epochs at the same rate; accuracy on held-out photos. A seed draws "
        "the classes, the split and the weights.",
        limits="A small residual net, whose layers may depend on each other less than AlexNet's.",
        quantities=(
            Quantity(
                words="the whole net less the one cut in the middle",
                one=reading(UNCUT),
                other=reading(OWN, MIDDLE),
                threshold=0.01,
                scale=POINTS,
                grain=0.003,
            ),
            Quantity(
                words="the whole net less the one cut early",
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
