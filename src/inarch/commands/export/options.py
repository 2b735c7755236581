"""The options of `export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from inarch.options.device import AUTO, CpuDevice
from inarch.options.kinds import TargetAccuracy
from inarch.options.option import Option, check_options

TARGET_NAMES = ("onnx", "openvino", "torchvision", "timm")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The target of an export, and the photos that prove it."""

    to: Annotated[str, Option("Runtime or library.", kind="target of an export", choices=TARGET_NAMES)] = "onnx"
    photos: Annotated[
        Path | None, Option("Photos to compare both on, up to 100; without it the bundle's golden inputs.")
    ] = None
    target_accuracy: TargetAccuracy = None
    device: CpuDevice = AUTO

    def __post_init__(self) -> None:
        check_options(self)
