"""The loop that this job is usually done with: PyTorch's transfer-learning tutorial, on our backbone.

Faithful in what costs time and accuracy: 25 epochs, each with a training and a validation phase; batches of 4; a
loader with 4 workers that decodes, crops and flips anew every epoch; SGD, rate 0.001, momentum 0.9, a tenth of it
every 7 epochs. *Frozen* trains the last layer only, *full* everything. Differs: the normalisation of this backbone,
and images of 299 pixels, which it learned from, instead of 224 where nothing else is said.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets
from torchvision.transforms import v2

from inarch.data.photos import Preprocessing
from inarch.models import Backbone, Classifier, linear_head
from inarch.runtime.onnx_graph import features_graph
from inarch.runtime.session import Graph

EPOCHS = 25
SIDE = 299
NORMALISE = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]


def seen(side: int, *, training: bool) -> list[nn.Module]:
    """How a photo is cut and turned."""
    if training:
        return [v2.RandomResizedCrop(side), v2.RandomHorizontalFlip()]
    return [v2.Resize(side), v2.CenterCrop(side)]


@dataclass(frozen=True)
class Pass:
    """One epoch of the loop."""

    seconds: float
    accuracy: float
    """On the validation photos."""


def loop(backbone: Backbone, photos: Path, *, frozen: bool, seed: int, side: int = SIDE) -> Iterator[Pass]:
    """Run the tutorial's loop, epoch by epoch; training it further changes ``backbone`` unless it is frozen."""
    torch.manual_seed(seed)
    backbone.requires_grad_(not frozen)
    classes = len(datasets.ImageFolder(photos / "train").classes)
    model = Classifier(backbone, linear_head(backbone.channels, classes))
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(moving, lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)
    loaders = {
        part: DataLoader(
            datasets.ImageFolder(photos / part, v2.Compose([*seen(side, training=part == "train"), *NORMALISE])),
            batch_size=4,
            shuffle=True,
            num_workers=4,
        )
        for part in ("train", "val")
    }
    for _ in range(EPOCHS):
        began = time.perf_counter()
        _train(model, loaders["train"], optimiser)
        schedule.step()
        accuracy = _validate(model, loaders["val"])
        yield Pass(time.perf_counter() - began, accuracy)


def _train(model: nn.Module, loader: "DataLoader[tuple[Tensor, Tensor]]", optimiser: torch.optim.Optimizer) -> None:
    model.train()
    for images, labels in loader:
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimiser.step()


@torch.no_grad()
def _validate(model: nn.Module, loader: "DataLoader[tuple[Tensor, Tensor]]") -> float:
    model.eval()
    right = total = 0
    for images, labels in loader:
        right += int((model(images).argmax(1) == labels).sum())
        total += len(labels)
    return right / total


def frozen_accuracies(backbone: Backbone, photos: Path, *, seed: int, side: int = SIDE) -> list[float]:
    """Validation accuracy after each epoch of the frozen loop, without its wait.

    The same crops, order, batches, optimiser and schedule; only the frozen backbone, which the loop runs eagerly on
    every crop, is run by ONNX Runtime. Its times say nothing about the loop.
    """
    torch.manual_seed(seed)
    graph = Graph(features_graph(backbone, Preprocessing(image_size=side, mean=(0.5,) * 3, std=(0.5,) * 3)))
    pixels = v2.PILToTensor()
    train = datasets.ImageFolder(photos / "train", v2.Compose([*seen(side, training=True), pixels]))
    validate = datasets.ImageFolder(photos / "val", v2.Compose([*seen(side, training=False), pixels]))
    layer = nn.Linear(backbone.channels, len(train.classes))
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)
    held_out = list(_features(graph, validate, shuffle=False))
    accuracies = []
    for _ in range(EPOCHS):
        for features, labels in _features(graph, train, shuffle=True):
            for at in range(0, len(labels), 4):
                optimiser.zero_grad()
                nn.functional.cross_entropy(layer(features[at : at + 4]), labels[at : at + 4]).backward()
                optimiser.step()
        schedule.step()
        with torch.no_grad():
            right = sum(int((layer(features).argmax(1) == labels).sum()) for features, labels in held_out)
        accuracies.append(right / len(validate))
    return accuracies


def _features(
    run: Callable[..., tuple[object, ...]], photos: "Dataset[tuple[Tensor, Tensor]]", *, shuffle: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in DataLoader(photos, batch_size=16, shuffle=shuffle, num_workers=1):
        (features,) = run(images.permute(0, 2, 3, 1).contiguous().numpy())
        yield torch.as_tensor(features), labels
