"""What happens around a run while it runs: it ends with the right bundle, or in one sentence and without one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inarch.bundle.format import BundleFile
from inarch.commands.train import run as train_module
from inarch.commands.train.run import UNTIMED, train
from inarch.commands.train.verify_resume import COMPARED, RandomKills, verify_resume
from inarch.errors import OutputError, WorkError
from inarch.models import build
from inarch.transfer import ranking
from inarch.transfer.options import TrainOptions
from inarch.transfer.recipes import Recipes, ScratchRecipe
from inarch.weights.files import write_weights
from trained import draw, draw_folder

pytestmark = pytest.mark.slow

NET = "resnet_basic_tiny"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_folder(tmp_path / "photos", {"train": 6, "test": 4})


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "net.safetensors"
    write_weights(file, build(NET, classes=2).state_dict())
    return file


Options = Callable[..., TrainOptions]


@pytest.fixture
def options(weights: Path, tmp_path: Path) -> Options:
    """A graft that takes a second or two and comes out the same every time."""

    def given(cache: str = "cache", **changes: object) -> TrainOptions:
        usual = {"model": NET, "weights": weights, "strategy": "probe", "image_size": 32, "deterministic": True}
        return TrainOptions(**{**usual, "cache": tmp_path / cache, **changes})  # type: ignore[arg-type]

    return given


def contents(bundle: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bundle.iterdir()}


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Inside the ``with``, a file that grows beyond so many bytes fails like one on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of files are of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("size", "is_begun"), [(0, False), (1_000, False), (500_000, False), (1_000, True)])
def test_a_full_disk_costs_the_run_and_nothing_else(
    size: int, is_begun: bool, photos: Path, options: Options, tmp_path: Path
) -> None:
    """Wherever it strikes: an error in one line, no bundle, and what is in the cache by then is sound."""
    expected = contents(train(photos, tmp_path / "expected", options("begun")).path)
    out, chosen = tmp_path / "bundle", options("begun" if is_begun else "fresh")
    with files_of_at_most(size), pytest.raises(OutputError) as failure:
        train(photos, out, chosen)
    assert "cannot be written" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert contents(train(photos, out, replace(chosen, resume=True)).path) == expected


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied"])
def test_nothing_damaged_in_the_cache_is_believed(damage: str, photos: Path, options: Options, tmp_path: Path) -> None:
    """Every file of the cache is damaged between two runs; the second computes what it cannot trust anew."""
    expected = contents(train(photos, tmp_path / "first", options()).path)
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.stat().st_size]
    assert {"photos", "features", "graphs", "near-duplicates"} <= {
        path.relative_to(tmp_path / "cache").parts[0] for path in files
    }
    for path in files:
        content = bytearray(path.read_bytes())
        if damage == "flipped":
            content[len(content) // 2] ^= 0xFF
        path.write_bytes(content if damage == "flipped" else content[: len(content) // 2 if damage == "cut" else 0])
    assert contents(train(photos, tmp_path / "second", options()).path) == expected


def test_a_photo_that_goes_while_the_run_runs_is_left_out_and_named(
    photos: Path, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the scan and decoding."""
    gone = photos / "train" / "red" / "01.jpg"
    _before_decoding(monkeypatch, gone.unlink)
    metrics = train(photos, tmp_path / "bundle", options(near_duplicates=False)).metrics
    assert [each["path"] for each in metrics["skipped"]] == ["train/red/01.jpg"]


def test_a_photo_that_changes_while_the_run_runs_is_not_taken_for_what_it_was(
    photos: Path, options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the scan and decoding; a later run on the photos as they are now sees nothing of the old ones."""
    changed = photos / "train" / "red" / "01.jpg"
    before = changed.read_bytes()
    _before_decoding(monkeypatch, lambda: draw(changed, "blue", 99))
    metrics = train(photos, tmp_path / "bundle", options(near_duplicates=False)).metrics
    assert [each["path"] for each in metrics["skipped"]] == ["train/red/01.jpg"]
    monkeypatch.undo()
    changed.write_bytes(before)
    expected = train(photos, tmp_path / "expected", options("another", near_duplicates=False)).path
    assert contents(train(photos, tmp_path / "again", options(near_duplicates=False)).path) == contents(expected)


def _before_decoding(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    store = train_module.store
    left = [happens]

    def interrupted(*given: object, **named: object) -> object:
        if left:
            left.pop()()
        return store(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(train_module, "store", interrupted)
    monkeypatch.setattr(ranking, "store", interrupted)


def test_two_runs_share_a_cache(photos: Path, options: Options, weights: Path, tmp_path: Path) -> None:
    """At the same time, on the same photos; what each writes is what a run alone writes."""
    words = ["train", "photos", "--model", NET, "--weights", weights, "--strategy", "probe", "--image-size", "32"]
    program = [sys.executable, "-c", "from inarch.commands.cli import run; run()", *words, "--deterministic", "--out"]
    environment = {
        **os.environ,
        "INARCH_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": os.environ.get("INARCH_TEST_THREADS", "1"),
    }
    running = [subprocess.Popen([*program, name], cwd=tmp_path, env=environment, stdout=-1) for name in ("one", "two")]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0]
    one, two = (contents(tmp_path / name) for name in ("one", "two"))
    assert one == two
    for name in COMPARED:
        assert one[name] == (train(photos, tmp_path / name, options("another")).path / name).read_bytes()


def test_a_clock_that_jumps_changes_nothing(photos: Path, options: Options, tmp_path: Path) -> None:
    """Files of the cache that are from the next century, or from 1970, are as good as any."""
    expected = contents(train(photos, tmp_path / "first", options()).path)
    for moment in (0, 4e9):
        for path in (tmp_path / "cache").rglob("*"):
            os.utime(path, (moment, moment))
        assert contents(train(photos, tmp_path / f"at {moment}", options()).path) == expected


@pytest.mark.parametrize("strategy", ["probe", "finetune", "scratch", "auto"])
def test_without_a_clock_the_same_photos_give_the_same_bytes(
    strategy: str, photos: Path, options: Options, tmp_path: Path
) -> None:
    """Every file of the bundle, whatever is tried, and however the machine's clock runs."""
    given = {"strategy": strategy, "recipes": Recipes(scratch=ScratchRecipe(most_epochs=3))}
    one, two = (contents(train(photos, tmp_path / name, options(name + " cache", **given)).path) for name in "ab")
    assert one == two
    metrics = json.loads(one[BundleFile.METRICS])
    assert metrics["phases"] == []
    assert metrics["plan"] is None
    assert metrics["notes"][0] == UNTIMED


def test_a_run_that_is_killed_and_resumed_is_verified(photos: Path, options: Options, tmp_path: Path) -> None:
    """Killed once at least, as no run ends within a millisecond; a bundle of another run is told apart."""
    bundle = train(photos, tmp_path / "bundle", options()).path
    assert verify_resume(photos, bundle, options(), RandomKills(1e-3, 1)) == 1
    other = train(photos, tmp_path / "other", options(augmented_copies=1)).path
    with pytest.raises(WorkError, match=r"ended with another model\.onnx, model\.safetensors"):
        verify_resume(photos, other, options(), RandomKills(1e-3, 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "cache", "other", "photos"]
    with pytest.raises(WorkError, match="set deterministic"):
        verify_resume(photos, bundle, options(deterministic=False), RandomKills(1.0))
