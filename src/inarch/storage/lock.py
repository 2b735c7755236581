"""Locks on files that go with the process that holds them, however it ends."""

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
    """Hold ``folder`` for this process inside the ``with``: two runs would overwrite each other's files.

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
        if not try_lock(file.fileno()):
            raise UserError(f"Another run is writing to {folder}; wait for it, or choose another --out.")
        yield


def try_lock(descriptor: int) -> bool:
    """Lock an open file until it is closed; whether that was possible, at once."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_locked(file: Path) -> bool:
    """Whether somebody holds ``file``; one that nobody holds is removed."""
    try:
        with file.open("w") as stream:
            if not try_lock(stream.fileno()):
                return True
        file.unlink(missing_ok=True)
    except OSError:  # gone meanwhile
        return False
    return False
