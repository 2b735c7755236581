"""What a linear classifier makes of every stage, and how alike the stages are."""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.commands.explain.records import DepthProfile, StageProbe, UntunedStage
from inarch.metrics.alignment import linear_cka
from inarch.metrics.comparison import compare_classifiers
from inarch.metrics.records import Estimate
from inarch.models import Backbone, evaluating
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import Probe, accuracy_of, choose_shortest_stage, fit_probe, held_out_losses

BATCH = 32


def probe_by_depth(
    net: Backbone,
    control: Backbone,
    images: Tensor,
    labels: NDArray[np.int64],
    groups: NDArray[np.integer],
    *,
    classes: int,
    seed: int,
    before: Backbone | None = None,
) -> DepthProfile:
    """Probe every stage of a net, of one with first weights, and of what it was before, on the same folds.

    Args:
        net: in evaluation mode.
        control: of the same architecture, with first weights.
        images: normalised, (n, 3, side, side).
        labels: classes of the photos, (n,).
        groups: photos of one group are held out together, (n,).
        classes: how many there are.
        seed: of the folds.
        before: the net that fine-tuning began with, of the same architecture, where it is known.

    Raises:
        PhotosError: a class has fewer than two photos.
    """
    fit = partial(fit_probe, classes=classes, seed=seed, repeats=1)
    seen, unlearned = pool_stages(net, images), pool_stages(control, images)
    fits = {stage: fit(features[None], labels, groups) for stage, features in seen.items()}
    blank = {stage: fit(features[None], labels, groups) for stage, features in unlearned.items()}
    earlier = {} if before is None else pool_stages(before, images)
    untuned = {stage: fit(features[None], labels, groups) for stage, features in earlier.items()}
    weighting = class_weighting_of("none", labels, classes)
    losses = held_out_losses(fits, labels, weighting)
    cut, last = choose_shortest_stage(fits, labels, weighting), net.info[-1].name
    rows = fits[last].held_out_rows
    at_last = _mark_correct(fits[last], labels), losses[last]
    tested = moved = None
    if cut != last:
        tested = compare_classifiers(
            (_mark_correct(fits[cut], labels), at_last[0]), groups[rows], (losses[cut], at_last[1])
        )
    if untuned:
        untuned_losses = held_out_losses(untuned, labels, weighting)[last]
        moved = compare_classifiers(
            (at_last[0], _mark_correct(untuned[last], labels)), groups[rows], (at_last[1], untuned_losses)
        )
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
            if before is None
            else UntunedStage(_accuracy(untuned[info.name], labels), linear_cka(seen[info.name], earlier[info.name])),
        )
        for info in net.info
    )
    return DepthProfile(len(labels), stages, cut, tested, moved)


@torch.no_grad()
def pool_stages(net: Backbone, images: Tensor) -> dict[str, NDArray[np.float32]]:
    """The mean of every channel after every stage, by the stage's name: (n, channels)."""
    names = [info.name for info in net.info]
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    with evaluating(net):
        for some in images.split(BATCH):
            for name, feature_map in net.tapped(some, names).items():
                parts[name].append(feature_map.mean((2, 3)).numpy())
    return {name: np.concatenate(parts[name]) for name in names}


def _accuracy(fit: Probe, labels: NDArray[np.int64]) -> Estimate:
    return accuracy_of(fit.held_out, labels[fit.held_out_rows])


def _mark_correct(fit: Probe, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(fit.held_out.argmax(1) == labels[fit.held_out_rows])
