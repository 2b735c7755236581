"""Exported graphs against the nets that they were made of, from pixels to logits, run by ONNX Runtime."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.data.photos import Preprocessing
from inarch.errors import WeightsError
from inarch.models import (
    ARCHITECTURES,
    Classifier,
    build,
    head_for,
    reader,
)
from inarch.models.backbone import Root
from inarch.runtime.onnx_graph import (
    classifier_graph,
    features_graph,
    features_output,
    with_linear_head,
)
from inarch.runtime.session import PIXELS, Graph
from lively import enlivened
from tolerance import assert_same_computation, terms_of

TINY = [name for name in ARCHITECTURES if name.endswith("_tiny")]
TAPS = {"googlenet_tiny": ("pool3", "4d"), "resnet_basic_tiny": ("stage2",)}
POOLED = {"googlenet_tiny": ("stage4",), "resnet_basic_tiny": ("stage2", "stage3")}
"""What is exported as features, at another image size than the classifiers; an export takes seconds."""
MEAN, STD = (0.2, 0.5, 0.7), (0.3, 0.2, 0.1)
LARGE, SMALL = Preprocessing(image_size=96, mean=MEAN, std=STD), Preprocessing(image_size=56, mean=MEAN, std=STD)

Exported = tuple[nn.Module, bytes]


def lively(name: str) -> Classifier:
    return enlivened(build(name, classes=5)).train()


@pytest.fixture(scope="session")
def features() -> Callable[[str], Exported]:
    """``features(name)``: a tiny net and its features graph with `TAPS` and `POOLED`, exported once."""
    done: dict[str, Exported] = {}

    def find(name: str) -> Exported:
        if name not in done:
            model = lively(name)
            done[name] = model, features_graph(model.backbone, SMALL, TAPS[name], POOLED[name])
        return done[name]

    return find


def pixels(n: int, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    side = preprocessing.image_size
    return np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def by_hand(photos: NDArray[np.uint8]) -> Tensor:
    """(p / 255 - mean) / std, channels first."""
    normalised = (photos.astype(np.float64) / 255 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(normalised.astype(np.float32)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", [name for name in TINY if name not in TAPS])
def test_classifiers_give_the_logits_of_their_net(name: str) -> None:
    """From pixels, with normalisation inside, batch normalisation folded and dropout out, for batches of 1 to 5.

    Beside them stands what the last layer reads: by that layer it becomes the logits. The net is exported from training
    mode, which it is given back in, with its own weights.
    """
    model = lively(name)
    graph = Graph(classifier_graph(model, LARGE), threads=1)
    assert all(module.training for module in model.modules())
    photos = pixels(5, LARGE)
    with torch.no_grad():
        expected = model.eval()(by_hand(photos))
    assert expected.std() > 0.01
    for batch in (1, 2, 5):
        found, embedding = graph(photos, batch=batch)
        assert_same_computation(found, expected, terms=terms_of(model))
        with torch.no_grad():
            own = model.head.linear(torch.from_numpy(embedding))
        assert_same_computation(found, own, terms=embedding.shape[1])


@pytest.mark.parametrize("name", TAPS)
@torch.no_grad()
def test_features_graphs_give_taps_and_pooled_features(features: Callable[[str], Exported], name: str) -> None:
    """Maps whole or averaged over the grid, each under its own name, the last one's mean as ``features``."""
    model, content = features(name)
    photos, graph = pixels(3, SMALL), Graph(content, threads=1)
    found = dict(zip(graph.outputs, graph(photos, batch=2), strict=True))
    last = model.backbone.info[-1].name
    expected = model.eval().backbone.tapped(by_hand(photos), {*TAPS[name], *POOLED[name], last})
    pooled = {features_output(tap): expected[tap].mean((2, 3)) for tap in POOLED[name]}
    maps = {f"map_{place}": expected[tap] for place, tap in enumerate(TAPS[name])}
    assert list(graph.outputs) == [*maps, *pooled, "features"]
    for output, tensor in {**maps, **pooled, "features": expected[last].mean((2, 3))}.items():
        assert_same_computation(found[output], tensor, terms=terms_of(model.backbone), name=output)


@pytest.mark.parametrize("name", TAPS)
@torch.no_grad()
def test_a_linear_head_is_one_product(features: Callable[[str], Exported], name: str) -> None:
    """logits = features @ W.T + b, with the net's own head its logits; the features are put out too, nothing else."""
    model, graph = features(name)
    photos, draw = pixels(5, SMALL), np.random.default_rng(1)
    *_, pooled = Graph(graph, threads=1)(photos)
    weight = draw.normal(size=(4, pooled.shape[1])).astype(np.float32)
    bias = draw.normal(size=4).astype(np.float32)
    whole = with_linear_head(graph, weight, bias)
    for batch in (1, 2, 5):
        logits, embedding = Graph(whole, threads=1)(photos, batch=batch)
        assert_same_computation(embedding, pooled, terms=terms_of(model.backbone))
        assert_same_computation(logits, pooled @ weight.T + bias, terms=terms_of(model.backbone) + pooled.shape[1])
    assert whole == with_linear_head(graph, weight, bias)

    linear = model.head.linear
    own = with_linear_head(graph, linear.weight.numpy(), linear.bias.numpy())
    found, _ = Graph(own, threads=1)(photos)
    assert_same_computation(found, model.eval()(by_hand(photos)), terms=terms_of(model))


