"""Archives of named arrays: NumPy's ``.npz``, Keras' HDF5 files, the weights of ONNX graphs. Nothing in them runs."""

import io
import zipfile
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from inarch.errors import WeightsError
from inarch.extras import import_required
from inarch.weights.npz import read_arrays

ORDERS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "conv2d": ("kernel", "bias"),
        "dense": ("kernel", "bias"),
        "batch_normalization": ("beta", "moving_mean", "moving_variance"),
    }
)
"""The arrays that Keras 3 numbers in a layer of each kind; with a scale, ``gamma`` comes before these."""


def read_npz(path: Path) -> dict[str, Tensor]:
    """The arrays of an ``.npz`` file, by name.

    Raises:
        WeightsError: it is damaged, or an array holds something else than numbers.
    """
    try:
        return {name: torch.from_numpy(array) for name, array in read_arrays(path).items()}
    except (ValueError, TypeError) as error:  # TypeError: numbers of a kind that torch has not
        raise WeightsError(
            f"{path} is a NumPy archive that is damaged or holds more than numbers ({error})."
        ) from error


def read_onnx(path: Path) -> dict[str, Tensor]:
    """The initialisers of an ONNX graph, by name: its weights and constants. The graph itself is not run.

    Raises:
        WeightsError: it is damaged, has no weights, or keeps them in other files, which are not followed.
    """
    try:
        arrays = onnx.load(path, format="protobuf", load_external_data=False).graph.initializer
        found = {each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in arrays}
    except Exception as error:  # damaged bytes make protobuf raise nearly anything
        raise WeightsError(
            f"{path} is an ONNX graph that is damaged or keeps its weights elsewhere ({error})."
        ) from error
    if not found:
        raise WeightsError(f"{path} is an ONNX graph without weights.")
    return found


def read_hdf5(path: Path) -> dict[str, Tensor]:
    """The arrays of a Keras file, as ``layer/array``; links to other files are not followed.

    Raises:
        MissingExtraError: h5py is not installed.
        WeightsError: it is damaged, or an array holds something else than numbers.
    """
    return _read_hdf5(path, path)


def read_keras(path: Path) -> dict[str, Tensor]:
    """The arrays of the weights in a ``.keras`` archive; its other members are not opened.

    Raises:
        MissingExtraError: h5py is not installed.
        WeightsError: it is damaged, or an array holds something else than numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
    except (OSError, ValueError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise WeightsError(f"{path} is a Keras model that is damaged ({error}).") from error
    return _read_hdf5(content, path)


def _read_hdf5(source: Path | io.BytesIO, path: Path) -> dict[str, Tensor]:
    h5py = import_required("h5py")
    found: dict[str, Any] = {}
    try:
        with h5py.File(source, "r") as file:
            file.visititems(lambda name, each: found.update({name: each}) if isinstance(each, h5py.Dataset) else None)
            nested = _nested(found)
            return {
                _array_name(name, each, nested): torch.from_numpy(np.array(each[()])) for name, each in found.items()
            }
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} is an HDF5 file that is damaged or holds more than numbers ({error}).") from error


def _parts(name: str) -> list[str]:
    return name.removeprefix("model_weights/").removesuffix(":0").split("/")


def _nested(names: Iterable[str]) -> frozenset[str]:
    """The outer groups that are models, not layers: they hold arrays of several layers."""
    layers: dict[str, set[str]] = {}
    for parts in map(_parts, names):
        layers.setdefault(parts[0], set()).add("/".join(parts[1:-1]))
    return frozenset(group for group, inner in layers.items() if len(inner) > 1)


def _array_name(name: str, dataset: Any, nested: Collection[str]) -> str:
    """``model_weights/conv2d_1/conv2d_1/kernel:0`` of Keras 2, ``layers/…/vars/0`` of Keras 3: ``conv2d_1/kernel``."""
    parts = _parts(name)
    if parts[-2:-1] != ["vars"]:
        return f"{parts[-2 if parts[0] in nested else 0]}/{parts[-1]}"
    group = dataset.parent
    layer = str(group.attrs.get("name", parts[-3]))  # the folder counts in another order than the layers' own names
    kind = next((each for each in ORDERS if parts[-3].startswith(each)), "")
    order = (("gamma",) if kind == "batch_normalization" and len(group) > 3 else ()) + tuple(ORDERS.get(kind, ()))
    place = int(parts[-1])
    return f"{layer}/{order[place] if place < len(order) else place}"
