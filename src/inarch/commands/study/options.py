"""The options of `study`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from inarch.options.device import AUTO, CpuDevice
from inarch.options.kinds import Cache, CacheSize
from inarch.options.notation import DURATION
from inarch.options.option import Option, check_options
from inarch.storage.cache_folder import DEFAULT_SIZE, default_cache_folder


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """How to study.

    Examples:
        >>> inarch.StudyOptions(seeds=3).budget is None
        True
    """

    data: Annotated[
        Path | None,
        Option("Photos, as for `inarch train`, for the claims that are about photos; by default scans of digits."),
    ] = None
    seeds: Annotated[
        int | None,
        Option(
            "How often it is measured; by default what --list says.", kind="number of seeds", minimum=1, maximum=1000
        ),
    ] = None
    budget: Annotated[
        float | None, Option("No measurement is begun that would end later; without it all are.", notation=DURATION)
    ] = None
    """Seconds for all that is measured."""
    device: CpuDevice = AUTO
    cache: Cache = field(default_factory=default_cache_folder)
    cache_size: CacheSize = DEFAULT_SIZE

    def __post_init__(self) -> None:
        check_options(self)
