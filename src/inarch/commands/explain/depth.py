"""Linear probes of every stage, and the similarity of the stages."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.commands.explain.records import DepthProfile, StageProbe, UntunedStage
from inarch.data.labels import PhotoLabels
from inarch.metrics.accuracy import accuracy_of, is_correct
from inarch.metrics.alignment import linear_cka
from inarch.metrics.comparison import compare_classifiers
from inarch.metrics.records import Comparison, Estimate
from inarch.models import Backbone, evaluating
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.linear import Probe, choose_shortest_stage, fit_probe, held_out_losses
from inarch.transfer.recipes import ProbeRecipe

BATCH = 32


@dataclass(frozen=True)
class ComparedModels:
    """A backbone, in evaluation mode, and others of the same architecture to compare it with."""

    model: Backbone
    control: Backbone
    """Randomly initialised."""
    before: Backbone | None = None
    """The backbone before fine-tuning, if it is known."""


def probe_by_depth(models: ComparedModels, images: Tensor, photos: PhotoLabels, *, seed: int) -> DepthProfile:
    """Probe every stage of a model, of a randomly initialised one, and of that before fine-tuning, on the same folds.

    Args:
        models: the backbone, and those to compare it with.
        images: normalised, (n, 3, side, side).
        photos: classes and groups of the photos; a group stays in one fold.
        seed: of the folds.

    Raises:
        PhotosError: a class has fewer than two photos.
    """
    seen, unlearned = pool_stages(models.model, images), pool_stages(models.control, images)
    earlier = {} if models.before is None else pool_stages(models.before, images)
    fits, blank, untuned = (_fit_stages(each, photos, seed) for each in (seen, unlearned, earlier))
    labels, weighting = photos.labels, unweighted(photos.classes)
    losses = held_out_losses(fits, labels, weighting)
    cut, last = choose_shortest_stage(fits, labels, weighting), models.model.info[-1].name
    at_last, moved = (fits[last], losses[last]), None
    tested = None if cut == last else _compare((fits[cut], losses[cut]), at_last, photos)
    if untuned:
        moved = _compare(at_last, (untuned[last], held_out_losses(untuned, labels, weighting)[last]), photos)
    stages = tuple(
        StageProbe(
            stage=info.name,
            channels=info.channels,
            stride=info.stride,
            accuracy=_accuracy(fits[info.name], labels),
            log_loss=float(losses[info.name].mean()),
            random_accuracy=_accuracy(blank[info.name], labels),
            alike=tuple(linear_cka(seen[info.name], other) for other in seen.values()),
            random_alike=linear_cka(seen[info.name], unlearned[info.name]),
            before=None
            if models.before is None
            else UntunedStage(_accuracy(untuned[info.name], labels), linear_cka(seen[info.name], earlier[info.name])),
        )
        for info in models.model.info
    )
    return DepthProfile(len(labels), stages, cut, tested, moved)


def _fit_stages(features: Mapping[str, NDArray[np.float32]], photos: PhotoLabels, seed: int) -> dict[str, Probe]:
    """A probe of each stage, with a single cross-validation."""
    recipe = ProbeRecipe().once()
    return {stage: fit_probe(each[None], photos, seed=seed, recipe=recipe) for stage, each in features.items()}


def _compare(
    one: tuple[Probe, NDArray[np.float64]], other: tuple[Probe, NDArray[np.float64]], photos: PhotoLabels
) -> Comparison:
    """Two probes with their losses, on the same validation photos."""
    right = tuple(_mark_correct(fit, photos.labels) for fit, _ in (one, other))
    return compare_classifiers((right[0], right[1]), photos.groups[other[0].held_out_rows], (one[1], other[1]))


@torch.no_grad()
def pool_stages(model: Backbone, images: Tensor) -> dict[str, NDArray[np.float32]]:
    """The mean of every channel after every stage, by the stage's name: (n, channels)."""
    names = [info.name for info in model.info]
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    with evaluating(model):
        for some in images.split(BATCH):
            for name, feature_map in model.tapped(some, names).items():
                parts[name].append(feature_map.mean((2, 3)).numpy())
    return {name: np.concatenate(parts[name]) for name in names}


def _accuracy(fit: Probe, labels: NDArray[np.int64]) -> Estimate:
    return accuracy_of(fit.held_out, labels[fit.held_out_rows])


def _mark_correct(fit: Probe, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    return is_correct(fit.held_out, labels[fit.held_out_rows])
