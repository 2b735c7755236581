"""The strategies by name: one immutable table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from inarch.commands.train.strategies.auto import auto
from inarch.commands.train.strategies.finetune import finetune
from inarch.commands.train.strategies.probe import probe
from inarch.commands.train.strategies.scratch import scratch
from inarch.errors import UnknownNameError
from inarch.transfer.run import StrategyResult, TrainingRun

Strategy = Callable[[TrainingRun], StrategyResult]

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {"auto": auto, "probe": probe, "finetune": finetune, "scratch": scratch}
)

WEIGHTED_STRATEGIES = ("probe",)
"""Those that let each photo count by its own weight, in all that is minimised and judged."""


def strategy(name: str) -> Strategy:
    """The strategy called ``name``.

    Raises:
        UnknownNameError: there is none; the message offers the nearest name.
    """
    if name not in STRATEGIES:
        raise UnknownNameError("strategy", name, STRATEGIES)
    return STRATEGIES[name]
