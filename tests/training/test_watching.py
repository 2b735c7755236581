"""What is said of stages while a net trains is what its maps and gradients are."""

from pathlib import Path

import torch
from torch import Tensor

from inarch.models import Classifier, build
from inarch.models.shapes import Labels
from inarch.training.config import TrainingConfig
from inarch.training.loop import ExampleSource, Run
from inarch.training.losses import cross_entropy
from tolerance import assert_same_computation, terms_of

CONFIG = TrainingConfig(epochs=2, batch_size=8, lr=0.01, ema_decay=0.0, label_smoothing=0.0)


def source() -> ExampleSource:
    draws = torch.Generator().manual_seed(0)
    images, labels = torch.randn(16, 3, 32, 32, generator=draws), torch.arange(16) % 3

    def batch(indices: Tensor, epoch: int) -> tuple[Tensor, Labels]:
        return images[indices], labels[indices]

    return ExampleSource(16, batch)


def test_they_are_the_root_mean_squares_of_the_last_batch() -> None:
    """Against maps and gradients that are kept by hand."""
    model = build("resnet_basic_tiny", classes=3, seed=0)
    run = Run(model, CONFIG)
    kept: dict[str, Tensor] = {}
    for name, stage in model.backbone.stages.items():
        stage.register_forward_hook(lambda _, __, put_out, name=name: kept.__setitem__(name, put_out.detach().clone()))
    for epoch in run.epochs(source(), cross_entropy):
        assert [each.stage for each in epoch.stages] == list(model.backbone.stages)
        for each in epoch.stages:
            slopes = torch.cat([one.grad.flatten() for one in model.backbone.stages[each.stage].parameters()])
            for found, seen in ((each.activation, kept[each.stage]), (each.gradient, slopes)):
                root = float(seen.double().square().mean().sqrt())
                assert_same_computation(found, root, terms=seen.numel(), dtype=seen.dtype)
    assert len({each.gradient for each in epoch.stages}) > 1


def test_a_resumed_run_has_them_too(tmp_path: Path) -> None:
    """They pass through the checkpoint unchanged, and no hook stays behind."""
    runs = [Run(build("resnet_basic_tiny", classes=3, seed=0), CONFIG, tmp_path / name) for name in ("a", "b")]
    whole = list(runs[0].epochs(source(), cross_entropy))
    next(runs[1].epochs(source(), cross_entropy))
    resumed = Run(build("resnet_basic_tiny", classes=3, seed=5), CONFIG, tmp_path / "b")
    assert resumed.resume() == 1
    list(resumed.epochs(source(), cross_entropy))
    assert [each.stages for each in resumed.history] == [each.stages for each in whole]
    assert not any(module._forward_hooks for module in resumed.model.modules())


def test_a_frozen_stage_is_left_out() -> None:
    model = build("resnet_basic_tiny", classes=3, seed=0)
    assert isinstance(model, Classifier)
    first = next(iter(model.backbone.stages))
    model.backbone.stages[first].requires_grad_(False)
    (epoch, _) = Run(model, CONFIG).epochs(source(), cross_entropy)
    assert [each.stage for each in epoch.stages] == list(model.backbone.stages)[1:]


def test_a_net_that_is_only_tapped_is_watched_too() -> None:
    """As with auxiliary heads, where stages do not run as a whole."""
    model = build("resnet_basic_tiny", classes=3, seed=0)
    last = model.backbone.info[-1].name

    def tapped(net: Classifier, images: Tensor, labels: Labels) -> tuple[Tensor, Tensor]:
        logits = net.head(net.backbone.tapped(images, [last])[last])
        return torch.nn.functional.cross_entropy(logits, labels), logits

    one, other = (
        next(Run(build("resnet_basic_tiny", classes=3, seed=0), CONFIG).epochs(source(), loss)).stages
        for loss in (tapped, cross_entropy)
    )
    assert [each.stage for each in one] == [each.stage for each in other] == list(model.backbone.stages)
    forward_and_back = 3 * terms_of(model)
    for mine, theirs in zip(one, other, strict=True):
        for found, expected in ((mine.activation, theirs.activation), (mine.gradient, theirs.gradient)):
            assert_same_computation(found, expected, terms=forward_and_back, dtype=torch.float32)
