"""How deep fine-tuning goes: the last layers on cached feature maps, or every layer from pixels.

Both begin with the probe's head (LP-FT; Kumar et al. 2022, arXiv 2202.10054): a randomly initialised head would distort
the features first. A tail's prefix is frozen in weights *and* statistics by construction: its output is read from the
cache, and it takes part in no step.
"""

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from inarch.commands.train.strategies.probe import ProbeRun, head_of
from inarch.data.folds import FOLDS
from inarch.data.photos import Preprocessing
from inarch.metrics.novelty import known_rows
from inarch.models import Backbone, Classifier, reader
from inarch.runtime.onnx_graph import classifier_graph
from inarch.runtime.session import Graph
from inarch.training.budget import affordable_epochs, update_seconds
from inarch.training.config import TrainingConfig
from inarch.training.device import find_device, training_precision
from inarch.training.loop import Epoch, ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.transfer.cuts import NOTHING_FROZEN, feature_map_bytes
from inarch.transfer.linear import Probe
from inarch.transfer.options import TrainOptions
from inarch.transfer.pixels import AugmentedPhotos, with_preprocessing
from inarch.transfer.proof import digests
from inarch.transfer.recipes import TuningRecipe
from inarch.transfer.run import Places, StartingPoint, TrainingRun, rarest_class
from inarch.transfer.tail import CachedFeatureMaps, EpochLimits, finetune_epochs, logits_of

BATCH = 16
"""Photos that ONNX Runtime is given at a time."""
HELD_IN = 1 - 1 / FOLDS
"""The share of the training photos that a trial trains on."""


@dataclass(frozen=True)
class Fit:
    """The photos, the configuration and the limits of one fit."""

    places: Places
    config: TrainingConfig
    part: str
    """Names its checkpoint: ``trial`` or ``final``."""
    limits: EpochLimits


@dataclass(frozen=True)
class Tuning(ABC):
    """One depth of fine-tuning."""

    run: TrainingRun
    probed: ProbeRun
    """The probe with whose head it begins."""

    @property
    @abstractmethod
    def depth(self) -> str:
        """In words."""

    @property
    @abstractmethod
    def note(self) -> str:
        """A sentence that says which layers were trained, and on which images."""

    @property
    @abstractmethod
    def accepts_equal(self) -> bool:
        """Whether a trial that is as good as a cheaper one, within the noise, is preferred to it."""

    @property
    @abstractmethod
    def recipe(self) -> TuningRecipe:
        """Its epochs and its configuration."""

    @abstractmethod
    def affordable_config(self) -> TrainingConfig:
        """The configuration with as many epochs as fit into the remaining time: see `epochs_in`."""

    @abstractmethod
    def classifier(self, fitted: Probe) -> Classifier:
        """A fresh copy of the backbone with the probe's head."""

    @abstractmethod
    def frozen(self, model: Classifier) -> frozenset[str]:
        """The names of the tensors that must not change."""

    @abstractmethod
    def train(self, model: Classifier, fit: Fit) -> list[Epoch]:
        """Train in place; the model ends with the averaged weights, in evaluation mode."""

    @abstractmethod
    def features(self, model: Classifier, places: Places) -> NDArray[np.float64]:
        """The inputs of the head's last layer, (n, d)."""

    @property
    def shown(self) -> TrainingRun:
        """The run with the preprocessing that predictions are made with."""
        return self.run

    @property
    def judging_seconds(self) -> float:
        """The time that predictions of training photos take, besides training."""
        return 0.0

    @property
    def trial_share(self) -> float:
        """The trial's part of the time, if all epochs of the fit to every photo follow."""
        return HELD_IN / (HELD_IN + self.recipe.continued)

    def epochs_in(self, epoch_seconds: float) -> int:
        """As many epochs as fit into the remaining time, with those of the fit to every photo."""
        recipe, finetune = self.recipe, self.run.options.recipes.finetune
        left = self.run.seconds_left - self.judging_seconds
        seconds = finetune.share * left / (HELD_IN + recipe.continued)
        return affordable_epochs(seconds, epoch_seconds, most=recipe.config.epochs, fewest=recipe.fewest_epochs)

    def forget(self) -> None:
        """Remove the checkpoints."""
        for part in ("trial", "final"):
            self.checkpoint(part).unlink(missing_ok=True)

    def checkpoint(self, part: str) -> Path:
        """The file of a fit's checkpoints: it depends on all that the fit does."""
        options, config = self.run.options, repr((self.depth, self.recipe))
        parts = self.probed.prefix.key, repr(self.run.preprocessing), repr(options.augmentation), config, part
        return options.cache / "checkpoints" / f"{self.run.key(*parts)}.pt"


