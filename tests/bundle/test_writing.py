"""A bundle is written whole or not at all, the same bytes for the same inputs, and nothing else is ever lost."""

import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from safetensors import safe_open

from inarch.bundle import writing
from inarch.bundle.format import OPTIONAL, SEALED, BundleFile
from inarch.bundle.reading import read_bundle
from inarch.bundle.writing import BundleContents, check_output, write_bundle
from inarch.errors import OutputError, UserError
from inarch.report.wording import headline

Contents = Callable[..., BundleContents]


def fingerprint(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_a_bundle_holds_the_files_of_the_contract_and_nothing_executable(contents: Contents, tmp_path: Path) -> None:
    """Exactly the files that `format` lists, none with an execute bit, no pickle among the arrays."""
    write_bundle(tmp_path / "out", replace(contents(), evidence=None))
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(BundleFile) - set(OPTIONAL)
    bundle = write_bundle(tmp_path / "out", contents())
    assert {path.name for path in bundle.path.iterdir()} == set(BundleFile)
    assert not any(path.stat().st_mode & stat.S_IXUSR for path in bundle.path.iterdir())
    assert bundle.golden()[0].dtype == np.uint8
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_the_config_seals_the_other_files(contents: Contents, tmp_path: Path) -> None:
    """The digests in the config are those of the files as they lie on disk."""
    without = replace(contents(), evidence=None)
    for given, sealed in ((without, SEALED), (contents(), (*SEALED, *OPTIONAL))):
        out = write_bundle(tmp_path / "out", given).path
        assert json.loads((out / BundleFile.CONFIG).read_text())["sha256"] == {
            name: fingerprint(out)[name] for name in sealed
        }


def test_the_same_inputs_give_the_same_bytes(
    contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it is written, and however often: no clock and no hash order gets into a file."""
    first = fingerprint(write_bundle(tmp_path / "0", contents()).path)
    later = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert all(fingerprint(write_bundle(tmp_path / f"{n}", contents()).path) == first for n in range(1, 6))


def test_metrics_are_strict_json_and_come_back_as_they_were(contents: Contents, tmp_path: Path) -> None:
    """No NaN or Infinity, which other languages cannot read; each figure with its n and interval."""
    given = contents()
    bundle = write_bundle(tmp_path / "out", given)

    def refuse(token: str) -> NoReturn:
        raise AssertionError(token)

    metrics = json.loads((bundle.path / BundleFile.METRICS).read_text(encoding="utf-8"), parse_constant=refuse)
    as_lists = json.loads(json.dumps(asdict(given.report)))
    assert metrics == {name: as_lists[name] for name in metrics}
    assert set(as_lists) - set(metrics) == {"classes", "preprocessing", "temperature"}
    assert bundle.metrics == metrics


def test_what_is_read_is_what_was_written(contents: Contents, tmp_path: Path) -> None:
    """Config, classes, preprocessing, temperature, graph, golden arrays and weights."""
    given = contents()
    bundle = write_bundle(tmp_path / "out", given)
    report = given.report
    assert (bundle.config, bundle.classes) == (given.config, report.classes)
    assert (bundle.preprocessing, bundle.temperature) == (report.preprocessing, report.temperature)
    assert bundle.graph() == given.graph
    assert all(map(np.array_equal, bundle.golden(), given.golden))
    with safe_open(bundle.weights(), framework="pt") as file:
        assert set(file.keys()) == set(given.model.state_dict())
        assert file.metadata()["architecture"] == given.config.architecture


def test_evidence_comes_back_as_it_was(contents: Contents, tmp_path: Path) -> None:
    """Array by array, in kind and content; a bundle without any says so."""
    given = contents()
    found = write_bundle(tmp_path / "out", given).evidence()
    assert found is not None
    assert given.evidence is not None
    for name, array in asdict(given.evidence).items():
        read = getattr(found, name)
        assert read.dtype == array.dtype
        assert np.array_equal(read, array)
    assert write_bundle(tmp_path / "out", replace(given, evidence=None)).evidence() is None


@pytest.mark.skipif(os.name != "posix", reason="names that are no text are of POSIX")
def test_a_folder_whose_name_is_no_text_can_be_trained_on(contents: Contents, tmp_path: Path) -> None:
    """Linux allows any bytes in a name: Python hands them on as lone surrogates, which UTF-8 cannot write."""
    root = os.fsdecode(b"/photos/caf\xe9")
    bundle = write_bundle(tmp_path / "out", replace(contents(root=root), page=root))
    assert bundle.metrics["root"] == root


def test_the_card_names_classes_and_figures(contents: Contents, tmp_path: Path) -> None:
    """Every class, the accuracy with its interval, the notes."""
    given = contents()
    card = (write_bundle(tmp_path / "out", given).path / BundleFile.CARD).read_text(encoding="utf-8")
    accuracy = headline(given.report.evaluation.accuracy, given.report.evaluation.split)
    assert all(word in card for word in (*given.report.classes, accuracy, "A note."))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Writing past ``size`` bytes fails, as on a disk that is full (Python ignores the signal that goes with it)."""
    resource = pytest.importorskip("resource", reason="limits of files are of POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 30, 100, 450, 550, 1_000, 10_000])
def test_a_disk_that_fills_up_costs_nothing(size: int, contents: Contents, tmp_path: Path) -> None:
    """Whichever file is the one that does not fit: nothing is left behind, and the older bundle is as it was."""
    out = write_bundle(tmp_path / "out", contents()).path
    before = fingerprint(out)
    with largest_file(size), pytest.raises(OutputError, match=r"^The bundle .*out cannot be written: .* Choose"):
        write_bundle(out, contents(seed=1))
    assert fingerprint(out) == before
    with largest_file(size), pytest.raises(OutputError):
        write_bundle(tmp_path / "new", contents())
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", BundleFile)
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_file_that_cannot_be_written_costs_nothing(
    name: str, failure: BaseException, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk or Ctrl-C in each file in turn: no half bundle is left, and the older one stays."""
    out = write_bundle(tmp_path / "out", contents()).path
    before = fingerprint(out)
    _fail_in(name, failure, monkeypatch)
    with pytest.raises(OutputError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        write_bundle(out, contents(seed=1))
    assert isinstance(failure, KeyboardInterrupt) or str(caught.value).startswith("The disk is full")
    assert fingerprint(out) == before
    assert list(tmp_path.iterdir()) == [out]


def _fail_in(name: str, failure: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way in which a bundle's files are written writes half of the file called ``name`` and fails."""

    def failing(write: Callable[..., Any]) -> Callable[..., Any]:
        def half(path: Path, *content: Any, **options: Any) -> Any:
            if Path(path).name != name:
                return write(path, *content, **options)
            os.write(os.open(path, os.O_CREAT | os.O_WRONLY), b"half")
            raise failure

        return half

    for owner, attribute in ((Path, "write_text"), (Path, "write_bytes"), (np, "savez"), (writing, "write_weights")):
        monkeypatch.setattr(owner, attribute, failing(getattr(owner, attribute)))


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("failure", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_the_older_bundle_survives_a_failed_swap(
    failing: int, failure: BaseException, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking the old one away, or putting the new one in its place, may fail: the old one stands there again."""
    out = write_bundle(tmp_path / "out", contents()).path
    before = fingerprint(out)
    calls, replace_ = [], os.replace

    def replacing(source: Path, target: Path) -> None:
        if Path(source).parent == tmp_path:
            calls.append(source)
            if len(calls) == failing:
                raise failure
        replace_(source, target)

    monkeypatch.setattr(os, "replace", replacing)
    with pytest.raises(OutputError if isinstance(failure, OSError) else KeyboardInterrupt):
        write_bundle(out, contents(seed=1))
    assert fingerprint(out) == before
    assert list(tmp_path.iterdir()) == [out]


def test_an_older_bundle_is_replaced(contents: Contents, tmp_path: Path) -> None:
    """And nothing of it is left."""
    write_bundle(tmp_path / "out", contents())
    assert write_bundle(tmp_path / "out", contents(seed=7)).metrics["seed"] == 7
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_a_link_stays_a_link(contents: Contents, tmp_path: Path) -> None:
    """What it leads to is written or replaced, be it there already or not."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    for seed in (0, 1):
        assert write_bundle(link, contents(seed=seed)).metrics["seed"] == seed
        assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"link", "real"}


def test_folders_around_it_are_made_and_an_empty_one_is_taken(contents: Contents, tmp_path: Path) -> None:
    """``--out a/b/c`` needs no mkdir."""
    (tmp_path / "empty").mkdir()
    assert write_bundle(tmp_path / "empty", contents()).path == tmp_path / "empty"
    assert write_bundle(tmp_path / "a" / "b" / "c", contents()).path.is_dir()


def test_files_that_are_no_bundles_are_never_deleted(contents: Contents, tmp_path: Path) -> None:
    """A bundle with the user's own notes in it, and folders that only look like one (YOLO has a ``classes.txt``)."""
    bundle = write_bundle(tmp_path / "bundle", contents()).path
    (bundle / "notes.txt").write_text("mine")
    yolo = tmp_path / "yolo"
    yolo.mkdir()
    for name in (BundleFile.CONFIG, BundleFile.CLASSES):
        (yolo / name).write_text("{}")
    with pytest.raises(OutputError, match=r"holds 'notes.txt'"):
        check_output(bundle)
    with pytest.raises(OutputError, match="is not a bundle"):
        write_bundle(yolo, contents())
    assert (bundle / "notes.txt").read_text() == "mine"
    assert len(list(yolo.iterdir())) == 2


PROC = ("/proc", "/proc/bundle") if os.name == "posix" else ()


@pytest.mark.parametrize("out", ["file", "file/in/it", *PROC, "n" * 300, ".", "..", "", "/"])
def test_where_a_bundle_cannot_be_is_said_before_the_work(
    out: str, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, below a file, a disk's root, a place that takes no folders, the folder that the user is in."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_text("text")
    monkeypatch.chdir(tmp_path / "in")
    with pytest.raises(OutputError, match=r"choose another --out\.$|Choose another --out\.$"):
        check_output(Path(out))
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_a_figure_that_is_no_number_is_not_written(contents: Contents, tmp_path: Path) -> None:
    """NaN would make a file that is no JSON: rather an error, and nothing left."""
    with pytest.raises(ValueError, match="not JSON compliant") as caught:
        write_bundle(tmp_path / "out", contents(temperature=float("nan")))
    assert not isinstance(caught.value, UserError)
    assert not list(tmp_path.iterdir())


def test_the_size_of_what_is_tested_is_what_the_limits_assume(contents: Contents, tmp_path: Path) -> None:
    """Between them, the limits of the full-disk test stop at small files, at the golden arrays and at the weights."""
    out = write_bundle(tmp_path / "out", contents()).path
    assert (out / BundleFile.GRAPH).stat().st_size == 500
    assert (out / BundleFile.WEIGHTS).stat().st_size > 15_000
    assert read_bundle(out).path == out
