"""The savings by 1x1 reductions."""

from enum import StrEnum

from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Bench, Readings, Study
from inarch.commands.study.times import TIMES_OF_BOTH, milliseconds
from inarch.models.anatomy.trace import trace_architecture


class CostArm(StrEnum):
    """A model, by its name in the catalog, or the times of both."""

    WITH = "googlenet_paper"
    WITHOUT = "googlenet_paper:without_reduction"
    TIMES = TIMES_OF_BOTH


class CostReading(StrEnum):
    """An exact cost of a model."""

    MACS = ReadingName.MACS
    PARAMETERS = "parameters"
    MEMORY = "bytes of maps and weights"
    """The peak of the feature maps of one image, and all weights."""


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """A model's counts, or the milliseconds of both models, which take turns."""
    if arm == CostArm.TIMES:
        return milliseconds((CostArm.WITH, CostArm.WITHOUT), seed)
    record = trace_architecture(arm)
    return {
        CostReading.MACS: float(record.macs),
        CostReading.PARAMETERS: float(record.parameters),
        CostReading.MEMORY: float(record.peak + 4 * record.parameters),
    }


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
            Quantity(
                words="MACs",
                one=(CostArm.WITHOUT, CostReading.MACS),
                other=(CostArm.WITH, CostReading.MACS),
                threshold=2.0,
                exact=True,
            ),
            Quantity(
                words="parameters",
                one=(CostArm.WITHOUT, CostReading.PARAMETERS),
                other=(CostArm.WITH, CostReading.PARAMETERS),
                threshold=2.0,
                exact=True,
            ),
            Quantity(
                words="memory",
                one=(CostArm.WITHOUT, CostReading.MEMORY),
                other=(CostArm.WITH, CostReading.MEMORY),
                threshold=2.0,
                exact=True,
            ),
            Quantity(
                words="time", one=(CostArm.TIMES, CostArm.WITHOUT), other=(CostArm.TIMES, CostArm.WITH), threshold=2.0
            ),
        ),
        arms=tuple(CostArm),
        seeds=7,
        seconds=4.0,
    ),
    measure,
)
