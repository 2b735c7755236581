"""Checkpoints, written atomically and without executable content."""

import warnings
from pathlib import Path
from typing import Any

import torch

from inarch.errors import OutputError
from inarch.storage.files import whole_file


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, containers of them) atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, durable=True) as partial, partial.open("wb") as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # torch's writer reports the file that it leaves
            raise KeyboardInterrupt from None
        raise OutputError(f"The checkpoint {path} cannot be written: {error}.") from error


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at ``path``; None if there is none or it is damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # odd pickle protocols: it can be read, or it cannot
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # damaged bytes make torch raise nearly anything
        return None
    return state if isinstance(state, dict) else None
