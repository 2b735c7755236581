"""Atomic writes of files and folders, and folders for results."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from inarch.errors import OutputError
from inarch.storage.home import expand

PARTIAL = ".partial"
"""How the name ends of what is not yet whole; it outlives only a process that is killed."""


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Where to write what is to stand at ``path``: it is moved there when the block ends, and gone where it fails.

    It lies in the same folder, so that the move is atomic; a file that stands there is replaced, and a link followed.

    Args:
        path: where to.
        durable: wait until it is on the disk before it is moved; else a power cut may leave a file full of zeros.

    Raises:
        OSError: it cannot be written there.
    """
    place = Path(os.path.realpath(path))
    partial = beside(place)
    try:
        yield partial
        if durable:
            with partial.open("r+b") as file:
                os.fsync(file.fileno())
        os.replace(partial, place)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """The same for a folder, which is there and empty when the block begins.

    Args:
        path: where to.
        replace: whether what stands there gives way; it comes back where the move fails. Else it must be empty.

    Raises:
        OSError: it cannot be written, or something stands there.
    """
    place = Path(os.path.realpath(path))
    partial = beside(place)
    try:
        partial.mkdir()
        yield partial
        if not place.exists():
            os.replace(partial, place)
        elif replace:
            _swap(partial, place)
        else:
            place.rmdir()
            os.replace(partial, place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def beside(place: Path) -> Path:
    """A new name in the folder of ``place``, for what is not yet whole."""
    return place.with_name(f".{place.name[:32]}.{uuid4().hex}{PARTIAL}")  # a name has at most 255 bytes


def _swap(partial: Path, place: Path) -> None:
    """Put ``partial`` in the place of what stands there, which comes back if that fails or is interrupted."""
    older = beside(place)
    try:
        os.replace(place, older)
        os.replace(partial, place)
    finally:
        if not place.exists():
            os.replace(older, place)
        shutil.rmtree(older, ignore_errors=True)


def write_text(path: Path, text: str | bytes) -> None:
    """Write ``text``, or a picture's bytes, to ``path`` atomically.

    Raises:
        OutputError: ``path`` cannot be written.
    """
    path = expand(path)
    content = text.encode() if isinstance(text, str) else text
    try:
        if path.exists() and not path.is_file():  # a pipe or a device can be written, but must not be replaced
            path.write_bytes(content)
        else:
            with whole_file(path) as partial:
                partial.write_bytes(content)
    except OSError as error:
        raise _unwritable(path, error) from error


def check_outside(out: Path, *photos: str | Path | None) -> None:
    """Make sure that results do not land among photos.

    Raises:
        OutputError: ``out`` lies in one of the folders ``photos``.
    """
    for folder in (expand(each) for each in photos if each):
        if folder.is_dir() and Path(os.path.realpath(out)).is_relative_to(os.path.realpath(folder)):
            raise OutputError(f"{out} lies in {folder}, where it would be taken for a class; choose another --out.")


def make_folder(out: Path, photos: Path | None = None) -> None:
    """Make a folder for results, and those around it.

    Raises:
        OutputError: it cannot be made, or lies in that of the photos.
    """
    check_outside(out, photos)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path} cannot be written: {error.strerror or error}; choose another --out.")
