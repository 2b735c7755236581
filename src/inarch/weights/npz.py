"""NumPy archives from elsewhere, without torch: arrays of numbers, or one kind of error."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAMAGED = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, MemoryError),
    *(RuntimeError, zipfile.BadZipFile, zlib.error),  # RuntimeError: encrypted, or compressed in an unusual way
)


def read_arrays(
    source: Path | io.BytesIO, names: Sequence[str] = (), *, largest: int = 8 << 30
) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file, by name.

    Args:
        source: the file, or its content.
        names: which arrays; none means all.
        largest: bytes that all arrays may take together: a small archive of zeros may claim any size.

    Raises:
        ValueError: it is damaged, lacks an array, holds more than numbers, or would take more than ``largest``.
    """
    try:
        with np.load(source, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile) or file.zip is None:
                raise ValueError("it is no archive")
            size = sum(int(each.file_size) for each in file.zip.infolist())
            if size > largest:
                raise ValueError(f"its arrays claim {size:,} bytes; {largest:,} are the limit")
            return {name: np.array(file[name]) for name in names or file.files}
    except DAMAGED as error:
        raise ValueError(str(error) or type(error).__name__) from error
