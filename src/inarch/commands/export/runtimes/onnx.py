"""The exported model in ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

SESSION = onnxruntime.InferenceSession(str(Path(__file__).with_name("model.onnx")), providers=["CPUExecutionProvider"])


def outputs(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes), and the inputs of the last layer (n, d), for pixels (n, side, side, 3)."""
    logits, features = SESSION.run(["logits", "embedding"], {"pixels": pixels})
    return logits, features
