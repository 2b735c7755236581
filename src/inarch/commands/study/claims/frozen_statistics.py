"""The four meanings of a frozen backbone with batch normalisation."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

import torch
from torch import Tensor, nn

from inarch.commands.study.learning import (
    BATCH,
    BenchSplit,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import FrozenModule, linear_head
from inarch.models.backbone import global_average_pool
from inarch.training.config import TrainingConfig
from inarch.training.inference import predict_batches
from inarch.transfer.backbones import DEFAULT_EMBEDDED, EMBEDDED, starting_point

SIDE = 48
TRAINING = TrainingConfig(epochs=1, batch_size=32, lr=0.02, weight_decay=0.0, label_smoothing=0.0, ema_decay=0.0)


class FrozenArm(StrEnum):
    """A meaning of a frozen backbone."""

    WEIGHTS = "no gradient"
    MOMENTUM = "no gradient, no updates of the statistics"
    STATISTICS = "evaluation mode, weights updated"
    BOTH = "no gradient, evaluation mode"


def _freeze_weights(backbone: nn.Module) -> nn.Module:
    return backbone.requires_grad_(False)


def _freeze_weights_and_momentum(backbone: nn.Module) -> nn.Module:
    for module in backbone.requires_grad_(False).modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    return backbone


class _EvalModeModule(nn.Module):
    """Always in evaluation mode, with trainable weights."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.inner(images)

    def train(self, mode: bool = True) -> "_EvalModeModule":
        super().train(mode)
        self.inner.eval()
        return self


MEANINGS: dict[str, Callable[[nn.Module], nn.Module]] = {
    FrozenArm.WEIGHTS: _freeze_weights,
    FrozenArm.MOMENTUM: _freeze_weights_and_momentum,
    FrozenArm.STATISTICS: _EvalModeModule,
    FrozenArm.BOTH: FrozenModule,
}


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train a head on the backbone, frozen in the arm's way, and measure the changes of the backbone."""
    data = split_bench(require_bench(bench), seed, SIDE)
    backbone = starting_point(DEFAULT_EMBEDDED, EMBEDDED).backbone
    before = _features(backbone, data)
    torch.manual_seed(seed)
    head = linear_head(backbone.channels, data.classes)
    model = nn.Sequential(MEANINGS[arm](backbone), head)
    learn(model, data.learned, replace(training, seed=seed))
    after = _features(backbone, data)
    return {
        ReadingName.DRIFT: float((after - before).norm() / before.norm()),
        ReadingName.HELD_OUT: accuracy(model, data.held_out),
    }


def _features(backbone: nn.Module, data: BenchSplit) -> Tensor:
    batches = data.held_out.images.split(BATCH)
    return predict_batches(backbone, batches, lambda images: global_average_pool(backbone(images)))


STUDY = Study(
    Claim(
        name="frozen-statistics",
        statement="A backbone without gradients is not yet frozen: in training mode its batch statistics drift, "
        "and its features with them.",
        source="A trap that users of many libraries report, among them lightly-ai/lightly#1438 and kdexd/virtex#16",
        reported="No figure.",
        design=f"The backbone {DEFAULT_EMBEDDED} that comes with inarch, at {SIDE} pixels, under a randomly "
        "initialised head that is trained for one epoch, frozen in four ways. Drift is the norm of the change of the "
        "pooled features of test photos, over their norm, in evaluation mode. A seed draws the split, the head and the "
        "order of the photos.",
        limits="The drift depends on the distance between the photos and the backbone's training set. That it "
        "does harm is not claimed; the accuracies are shown.",
        quantities=(
            Quantity(
                words="drift without a gradient, less that in evaluation mode as well",
                one=(FrozenArm.WEIGHTS, ReadingName.DRIFT),
                other=(FrozenArm.BOTH, ReadingName.DRIFT),
                threshold=0.05,
                scale=QuantityScale.POINTS,
            ),
        ),
        arms=tuple(MEANINGS),
        seeds=3,
        seconds=45.0,
        photos=True,
    ),
    measure,
)