@dataclass(frozen=True)
class TailTuning(Tuning):
    """The layers after the cut, on cached feature maps."""

    @property
    def cut(self) -> str:
        """The end of the frozen prefix."""
        return self.probed.prefix.tap or ""

    @property
    def depth(self) -> str:
        """In words."""
        return f"frozen until {self.cut}"

    @property
    def note(self) -> str:
        """A sentence that says which layers were trained, and on which images."""
        return f"The backbone is frozen until {self.cut}; the layers after it and the head were trained."

    @property
    def accepts_equal(self) -> bool:
        """False: on frozen features, the probe is as good as often as not."""
        return False

    @property
    def recipe(self) -> TuningRecipe:
        """Its epochs and its configuration."""
        return self.run.options.recipes.finetune

    def affordable_config(self) -> TrainingConfig:
        """The number of epochs follows from one step, timed on this machine."""
        recipe = self.recipe
        model = nn.Sequential(*tail_and_head(self.run, self.probed, self.probed.fits[self.probed.last]))
        config = on_device(recipe.config, self.run.options, model)
        source = feature_maps_of(self.run, self.probed).source(np.arange(len(self.run.train)))
        epoch_seconds = tail_step_seconds(model, source, config) * source.steps(config)
        return replace(config, epochs=self.epochs_in(epoch_seconds))

    def classifier(self, fitted: Probe) -> Classifier:
        """The prefix is shared with the backbone that was probed, the tail is a copy."""
        tail, head = tail_and_head(self.run, self.probed, fitted)
        return Classifier(self.run.start.backbone.cut(self.cut).joined(tail), head)

    def frozen(self, model: Classifier) -> frozenset[str]:
        """The prefix."""
        return frozenset(digests(model.backbone.cut(self.cut), "backbone."))

    def train(self, model: Classifier, fit: Fit) -> list[Epoch]:
        """Train on the cached feature maps of those photos."""
        loop = Run(_behind(model, self.cut), fit.config, self.checkpoint(fit.part))
        source = feature_maps_of(self.run, self.probed).source(fit.places)
        history = finetune_epochs(self.run, loop, source, fit.limits)
        model.cpu().eval()
        return history

    def features(self, model: Classifier, places: Places) -> NDArray[np.float64]:
        """Compute them from the cached feature maps."""
        tail, head = _behind(model, self.cut)
        return logits_of(nn.Sequential(tail, reader(head)), self.probed.views[0]["map"], places)


