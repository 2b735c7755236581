"""Time by layer: nothing is lost, nothing is told twice, and the model is given back."""

import copy

import pytest
import torch

from inarch.commands.inspect.timing import time_eager, time_graph
from inarch.data.photos import Preprocessing
from inarch.models import build
from traces import traced

NETS = ["googlenet_tiny", "resnet_tiny"]


@pytest.mark.parametrize("name", NETS)
def test_every_layer_has_its_time_in_pytorch(name: str) -> None:
    """A figure for each node of the trace."""
    record = traced(name)
    timing = time_eager(build(name), record, runs=3)
    assert len(timing.layers) == len(record.nodes)
    assert all(each > 0 for each in timing.layers)
    assert timing.lowest <= timing.whole <= timing.highest


@pytest.mark.parametrize("name", ["googlenet_tiny"])
def test_every_convolution_has_its_time_in_onnx_runtime(name: str) -> None:
    """Whatever the engine fused into it; normalisation is folded and takes none."""
    record = traced(name)
    timing = time_graph(build(name), record, Preprocessing(image_size=record.image_size), runs=3)
    assert len(timing.layers) == len(record.nodes)
    for node, each in zip(record.nodes, timing.layers, strict=True):
        if node.kind in ("convolution", "linear"):
            assert each > 0, node.path
        if node.kind == "batch norm":
            assert each == 0


def test_the_model_is_given_back() -> None:
    """Weights, modes, hooks, and the number of threads."""
    model = build("resnet_tiny").train()
    model.backbone.stages["stage3"].eval()
    weights, modes = copy.deepcopy(model.state_dict()), [module.training for module in model.modules()]
    threads = torch.get_num_threads()
    time_eager(model, traced("resnet_tiny"), runs=1, threads=2)
    assert torch.get_num_threads() == threads
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(weights[name], each) for name, each in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
