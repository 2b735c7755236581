"""The loop that this job is usually done with: PyTorch's transfer-learning tutorial, on our backbone.

Faithful in what costs time and accuracy: 25 epochs, each with a training and a validation phase; batches of 4; a
loader with 4 workers that decodes, crops and flips anew every epoch; SGD, rate 0.001, momentum 0.9, a tenth of it
every 7 epochs. *Frozen* trains the last layer only, *full* everything. Differs: images of 299 pixels instead of
224, because that is what this backbone takes, and its normalisation.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import v2

from inarch.nets import Backbone, Classifier, linear_head

EPOCHS = 25
SIDE = 299
NORMALISE = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
TRAIN = v2.Compose([v2.RandomResizedCrop(SIDE), v2.RandomHorizontalFlip(), *NORMALISE])
VALIDATE = v2.Compose([v2.Resize(SIDE), v2.CenterCrop(SIDE), *NORMALISE])


@dataclass(frozen=True)
class Pass:
    """One epoch of the loop."""

    seconds: float
    accuracy: float
    """On the validation photos."""


def loop(backbone: Backbone, photos: Path, *, frozen: bool, seed: int) -> Iterator[Pass]:
    """Run the tutorial's loop, epoch by epoch; training it further changes ``backbone`` unless it is frozen."""
    torch.manual_seed(seed)
    backbone.requires_grad_(not frozen)
    model = Classifier(backbone, linear_head(backbone.channels, 2))
    moving = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(moving, lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)
    loaders = {
        "train": DataLoader(datasets.ImageFolder(photos / "train", TRAIN), batch_size=4, shuffle=True, num_workers=4),
        "val": DataLoader(datasets.ImageFolder(photos / "val", VALIDATE), batch_size=4, shuffle=True, num_workers=4),
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
