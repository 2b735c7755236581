"""The options of `explain`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from inarch.data.arrangement import Arrangement
from inarch.options.device import AUTO, CpuDevice
from inarch.options.kinds import Seed
from inarch.options.option import Option, check_options


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """How much to look at.

    Examples:
        >>> inarch.ExplainOptions(shown=8).channels
        3
    """

    photos: Annotated[
        int,
        Option(
            "Photos, at most, that stages are probed by and borders judged on.",
            kind="number of photos",
            minimum=2,
            maximum=2000,
        ),
    ] = 300
    arrangement: Arrangement = field(default_factory=Arrangement)
    shown: Annotated[
        int,
        Option(
            "How many of these photos have their attribution maps drawn and checked.",
            kind="number of photos shown",
            minimum=2,
            maximum=200,
        ),
    ] = 16
    channels: Annotated[
        int,
        Option(
            "Channels of each stage of which patches and an activation maximisation are shown; 0 for none.",
            kind="number of channels",
            minimum=0,
            maximum=50,
        ),
    ] = 3
    before: Annotated[
        str | Path | None,
        Option(
            "The model before fine-tuning: a bundle, a file of weights, or the name of some; by default the weights "
            "that come with inarch where the bundle began with those.",
            metavar="BUNDLE|FILE|NAME",
        ),
    ] = None
    seed: Seed = 0
    device: CpuDevice = AUTO

    def __post_init__(self) -> None:
        check_options(self)
