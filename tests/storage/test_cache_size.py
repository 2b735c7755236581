"""The cache within its size: what goes, what stays, and that nothing goes while it is in use."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from inarch.errors import OutputError, WorkError
from inarch.storage.cache import ArrayCache, cache_key
from inarch.storage.cache_size import USERS, in_use, trim
from inarch.storage.lock import LOCK

ROWS = 10
HOLDER = """
import sys, time
from pathlib import Path
from inarch.storage.cache_size import in_use
with in_use(Path(sys.argv[1]), None):
    print("held", flush=True)
    time.sleep(60)
"""


def keys(name: str) -> list[str]:
    return [cache_key(name, str(row)) for row in range(ROWS)]


def filled(cache: Path, *names: str) -> dict[str, ArrayCache]:
    """A chunk for each name, about 10 kB each, the first used longest ago."""
    rows = {name: ArrayCache(cache / "features" / name) for name in names}
    for age, name in enumerate(reversed(names)):
        rows[name].write(keys(name), {"features": np.zeros((ROWS, 256), np.float32)})
        for file in (cache / "features" / name).iterdir():
            os.utime(file, (time.time() - 100 * (age + 1),) * 2)
    return rows


def size_of(cache: Path) -> int:
    return sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())


def kept(cache: Path, *names: str) -> list[str]:
    return [name for name in names if not ArrayCache(cache / "features" / name).missing(keys(name))]


@pytest.mark.parametrize(("size", "left"), [(10**6, "abc"), (25_000, "bc"), (12_000, "c"), (0, "")])
def test_what_was_used_longest_ago_goes_first(tmp_path: Path, size: int, left: str) -> None:
    """Until no more than the size is left; a chunk goes as a whole."""
    filled(tmp_path, *"abc")
    before = size_of(tmp_path)
    removed = trim(tmp_path, size)
    assert kept(tmp_path, *"abc") == list(left)
    assert size_of(tmp_path) == before - removed <= max(size, 0) + 1
    assert trim(tmp_path, size) == 0


def test_reading_counts_as_use(tmp_path: Path) -> None:
    """The oldest chunk, read again, is the last to go."""
    rows = filled(tmp_path, *"abc")
    rows["a"].read(keys("a")[:1], "features")
    trim(tmp_path, 12_000)
    assert kept(tmp_path, *"abc") == ["a"]


def test_graphs_and_checkpoints_count_too(tmp_path: Path) -> None:
    """By their age, like everything."""
    filled(tmp_path, "a")
    for folder, name in (("graphs", "old.onnx"), ("checkpoints", "old.pt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"0" * 5000)
        os.utime(tmp_path / folder / name, (1.0, 1.0))
    trim(tmp_path, 12_000)
    assert kept(tmp_path, "a") == ["a"]
    assert not [*tmp_path.glob("graphs/*"), *tmp_path.glob("checkpoints/*")]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    """Half a chunk, half a graph; whole ones stay, however old."""
    filled(tmp_path, "a")
    half = [tmp_path / "features" / "a" / name for name in ("f00.features.npy", "f00.partial")]
    half += [tmp_path / "graphs" / "tmpabc", tmp_path / "checkpoints" / ".run.pt.abc.partial"]
    for file in half[2:]:
        file.parent.mkdir()
    for file in half:
        file.write_bytes(b"half")
    assert trim(tmp_path, 10**6) == 16
    assert not any(file.exists() for file in half)
    assert kept(tmp_path, "a") == ["a"]


def test_nothing_goes_while_another_process_uses_it(tmp_path: Path) -> None:
    """Not even what is too much; once that process is killed, its mark counts for nothing."""
    filled(tmp_path, "a")
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert trim(tmp_path, 0) == 0
        with in_use(tmp_path, 0, patience=0.0):
            pass
        assert kept(tmp_path, "a") == ["a"]
        other.kill()
    assert trim(tmp_path, 0) > 0
    assert kept(tmp_path, "a") == []
    assert not [*(tmp_path / USERS).iterdir()]


def test_the_last_user_tidies_up(tmp_path: Path) -> None:
    """An inner use leaves it to the outer one; an error does not keep it from being done."""
    filled(tmp_path, "a")

    def work() -> None:
        with in_use(tmp_path, 0, patience=0.0):
            with in_use(tmp_path, 0, patience=0.0):
                pass
            assert kept(tmp_path, "a") == ["a"]
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert kept(tmp_path, "a") == []


def test_a_cache_that_cannot_be_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the folder should be; a process that holds the right to tidy up and does not give it back."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"), in_use(tmp_path / "file" / "cache", 0):
        pass
    with (
        FileLock(tmp_path / LOCK),
        pytest.raises(WorkError, match="has been cleaning up"),
        in_use(tmp_path, 0, patience=0.0),
    ):
        pass
