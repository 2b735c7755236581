"""The exported model in OpenVINO, computed in float32."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # OpenVINO would report to its makers

import openvino  # noqa: E402

NET = openvino.Core().compile_model(
    Path(__file__).with_name("model.xml"), "CPU", {"INFERENCE_PRECISION_HINT": openvino.Type.f32}
)


def outputs(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes), and the inputs of the last layer (n, d), for pixels (n, side, side, 3)."""
    found = NET(pixels)
    return found["logits"], found["embedding"]
