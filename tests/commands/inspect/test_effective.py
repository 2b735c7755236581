"""The effective receptive field, against the closed form of Luo et al. 2016 and against the theoretical one."""

import pytest
import torch
from torch import nn

from inarch.commands.inspect.effective import effective_fields
from inarch.models import (
    Backbone,
    Block,
    Classifier,
    build,
    linear_head,
)
from inarch.models.anatomy.trace import trace, trace_architecture
from inarch.models.initialisation import open_residuals


@pytest.mark.parametrize(("depth", "kernel"), [(5, 3), (10, 3), (6, 5)])
def test_a_stack_of_equal_weights_sees_a_bell(depth: int, kernel: int) -> None:
    """n windows of k equal weights spread by sqrt(n (k^2 - 1) / 12) pixels (Luo et al. 2016, section 2.2)."""
    layers = nn.Sequential(*(nn.Conv2d(3 if at == 0 else 1, 1, kernel, padding=kernel // 2) for at in range(depth)))
    for each in layers:
        nn.init.ones_(each.weight)
    model = Classifier(Backbone({"stem": [Block("all", layers, 1, 1)]}), linear_head(1, 2))
    record = trace(model, name="stack", image_size=65)
    (field,) = effective_fields(model, record, images=1)
    assert field.theoretical == depth * (kernel - 1) + 1
    assert field.deviation == pytest.approx((depth * (kernel**2 - 1) / 12) ** 0.5, rel=1e-4)
    assert field.effective < field.theoretical
    middle = len(field.profile) // 2
    assert max(field.profile) == pytest.approx(field.profile[middle], abs=0.05)


def test_nothing_is_moved_from_beyond_what_can_be_seen() -> None:
    """In every stage of a real net; deeper maps are moved from farther away, but from ever less of what they see."""
    record = trace_architecture("resnet18", image_size=192)
    model = build("resnet18")
    open_residuals(model)
    fields = effective_fields(model, record, images=2)
    assert [each.tap for each in fields] == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert all(each.effective <= each.theoretical for each in fields)
    inside = [each for each in fields if each.theoretical < record.image_size]
    assert [each.effective for each in inside] == sorted(each.effective for each in inside)
    assert inside[-1].effective / inside[-1].theoretical < inside[0].effective / inside[0].theoretical


def test_blocks_that_start_as_their_shortcut_see_what_the_stem_sees() -> None:
    """With residual paths of scale zero, no block widens anything: 11 pixels, through all of ResNet-18."""
    record = trace_architecture("resnet18", image_size=96)
    (field,) = effective_fields(build("resnet18"), record, taps=["stage1"], images=1)
    assert field.effective <= 11


def test_the_same_seed_gives_the_same_field() -> None:
    """And another seed another."""
    model, record = build("googlenet_tiny"), trace_architecture("googlenet_tiny")
    first, again, other = (effective_fields(model, record, images=1, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert not any(each.grad is not None for each in model.parameters())
    assert torch.is_grad_enabled()
