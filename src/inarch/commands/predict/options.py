"""The options of `predict`."""

from dataclasses import dataclass
from typing import Annotated

from inarch.errors import UserError
from inarch.options.device import AUTO, CpuDevice
from inarch.options.kinds import TargetAccuracy
from inarch.options.notation import SHARE
from inarch.options.option import Option, check_options


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """How to answer."""

    top: Annotated[int, Option("Classes that are shown for each photo.", kind="number of classes", minimum=1)] = 3
    target_accuracy: TargetAccuracy = None
    always_answer: Annotated[bool, Option("Never abstain.")] = False
    sets: Annotated[
        float | None,
        Option(
            "Coverage of conformal prediction sets: for each photo so many classes are shown that the sets have this "
            "coverage; replaces --top.",
            kind="coverage of sets",
            notation=SHARE,
        ),
    ] = None
    device: CpuDevice = AUTO

    def __post_init__(self) -> None:
        check_options(self)
        if self.target_accuracy is not None and self.always_answer:
            raise UserError(
                "--target-accuracy says when to abstain, and --always-answer forbids that; leave out one of them."
            )
