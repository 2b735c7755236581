"""The options of `doctor`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from inarch.data.arrangement import Arrangement
from inarch.options.device import AUTO, CpuDevice
from inarch.options.kinds import Cache, CacheSize, Seed
from inarch.options.option import Option, check_options
from inarch.storage.cache_folder import DEFAULT_SIZE, default_cache_folder


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """How to look.

    Examples:
        >>> inarch.DoctorOptions(labels=False).seed
        0
    """

    labels: Annotated[bool, Option("Look for wrong labels, which takes the longest.")] = True
    arrangement: Arrangement = field(default_factory=Arrangement)
    model: Annotated[
        str | None,
        Option(
            "The backbone by whose features labels are judged, as for `inarch train`; by default, of those available "
            "locally, the one that suits the photos best.",
            metavar="NAME|BUNDLE",
        ),
    ] = None
    weights: Annotated[Path | str | None, Option("Its weights.", metavar="FILE|NAME")] = None
    seed: Seed = 0
    device: CpuDevice = AUTO
    cache: Cache = field(default_factory=default_cache_folder)
    cache_size: CacheSize = DEFAULT_SIZE

    def __post_init__(self) -> None:
        check_options(self)
