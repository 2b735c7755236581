"""State dicts on disk: safetensors in and out; PyTorch's pickles, Keras', NumPy's and ONNX's files in; nothing runs."""

import hashlib
import json
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inarch.errors import OutputError, WeightsError
from inarch.storage.files import whole_file
from inarch.storage.home import expand
from inarch.weights.arrays import read_hdf5, read_keras, read_npz, read_onnx
from inarch.weights.inert import read_inert
from inarch.weights.recognition import FileKind, recognise
from inarch.weights.wrapping import unwrap_checkpoint


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a weights file, under the names that they have there, less what training tools put around."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    """The file's own metadata; ``unwrapped`` and ``also_present`` say which part of it was taken."""
    sha256: str
    """SHA-256 of the file's bytes."""
    path: str


def read_weights(path: str | Path) -> WeightsFile:
    """Read a state dict; what kind of file it is, is judged by its content.

    Of a pickle, tensors and plain values come to life (``torch.load(weights_only=True)``, `InertUnpickler`): nothing
    in it runs. Where a checkpoint holds several state dicts, the first of `WRAPPERS` is taken and the metadata says so.

    Args:
        path: the file, or a folder that holds one, as a snapshot of the Hugging Face hub does.

    Raises:
        WeightsError: no such file, not a weights file, damaged, or a pickle that cannot be read without running it.
    """
    path = find_in_folder(expand(path))
    kind = recognise(path)
    if kind == FileKind.SAFETENSORS:
        content, metadata = _read_safetensors(path)
    elif kind in READERS:
        content, metadata = READERS[kind](path), {}
    else:
        raise WeightsError(
            f"{path} is {kind}; weights are read from safetensors and PyTorch (.pth, .pt) files, and from Keras' "
            "(.h5), NumPy's (.npz) and ONNX's (.onnx)."
        )
    tensors, found = unwrap_checkpoint(content, path)
    found |= _read_config(path.with_name("config.json"))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return WeightsFile(MappingProxyType(tensors), MappingProxyType({**metadata, **found}), digest, str(path))


def find_in_folder(path: Path) -> Path:
    """``path``, or the only file of weights in it where it is a folder.

    Raises:
        WeightsError: there is nothing, or the folder holds none or several.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise WeightsError(
            f"Weights were to be read from {path}, which does not exist; name a .safetensors or .pth file."
        )
    for pattern in ("", "snapshots/*/"):  # the second: a repository in the hub's cache
        for name in ("model.safetensors", "pytorch_model.bin", "*.safetensors", "*.bin", "*.pth", "*.pt", "*.ckpt"):
            found = sorted(file for file in path.glob(f"{pattern}{name}") if file.is_file())
            if len(found) == 1:
                return found[0]
            if found:
                names = ", ".join(str(file.relative_to(path)) for file in found[:5])
                raise WeightsError(f"{path} is a folder with several files of weights ({names}); name one of them.")
    raise WeightsError(f"{path} is a folder without a file of weights; name a .safetensors or .pth file.")


def _read_config(config: Path) -> dict[str, str]:
    """The variant of a ResNet, as the file says that transformers writes next to the weights; empty if it does not."""
    try:
        said = json.loads(config.read_bytes())
        if said["model_type"] == "resnet" and said.get("layer_type", "bottleneck") == "bottleneck":
            return {"variant": "v1" if said.get("downsample_in_bottleneck") else "v1.5"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # no such file, or another tool's
    return {}


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} is a safetensors file that is damaged ({error}); fetch it again.") from error


def _read_pickle(path: Path) -> Any:
    try:
        with path.open("rb") as file, warnings.catch_warnings():  # a path would be judged by its suffix
            warnings.simplefilter("ignore", UserWarning)  # odd pickle protocols: it can be read, or it cannot
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        return _read_inert(path, error)
    except Exception as error:  # damaged bytes make torch raise nearly anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is a PyTorch file that is cut short or damaged ({reason}).") from error


def _read_inert(path: Path, error: Exception) -> Any:
    """The tensors of a pickle that names classes of its own; these stay unopened.

    Raises:
        WeightsError: it cannot be read so.
    """
    try:
        return read_inert(path)
    except Exception as again:  # damaged bytes make the unpickler raise nearly anything
        raise WeightsError(_refusal(path, error)) from again


def _refusal(path: Path, error: Exception) -> str:
    found = re.search(r"GLOBAL (\S+)", str(error))
    what = f"it names {found[1]}" if found else "it is not a plain state dict"
    return (
        f"{path} is a pickle that holds more than tensors ({what}). Pickles can run code when they are "
        "opened, so it stays closed. If you trust where it comes from, load it there with torch and save its "
        "state_dict again: safetensors.torch.save_file(checkpoint['model'], 'weights.safetensors'), with the key "
        "under which it keeps the state dict."
    )


READERS: Mapping[str, Callable[[Path], Any]] = MappingProxyType(
    {
        FileKind.PICKLE: _read_pickle,
        FileKind.NUMPY: read_npz,
        FileKind.HDF5: read_hdf5,
        FileKind.KERAS: read_keras,
        FileKind.ONNX: read_onnx,
    }
)
"""How the kinds of files are read that say nothing about themselves."""


def write_weights(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None, *, half: bool = False
) -> None:
    """Write a safetensors file that is either there in full or not at all.

    Args:
        path: where to; a file that stands there is replaced.
        tensors: names and values.
        metadata: words that travel with them.
        half: store floats in 16 bits, but those whose values do not fit into them in 32.

    Raises:
        OutputError: it cannot be written there.
    """
    path = expand(path)
    stored = {name: _copy_tensor(tensor.detach().cpu(), half=half) for name, tensor in tensors.items()}
    try:
        with whole_file(path) as partial:
            save_file(stored, partial, dict(sorted((metadata or {}).items())))
    except (OSError, SafetensorError) as error:
        advice = "is the disk full?" if path.parent.is_dir() else "name a file in a writable folder."
        raise OutputError(f"{path} cannot be written ({error}); {advice}") from error


def _copy_tensor(tensor: Tensor, *, half: bool) -> Tensor:
    """A copy of its own: safetensors refuses tensors that share memory."""
    if half and tensor.is_floating_point():
        halved = tensor.to(torch.float16)
        if halved.isfinite().all():
            tensor = halved
    return tensor.clone(memory_format=torch.contiguous_format)


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and values; the order of ``state`` does not matter."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
