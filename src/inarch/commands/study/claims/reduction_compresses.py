"""The information that 1x1 reductions keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from statistics import mean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.commands.study.learning import BATCH, Examples, split_bench
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.metrics.accuracy import accuracy_of
from inarch.metrics.spectrum import effective_rank
from inarch.models import Backbone, evaluating
from inarch.training.seeds import derive_seed
from inarch.transfer.backbones import EMBEDDED, random_starting_point, starting_point
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.linear import fit_at


class StartArm(StrEnum):
    """The weights of the model."""

    TRAINED = "pre-trained"
    RANDOM = "randomly initialised"


class ReductionReading(StrEnum):
    """A mean over all reductions: of their inputs (before) or of their outputs (after)."""

    BEFORE = "accuracy of a linear classifier, before"
    AFTER = "accuracy of a linear classifier, after"
    USED_BEFORE = "share of directions used, before"
    USED_AFTER = "share of directions used, after"


@dataclass(frozen=True, kw_only=True)
class CompressionDesign:
    """The model, the sample of its feature maps, and the linear classifier."""

    model: str
    side: int
    """The side of the photos, in pixels."""
    photos: int
    places: int
    """The positions of every feature map at which channels are compared."""
    l2: float
    """The L2 regularisation strength per photo; the same before and after."""


DESIGN = CompressionDesign(model="googlenet", side=96, photos=500, places=20, l2=0.01)


@dataclass(frozen=True)
class _MapSample:
    """A sample of a feature map of every photo."""

    pooled: NDArray[np.float32]
    """Pooled, (n, c)."""
    places: NDArray[np.float32]
    """The channels at some positions of every feature map, (n * places, c)."""


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """Means over every reduction of the frozen model."""
    data = split_bench(require_bench(bench), seed, DESIGN.side)
    start = starting_point(DESIGN.model, EMBEDDED) if arm == StartArm.TRAINED else random_starting_point(DESIGN.model)
    learned, held_out = (_draw_photos(each, seed) for each in (data.learned, data.held_out))
    labels, asked = learned.labels.numpy(), held_out.labels.numpy()
    readings: dict[str, list[float]] = {name: [] for name in ReductionReading}
    seen, tested = (_sample_around_reductions(start.backbone, each, seed) for each in (learned, held_out))
    for name in seen:
        for right, used, one, other in zip(
            (ReductionReading.BEFORE, ReductionReading.AFTER),
            (ReductionReading.USED_BEFORE, ReductionReading.USED_AFTER),
            seen[name],
            tested[name],
            strict=True,
        ):
            fit = fit_at(one.pooled, labels, DESIGN.l2, unweighted(data.classes))
            readings[right].append(accuracy_of(fit.logits(other.pooled), asked).value)
            readings[used].append(effective_rank(one.places) / one.places.shape[1])
    return {name: mean(values) for name, values in readings.items()}


def _draw_photos(examples: Examples, seed: int) -> Examples:
    """A sample of the photos, of every class, in the drawn order."""
    draws = torch.Generator().manual_seed(derive_seed(seed, "photos"))
    drawn = torch.randperm(len(examples.labels), generator=draws)[: DESIGN.photos]
    return examples.at(drawn)


@torch.no_grad()
def _sample_around_reductions(
    backbone: Backbone, examples: Examples, seed: int
) -> dict[str, tuple[_MapSample, _MapSample]]:
    """The input and the output of each reduction, by the name of its module."""
    draws = torch.Generator().manual_seed(derive_seed(seed, "places"))
    kept: dict[str, tuple[list[_MapSample], list[_MapSample]]] = {}

    def look(name: str, module: nn.Module, arguments: tuple[Tensor, ...], after: Tensor) -> None:
        before = arguments[0]
        at = torch.randint(before[0, 0].numel(), (DESIGN.places,), generator=draws)
        for parts, feature_map in zip(kept.setdefault(name, ([], [])), (before, after), strict=True):
            parts.append(_sample_map(feature_map, at))

    reductions = [(name, each) for name, each in backbone.named_modules() if name.endswith(".reduce")]
    hooks = [each.register_forward_hook(partial(look, name)) for name, each in reductions]
    try:
        with evaluating(backbone):
            for images in examples.images.split(BATCH // 4):
                backbone(images)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (_join_samples(before), _join_samples(after)) for name, (before, after) in kept.items()}


def _sample_map(feature_map: Tensor, at: Tensor) -> _MapSample:
    channels = feature_map.shape[1]
    return _MapSample(
        feature_map.mean((2, 3)).numpy(),
        feature_map.flatten(2)[:, :, at].permute(0, 2, 1).reshape(-1, channels).numpy(),
    )


def _join_samples(parts: Sequence[_MapSample]) -> _MapSample:
    return _MapSample(np.concatenate([each.pooled for each in parts]), np.concatenate([each.places for each in parts]))


STUDY = Study(
    Claim(
        name="reduction-compresses",
        statement="A 1x1 reduction drops channels and keeps what separates the classes: its output uses more of its "
        "directions, and a linear classifier loses at most two points by it.",
        source="Szegedy et al. 2015, arXiv 1409.4842, section 4; Szegedy et al. 2016, arXiv 1512.00567, section 3.1 "
        "(strong correlation between adjacent units makes reduction cheap)",
        reported="An argument; neither the rank of the features nor a probe before and after is reported.",
        design=f"The GoogLeNet that comes with inarch, frozen, on photos of {DESIGN.side} pixels. For every 1x1 "
        "reduction: its input and its output after ReLU. Directions: the effective rank of the channels at "
        f"{DESIGN.places} places of each of {DESIGN.photos} photos, over the number of channels. Accuracy: a linear "
        "classifier on the pooled feature maps, at one L2 regularisation strength; test accuracy. Means over all "
        "reductions. A seed draws the split, the photos and the places. A randomly initialised model is compared and "
        "not judged.",
        limits="Pooled feature maps have no positions; one regularisation strength for wide and narrow maps. Whether "
        "the output is easier to interpret is not asked here.",
        quantities=(
            Quantity(
                words="accuracy after less before",
                one=(StartArm.TRAINED, ReductionReading.AFTER),
                other=(StartArm.TRAINED, ReductionReading.BEFORE),
                threshold=-0.02,
                scale=QuantityScale.POINTS,
                grain=0.003,
            ),
            Quantity(
                words="share of directions used, after against before",
                one=(StartArm.TRAINED, ReductionReading.USED_AFTER),
                other=(StartArm.TRAINED, ReductionReading.USED_BEFORE),
                threshold=1.2,
            ),
        ),
        arms=tuple(StartArm),
        seeds=3,
        seconds=60.0,
        photos=True,
    ),
    measure,
)
