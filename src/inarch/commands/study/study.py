"""The parts of a study, and its input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from inarch.commands.study.records import Claim
from inarch.data.augmentation import Augmentation
from inarch.data.photos import PhotoSet
from inarch.errors import WorkError
from inarch.transfer.run import TrainingRun

Readings = Mapping[str, float]


@dataclass(frozen=True)
class Bench:
    """The photos of a study."""

    photos: PhotoSet
    augmentation: Augmentation
    cache: Path
    prepare: Callable[[PhotoSet, int], TrainingRun]
    """Photos and a seed, ready for the strategies of ``transfer``; who makes it stands above this folder."""


def require_bench(bench: Bench | None) -> Bench:
    """The bench of a claim about photos.

    Raises:
        WorkError: there is none.
    """
    if bench is None:
        raise WorkError("This study needs photos.")
    return bench


Measure = Callable[[Bench | None, str, int], Readings]
"""Takes the bench (None for a claim about models alone), an arm and a seed. The same three give the same readings,
except for times."""


@dataclass(frozen=True)
class Study:
    """A claim and its measurement. Studies with the same function share its measurements."""

    claim: Claim
    measure: Measure
