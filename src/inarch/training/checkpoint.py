"""Checkpoints that are whole or absent, and hold nothing executable."""

import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from inarch.errors import OutputError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, containers of them) beside ``path``, then move it into place.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # torch's writer complains of the file that it leaves
            raise KeyboardInterrupt from None
        raise OutputError(f"The checkpoint {path} cannot be written: {error}.") from error


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at ``path``; None if there is none or it cannot be read whole."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # odd pickle protocols: it can be read, or it cannot
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # damaged bytes make torch raise nearly anything
        return None
    return state if isinstance(state, dict) else None
