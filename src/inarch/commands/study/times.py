"""Milliseconds of models that take turns, so that other load affects all of them."""

import time
from collections.abc import Mapping, Sequence

import torch

from inarch.models import Classifier, build, evaluating

TIMES_OF_BOTH = "times of both"
"""The arm of a claim in which two models take turns; its readings are their milliseconds, by their names."""


def milliseconds(names: Sequence[str], seed: int, *, runs: int = 5) -> Mapping[str, float]:
    """The time for one image in each model, by its name, at its own image size.

    Args:
        names: of the models.
        seed: of the weights and the images.
        runs: of each model, after one that does not count; the fastest counts, because other load can only slow it.
    """
    models = {name: build(name, classes=1000, seed=seed) for name in names}
    draws = torch.Generator().manual_seed(seed)
    images = {
        name: torch.randn(1, 3, each.image_size, each.image_size, generator=draws) for name, each in models.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in names}
    for run in range(1 + runs):
        for name, model in models.items():
            seconds = _seconds(model, images[name])
            if run:
                taken[name].append(seconds)
    return {name: 1e3 * min(each) for name, each in taken.items()}


@torch.no_grad()
def _seconds(model: Classifier, images: torch.Tensor) -> float:
    with evaluating(model):
        began = time.perf_counter()
        model(images)
        return time.perf_counter() - began
