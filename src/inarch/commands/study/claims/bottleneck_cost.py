"""Depth at equal cost: the bottleneck."""

from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Bound, Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.commands.study.times import TIMES_OF_BOTH, milliseconds
from inarch.models.anatomy.figures import model_figures
from inarch.models.anatomy.trace import trace_architecture


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """A model's counts, or the milliseconds of both models, which take turns."""
    if arm == TIMES_OF_BOTH:
        return milliseconds(("resnet34", "resnet50_v1"), seed)
    figures = model_figures(trace_architecture(arm))
    return {ReadingName.LAYERS: float(figures.depth), ReadingName.MACS: float(figures.macs)}


STUDY = Study(
    Claim(
        name="bottleneck-cost",
        statement="Bottlenecks instead of as many basic blocks make a model deeper by two fifths at nearly the same "
        "cost in multiply-adds and in time.",
        source="He et al. 2016, arXiv 1512.03385, section 4.1 (deeper bottleneck architectures), Fig. 5 and Table 1",
        reported="ResNet-34 has 3.6, ResNet-50 3.8 billion multiply-adds; both blocks of Fig. 5 are said to be of "
        "similar time complexity.",
        design="ResNet-34 and ResNet-50 (v1, the paper's) at 224 pixels: 16 blocks each. Counts are exact; times are "
        "those of PyTorch on one image, both models in turn. A seed is one such comparison of times.",
        limits="Cost alone; the effect of depth on accuracy is not measured. Times are this machine's.",
        quantities=(
            Quantity(
                words="layers",
                one=("resnet50_v1", ReadingName.LAYERS),
                other=("resnet34", ReadingName.LAYERS),
                threshold=1.4,
                exact=True,
            ),
            Quantity(
                words="MACs",
                one=("resnet50_v1", ReadingName.MACS),
                other=("resnet34", ReadingName.MACS),
                bound=Bound.AT_MOST,
                threshold=1.1,
                exact=True,
            ),
            Quantity(
                words="time",
                one=(TIMES_OF_BOTH, "resnet50_v1"),
                other=(TIMES_OF_BOTH, "resnet34"),
                bound=Bound.AT_MOST,
                threshold=1.1,
            ),
        ),
        arms=("resnet34", "resnet50_v1", TIMES_OF_BOTH),
        seeds=7,
        seconds=6.0,
    ),
    measure,
)
