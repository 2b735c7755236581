"""The number of photos at which pre-training stops helping."""

from functools import partial

from inarch.commands.study import curves
from inarch.commands.study.curves import (
    ALL,
    FEW,
    FINETUNE,
    SCRATCH,
    accuracy_reading,
)
from inarch.commands.study.records import (
    AT_MOST,
    POINTS,
    Claim,
    Quantity,
)
from inarch.commands.study.study import Study

MOST, SECONDS = 100, 400.0

STUDY = Study(
    Claim(
        name="crossover",
        statement="The gain of pre-training with few photos is gone with many, or is at most a point.",
        source="He, Girshick and Dollar 2019, arXiv 1811.08883; Zoph et al. 2020, arXiv 2006.06882",
        reported="COCO detection: training from scratch for long enough comes to what pre-training comes to, and "
        "falls behind with a tenth of the photos.",
        design="The learning curves of `inarch train --learning-curves`: the same folds and the same validation photos "
        f"for both, with the fewest photos per class and with {MOST} at most, matched by a limit of {SECONDS:.0f} "
        "seconds for all strategies together. A seed draws the photos and the folds.",
        limits=f"Many means up to {MOST} per class, and the source is that of the small backbone that comes with "
        "inarch. Digits are unlike it; where photos resemble the source, run it on those (--data).",
        quantities=(
            Quantity(
                words="fine-tuning less scratch, few photos",
                one=accuracy_reading(FINETUNE, FEW),
                other=accuracy_reading(SCRATCH, FEW),
                threshold=0.05,
                scale=POINTS,
                grain=0.005,
            ),
            Quantity(
                words="fine-tuning less scratch, all photos",
                one=accuracy_reading(FINETUNE, ALL),
                other=accuracy_reading(SCRATCH, ALL),
                bound=AT_MOST,
                threshold=0.01,
                scale=POINTS,
                grain=0.005,
            ),
        ),
        arms=(curves.CURVES,),
        seeds=3,
        seconds=450.0,
        photos=True,
    ),
    partial(curves.measure, most=MOST, seconds=SECONDS),
)
