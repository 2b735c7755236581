"""What every way of adapting is handed, and what it hands back."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.data.augment import augment
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Preprocessing
from inarch.models import Backbone, Classifier, evaluating
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache import Rows
from inarch.training.pixels import normalise_pixels

BATCH = 64
FEWEST_PHOTOS = 20
"""Of the target: statistics of fewer are chance."""


@dataclass(frozen=True)
class Domain:
    """Photos of one domain, without a label."""

    pixels: Rows
    """(n, side, side, 3) of uint8"""
    maps: Rows | None
    """Their maps at the task's cut, (n, c, h, w); None where the whole net moves."""

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, kw_only=True)
class AdaptationProblem:
    """A trained net, the labelled photos that it knows, and photos of another domain."""

    model: Classifier
    """Not to be changed."""
    temperature: float
    """Its own."""
    cut: str | None
    """What stands before is frozen, and its maps are in the domains; None where the whole net moves."""
    source: Domain
    labels: NDArray[np.int64]
    """Of the source photos."""
    groups: NDArray[np.int64]
    """Of the source photos: what is held out together."""
    seen: NDArray[np.int64]
    held: NDArray[np.int64]
    """Places in ``source`` to learn from, and to fit temperatures on."""
    target: Domain
    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int
    seconds: float
    """What one method may take."""
    class_weighting: str = "none"
    """With what the net was trained, a name of `BALANCES`."""
    progress: Progress = ignore_progress

    @property
    def classes(self) -> int:
        """How many there are."""
        return TrainableTail(self.model.backbone, self.model.head).linear.out_features

    def moving(self) -> "TrainableTail":
        """A fresh copy of what moves."""
        body = self.model.backbone if self.cut is None else self.model.backbone.split(self.cut)[1]
        return TrainableTail(copy.deepcopy(body), copy.deepcopy(self.model.head))

    def whole(self, moving: "TrainableTail") -> Classifier:
        """The net that ``moving`` is a part of."""
        prefix = None if self.cut is None else self.model.backbone.cut(self.cut)
        body = moving.body if prefix is None else copy.deepcopy(prefix).joined(moving.body)
        return Classifier(body, moving.head).eval()

    def inputs(self, domain: Domain, rows: NDArray[np.int64], draw: torch.Generator | None = None) -> Tensor:
        """What moves takes for these photos of a domain; pixels are augmented where there is something to draw from."""
        if domain.maps is not None:
            return torch.from_numpy(domain.maps[rows]).float()
        pixels = torch.from_numpy(domain.pixels[rows]).permute(0, 3, 1, 2)
        return normalise_pixels(
            pixels if draw is None else augment(pixels, self.augmentation, draw), self.preprocessing
        )

    def batches(self, domain: Domain, rows: NDArray[np.int64] | None = None) -> Iterator[Tensor]:
        """All photos of a domain, or those, as they are, in parts of nearly one size."""
        rows = np.arange(len(domain)) if rows is None else rows
        for part in np.array_split(rows, -(-len(rows) // BATCH)):
            yield self.inputs(domain, part)


class TrainableTail(nn.Module):
    """The part of a classifier that adapts: a backbone or its tail, and the head.

    Args:
        body: images, or maps at a cut, to the final map.
        head: as `linear_head` builds it.
        critic: features (n, d) to one logit, where domains are to be told apart.
    """

    def __init__(self, body: Backbone, head: nn.Module, critic: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.critic = critic or nn.Identity()

    def features(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """What the last linear layer takes."""
        features: Tensor = self.body(inputs)
        for layer in list(self.head.children())[:-1]:
            features = layer(features)
        return features

    @property
    def linear(self) -> nn.Linear:
        """The last layer."""
        return cast(nn.Linear, list(self.head.children())[-1])

    @torch.no_grad()
    def set_head(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Make the last layer this one: (classes, d) and (classes,)."""
        self.linear.weight.copy_(torch.from_numpy(weight))
        self.linear.bias.copy_(torch.from_numpy(bias))

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes"]:
        """Logits."""
        logits: Tensor = self.linear(self.features(inputs))
        return logits


@dataclass(frozen=True)
class AdaptedModel:
    """What a method made of a task's net."""

    model: Classifier
    temperature: float
    settings: str
    logits: NDArray[np.float64]
    """Of the target photos, (m, classes)."""
    trained: frozenset[str]
    """What was allowed to move: names of parameters and buffers of ``model``."""


@torch.no_grad()
def compute_logits(
    net: nn.Module, task: AdaptationProblem, domain: Domain, rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Logits in evaluation mode, by a task's moving part: (n, classes)."""
    with evaluating(net):
        return np.concatenate([net(batch).double().numpy() for batch in task.batches(domain, rows)])
