"""Depth at equal cost: the bottleneck."""

from inarch.commands.inspect.figures import model_figures
from inarch.commands.study.records import AT_MOST, Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.commands.study.times import milliseconds
from inarch.models.anatomy.trace import trace_architecture

BASIC, BOTTLENECK = "resnet34", "resnet50_v1"
TIMES = "times of both"
LAYERS, MACS = "layers", "MACs"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """A model's counts, or the milliseconds of both models, which take turns."""
    if arm == TIMES:
        return milliseconds((BASIC, BOTTLENECK), seed)
    figures = model_figures(trace_architecture(arm))
    return {LAYERS: float(figures.depth), MACS: float(figures.macs)}


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
            Quantity(words="layers", one=(BOTTLENECK, LAYERS), other=(BASIC, LAYERS), threshold=1.4, exact=True),
            Quantity(
                words="MACs", one=(BOTTLENECK, MACS), other=(BASIC, MACS), bound=AT_MOST, threshold=1.1, exact=True
            ),
            Quantity(words="time", one=(TIMES, BOTTLENECK), other=(TIMES, BASIC), bound=AT_MOST, threshold=1.1),
        ),
        arms=(BASIC, BOTTLENECK, TIMES),
        seeds=7,
        seconds=6.0,
    ),
    measure,
)
