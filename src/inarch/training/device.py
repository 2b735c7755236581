"""The processor that trains: what PyTorch finds on this machine, and how tensors get there."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from inarch.errors import UserError
from inarch.options.device import AUTO, CPU, check_device
from inarch.training.config import TrainingConfig


def find_device(name: str) -> torch.device:
    """The device of a name: ``auto`` is the accelerator if one can be used, else the CPU.

    Raises:
        UserError: this machine has no such device, or PyTorch was built without it.
    """
    check_device(name)
    if name == CPU:
        return torch.device(CPU)
    found = torch.accelerator.current_accelerator(check_available=True)  # else a build for CUDA says cuda anywhere
    if name == AUTO:
        return found or torch.device(CPU)
    wanted = torch.device(name)
    if found is None or found.type != wanted.type:
        there = "no accelerator" if found is None else f"{found.type} alone"
        raise UserError(
            f"Device {name} cannot be used: PyTorch {torch.__version__} finds {there} here. Leave --device out, or "
            f"install a driver and a PyTorch for {wanted.type}."
        )
    count = torch.accelerator.device_count()
    if wanted.index is not None and wanted.index >= count:
        raise UserError(
            f"Device {name} cannot be used: this machine has {count} of kind {wanted.type}, numbered from 0 to "
            f"{count - 1}."
        )
    return wanted


def to_device(batch: Any, device: torch.device) -> Any:
    """A tensor, or a tuple that holds tensors, on that device; everything else stays as it is."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=device.type == "cuda")
    if isinstance(batch, tuple):
        moved = [to_device(each, device) for each in batch]
        return batch._make(moved) if hasattr(batch, "_make") else tuple(moved)  # named tuples stay such
    return batch


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Convolutions and matrix products in ``bfloat16`` inside the ``with``, or as they are for ``float32``."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def training_precision(device: torch.device, model: nn.Module) -> str:
    """The precision in which ``model`` is trained: bfloat16 where the device computes faster in it, else float32.

    The device's features decide, so that no noise of a timing matters. A depthwise convolution waits for memory, not
    for products: on a CPU, EfficientNet-Lite0 gains nothing, and a ResNet-50 of half width takes half the time
    (`benchmarks.training_step`).
    """
    if device.type == CPU:
        is_dense = not any(each.groups > 1 for each in model.modules() if isinstance(each, nn.Conv2d))
        is_fast = is_dense and _has_bfloat16_matmul()
    else:
        is_fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if is_fast else "float32"


def _has_bfloat16_matmul() -> bool:
    """Whether this processor has a fast bfloat16 matmul."""
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 lacks it
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def device_notes(config: TrainingConfig) -> tuple[str, ...]:
    """A sentence that names the device of a training, unless that was the CPU, like everything else."""
    if torch.device(config.device).type == CPU:
        return ()
    return (f"Trained on {config.device} in {config.precision}; all other computations ran on the CPU.",)
