"""A checkpoint is whole or absent, and whatever lies in its place never hurts."""

import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from inarch.errors import OutputError
from inarch.training.checkpoint import load_checkpoint, save_checkpoint

STATE = {"model": {"weight": torch.arange(600.0).reshape(20, 30)}, "history": [{"loss": 1.5}], "average": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "run.pt"


def test_round_trip(path: Path) -> None:
    """What was saved comes back, and nothing else lies beside it."""
    save_checkpoint(path, STATE)
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert torch.equal(loaded["model"]["weight"], STATE["model"]["weight"])
    assert (loaded["history"], loaded["average"]) == (STATE["history"], None)
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_a_truncated_file_counts_as_none(path: Path) -> None:
    """Wherever the file ends early: no traceback, no half state."""
    save_checkpoint(path, STATE)
    whole = path.read_bytes()
    for length in (*range(0, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:length])
        assert load_checkpoint(path) is None, length


def test_garbage_counts_as_none(path: Path) -> None:
    """Noise of many kinds: torch raises nearly anything on it, and nothing may come through."""
    path.parent.mkdir(parents=True)
    draw = random.Random(0)
    for garbage in [
        b"",
        b"hello",
        b"PK\x03\x04",
        b"\x80\x02.",
        *(draw.randbytes(draw.randint(1, 200)) for _ in range(300)),
    ]:
        path.write_bytes(garbage)
        assert load_checkpoint(path) is None, garbage
        path.write_bytes(b"\x80\x02" + garbage)  # passes for the beginning of a pickle
        assert load_checkpoint(path) is None, garbage


def test_a_damaged_file_is_none_or_whole(path: Path) -> None:
    """A byte changed anywhere raises nothing."""
    save_checkpoint(path, STATE)
    whole, draw = path.read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        assert load_checkpoint(path) is None or isinstance(load_checkpoint(path), dict)


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("exploded"),)


def test_nothing_in_it_is_executed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that would run code is no checkpoint, and the code does not run."""
    path.parent.mkdir(parents=True)
    monkeypatch.chdir(path.parent)
    path.write_bytes(pickle.dumps(_Bomb()))
    assert load_checkpoint(path) is None
    assert not (path.parent / "exploded").exists()


@pytest.mark.parametrize("what", ["nothing", "folder", "list"])
def test_other_things_in_its_place_count_as_none(path: Path, what: str) -> None:
    """No file, a folder, a list where a dict should be."""
    path.parent.mkdir(parents=True)
    if what == "folder":
        path.mkdir()
    if what == "list":
        torch.save([1, 2], path)
    assert load_checkpoint(path) is None


@pytest.mark.parametrize("error", [OSError("No space left on device"), RuntimeError("write failed")])
def test_failure_while_writing_leaves_the_old_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A full disk: the old checkpoint stays, the half new one goes, and the error is one sentence."""
    save_checkpoint(path, STATE)
    monkeypatch.setattr(torch, "save", _failing(error))
    with pytest.raises(OutputError, match=f"run.pt cannot be written: {error}"):
        save_checkpoint(path, {"model": {}})
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]
    assert load_checkpoint(path)["history"] == STATE["history"]


def test_an_interrupt_while_writing_leaves_no_litter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of saving goes through, and the half file goes too."""
    save_checkpoint(path, STATE)
    monkeypatch.setattr(torch, "save", _failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {"model": {}})
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The cache may lie where nothing can be written."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save_checkpoint(tmp_path / "file" / "checkpoints" / "run.pt", STATE)


def _failing(error: BaseException) -> Any:
    def save(state: Any, file: Any) -> None:
        file.write(b"half of it")
        raise error

    return save


def test_an_interruption_stays_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's writer fails on its half-written file while Ctrl-C passes through: that is no full disk."""

    def interrupted(state: Any, file: Any) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 105493760 vs 105493656")

    monkeypatch.setattr(torch, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, STATE)
    assert not list(path.parent.iterdir())
