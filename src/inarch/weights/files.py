"""State dicts on disk: safetensors in and out; PyTorch's pickles, Keras', NumPy's and ONNX's files in; nothing runs."""

import hashlib
import pickle
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
from inarch.weights.arrays import read_hdf5, read_npz, read_onnx
from inarch.weights.recognition import FileKind, recognise

WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model")
"""Where checkpoints keep the state dict, in order of preference: the moving average is what their authors evaluate."""
COUNTERS = ("n_averaged",)
"""The key that torch's AveragedModel adds to its state dict."""


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

    A pickle is read as tensors and plain values only (``torch.load(weights_only=True)``): nothing in it runs.
    Where a checkpoint holds several state dicts, the first of `WRAPPERS` is taken and the metadata says so.

    Raises:
        WeightsError: no such file, not a weights file, damaged, or a pickle that holds more than tensors.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise WeightsError(f"Weights were to be read from {path}, which {what}; name a .safetensors or .pth file.")
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
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return WeightsFile(MappingProxyType(tensors), MappingProxyType({**metadata, **found}), digest, str(path))


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
        raise WeightsError(_refusal(path, error)) from error
    except Exception as error:  # damaged bytes make torch raise nearly anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} is a PyTorch file that is cut short or damaged ({reason}).") from error


def _refusal(path: Path, error: Exception) -> str:
    found = next((line for line in str(error).splitlines() if "GLOBAL" in line), "it is not a plain state dict")
    return (
        f"{path} is a pickle that holds more than tensors ({found.strip()}). Pickles can run code when they are "
        "opened, so it stays closed. If you trust where it comes from, load it there with torch and save its "
        "state_dict again: safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')."
    )


READERS: Mapping[str, Callable[[Path], Any]] = MappingProxyType(
    {
        FileKind.PICKLE: _read_pickle,
        FileKind.NUMPY: read_npz,
        FileKind.HDF5: read_hdf5,
        FileKind.ONNX: read_onnx,
    }
)
"""How the kinds of files are read that say nothing about themselves."""


def unwrap_checkpoint(content: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The state dict inside a checkpoint, without wrappers and prefixes, and words on what was taken.

    Wrappers are followed four deep: a pickled dict can hold itself.

    Raises:
        WeightsError: there is no state dict in it.
    """
    taken: list[str] = []
    passed: list[str] = []
    for depth in (4, 3, 2, 1):
        if not (isinstance(content, Mapping) and (inner := _inner(content, depth))):
            break
        taken.append(inner[0])
        passed += inner[1:]
        content = content[inner[0]]
    if not _is_state(content):
        raise WeightsError(f"{path} holds no state dict: {_describe(content)}. Save model.state_dict() instead.")
    tensors, prefix = _strip_prefixes({str(name): each for name, each in content.items() if isinstance(each, Tensor)})
    notes = {"unwrapped": ".".join(taken), "also_present": ", ".join(passed), "prefix": prefix}
    return tensors, {key: value for key, value in notes.items() if value}


def _inner(content: Mapping[Any, Any], depth: int) -> list[str]:
    """The wrappers that hold a state dict, or hold one further down."""
    return [key for key in WRAPPERS if _is_state(content.get(key), depth)]


def _is_state(content: Any, depth: int = 1) -> bool:
    if not isinstance(content, Mapping) or depth < 1:
        return False
    return any(isinstance(each, Tensor) for each in content.values()) or bool(_inner(content, depth - 1))


def _describe(content: Any) -> str:
    if isinstance(content, Mapping):
        return f"a dict with {', '.join(map(repr, list(content)[:5])) or 'nothing in it'}"
    return f"a {type(content).__name__}"


def _strip_prefixes(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The tensors without what DataParallel, torch.compile and Lightning put before every name, and what that was."""
    removed = ""
    while found := [prefix for prefix in ("module.", "_orig_mod.", "model.") if _all_begin(tensors, prefix)]:
        removed += found[0]
        tensors = {name.removeprefix(found[0]): each for name, each in tensors.items() if name not in COUNTERS}
    return tensors, removed


def _all_begin(tensors: Mapping[str, Tensor], prefix: str) -> bool:
    names = [name for name in tensors if name not in COUNTERS]
    return bool(names) and all(name.startswith(prefix) for name in names)


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
    path = Path(path)
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