def test_a_head_in_the_middle_drops_what_lies_behind(features: Callable[[str], Exported]) -> None:
    """Cut after stage 3 the graph computes the same features, and carries no weight of stage 4."""
    model, content = features("resnet_basic_tiny")
    graph, photos = Graph(content, threads=1), pixels(3, SMALL)
    pooled = dict(zip(graph.outputs, graph(photos), strict=True))["features_stage3"]
    weight, bias = np.eye(4, pooled.shape[1], dtype=np.float32), np.ones(4, np.float32)
    cut = with_linear_head(content, weight, bias, outputs=["features_stage3"])
    assert_same_computation(Graph(cut, threads=1)(photos)[0], pooled[:, :4] + 1, terms=terms_of(model.backbone))
    names = [each.name for each in onnx.load_from_string(cut).graph.initializer]
    assert any("stage3" in name for name in names)
    assert not any("stage4" in name for name in names)


@torch.no_grad()
def test_a_head_on_several_stages_is_the_net_that_gathers_them(features: Callable[[str], Exported]) -> None:
    """Roots of the pooled maps side by side, in both."""
    model, content = features("resnet_basic_tiny")
    backbone = model.backbone.eval().gathering(["stage3"])
    head = head_for(backbone, 4).eval()
    photos, linear = pixels(3, SMALL), head.linear
    outputs = [features_output("stage3"), "features"]
    graph = with_linear_head(content, linear.weight.numpy(), linear.bias.numpy(), outputs=outputs)
    logits, embedding = Graph(graph, threads=1)(photos)
    net = Classifier(backbone, head)
    assert_same_computation(logits, net(by_hand(photos)), terms=terms_of(net))
    assert_same_computation(embedding, reader(head)(backbone(by_hand(photos))), terms=terms_of(backbone))


def test_a_root_has_a_slope_at_nothing() -> None:
    """Heads that read roots can be trained: features behind a ReLU are often 0."""
    features = torch.tensor([[-1.0, 0.0, 4.0]], requires_grad=True)
    Root()(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert Root()(features)[0, 2].item() == pytest.approx(2, rel=1e-4)  # it adds a little, for the slope


def test_the_same_net_gives_the_same_bytes(features: Callable[[str], Exported]) -> None:
    """A bundle can be compared by digest."""
    model, graph = features("resnet_basic_tiny")
    again = features_graph(model.backbone, SMALL, TAPS["resnet_basic_tiny"], POOLED["resnet_basic_tiny"])
    assert again == graph


def test_a_graph_holds_nothing_of_the_machine_it_was_made_on(features: Callable[[str], Exported]) -> None:
    """No path of ours travels with a bundle; and the same net gives the same bytes elsewhere."""
    _, graph = features("resnet_basic_tiny")
    assert str(Path(torch.__file__).parents[1]).encode() not in graph
    assert str(Path(__file__).parents[2]).encode() not in graph


def test_a_graph_says_what_it_takes_and_gives(features: Callable[[str], Exported]) -> None:
    """Pixels as bytes, any number of them; valid by ONNX's own checker."""
    _, graph = features("googlenet_tiny")
    headed = with_linear_head(graph, np.zeros((4, 128), np.float32), np.zeros(4, np.float32))
    for content, names in (
        (graph, ["map_0", "map_1", "features_stage4", "features"]),
        (headed, ["logits", "embedding"]),
    ):
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model)
        (taken,) = model.graph.input
        assert taken.name == PIXELS
        assert taken.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        first, *rest = taken.type.tensor_type.shape.dim
        assert first.dim_param
        assert [dim.dim_value for dim in rest] == [56, 56, 3]
        assert [given.name for given in model.graph.output] == names


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_what_cannot_be_run_is_named(tmp_path: Path, content: bytes) -> None:
    """From memory or from a file, which is named; a missing file too."""
    with pytest.raises(WeightsError, match="The graph is not one that ONNX Runtime can run"):
        Graph(content)
    (tmp_path / "some.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=r"some\.onnx is not one that ONNX Runtime can run"):
        Graph(tmp_path / "some.onnx")
    with pytest.raises(WeightsError, match=r"none\.onnx is not one that ONNX Runtime can run"):
        Graph(tmp_path / "none.onnx")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system ties no process to a core")
def test_a_graph_keeps_to_the_cores_that_it_may_use(features: Callable[[str], Exported], tmp_path: Path) -> None:
    """On one core it starts no thread beside the caller's; a pool for all of the machine's would crowd it."""
    (tmp_path / "graph.onnx").write_bytes(features("resnet_basic_tiny")[1])
    script = (
        "import os, pathlib; from inarch.runtime.session import Graph, usable_cores;"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "count = lambda: len(os.listdir('/proc/self/task'));"
        "before = count(); graph = Graph(pathlib.Path('graph.onnx'));"
        "print(usable_cores(), count() - before)"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1", "0"]
