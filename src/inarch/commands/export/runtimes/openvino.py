"""The exported model in OpenVINO, computed in float32."""

from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

NET = openvino.Core().compile_model(
    Path(__file__).with_name("model.xml"), "CPU", {"INFERENCE_PRECISION_HINT": openvino.Type.f32}
)


def outputs(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes), and the inputs of the last layer (n, d), for pixels (n, side, side, 3)."""
    found = NET(pixels)
    return found["logits"], found["embedding"]
