"""What the 1x1 convolutions before the larger ones save."""

from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.commands.study.times import milliseconds
from inarch.models.anatomy.trace import trace_architecture

WITH, WITHOUT = "googlenet_paper", "googlenet_paper:without_reduction"
TIMES = "times of both"
MACS, PARAMETERS, MEMORY = "MACs", "parameters", "bytes of maps and weights"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """What a net counts, or the milliseconds of both nets, which take turns."""
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
        reported="Nets 3 to 10 times faster than others as good, without a figure for the reductions alone. From the "
        "paper's Table 1 follow 1.58 GMACs and 7.0 million parameters; without reductions and with pools that are not "
        "projected 4.36 and 24.9.",
        design="The paper's net at 224 pixels, with its reductions and with the same output widths without them; the "
        "projection behind each pool stays in both. Counts are exact; memory is that of all maps at the fullest moment "
        "of one image and of all weights; times are those of PyTorch, both nets in turn. A seed is one such "
        "comparison of times.",
        limits="Cost alone: what the reductions do to accuracy is another claim. Times are this machine's.",
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
