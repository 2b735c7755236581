"""The options of `evaluate`."""

from dataclasses import dataclass, field

from inarch.data.arrangement import Arrangement
from inarch.options.device import AUTO, CpuDevice
from inarch.options.kinds import TargetAccuracy
from inarch.options.option import check_options


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """How to measure."""

    arrangement: Arrangement = field(default_factory=Arrangement)
    target_accuracy: TargetAccuracy = None
    device: CpuDevice = AUTO

    def __post_init__(self) -> None:
        check_options(self)
