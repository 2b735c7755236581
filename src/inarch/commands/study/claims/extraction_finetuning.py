"""Feature extraction compared with fine-tuning."""

from inarch.commands.study import curves
from inarch.commands.study.curves import CurveEnd, accuracy_reading
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import Study

STUDY = Study(
    Claim(
        name="extraction-finetuning",
        statement="Feature extraction is as good as fine-tuning while there are few photos, and falls behind as there "
        "are more.",
        source="A rule of thumb of courses and tutorials; Kornblith et al. 2019, arXiv 1805.08974",
        reported="ResNet-50 with all photos of twelve datasets, by BYOL's Table 3: fine-tuning gains from -1.2 to 25.4 "
        "points.",
        design="The learning curves of `inarch train --learning-curves`: the same folds and the same validation photos "
        f"for both, with the fewest photos per class and with {curves.DESIGN.most} at most. A seed draws the photos "
        "and the folds.",
        limits=f"Up to {curves.DESIGN.most} photos per class, and one small backbone: a later crossover is not "
        "observed. Fine-tuning updates the last stage alone.",
        quantities=(
            Quantity(
                words="extraction less fine-tuning, few photos",
                one=accuracy_reading("probe", CurveEnd.FEW),
                other=accuracy_reading("finetune", CurveEnd.FEW),
                threshold=-0.02,
                scale=QuantityScale.POINTS,
                grain=0.005,
            ),
            Quantity(
                words="fine-tuning less extraction, all photos",
                one=accuracy_reading("finetune", CurveEnd.ALL),
                other=accuracy_reading("probe", CurveEnd.ALL),
                threshold=0.01,
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
