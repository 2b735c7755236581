"""Fine-tuning compared with training from scratch."""

from inarch.commands.study import curves
from inarch.commands.study.curves import CurveEnd, accuracy_reading
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import Study

STUDY = Study(
    Claim(
        name="finetuning-scratch",
        statement="With few photos a fine-tuned model is more accurate than one trained from scratch on them.",
        source="Yosinski et al. 2014, NeurIPS; Kornblith et al. 2019, arXiv 1805.08974, section 4.6",
        reported="ResNet-50 on twelve datasets, by BYOL's Table 3: fine-tuning is ahead of scratch by 0.3 to 22 "
        "points.",
        design="The learning curves of `inarch train --learning-curves`: the same folds and the same validation photos "
        f"for every strategy, with the fewest photos per class and with {curves.DESIGN.most} at most, matched by a "
        f"limit of {curves.DESIGN.seconds:.0f} seconds for all of them. A seed draws the photos and the folds.",
        limits="The backbone is the small one that comes with inarch, and the time is short for training from scratch: "
        "with more of both either could gain. Readings depend on the speed of this machine.",
        quantities=(
            Quantity(
                words="fine-tuning less scratch, few photos",
                one=accuracy_reading("finetune", CurveEnd.FEW),
                other=accuracy_reading("scratch", CurveEnd.FEW),
                threshold=0.05,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
            Quantity(
                words="fine-tuning less scratch, all photos",
                one=accuracy_reading("finetune", CurveEnd.ALL),
                other=accuracy_reading("scratch", CurveEnd.ALL),
                threshold=0.05,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
        ),
        arms=(curves.CURVES,),
        seeds=3,
        seconds=180.0,
        photos=True,
    ),
    curves.measure,
)
