"""Rows of arrays on disk, found by the digest of their inputs.

A cache folder holds immutable chunks of some hundred rows. A chunk is one ``.npy`` file for each named array and one
``.keys.json``, which is renamed into place last: files without it do not exist for a reader, so that a process may
be killed, and two may write, at any moment. Rows are memory-mapped; nothing is ever unpickled.
"""

import contextlib
import functools
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from inarch.errors import OutputError, WorkError
from inarch.storage.cache_folder import explain_unwritable
from inarch.storage.files import whole_file

KEYS = ".keys.json"


def cache_key(*parts: str) -> str:
    """A digest of ``parts``: 64 hex digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class OpenLimits:
    """The files that one `Rows` keeps open."""

    chunks: int = 128
    """Files: each costs a file descriptor, and the usual limit of a process is 1,024."""
    size: int = 2**27
    """Bytes that they may map in all: pages that were read count as this process's memory while their file is open."""


class Rows:
    """A read-only array whose rows lie in memory-mapped chunks; ``rows[indices]`` copies the selected rows.

    Args:
        files: the chunks.
        places: for each row the index of its chunk, and its row there; (n, 2).
        row_shape: the shape of one row.
        dtype: of every row.
        limits: what stays open; the defaults if None.
    """

    def __init__(
        self,
        files: Sequence[Path],
        places: NDArray[np.int64],
        row_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        limits: OpenLimits | None = None,
    ) -> None:
        self.shape = (len(places), *row_shape)
        self.dtype = dtype
        self._files = tuple(files)
        self._places = places
        most = int(np.bincount(places[:, 0]).max(initial=1))
        largest = max(1, most * math.prod(row_shape) * dtype.itemsize)
        self._limits = limits or OpenLimits()
        kept = min(self._limits.chunks, 1 + self._limits.size // largest)
        self._opened = functools.lru_cache(maxsize=kept)(_open_chunk)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, indices: int | np.integer[Any] | slice | NDArray[Any]) -> NDArray[Any]:
        """One row for an integer, else the rows of a slice, of an array of integers or of a mask.

        Raises:
            IndexError: there is no such row.
            WorkError: a file of the cache has gone since the rows were looked up.
        """
        wanted = self._places[indices]
        if wanted.ndim == 1:
            return self._gather(wanted[None])[0]
        return self._gather(wanted)

    def of(self, indices: NDArray[np.integer[Any]]) -> "Rows":
        """Those rows as a `Rows` of their own; nothing is read."""
        return Rows(self._files, self._places[indices], self.shape[1:], self.dtype, self._limits)

    def _gather(self, places: NDArray[np.int64]) -> NDArray[Any]:
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        for chunk in np.unique(places[:, 0]):
            here = places[:, 0] == chunk
            rows[here] = self._opened(self._files[chunk])[places[here, 1]]
        return rows


@dataclass(frozen=True)
class _Chunk:
    stem: Path
    keys: tuple[str, ...]
    rows: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
    """The shape and dtype of a row of each array."""

    def file(self, name: str) -> Path:
        return _array_file(self.stem, name)


class ArrayCache:
    """Rows of named arrays, by key. All rows of one name have one shape and one dtype.

    Args:
        folder: need not exist; use different folders for different settings (see `cache_key`).
        limits: what each of its `Rows` keeps open; the defaults if None.
    """

    def __init__(self, folder: Path, limits: OpenLimits | None = None) -> None:
        self.folder = folder
        self._limits = limits
        self._seen: set[Path] = set()
        self._places: dict[str, tuple[_Chunk, int]] = {}

    def missing(self, keys: Sequence[str]) -> list[str]:
        """The keys without rows, each once, in the given order. A damaged chunk has no rows."""
        self._look()
        return [key for key in dict.fromkeys(keys) if key not in self._places]

    def read(self, keys: Sequence[str], name: str) -> Rows:
        """The rows of array ``name``, one for each of ``keys`` (which may repeat); nothing is loaded yet.

        Raises:
            KeyError: a key has no rows, or its chunk no such array.
            ValueError: there are no keys, or the rows differ in shape or dtype.
        """
        self._look()
        found = [self._places[key] for key in keys]
        kinds = {chunk.rows[name] for chunk, _ in found}
        if len(kinds) != 1:
            raise ValueError(f"{len(keys)} rows of {name!r} have {len(kinds)} shapes and dtypes; there must be one.")
        (row_shape, dtype) = kinds.pop()
        for stem in {chunk.stem for chunk, _ in found}:
            touch(stem.with_name(stem.name + KEYS))
        numbers: dict[Path, int] = {}
        places = [(numbers.setdefault(chunk.file(name), len(numbers)), row) for chunk, row in found]
        return Rows(tuple(numbers), np.array(places, np.int64), row_shape, dtype, self._limits)

    def write(self, keys: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add the rows of ``keys`` as one chunk, atomically.

        Args:
            keys: hex digests, one for each row.
            arrays: by name; row i of each belongs to key i.

        Raises:
            OutputError: the chunk cannot be written, for example because the disk is full.
            ValueError: the lengths differ, or there is nothing to write.
        """
        if not keys or not arrays or any(len(array) != len(keys) or not array.size for array in arrays.values()):
            raise ValueError(f"{len(keys)} keys need as many rows of each array, and at least one.")
        stem = self.folder / uuid4().hex
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_chunk(stem, keys, arrays)
        except BaseException as error:
            for file in self.folder.glob(f"{stem.name}.*"):
                file.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise OutputError(explain_unwritable(self.folder, error)) from error
            raise

    def _look(self) -> None:
        """Find the chunks that have appeared since the last call."""
        for file in sorted(set(self.folder.glob(f"*{KEYS}")) - self._seen):
            self._seen.add(file)
            chunk = _read_chunk(file)
            if chunk is not None:
                for row, key in enumerate(chunk.keys):
                    self._places.setdefault(key, (chunk, row))


def touch(file: Path) -> None:
    """Record that a file of the cache was used just now (see `inarch.storage.cache_size`), if possible."""
    with contextlib.suppress(OSError):
        os.utime(file)


def _array_file(stem: Path, name: str) -> Path:
    return stem.with_name(f"{stem.name}.{name}.npy")


def _write_chunk(stem: Path, keys: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    sizes = {}
    for name, array in arrays.items():
        with _array_file(stem, name).open("wb") as stream:
            np.save(stream, array, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())  # else a power cut may leave a file of zeros of the right size
            sizes[name] = stream.tell()
    with whole_file(stem.with_name(stem.name + KEYS)) as partial:
        partial.write_text(json.dumps({"keys": list(keys), "bytes": sizes}), "utf-8")


def _read_chunk(keys_file: Path) -> _Chunk | None:
    """A chunk, validated; None if any part of it is damaged, as if it had never been written."""
    stem = keys_file.with_name(keys_file.name.removesuffix(KEYS))
    try:
        record = json.loads(keys_file.read_text("utf-8"))
        keys, rows = tuple(record["keys"]), {}
        for name, size in record["bytes"].items():
            file = _array_file(stem, name)
            array = _map(file)
            if file.stat().st_size != size or len(array) != len(keys):
                return None
            rows[name] = (array.shape[1:], array.dtype)
        return _Chunk(stem, keys, rows)
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError):
        return None


def _map(file: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    return array


def _open_chunk(file: Path) -> NDArray[Any]:
    try:
        return _map(file)
    except (OSError, ValueError, EOFError) as error:
        raise WorkError(f"The cache file {file} was removed or damaged while it was in use; run again.") from error
