"""What every test may ask for."""

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from threadpoolctl import threadpool_limits

from jobs import fresh, learned, make_job, start, weights
from photos import draw, photo_set, write_photo
from trained import own_bundle, tiny

__all__ = [
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

settings.register_profile("suite", derandomize=True, deadline=None)
settings.register_profile("prove", max_examples=2000, deadline=None)
# The suite draws the same examples everywhere: it finds faults of the change at hand. `make prove` looks for new ones.
settings.load_profile("suite")

SHARED = Path(os.environ.get("INARCH_SHARED", Path(__file__).parents[2] / "shared")) / "data"


THREADS = int(os.environ.get("INARCH_TEST_THREADS", "1"))


@pytest.fixture(scope="session", autouse=True)
def _threads() -> Iterator[None]:
    """One for each test process, which share the cores; another number shows whether a test depends on it."""
    torch.set_num_threads(THREADS)
    with threadpool_limits(THREADS):
        yield


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
