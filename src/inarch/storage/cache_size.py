"""The size limit of the cache: the least recently used files are removed first, and never during use."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from inarch.errors import OutputError, WorkError
from inarch.storage.cache import KEYS
from inarch.storage.cache_folder import explain_unwritable
from inarch.storage.files import PARTIAL
from inarch.storage.lock import LOCK

USERS = ".users"


@contextmanager
def in_use(cache: Path, size: int | None, *, patience: float = 60.0) -> Iterator[None]:
    """Inside the ``with`` nothing is removed from ``cache``; afterwards it is trimmed to ``size`` bytes, if given.

    The mark is a locked file, so it does not outlive its process. Waits at most ``patience`` seconds for another
    process that is cleaning up.

    Raises:
        OutputError: the cache cannot be written.
        WorkError: another process has been cleaning up for a minute.
    """
    mark = cache / USERS / uuid4().hex
    try:
        with _tidying(cache, patience):
            mark.parent.mkdir(exist_ok=True)
            held = FileLock(mark, timeout=0, thread_local=False)
            held.acquire()
    except OSError as error:
        raise OutputError(explain_unwritable(cache, error)) from error
    try:
        yield
    finally:
        held.release()
        mark.unlink(missing_ok=True)
        if size is not None:
            with contextlib.suppress(OSError):  # files that cannot be removed now are removed another time
                trim(cache, size)


def trim(cache: Path, size: int) -> int:
    """Remove partial files of killed processes, then the least recently used files until ``size`` bytes are left.

    Returns:
        The number of removed bytes: 0 while another process uses the cache, which trims it in the end.
    """
    with _tidying(cache):
        if any(_is_held(each) for each in (cache / USERS).glob("*")):
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
    """Files that are only useful together; the first one is their index."""

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
    """Arrays without an index, and files that were not renamed into place."""
    for array in cache.glob("*/*/*.npy"):
        stem = array.name.partition(".")[0]
        if not array.with_name(f"{stem}{KEYS}").exists():
            yield array
    for folder in ("*/*", "checkpoints"):
        yield from cache.glob(f"{folder}/*{PARTIAL}")
    yield from (file for file in cache.glob("graphs/*") if file.suffix != ".onnx")


def _remove(file: Path) -> int:
    """Remove a file; returns its bytes, or 0 if it is gone already or cannot be removed (open, on Windows)."""
    try:
        size = file.stat().st_size
        file.unlink()
    except OSError:
        return 0
    return size


def _is_held(mark: Path) -> bool:
    """Whether a process holds a mark; one that nobody holds is removed."""
    try:
        with FileLock(mark, timeout=0, thread_local=False):
            pass
        mark.unlink(missing_ok=True)
    except Timeout:
        return True
    except OSError:  # gone meanwhile
        return False
    return False


@contextmanager
def _tidying(cache: Path, patience: float = 60.0) -> Iterator[None]:
    """Hold the right to add marks and to remove files, for a moment."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache / LOCK, timeout=patience, poll_interval=0.02, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise WorkError(f"Another process has been cleaning up {cache} for a minute; end it, or wait.") from error
    try:
        yield
    finally:
        lock.release()
