"""The backbones that come with the package: trained by us, stored in 16 bits, each with a card that says how."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from torch import Tensor

from inarch.weights.files import write_weights

SUFFIX = ".safetensors"
IMAGE_SIZE = "image_size"
"""The key in such a file's metadata of the pixels a side that the backbone was last trained at."""


def list_embedded_models() -> tuple[str, ...]:
    """The architectures that the package has a trained backbone of, by name."""
    return tuple(sorted(file.stem for file in _folder().glob(f"*{SUFFIX}")))


def embedded_weights(name: str) -> Path:
    """The file of the trained backbone of architecture ``name``; it need not exist (see `list_embedded_models`)."""
    return _folder() / f"{name}{SUFFIX}"


def pack(backbone: Mapping[str, Tensor], path: Path, *, architecture: str, image_size: int, origin: str) -> None:
    """Write a backbone as it is shipped: convolutions in 16 bits, batch normalisation in 32.

    Args:
        backbone: its state dict, under our names.
        path: where to.
        architecture: the key of the catalog.
        image_size: pixels a side that it was last trained at.
        origin: the recipe and how far it got.

    Raises:
        OutputError: it cannot be written there.
    """
    tensors = {f"backbone.{name}": _halve_kernels(tensor) for name, tensor in backbone.items()}
    write_weights(path, tensors, {"architecture": architecture, IMAGE_SIZE: str(image_size), "origin": origin})


def _halve_kernels(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.ndim == 4 else tensor  # a variance below 6e-8 would become 0 in 16 bits


def _folder() -> Path:
    return Path(str(files("inarch.weights"))) / "embedded"
