"""Memory and traffic, against PyTorch's allocator and against arithmetic; auxiliary heads, against published counts."""

import json
from math import prod
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from inarch.models import (
    Backbone,
    Block,
    Classifier,
    build,
    linear_head,
)
from inarch.models.anatomy.trace import trace
from traces import traced


def allocated_at_most(model: nn.Module, images: torch.Tensor, folder: Path) -> int:
    """Bytes that the allocator had given out at one moment of a forward pass, and the images."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        model(images)
    profiled.export_chrome_trace(str(folder / "trace.json"))
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    steps = sorted((each["ts"], each["args"]["Bytes"]) for each in events if each.get("name") == "[memory]")
    now = most = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most + images.nbytes


@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
def test_peak_memory_is_what_the_allocator_saw(name: str, tmp_path: Path) -> None:
    """Within a tenth, also where a copy of a convolution's weights is more than the maps (ResNet-18).

    Maps of less than 20,480 values PyTorch convolves in another way, with more memory: so nets of full size.
    """
    model, record = build(name).eval(), traced(name)
    images = torch.randn(1, 3, record.image_size, record.image_size)
    seen = allocated_at_most(model, images, tmp_path)
    assert record.running_peak == pytest.approx(seen, rel=0.1)
    assert record.peak <= record.running_peak


def test_a_shortcut_keeps_its_map_alive() -> None:
    """Within a residual path the block's input waits for the addition; it has gone after it."""
    nodes = traced("resnet18").nodes
    inside = next(node for node in nodes if node.path.endswith("block1_2.residual.conv2.conv"))
    one_map = 4 * 64 * 56 * 56
    image = 4 * 3 * 224 * 224
    assert inside.alive - image >= 3 * one_map  # what waits at the shortcut, what comes in, what goes out
    last = nodes[-1]
    assert last.alive - image < one_map


def test_bytes_moved_are_those_of_maps_and_weights() -> None:
    """A 1x1 on 4 channels of 8x8: 256 values in, 12 weights, 192 values out."""
    stem = nn.Conv2d(3, 4, 1, bias=False)
    layers = nn.Sequential(stem, nn.Conv2d(4, 3, 1, bias=False))
    record = trace(
        Classifier(Backbone({"stem": [Block("all", layers, 3, 1)]}), linear_head(3, 2)), name="small", image_size=8
    )
    second = record.nodes[1]
    assert second.moved == 4 * (256 + 12 + 192)
    assert second.intensity == 2 * 8 * 8 * 12 / second.moved


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "inception_resnet_v2_tiny"])
def test_no_layer_moves_less_than_it_must(name: str) -> None:
    """Its own output and its parameters, at least."""
    assert all(node.moved >= 4 * (prod(node.out_shape) + node.parameters) for node in traced(name).nodes)


@pytest.mark.parametrize(("name", "with_heads"), [("googlenet", 13_004_888), ("inception_v3", 27_161_264)])
def test_auxiliary_heads_are_recorded_aside(name: str, with_heads: int) -> None:
    """With them the net has as many parameters as torchvision publishes; without them it computes the same."""
    record = traced(name)
    assert record.parameters + sum(node.parameters for node in record.auxiliary) == with_heads
    assert {node.stage for node in record.auxiliary} == {"auxiliary"}
    taps = build(name, device="meta").backbone.taps
    assert {node.block for node in record.auxiliary} <= set(taps)
    assert all(node.stage != "auxiliary" for node in record.nodes)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [("resnet18", 435), ("resnet34", 899), ("resnet50", 427), ("resnet101", 971), ("resnet152", 1451)],
)
def test_receptive_fields_of_the_resnets(name: str, pixels: int) -> None:
    """The widest path to the last map of the nets that torchvision has (v1.5)."""
    assert [node for node in traced(name).nodes if node.stage != "head"][-1].receptive_field == pixels
