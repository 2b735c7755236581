"""Transfer learning against overfitting."""

from inarch.commands.study import curves
from inarch.commands.study.curves import (
    ALL,
    FINETUNE,
    PROBE,
    SCRATCH,
    gap_reading,
)
from inarch.commands.study.records import POINTS, Claim, Quantity
from inarch.commands.study.study import Study

STUDY = Study(
    Claim(
        name="transfer-overfitting",
        statement="Transfer mitigates overfitting: from training to validation photos its accuracy drops less than "
        "that of a model trained from scratch.",
        source="A commonplace of textbooks and courses on transfer learning",
        reported="No figure.",
        design="The learning curves of `inarch train --learning-curves`: the gap is training accuracy less validation "
        f"accuracy, with {curves.MOST} photos per class at most, on the same folds "
        "for every strategy. A seed draws the photos and the folds.",
        limits="A model that does not learn has no gap either: read the gaps with the accuracies. Training from "
        "scratch has augmentation, which lowers its gap.",
        quantities=(
            Quantity(
                words="gap of scratch less that of fine-tuning",
                one=gap_reading(SCRATCH, ALL),
                other=gap_reading(FINETUNE, ALL),
                threshold=0.03,
                scale=POINTS,
                grain=0.005,
            ),
            Quantity(
                words="gap of scratch less that of extraction",
                one=gap_reading(SCRATCH, ALL),
                other=gap_reading(PROBE, ALL),
                threshold=0.03,
                scale=POINTS,
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
