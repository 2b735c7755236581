"""Switches that keep the libraries underneath from reporting to their makers; the user's own settings stay."""

import os
import sys


def switch_off() -> None:
    """Set the variables of ONNX Runtime and of the Hugging Face hub, which read them when they are imported."""
    for variable in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ.setdefault(variable, "1")


def hide_from_openvino() -> None:
    """Let OpenVINO's import find no ``openvino_telemetry``, which it can do without, and which has no variable."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so Python marks what is not there
