"""A pre-training recipe: one readable TOML file, checked as it is read."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_origin, get_type_hints

from inarch.errors import UserError
from inarch.training.config import TrainingConfig

WORDS = MappingProxyType(
    {int: "a whole number", float: "a number", str: "text", bool: "true or false", tuple: "a list"}
)
"""What is expected, by the type of a setting."""


@dataclass(frozen=True, kw_only=True)
class PhotoSource:
    """One folder of photos and how crops are cut from it."""

    photos: str
    """A folder or a manifest, relative to the data folder. Only its ``train`` split is learned from, if it has one."""
    image_size: int
    """Side, in pixels, at which its photos are stored."""
    repeats: int = 1
    """Crops of each photo in one pass."""
    views: int = 4
    """Different crops of each photo. The teacher looks at each once; later passes find its answers in the cache."""
    min_scale: float = 0.35
    """The smallest share of a photo's area that a crop keeps."""
    without: tuple[str, ...] = ()
    """Classes that are left out, because photos of them are also in a set that transfer is judged on, say."""
    labelled: bool = True
    """Whether its classes are learned."""
    taught: bool = True
    """Whether the teacher's features of its crops are learned."""

    def __post_init__(self) -> None:
        if not (self.labelled or self.taught):
            raise UserError(f"{self.photos} must be labelled, taught or both; else there is nothing to learn from it.")
        if self.repeats < 1 or self.views < 1:
            raise UserError(f"repeats and views of {self.photos} must be at least 1.")
        if not 0 < self.min_scale <= 1:
            raise UserError(f"min_scale of {self.photos} must be in (0, 1], got {self.min_scale}.")


@dataclass(frozen=True, kw_only=True)
class ProbeSource:
    """Photos by which progress is judged. They are never learned from, and must be no target of transfer either."""

    photos: str
    """A folder or a manifest, relative to the data folder. Its ``train`` split, if it has one, is not touched."""
    stored_size: int
    image_size: int
    """Side, in pixels, at which the net sees them."""
    per_class: int = 20
    """Photos of each class that the linear classifier is fitted on."""
    judged: int = 60
    """Other photos of each class, on which it is judged."""


@dataclass(frozen=True, kw_only=True)
class PretrainingPhase:
    """A stretch of training at one image size (progressive resolution: small first, large last)."""

    image_size: int
    chunks: int
    """How many chunks of crops; a checkpoint is written after each."""


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """What each part of the loss counts for."""

    labels: float = 1.0
    """Cross-entropy with the photos' own labels."""
    features: float = 1.0
    """Mean squared error of the teacher's standardised features, predicted by a linear layer."""
    answers: float = 1.0
    """Kullback-Leibler divergence from the teacher's probabilities (Hinton et al. 2015, arXiv 1503.02531)."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides what a pre-training run gives."""

    name: str
    model: str
    """A net of the catalog."""
    photos: tuple[PhotoSource, ...]
    phases: tuple[PretrainingPhase, ...]
    training: TrainingConfig
    """Its ``epochs`` are the chunks of all phases together."""
    chunk: int = 6400
    """Crops in a chunk."""
    probes: tuple[ProbeSource, ...] = ()
    probe_every: int = 10
    """Chunks between one look at the probes and the next."""
    teacher: str
    """A net with ready weights, such as ``efficientnet_lite0``."""
    teacher_size: int = 128
    """Side, in pixels, at which the teacher sees the student's crops."""
    weighting: Weighting = field(default_factory=Weighting)

    def image_size(self, chunk: int) -> int:
        """Side, in pixels, of the crops of a chunk (from 1)."""
        for phase in self.phases:
            if chunk <= phase.chunks:
                return phase.image_size
            chunk -= phase.chunks
        raise UserError(f"The recipe {self.name} has fewer chunks.")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        UserError: there is no such file, it is no TOML, or a setting is unknown, missing or of no use.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} is no TOML: {error}.") from error
    phases = _records(PretrainingPhase, said, path, "phases")
    training = said.pop("training", {})
    if isinstance(training, dict):
        training = {"epochs": sum(phase.chunks for phase in phases), **training}
    parts: dict[str, Any] = {
        "photos": _records(PhotoSource, said, path, "photos"),
        "phases": phases,
        "probes": _records(ProbeSource, said, path, "probes"),
        "training": _record(TrainingConfig, training, path, "training"),
        "weighting": _record(Weighting, said.pop("weighting", {}), path, "weighting"),
    }
    if not parts["photos"] or not phases:
        raise UserError(f"The recipe {path} needs at least one [[photos]] and one [[phases]].")
    return _record(Recipe, {"name": path.stem, **said, **parts}, path, "recipe")


Record = TypeVar("Record")


def _records(kind: type[Record], said: dict[str, Any], path: Path, place: str) -> tuple[Record, ...]:
    """One record for each ``[[place]]``; they are taken out of ``said``."""
    tables = said.pop(place, [])
    if not isinstance(tables, list):
        raise UserError(f"{place} in {path} must be written as [[{place}]].")
    return tuple(_record(kind, each, path, place) for each in tables)


def _record(kind: type[Record], values: Any, path: Path, place: str) -> Record:
    """A frozen record from a table of the file."""
    if not isinstance(values, dict):
        raise UserError(f"{place} in {path} must be a table.")
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(values.keys() - known)
    if unknown:
        raise UserError(f"{place} in {path} has no setting {unknown[0]!r}; there is {', '.join(sorted(known))}.")
    kinds = {name: get_origin(hint) or hint for name, hint in get_type_hints(kind).items()}
    frozen = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in frozen.items():
        if not _is_a(value, kinds[name]):
            raise UserError(f"{place} in {path}: {name} must be {WORDS[kinds[name]]}, not {value!r}.")
    try:
        return kind(**frozen)
    except TypeError as error:
        raise UserError(f"{place} in {path} is not complete: {error}.") from error


def _is_a(value: object, kind: type) -> bool:
    """Whether a value of a TOML file may stand for ``kind``: whole numbers are numbers, and truths are not."""
    if kind not in WORDS:
        return True
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))
