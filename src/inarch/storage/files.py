"""Writing a file whole or not at all, and making the folder that results go into."""

import os
import tempfile
from pathlib import Path

from inarch.errors import OutputError


def write_text(path: Path, text: str | bytes) -> None:
    """Write ``text``, or a picture's bytes, to ``path``: all of it, or nothing.

    Raises:
        OutputError: it cannot be written there.
    """
    content = text.encode() if isinstance(text, str) else text
    try:
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():  # a pipe or a device takes text, but must not be replaced
            place.write_bytes(content)
        else:
            _replace(place, content)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; choose another --out.") from error


def _replace(place: Path, content: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name[:32]}.") as folder:
        partial = Path(folder, "partial")
        partial.write_bytes(content)
        os.replace(partial, place)


def make_folder(out: Path, photos: Path) -> None:
    """Raises OutputError where the folder cannot be, or had better not be."""
    if photos.is_dir() and Path(os.path.realpath(out)).is_relative_to(os.path.realpath(photos)):
        raise OutputError(f"{out} lies in {photos}, where it would be taken for a class; choose another --out.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}; choose another --out.") from error
