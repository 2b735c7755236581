"""The input and the output of every adaptation method."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.commands.adapt.recipe import AdaptRecipe
from inarch.data.augment import augment
from inarch.data.augmentation import Augmentation
from inarch.data.photos import Preprocessing
from inarch.models import Backbone, Classifier
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache import Rows
from inarch.training.inference import predict_batches
from inarch.training.pixels import normalise_pixels

FEWEST_PHOTOS = 20
"""The fewest target photos: batch statistics of fewer are too noisy."""


@dataclass(frozen=True)
class Domain:
    """Photos of one domain, without labels."""

    pixels: Rows
    """Images, (n, side, side, 3) of uint8."""
    maps: Rows | None
    """Their feature maps at the problem's cut, (n, c, h, w); None if the whole model is trained."""

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True, kw_only=True)
class AdaptationProblem:
    """A trained model, its labelled source photos, and photos of a target domain."""

    model: Classifier
    """The trained model; not to be changed."""
    temperature: float
    """The model's own temperature."""
    cut: str | None
    """The end of the frozen prefix, whose feature maps are in the domains; None if the whole model is trained."""
    source: Domain
    labels: NDArray[np.int64]
    """Labels of the source photos, (n,)."""
    groups: NDArray[np.int64]
    """Groups of the source photos, (n,); a group stays in one fold."""
    seen: NDArray[np.int64]
    held: NDArray[np.int64]
    """Places in ``source`` of the training photos, and of the validation photos for temperatures."""
    target: Domain
    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int
    seconds: float
    """The seconds that one method may take."""
    class_weighting: str = "none"
    """The class weighting of the model's training, a name of `CLASS_WEIGHTINGS`."""
    progress: Progress = ignore_progress
    recipe: AdaptRecipe = field(default_factory=AdaptRecipe)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return TrainableTail(self.model.backbone, self.model.head).linear.out_features

    def moving(self) -> "TrainableTail":
        """A fresh copy of the trainable tail."""
        body = self.model.backbone if self.cut is None else self.model.backbone.split(self.cut)[1]
        return TrainableTail(copy.deepcopy(body), copy.deepcopy(self.model.head))

    def whole(self, moving: "TrainableTail") -> Classifier:
        """The model that ``moving`` is a part of."""
        prefix = None if self.cut is None else self.model.backbone.cut(self.cut)
        body = moving.body if prefix is None else copy.deepcopy(prefix).joined(moving.body)
        return Classifier(body, moving.head).eval()

    def inputs(self, domain: Domain, rows: NDArray[np.int64], draw: torch.Generator | None = None) -> Tensor:
        """The tail's input for these photos of a domain; pixels are augmented if there is a generator to draw from."""
        if domain.maps is not None:
            return torch.from_numpy(domain.maps[rows]).float()
        pixels = torch.from_numpy(domain.pixels[rows]).permute(0, 3, 1, 2)
        return normalise_pixels(
            pixels if draw is None else augment(pixels, self.augmentation, draw), self.preprocessing
        )

    def batches(self, domain: Domain, rows: NDArray[np.int64] | None = None) -> Iterator[Tensor]:
        """The tail's inputs for all photos of a domain, or for those rows, unaugmented, in parts of nearly one size."""
        most = 64  # photos of a part
        rows = np.arange(len(domain)) if rows is None else rows
        for part in np.array_split(rows, -(-len(rows) // most)):
            yield self.inputs(domain, part)


class TrainableTail(nn.Module):
    """The trainable part of a classifier: a backbone or its tail, and the head.

    Args:
        body: images, or feature maps at a cut, to the final feature map.
        head: as `linear_head` builds it.
        critic: features (n, d) to one logit, for domain-adversarial training.
    """

    def __init__(self, body: Backbone, head: nn.Module, critic: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.critic = critic or nn.Identity()

    def features(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """The input of the last linear layer."""
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
        """Set the last layer's weight (classes, d) and bias (classes,)."""
        self.linear.weight.copy_(torch.from_numpy(weight))
        self.linear.bias.copy_(torch.from_numpy(bias))

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes"]:
        """Logits."""
        logits: Tensor = self.linear(self.features(inputs))
        return logits


@dataclass(frozen=True)
class AdaptedModel:
    """The model of a method."""

    model: Classifier
    temperature: float
    settings: str
    logits: NDArray[np.float64]
    """Logits of the target photos, (m, classes)."""
    trained: frozenset[str]
    """The parameters and buffers of ``model`` that the method may update."""


def compute_logits(
    model: nn.Module, task: AdaptationProblem, domain: Domain, rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Logits in evaluation mode, (n, classes); ``model`` is the problem's trainable part."""
    return predict_batches(model, task.batches(domain, rows)).double().numpy()
