"""Pickles of training scripts, read without running anything: only tensors and plain values come to life.

A checkpoint names classes of its own (arguments, hyperparameters, metrics, whole modules). Python's unpickler would
import and call them. Here every such name gives an `Inert`, which is never anything else, and the storages next to
it are read from the archive by hand.
"""

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.serialization import MAGIC_NUMBER

STORAGES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "FloatStorage": torch.float32,
        "DoubleStorage": torch.float64,
        "HalfStorage": torch.float16,
        "BFloat16Storage": torch.bfloat16,
        "LongStorage": torch.int64,
        "IntStorage": torch.int32,
        "ShortStorage": torch.int16,
        "CharStorage": torch.int8,
        "ByteStorage": torch.uint8,
        "BoolStorage": torch.bool,
        "UntypedStorage": torch.uint8,
    }
)
"""torch's names for stretches of numbers, by their type."""


class Inert(dict[Any, Any]):
    """The place of an object whose class is not imported; it keeps its attributes and items, and does nothing."""

    def __new__(cls, *_: object, **__: object) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __hash__(self) -> int:  # type: ignore[override]  # it may be the key of a dict
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and state and isinstance(state[0], Mapping):
            state = state[0]
        if isinstance(state, Mapping):
            self.update(state)

    def __call__(self, *_: object, **__: object) -> "Inert":
        return Inert()

    def ignore(self, *_: object) -> None:
        """Take items as a list or a set does, and drop them."""

    append = extend = add = ignore


class Storage(NamedTuple):
    """A stretch of numbers in the file."""

    numbers: Tensor


class InertUnpickler(pickle.Unpickler):
    """An unpickler that imports nothing.

    Args:
        stream: the pickle.
        read_storage: gives the bytes of a storage by its key; takes their number, too.
    """

    def __init__(self, stream: io.BytesIO | io.BufferedReader, read_storage: Callable[[str, int], bytearray]) -> None:
        super().__init__(stream)
        self._read_storage = read_storage
        self._storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Never the class or function of that name: a stand-in for the few that make tensors, or an `Inert`."""
        if module in ("torch", "torch.storage") and name in STORAGES:
            return STORAGES[name]
        if module == "torch._utils" and name == "_rebuild_tensor_v2":
            return _TensorMaker
        if module == "torch._utils" and name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
            return _ParameterMaker
        return type("InertClass", (Inert,), {})  # a new one each time: what a pickle does to it stays in this file

    def persistent_load(self, pid: Any) -> Any:
        """The storage of a tensor; or the stand-in of a module's class, whose source older files have next to it.

        Raises:
            pickle.UnpicklingError: it is something else.
        """
        match pid:
            case ("storage", torch.dtype() as kind, str(key), _, int(count), *view) if not any(view):
                if key not in self._storages:
                    self._storages[key] = Storage(_numbers(self._read_storage(key, count * kind.itemsize), kind))
                return self._storages[key]
            case ("module", type() as stand_in, *_) if issubclass(stand_in, Inert):
                return stand_in
        raise pickle.UnpicklingError("a persistent id that is no storage")


class _TensorMaker:
    """Makes a tensor of a storage; its bounds are checked by torch."""

    def __new__(cls, *arguments: Any) -> Any:
        storage, offset, size, stride, *_ = arguments
        if not isinstance(storage, Storage):
            raise pickle.UnpicklingError("a tensor without a storage")
        return torch.as_strided(storage.numbers, size, stride, offset)


class _ParameterMaker:
    """Makes a parameter's tensor."""

    def __new__(cls, *arguments: Any) -> Any:
        return arguments[0]


def _numbers(content: bytearray, kind: torch.dtype) -> Tensor:
    return torch.frombuffer(content, dtype=kind) if content else torch.empty(0, dtype=kind)


def read_inert(path: Path) -> Any:
    """The content of a PyTorch file, objects of foreign classes as `Inert`.

    Raises:
        Exception: it is no such file, or damaged; of any kind, as the unpickler's are.
    """
    return _read_archive(path) if zipfile.is_zipfile(path) else _read_legacy(path)


def _read_archive(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        (pickled,) = (name for name in archive.namelist() if name.endswith("/data.pkl") or name == "data.pkl")
        folder = pickled.removesuffix("data.pkl")
        stream = io.BytesIO(archive.read(pickled))
        return InertUnpickler(stream, lambda key, size: bytearray(archive.read(f"{folder}data/{key}"))).load()


def _read_legacy(path: Path) -> Any:
    """The format before PyTorch 1.6: three pickles, the content, the keys of its storages, and their numbers."""
    largest, storages = path.stat().st_size, dict[str, bytearray]()

    def reserve(key: str, size: int) -> bytearray:
        if not 0 <= size <= largest:
            raise pickle.UnpicklingError("a storage that is larger than the file")
        return storages.setdefault(key, bytearray(size))

    with path.open("rb") as file:
        magic, _, _ = (InertUnpickler(file, reserve).load() for _ in range(3))
        if magic != MAGIC_NUMBER:
            raise pickle.UnpicklingError("no file of torch.save")
        content = InertUnpickler(file, reserve).load()
        for key in InertUnpickler(file, reserve).load():
            file.read(8)  # the count of numbers, which the content says, too
            place = storages[key]
            if file.readinto(place) != len(place):
                raise pickle.UnpicklingError("a storage that is cut short")
    return content
