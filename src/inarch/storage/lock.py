"""A folder for one process alone, by a lock that ends with the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from inarch.errors import OutputError, UserError

LOCK = ".lock"
"""The file that is locked; it stays when the lock has gone."""


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process inside the ``with``, because two runs would overwrite each other's files.

    Raises:
        UserError: another process holds it.
        OutputError: the folder cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise UserError(f"Another run is writing to {folder}; wait for it, or choose another --out.") from error
    except OSError as error:
        raise OutputError(f"{folder} cannot be used ({error.strerror or error}); choose another --out.") from error
    try:
        yield
    finally:
        lock.release()
