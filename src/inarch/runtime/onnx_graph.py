"""Models as ONNX graphs from pixels: normalisation is part of the graph, so that it cannot be mistaken."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from inarch.data.photos import Preprocessing
from inarch.models import (
    SMALL,
    Backbone,
    Classifier,
    evaluating,
    fold_batch_norm,
    reader,
)
from inarch.runtime.session import PIXELS

OPSET = 18
FEATURES = "features"
"""The output with the pooled last feature map."""
EMBEDDING = "embedding"
"""The output with the inputs of a classifier's last layer."""


class PixelModel(nn.Module):
    """Normalises pixels and runs ``inner`` on them.

    Args:
        inner: takes float images (n, 3, side, side).
        preprocessing: its mean and std are applied.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, inner: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.inner = inner
        mean = torch.tensor(preprocessing.mean)[:, None, None]
        std = torch.tensor(preprocessing.std)[:, None, None]
        self.register_buffer("scale", 1 / (255 * std), persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, pixels: UInt8[Tensor, "n side side 3"]) -> Tensor | tuple[Tensor, ...]:
        """The output of ``inner`` for the normalised images."""
        return self.inner(pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift)


class TappedBackbone(nn.Module):
    """Whole feature maps at ``taps``, and pooled ones at ``pooled`` and at the end, as one tuple."""

    def __init__(self, backbone: Backbone, taps: Sequence[str], pooled: Sequence[str]) -> None:
        super().__init__()
        self.backbone = backbone
        self.taps, self.pooled = tuple(taps), (*pooled, backbone.info[-1].name)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, ...]:
        """The feature maps in the order of the taps, then the features (n, d)."""
        maps = self.backbone.tapped(images, {*self.taps, *self.pooled})
        return (*(maps[tap] for tap in self.taps), *(maps[tap].mean((2, 3)) for tap in self.pooled))


class EmbeddingClassifier(nn.Module):
    """A classifier that also returns the inputs of its head's last layer."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        *_, self.last = model.head.children()
        self.backbone, self.reader = model.backbone, reader(model.head)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor]:
        """Logits (n, classes), and the features (n, d) that they are a linear function of."""
        features = self.reader(self.backbone(images))
        return self.last(features), features


def classifier_graph(model: Classifier, preprocessing: Preprocessing) -> bytes:
    """Pixels to ``logits`` and ``embedding``, the inputs of the last layer."""
    return _graph(EmbeddingClassifier(model), preprocessing, ["logits", EMBEDDING])


def features_graph(
    backbone: Backbone, preprocessing: Preprocessing, taps: Sequence[str] = (), pooled: Sequence[str] = ()
) -> bytes:
    """Pixels to features.

    Args:
        backbone: in evaluation mode, batch normalisation folded.
        preprocessing: its mean and std become part of the graph.
        taps: stages or blocks whose whole feature maps are the outputs ``map_0``, ``map_1`` …
        pooled: stages or blocks whose pooled feature maps are outputs too, named by `features_output`; the pooled last
            feature map is ``features``.
    """
    names = [*(f"map_{place}" for place in range(len(taps))), *map(features_output, pooled), FEATURES]
    return _graph(TappedBackbone(backbone, taps, pooled), preprocessing, names)


def features_output(tap: str) -> str:
    """The name of the output with the pooled feature map after ``tap``."""
    return f"{FEATURES}_{tap}"


def named_graph(model: Classifier, preprocessing: Preprocessing) -> bytes:
    """Pixels to ``logits``, like `classifier_graph`, with every value named after the module that computes it.

    A value of ``backbone.stages.stem.conv1.conv`` has that name, followed by a bar and a number.
    """
    proto = _export_graph(model, preprocessing, ["logits"])
    names = {each.name: each.name for each in proto.graph.output}
    paths = _paths_by_calls(model)
    for place, node in enumerate(proto.graph.node):
        calls = node.name.rpartition("/")[0]
        if calls in paths and len(node.output) == 1:
            named = f"{paths[calls]}|{place}"
            names.setdefault(node.output[0], named)
            node.name = named
        node.output[:] = [names.get(each, each) for each in node.output]
        node.input[:] = [names.get(each, each) for each in node.input]
    del proto.graph.value_info[:]
    return _serialise(proto)


