"""The exported net in OpenVINO, computed in 32 bits."""

from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

NET = openvino.Core().compile_model(
    Path(__file__).with_name("model.xml"), "CPU", {"INFERENCE_PRECISION_HINT": openvino.Type.f32}
)


def outputs(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes), and what the last layer reads (n, d), of pixels (n, side, side, 3)."""
    found = NET(pixels)
    return found["logits"], found["embedding"]
