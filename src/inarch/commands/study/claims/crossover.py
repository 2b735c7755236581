"""The number of photos at which pre-training stops helping."""

from functools import partial

from inarch.commands.study import curves
from inarch.commands.study.curves import CurveDesign, CurveEnd, accuracy_reading
from inarch.commands.study.records import Bound, Claim, Quantity, QuantityScale
from inarch.commands.study.study import Study

DESIGN = CurveDesign(most=100, seconds=400.0)

STUDY = Study(
    Claim(
        name="crossover",
        statement="The gain of pre-training with few photos is gone with many, or is at most a point.",
        source="He, Girshick and Dollar 2019, arXiv 1811.08883; Zoph et al. 2020, arXiv 2006.06882",
        reported="COCO detection: training from scratch for long enough comes to what pre-training comes to, and "
        "falls behind with a tenth of the photos.",
        design="The learning curves of `inarch train --learning-curves`: the same folds and the same validation photos "
        f"for both, with the fewest photos per class and with {DESIGN.most} at most, matched by a limit of "
        f"{DESIGN.seconds:.0f} seconds for all strategies together. A seed draws the photos and the folds.",
        limits=f"Many means up to {DESIGN.most} per class, and the source is that of the small backbone that comes "
        "with inarch. Digits are unlike it; where photos resemble the source, run it on those (--data).",
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
                bound=Bound.AT_MOST,
                threshold=0.01,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
        ),
        arms=(curves.CURVES,),
        seeds=3,
        seconds=450.0,
        photos=True,
    ),
    partial(curves.measure, design=DESIGN),
)
