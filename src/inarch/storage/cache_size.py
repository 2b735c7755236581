"""The cache stays within a size: what was used longest ago goes first, and never while somebody uses the cache."""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from inarch.errors import OutputError, WorkError
from inarch.storage.cache import KEYS
from inarch.storage.lock import is_locked, try_lock

DEFAULT_SIZE = 20 * 10**9
"""Bytes."""
LOCK, USERS = ".lock", ".users"
PATIENCE = 60.0
"""Seconds to wait for a process that is tidying up."""


@contextmanager
def in_use(cache: Path, size: int | None) -> Iterator[None]:
    """Inside the ``with`` nothing is removed from ``cache``; afterwards it is trimmed to ``size`` bytes, if given.

    The mark is a file that is locked by its process, so it does not outlive a process that is killed.

    Raises:
        OutputError: the cache cannot be written.
        WorkError: another process has been tidying up for a minute.
    """
    mark = cache / USERS / uuid4().hex
    try:
        with _tidying(cache):
            mark.parent.mkdir(exist_ok=True)
            file = mark.open("w")
            try_lock(file.fileno())
    except OSError as error:
        raise OutputError(
            f"The cache in {cache} cannot be written ({error.strerror or error}): free some space, "
            "or set INARCH_CACHE to a folder on another disk."
        ) from error
    try:
        yield
    finally:
        file.close()
        mark.unlink(missing_ok=True)
        if size is not None:
            with contextlib.suppress(OSError):  # what cannot be removed now is removed another time
                trim(cache, size)


def trim(cache: Path, size: int) -> int:
    """Remove what a killed process left half written, then what was used longest ago until ``size`` bytes are left.

    Returns:
        how many bytes were removed: none while another process uses the cache, which trims it when it is done.
    """
    with _tidying(cache):
        if any(is_locked(each) for each in (cache / USERS).glob("*")):
            return 0
        removed = sum(_remove(file) for file in _leftovers(cache))
        units = sorted(_units(cache), key=lambda unit: unit.used)
        total = sum(unit.size for unit in units)
        for unit in units:
            if total <= size:
                break
            total -= unit.size
            removed += sum(_remove(file) for file in unit.files)
    return removed


@dataclass(frozen=True)
class _Unit:
    """Files that are of use together only; the one that makes the others count is the first."""

    files: tuple[Path, ...]
    size: int
    used: float


def _units(cache: Path) -> Iterator[_Unit]:
    for index in cache.glob(f"*/*/*{KEYS}"):
        stem = index.name.removesuffix(KEYS)
        yield _unit(index, *index.parent.glob(f"{stem}.*.npy"))
    for file in (*cache.glob("graphs/*.onnx"), *cache.glob("checkpoints/*.pt")):
        yield _unit(file)


def _unit(*files: Path) -> _Unit:
    states = [file.stat() for file in files]
    return _Unit(files, sum(state.st_size for state in states), states[0].st_mtime)


def _leftovers(cache: Path) -> Iterator[Path]:
    """Arrays without an index, and files that were not yet renamed into place."""
    for array in cache.glob("*/*/*.npy"):
        stem = array.name.partition(".")[0]
        if not array.with_name(f"{stem}{KEYS}").exists():
            yield array
    yield from cache.glob("*/*/*.partial")
    yield from (file for file in cache.glob("graphs/*") if file.suffix != ".onnx")


def _remove(file: Path) -> int:
    """Remove a file; returns its bytes, or 0 where it is gone already or cannot be removed (open, on Windows)."""
    try:
        size = file.stat().st_size
        file.unlink()
    except OSError:
        return 0
    return size


@contextmanager
def _tidying(cache: Path) -> Iterator[None]:
    """Hold the right to add marks and to remove files; each holds it for a moment only."""
    cache.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + PATIENCE
    with (cache / LOCK).open("w") as file:
        while not try_lock(file.fileno()):
            if time.monotonic() > until:
                raise WorkError(f"Another process has been tidying {cache} for a minute; look what it does.")
            time.sleep(0.02)
        yield