def _paths_by_calls(model: nn.Module) -> dict[str, str]:
    """The path of each module by the exporter's names of its operators, which follow the modules that were called.

    A dictionary of modules is never called.
    """
    containers = {path for path, module in model.named_modules() if isinstance(module, nn.ModuleDict)}
    paths = {}
    for path, _ in model.named_modules():
        parts = path.split(".")
        called = [part for depth, part in enumerate(parts, 1) if ".".join(parts[:depth]) not in containers]
        if path not in containers:
            paths["/".join(("/inner", *called))] = path
    return paths


def _graph(inner: nn.Module, preprocessing: Preprocessing, outputs: Sequence[str]) -> bytes:
    return _serialise(_export_graph(inner, preprocessing, outputs))


def _serialise(proto: onnx.ModelProto) -> bytes:
    return bytes(proto.SerializeToString(deterministic=True))


@torch.no_grad()
def _export_graph(inner: nn.Module, preprocessing: Preprocessing, outputs: Sequence[str]) -> onnx.ModelProto:
    """Export in evaluation mode with batch normalisation folded; the number of images is free.

    With PyTorch's older exporter, which takes a fifth of the time (0025); batch normalisation that `folded` does not
    know, as in models of other libraries, is folded by the exporter.
    """
    side = preprocessing.image_size
    with evaluating(inner):
        graph = PixelModel(fold_batch_norm(inner), preprocessing).eval()
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecation
        torch.onnx.export(
            graph,
            (torch.zeros(2, side, side, 3, dtype=torch.uint8),),
            written,  # type: ignore[arg-type]  # files in memory are taken too: the exporter's own docstring
            dynamo=False,
            opset_version=OPSET,
            input_names=[PIXELS],
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in (PIXELS, *outputs)},
        )
    return onnx.load_from_string(written.getvalue())


def with_linear_head(
    graph: bytes, weight: NDArray[np.float32], bias: NDArray[np.float32], *, outputs: Sequence[str] = (FEATURES,)
) -> bytes:
    """A graph from `features_graph` with a linear layer on its features: pixels to ``logits`` and ``embedding``.

    Args:
        graph: parts that ``outputs`` does not need are dropped.
        weight: (classes, d).
        bias: (classes,).
        outputs: the features to use; for several, the concatenated roots, as in `inarch.models.head_for`.
    """
    model = onnx.load_from_string(graph)
    inner = model.graph
    inner.initializer.extend(
        [numpy_helper.from_array(weight, "head.weight"), numpy_helper.from_array(bias, "head.bias")]
    )
    features = outputs[0]
    if len(outputs) > 1:
        features = "head.features"
        inner.initializer.append(numpy_helper.from_array(np.float32(SMALL), "head.small"))
        inner.node.extend(
            [
                helper.make_node("Concat", list(outputs), ["head.gathered"], axis=1),
                helper.make_node("Relu", ["head.gathered"], ["head.positive"]),
                helper.make_node("Add", ["head.positive", "head.small"], ["head.raised"]),
                helper.make_node("Sqrt", ["head.raised"], [features]),
            ]
        )
    inner.node.append(helper.make_node("Gemm", [features, "head.weight", "head.bias"], ["logits"], transB=1))
    inner.node.append(helper.make_node("Identity", [features], [EMBEDDING]))
    batch = inner.input[0].type.tensor_type.shape.dim[0].dim_param
    del inner.output[:]
    for name, width in (("logits", len(bias)), (EMBEDDING, weight.shape[1])):
        inner.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, width]))
    _prune(inner)
    return bytes(model.SerializeToString(deterministic=True))


def _prune(graph: onnx.GraphProto) -> None:
    """Drop every node and initialiser that no output depends on."""
    needed = {each.name for each in graph.output}
    for node in reversed(graph.node):  # in running order, so a node's readers come after it
        if needed.intersection(node.output):
            needed.update(node.input)
    for field, wanted in (
        (graph.node, [node for node in graph.node if needed.intersection(node.output)]),
        (graph.initializer, [each for each in graph.initializer if each.name in needed]),
        (graph.value_info, [each for each in graph.value_info if each.name in needed]),
    ):
        kept = list(wanted)
        del field[:]
        field.extend(kept)