@dataclass(frozen=True)
class WholeTuning(Tuning):
    """Every layer, from pixels that are augmented anew in every epoch.

    The images are smaller in training than in prediction: random crops show objects larger than whole photos do, so
    that a smaller crop shows them as large as they will be (FixRes; Touvron et al. 2019, arXiv 1906.06423).
    """

    @property
    def depth(self) -> str:
        """In words."""
        return "every layer"

    @property
    def note(self) -> str:
        """A sentence that says which layers were trained, and on which images."""
        sizes = self._sizes
        return (
            f"Every layer was trained, on random crops of {sizes.training} pixels a side that were new in each epoch; "
            f"predictions are made at {sizes.prediction} pixels."
        )

    @property
    def accepts_equal(self) -> bool:
        """True: the time has been spent, and prediction takes no longer."""
        return True

    @property
    def recipe(self) -> TuningRecipe:
        """Its epochs and its configuration."""
        return self.run.options.recipes.whole

    @cached_property
    def shown(self) -> TrainingRun:
        """The run with photos of the size that predictions are made at."""
        preprocessing = replace(self.run.preprocessing, image_size=self._sizes.prediction)
        return self.run if preprocessing == self.run.preprocessing else with_preprocessing(self.run, preprocessing)

    @property
    def judging_seconds(self) -> float:
        """By the speed of the frozen model, where that was measured."""
        ranking = self.run.ranking
        speed = 0.0 if ranking is None else ranking.chosen.photos_per_second
        if not speed:
            return 0.0
        smaller = (self._sizes.prediction / self.run.preprocessing.image_size) ** 2
        return len(self.run.train) * judged_times(self.recipe) * smaller / speed

    @property
    def _sizes(self) -> "Sizes":
        return sizes_of(self.run.preprocessing.image_size, self.run.options)

    def affordable_config(self) -> TrainingConfig:
        """The number of epochs follows from a part of one step, timed on this machine."""
        options, photos = self.run.options, self._photos(np.arange(len(self.run.train)))
        model = self.classifier(self.probed.fits[self.probed.last])
        config = on_device(self.recipe.config, options, model)
        step = whole_step_seconds(model, photos.source, config)
        epoch_seconds = step * photos.source.steps(config)
        return replace(config, epochs=self.epochs_in(epoch_seconds))

    def classifier(self, fitted: Probe) -> Classifier:
        """The backbone is a copy of the one that was probed."""
        backbone = copy.deepcopy(self.run.start.backbone)
        return Classifier(backbone, head_of(fitted, backbone))

    def frozen(self, model: Classifier) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def train(self, model: Classifier, fit: Fit) -> list[Epoch]:
        """Train on random crops of those photos."""
        loop = Run(model, fit.config, self.checkpoint(fit.part))
        history = finetune_epochs(self.run, loop, self._photos(fit.places).source, fit.limits)
        model.cpu().eval()
        return history

    def features(self, model: Classifier, places: Places) -> NDArray[np.float64]:
        """Compute them by ONNX Runtime, which is several times as fast as the model in evaluation mode."""
        graph = Graph(classifier_graph(model, self.shown.preprocessing))
        rows, images = self.run.train[places], self.shown.stored.images
        return graph.over(images[rows[at : at + BATCH]] for at in range(0, len(rows), BATCH))[1].astype(np.float64)

    def _photos(self, places: Places) -> AugmentedPhotos:
        return AugmentedPhotos(self.shown, self.run.train[places], self._sizes.training)


def judged_times(recipe: TuningRecipe) -> float:
    """How often a model of every layer answers each training photo, on average: the validation photos for each share,
    the others after the trial, and all of them at the end."""
    return len(recipe.shares) * (1 - HELD_IN) + HELD_IN + 1


class Sizes(NamedTuple):
    """Pixels a side."""

    training: int
    prediction: int


def sizes_of(image_size: int, options: TrainOptions) -> Sizes:
    """The image sizes in training and in prediction for a model that was made for images of ``image_size``.

    Multiples of 16 pixels. Images of up to 64 pixels stay as they are, and a size that the user asked for is that of
    prediction.
    """
    recipe = options.recipes.whole
    if image_size <= 64:
        return Sizes(image_size, image_size)
    prediction = image_size
    if options.image_size is None:
        prediction = min(image_size, 16 * round(recipe.shown * image_size / 16))
    return Sizes(min(prediction, 16 * round(recipe.trained * prediction / 16)), prediction)


def on_device(config: TrainingConfig, options: TrainOptions, model: nn.Module) -> TrainingConfig:
    """A recipe's configuration with the seed and the device of a run, in the precision that suits device and model."""
    device = find_device(options.device)
    return replace(config, seed=options.seed, device=str(device), precision=training_precision(device, model))


