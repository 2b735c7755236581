"""A pre-training recipe: one TOML file, validated when it is read."""

import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

from inarch.errors import UserError
from inarch.storage.serialisation import from_data
from inarch.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class CropSource:
    """One folder of photos, and how crops are cut from it."""

    photos: str
    """A folder or a manifest, relative to the data folder. If it has splits, only ``train`` is used."""
    image_size: int
    """Side, in pixels, at which its photos are stored."""
    repeats: int = 1
    """Crops of each photo in one pass."""
    views: int = 4
    """Different crops of each photo. The teacher computes each once; later passes use the cache."""
    min_scale: float = 0.35
    """The smallest fraction of a photo's area that a crop keeps."""
    without: tuple[str, ...] = ()
    """Classes that are left out, for example because they are also in a target dataset of transfer."""
    labelled: bool = True
    """Whether its labels are used."""
    taught: bool = True
    """Whether the teacher's features of its crops are distilled."""

    def __post_init__(self) -> None:
        if not (self.labelled or self.taught):
            raise UserError(f"{self.photos} must be labelled, taught or both; else it adds no loss.")
        if self.repeats < 1 or self.views < 1:
            raise UserError(f"repeats and views of {self.photos} must be at least 1.")
        if not 0 < self.min_scale <= 1:
            raise UserError(f"min_scale of {self.photos} must be in (0, 1], got {self.min_scale}.")


@dataclass(frozen=True, kw_only=True)
class ProbeSource:
    """Photos that measure progress. They are never used for training, and must not be a target of transfer either."""

    photos: str
    """A folder or a manifest, relative to the data folder. Its ``train`` split, if it has one, is not used."""
    stored_size: int
    image_size: int
    """Side of the model's input, in pixels."""
    per_class: int = 20
    """Training photos per class of the linear classifier."""
    judged: int = 60
    """Test photos per class."""


@dataclass(frozen=True, kw_only=True)
class PretrainingPhase:
    """A stretch of training at one image size (progressive resolution: small first, large last)."""

    image_size: int
    chunks: int
    """How many chunks of crops; a checkpoint is written after each."""


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """The weight of each term of the loss."""

    labels: float = 1.0
    """Cross-entropy with the photos' own labels."""
    features: float = 1.0
    """Mean squared error of the teacher's standardised features, predicted by a linear layer."""
    answers: float = 1.0
    """Kullback-Leibler divergence from the teacher's probabilities (Hinton et al. 2015, arXiv 1503.02531)."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings that determine a pre-training run."""

    name: str
    model: str
    """A model of the catalog."""
    photos: tuple[CropSource, ...]
    phases: tuple[PretrainingPhase, ...]
    training: TrainingConfig
    """Its ``epochs`` are the chunks of all phases together."""
    chunk: int = 6400
    """Crops in a chunk."""
    probes: tuple[ProbeSource, ...] = ()
    probe_every: int = 10
    """Chunks between two probes."""
    teacher: str
    """A model with pre-trained weights, such as ``efficientnet_lite0``."""
    teacher_size: int = 128
    """Side of the student's crops for the teacher, in pixels."""
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
        UserError: there is no such file, it is not TOML, or a setting is unknown, missing or invalid.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"The recipe {path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} is no TOML: {error}.") from error
    training = said.get("training", {})
    if lacks_epochs := isinstance(training, dict) and "epochs" not in training:
        training = {"epochs": 1, **training}
    settings = {"name": path.stem, "photos": [], "phases": [], **said, "training": training}
    try:
        recipe = from_data(Recipe, settings, strict=True)
    except UserError as error:
        raise UserError(f"The recipe {path} cannot be used: {error}") from error
    if not recipe.photos or not recipe.phases:
        raise UserError(f"The recipe {path} needs at least one [[photos]] and one [[phases]].")
    if lacks_epochs:
        chunks = sum(phase.chunks for phase in recipe.phases)
        return replace(recipe, training=replace(recipe.training, epochs=chunks))
    return recipe
