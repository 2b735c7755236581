"""The exported model in ONNX Runtime."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime would report to its makers

import onnxruntime

SESSION = onnxruntime.InferenceSession(str(Path(__file__).with_name("model.onnx")), providers=["CPUExecutionProvider"])


def outputs(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes), and the inputs of the last layer (n, d), for pixels (n, side, side, 3)."""
    logits, features = SESSION.run(["logits", "embedding"], {"pixels": pixels})
    return logits, features
