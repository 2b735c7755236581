"""Nets as ONNX graphs that take pixels: normalisation is inside, so that nobody can feed them the wrong one."""

import logging
import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from inarch.nets import Backbone, Classifier, evaluating, folded
from inarch.records import Preprocessing
from inarch.weights.runtime import PIXELS

OPSET = 18


class FromPixels(nn.Module):
    """Normalises pixels and runs ``inner`` on them.

    Args:
        inner: takes float images (n, 3, side, side).
        preprocessing: whose mean and std are applied.
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
        """What ``inner`` gives for the normalised images."""
        return self.inner(pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift)


class Tapped(nn.Module):
    """The feature maps at ``taps`` and the pooled last map of a backbone, as one tuple."""

    def __init__(self, backbone: Backbone, taps: Sequence[str]) -> None:
        super().__init__()
        self.backbone = backbone
        self.taps = tuple(taps)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, ...]:
        """The maps in the order of the taps, then the features (n, d)."""
        last = self.backbone.info[-1].name
        maps = self.backbone.tapped(images, [*self.taps, last])
        return (*(maps[tap] for tap in self.taps), maps[last].mean((2, 3)))


def classifier_graph(model: Classifier, preprocessing: Preprocessing) -> bytes:
    """Pixels to ``logits``."""
    return _graph(model, preprocessing, ["logits"])


def features_graph(backbone: Backbone, preprocessing: Preprocessing, taps: Sequence[str] = ()) -> bytes:
    """Pixels to the feature maps ``map_0``, ``map_1`` … at ``taps``, and to ``features``, the pooled last map."""
    names = [*(f"map_{place}" for place in range(len(taps))), "features"]
    return _graph(Tapped(backbone, taps), preprocessing, names)


@torch.no_grad()
def _graph(inner: nn.Module, preprocessing: Preprocessing, outputs: Sequence[str]) -> bytes:
    """Export in evaluation mode with batch normalisation folded; the number of images is free."""
    side = preprocessing.image_size
    with evaluating(inner):
        graph = FromPixels(folded(inner), preprocessing).eval()
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own internals
            program = torch.onnx.export(
                graph,
                (torch.zeros(2, side, side, 3, dtype=torch.uint8),),
                dynamo=True,
                verbose=False,
                optimize=False,  # ONNX Runtime optimises when it loads; twice is wasted time
                opset_version=OPSET,
                input_names=[PIXELS],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("n", min=1, max=2**20)},),
            )
    finally:
        exporter_log.setLevel(level)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    return bytes(program.model_proto.SerializeToString(deterministic=True))


def with_linear_head(graph: bytes, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> bytes:
    """A graph from `features_graph` with a linear layer on its features: pixels to ``logits``.

    Args:
        graph: its other outputs are dropped.
        weight: (classes, d).
        bias: (classes,).
    """
    model = onnx.load_from_string(graph)
    inner = model.graph
    inner.initializer.extend(
        [numpy_helper.from_array(weight, "head.weight"), numpy_helper.from_array(bias, "head.bias")]
    )
    inner.node.append(helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["logits"], transB=1))
    batch = inner.input[0].type.tensor_type.shape.dim[0].dim_param
    del inner.output[:]
    inner.output.append(helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [batch, len(bias)]))
    return bytes(model.SerializeToString(deterministic=True))
