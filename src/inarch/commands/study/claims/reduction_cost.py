"""The savings by 1x1 reductions."""

from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.commands.study.times import milliseconds
from inarch.models.anatomy.trace import trace_architecture

WITH, WITHOUT = "googlenet_paper", "googlenet_paper:without_reduction"
TIMES = "times of both"
MACS, PARAMETERS, MEMORY = "MACs", "parameters", "bytes of maps and weights"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """A model's counts, or the milliseconds of both models, which take turns."""
    if arm == TIMES:
        return milliseconds((WITH, WITHOUT), seed)
    record = trace_architecture(arm)
    counts = {MACS: record.macs, PARAMETERS: record.parameters, MEMORY: record.peak + 4 * record.parameters}
    return {name: float(count) for name, count in counts.items()}


STUDY = Study(
    Claim(
        name="reduction-cost",
        statement="1x1 convolutions before the larger ones cut multiply-adds, parameters, memory and time of GoogLeNet "
        "at least by half.",
        source="Szegedy et al. 2015, arXiv 1409.4842, sections 4 and 5",
        reported="Networks 3 to 10 times faster than others as accurate, without a figure for the reductions alone. "
        "From the paper's Table 1 follow 1.58 GMACs and 7.0 million parameters; without reductions and with pools that "
        "are not projected 4.36 and 24.9.",
        design="The paper's GoogLeNet at 224 pixels, with its reductions and with the same output widths without them; "
        "the projection after each pool stays in both. Counts are exact; memory is the peak of all feature maps of one "
        "image and of all weights; times are those of PyTorch, both models in turn. A seed is one such comparison of "
        "times.",
        limits="Cost alone: their effect on accuracy is another claim. Times are this machine's.",
        quantities=(
            Quantity(words="MACs", one=(WITHOUT, MACS), other=(WITH, MACS), threshold=2.0, exact=True),
            Quantity(
                words="parameters", one=(WITHOUT, PARAMETERS), other=(WITH, PARAMETERS), threshold=2.0, exact=True
            ),
            Quantity(words="memory", one=(WITHOUT, MEMORY), other=(WITH, MEMORY), threshold=2.0, exact=True),
            Quantity(words="time", one=(TIMES, WITHOUT), other=(TIMES, WITH), threshold=2.0),
        ),
        arms=(WITH, WITHOUT, TIMES),
        seeds=7,
        seconds=4.0,
    ),
    measure,
)
