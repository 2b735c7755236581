"""One run at a time in one folder: two would overwrite each other's checkpoints without noticing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inarch.errors import OutputError, UserError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process inside the ``with``; the lock goes with the process, however it ends.

    Raises:
        UserError: another process holds it.
        OutputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise OutputError(f"{folder} cannot be used ({error.strerror or error}); choose another --out.") from error
    with file:
        if not _locked(file.fileno()):
            raise UserError(f"Another run is writing to {folder}; wait for it, or choose another --out.")
        yield


def _locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
