"""The options of `evaluate`."""

from dataclasses import dataclass

from inarch.options.kinds import TargetAccuracy
from inarch.options.option import check_options
from inarch.runtime.device import AUTO, Device


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """How to measure."""

    target_accuracy: TargetAccuracy = None
    device: Device = AUTO

    def __post_init__(self) -> None:
        check_options(self)
