"""Transfer learning against overfitting."""

from inarch.commands.study import curves
from inarch.commands.study.curves import CurveEnd, gap_reading
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import Study

STUDY = Study(
    Claim(
        name="transfer-overfitting",
        statement="Transfer mitigates overfitting: from training to validation photos its accuracy drops less than "
        "that of a model trained from scratch.",
        source="A commonplace of textbooks and courses on transfer learning",
        reported="No figure.",
        design="The learning curves of `inarch train --learning-curves`: the gap is training accuracy less validation "
        f"accuracy, with {curves.DESIGN.most} photos per class at most, on the same folds "
        "for every strategy. A seed draws the photos and the folds.",
        limits="A model that does not learn has no gap either: read the gaps with the accuracies. Training from "
        "scratch has augmentation, which lowers its gap.",
        quantities=(
            Quantity(
                words="gap of scratch less that of fine-tuning",
                one=gap_reading("scratch", CurveEnd.ALL),
                other=gap_reading("finetune", CurveEnd.ALL),
                threshold=0.03,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
            Quantity(
                words="gap of scratch less that of extraction",
                one=gap_reading("scratch", CurveEnd.ALL),
                other=gap_reading("probe", CurveEnd.ALL),
                threshold=0.03,
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