def whole_step_seconds(model: nn.Module, source: ExampleSource, config: TrainingConfig, *, parts: int = 2) -> float:
    """Seconds of a training step of a whole model, on this machine; one of that many ``parts`` of a batch is timed."""
    images = min(-(-config.batch_size // parts), source.examples)
    return _update_seconds(model, source, config, images, config.batch_size / images)


def tunings_of(run: TrainingRun, probed: ProbeRun) -> list[Tuning]:
    """The depths of fine-tuning that the options leave open and that the photos allow, the cheapest first."""
    depths = list[Tuning]()
    if probed.prefix.tap is not None:
        depths.append(TailTuning(run, probed))
    if not whole_obstacle(run.options):
        depths.append(WholeTuning(run, probed))
    return depths


def whole_obstacle(options: TrainOptions) -> str:
    """The reason why not every layer can be trained; empty if it can."""
    asked = options.freeze_until
    return "" if asked in (None, NOTHING_FROZEN) else f"the layers until {asked} are to stay frozen"


def known_places(run: TrainingRun, places: Places) -> Places:
    """Those of the photos that out-of-distribution scores are compared with: all, or a sample of many."""
    return places[known_rows(len(places), run.options.seed)]


def obstacle(run: TrainingRun) -> str:
    """The reason why fine-tuning cannot be tried at any depth; empty if it can."""
    why = obstacle_to(run.options, rarest_class(run))
    if not why and whole_obstacle(run.options):
        return tail_obstacle(run.start, run.options, run.preprocessing, len(run.train))
    return why


def obstacle_to(options: TrainOptions, rarest: tuple[str, int]) -> str:
    """The same by the class with the fewest groups of photos, and their number."""
    name, count = rarest
    fewest = options.recipes.finetune.fewest_photos
    if count < fewest:
        return (
            f"a trial takes {fewest} different training photos per class, for training and validation, "
            f"and {name!r} has {count}"
        )
    return ""


def obstacle_for_tail(run: TrainingRun) -> str:
    """The reason why the layers after the cut cannot be trained on cached feature maps; empty if they can."""
    why = obstacle_to(run.options, rarest_class(run))
    return why or tail_obstacle(run.start, run.options, run.preprocessing, len(run.train))


def tail_obstacle(start: StartingPoint, options: TrainOptions, preprocessing: Preprocessing, photos: int) -> str:
    """The same, however many photos there are of a class.

    Args:
        start: the backbone.
        options: of the run.
        preprocessing: its image size counts.
        photos: the number of training photos.
    """
    cut = start.cut
    if options.freeze_until == NOTHING_FROZEN:
        return "every layer is to be trained"
    if cut is None:
        return f"the backbone ends with its {start.after}, so no layer would stay frozen"
    maps = options.views * photos
    needed = feature_map_bytes(start.backbone, cut, preprocessing.image_size, maps)
    if needed > options.cache_size:
        return (
            f"the feature maps of {maps:,} photos take {needed / 1e9:.2f} GB, and the cache may hold "
            f"{options.cache_size / 1e9:.2f} GB (--cache-size)"
        )
    return ""


def tail_step_seconds(model: nn.Module, source: ExampleSource, config: TrainingConfig) -> float:
    """Seconds of one training step of a tail and its head, on this machine."""
    return _update_seconds(model, source, config, min(config.batch_size, source.examples), 1.0)


def _update_seconds(
    model: nn.Module, source: ExampleSource, config: TrainingConfig, images: int, parts: float
) -> float:
    loss = partial(cross_entropy, smoothing=config.label_smoothing)
    return update_seconds(model, config, partial(source.batch, torch.arange(images), 0), loss, parts=parts)


def tail_and_head(run: TrainingRun, probed: ProbeRun, fitted: Probe) -> tuple[Backbone, nn.Sequential]:
    """A fresh copy of the tail, with the probe's head."""
    _, tail = run.start.backbone.split(probed.prefix.tap or "")
    return copy.deepcopy(tail), head_of(fitted, tail)


def feature_maps_of(run: TrainingRun, probed: ProbeRun) -> CachedFeatureMaps:
    """The feature maps of the training photos at the cut."""
    return CachedFeatureMaps(tuple(view["map"] for view in probed.views), run.learned.labels)


def _behind(model: Classifier, cut: str) -> nn.Sequential:
    """The layers of a model behind a cut, with its head; the modules are the model's own."""
    return nn.Sequential(model.backbone.split(cut)[1], model.head)
