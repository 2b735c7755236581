"""The processor that trains: what PyTorch finds on this machine, and how tensors get there."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from inarch.errors import UserError
from inarch.options.device import AUTO, CPU, check_device


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


def training_precision(device: torch.device) -> str:
    """The precision of training on an accelerator: bfloat16 on CUDA that computes in it, else float32."""
    is_fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if is_fast else "float32"
