"""What every test may ask for."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from jobs import _one_blas_thread, fresh, learned, make_job, start, weights
from photos import draw, photo_set, write_photo
from trained import own_bundle, tiny

__all__ = [
    "_one_blas_thread",
    "draw",
    "fresh",
    "learned",
    "make_job",
    "own_bundle",
    "photo_set",
    "start",
    "tiny",
    "weights",
    "write_photo",
]

SHARED = Path(os.environ.get("INARCH_SHARED", Path(__file__).parents[2] / "shared")) / "data"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two test processes share two cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``shared_data(name)``: a weights file, or the unpacked folder of ``name.tar.xz``; skips where it is absent."""

    def find(name: str) -> Path:
        plain = SHARED / name
        if plain.exists():
            return plain
        archive = SHARED / f"{name}.tar.xz"
        if not archive.exists():
            pytest.skip(f"{name} is not in the shared data folder ({SHARED})")
        folder = tmp_path_factory.mktemp(name)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        return folder / name

    return find
