"""The options of `demo`."""

from dataclasses import dataclass

from inarch.options.device import AUTO, Device
from inarch.options.kinds import Seed
from inarch.options.option import check_options


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """How to show what training is like."""

    seed: Seed = 0
    device: Device = AUTO

    def __post_init__(self) -> None:
        check_options(self)
