"""What a linear classifier makes of every stage, and how alike the stages are."""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inarch.metrics.alignment import linear_cka
from inarch.metrics.comparison import compared
from inarch.nets import Backbone, evaluating
from inarch.records.explain import Depth, StageSight
from inarch.transfer.balance import balance_of
from inarch.transfer.linear import Probe, fit_probe
from inarch.transfer.probe import held_out_losses, right, shortest

BATCH = 32


def by_depth(
    net: Backbone,
    control: Backbone,
    images: Tensor,
    labels: NDArray[np.int64],
    groups: NDArray[np.integer],
    *,
    classes: int,
    seed: int,
) -> Depth:
    """Probe every stage of a net, and of one with first weights, on the same folds.

    Args:
        net: in evaluation mode.
        control: of the same architecture, with first weights.
        images: normalised, (n, 3, side, side).
        labels: classes of the photos, (n,).
        groups: photos of one group are held out together, (n,).
        classes: how many there are.
        seed: of the folds.

    Raises:
        PhotosError: a class has fewer than two photos.
    """
    fit = partial(fit_probe, classes=classes, seed=seed, repeats=1)
    seen, unlearned = pooled_stages(net, images), pooled_stages(control, images)
    fits = {stage: fit(features[None], labels, groups) for stage, features in seen.items()}
    blank = {stage: fit(features[None], labels, groups) for stage, features in unlearned.items()}
    balanced = balance_of("none", labels, classes)
    losses = held_out_losses(fits, labels, balanced)
    cut, last = shortest(fits, labels, balanced), net.info[-1].name
    tested = None
    if cut != last:
        rows = fits[last].held_out_rows
        correct = tuple(_correct(fits[stage], labels) for stage in (cut, last))
        tested = compared((correct[0], correct[1]), groups[rows], (losses[cut], losses[last]))
    stages = tuple(
        StageSight(
            stage=info.name,
            channels=info.channels,
            stride=info.stride,
            accuracy=right(fits[info.name].held_out, labels[fits[info.name].held_out_rows]),
            log_loss=float(losses[info.name].mean()),
            random_accuracy=right(blank[info.name].held_out, labels[blank[info.name].held_out_rows]),
            alike=tuple(linear_cka(seen[info.name], other) for other in seen.values()),
            random_alike=linear_cka(seen[info.name], unlearned[info.name]),
        )
        for info in net.info
    )
    return Depth(len(labels), stages, cut, tested)


@torch.no_grad()
def pooled_stages(net: Backbone, images: Tensor) -> dict[str, NDArray[np.float32]]:
    """The mean of every channel after every stage, by the stage's name: (n, channels)."""
    names = [info.name for info in net.info]
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    with evaluating(net):
        for some in images.split(BATCH):
            for name, feature_map in net.tapped(some, names).items():
                parts[name].append(feature_map.mean((2, 3)).numpy())
    return {name: np.concatenate(parts[name]) for name in names}


def _correct(fit: Probe, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(fit.held_out.argmax(1) == labels[fit.held_out_rows])
