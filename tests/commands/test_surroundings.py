"""Commands in unusual surroundings: paths with ``~``, other encodings, no streams, no home."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inarch.bundle.reading import read_bundle
from inarch.progress import progress
from inarch.storage.cache_folder import default_cache_folder
from inarch.storage.home import expand
from inarch.storage.serialisation import to_ascii, to_json
from trained import Trained

Inarch = Callable[..., Any]
PROGRAM = (sys.executable, "-c", "from inarch.commands.cli import run; run()")
TRAIN = ("--model", "resnet_basic_tiny", "--strategy", "scratch", "--image-size", "32", "--time-budget", "10s")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Trained) -> Path:
    """A home that holds a bundle and photos; the working folder is another one."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "mine").symlink_to(tiny.bundle)
    (folder / "photos").symlink_to(tiny.photos)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("INARCH_CACHE", str(tiny.cache))
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)
    return folder


@pytest.mark.parametrize(
    ("words", "written"),
    [
        pytest.param(("train", "~/photos/train", *TRAIN, "--out", "~/new"), "new", marks=pytest.mark.slow),
        (("doctor", "~/photos/train", "--no-labels", "--out", "~/check"), "check"),
        (("export", "~/mine", "--out", "~/exported"), "exported"),
        (("inspect", "resnet_tiny", "--out", "~/net.txt"), "net.txt"),
        (("inspect", "~/mine", "--against", "~/mine", "--out", "~/same.txt"), "same.txt"),
        (("evaluate", "~/mine", "~/photos"), "mine"),
        (("predict", "~/mine", "~/photos/val/red/00.png"), "mine"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:1]),
)
def test_the_home_stands_for_a_tilde_in_every_path(
    words: tuple[str, ...], written: str, inarch: Inarch, home: Path
) -> None:
    """A shell leaves it in ``--out=~/x``; a folder called ``~`` invites ``rm -r ~``."""
    ended = inarch(*words)
    assert ended.code == 0, ended.err
    assert (home / written).exists()
    assert not list(Path.cwd().iterdir())


def test_python_expands_the_home_too(home: Path) -> None:
    """As far as it is known; else a path stays as it is."""
    assert read_bundle("~/mine").path == home / "mine"
    assert expand("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")


@pytest.mark.slow
def test_json_is_ascii_where_the_stream_is_not_utf8(own_bundle: Path, tiny: Trained, tmp_path: Path) -> None:
    """What a program reads back is what was there, whatever encoding stands between them."""
    photo = shutil.copy(tiny.photos / "val/red/00.png", tmp_path / "Ameise \U0001f41c \u2013 \u00fc.png")
    words = ("predict", str(own_bundle), str(photo), "--always-answer", "--format")
    for encoding in ("cp1252", "ascii", "latin-1", "utf-8", "cp932"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run([*PROGRAM, *words, "json"], capture_output=True, env=environment, check=True)
        assert json.loads(done.stdout)["predictions"][0]["name"] == str(photo)
    done = subprocess.run(
        [*PROGRAM, *words, "csv"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "cp1252"}, check=True
    )
    assert list(csv.reader(io.StringIO(done.stdout.decode("utf-8"))))[1][0] == str(photo)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_escaped_json_means_the_same(content: object) -> None:
    """Against Python's own reader."""
    escaped = to_ascii(to_json(content))
    assert escaped.isascii()
    assert json.loads(escaped) == content


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_missing_stream_is_no_failure(closed: str, tiny: Trained, tmp_path: Path) -> None:
    """As in services and windowed programs: what cannot be printed is not printed."""
    words = ("inspect", "resnet_tiny", "--out", str(tmp_path / "net.txt"))
    command = f'"$@" {closed}'
    assert subprocess.run(["sh", "-c", command, "sh", *PROGRAM, *words]).returncode == 0
    assert "stage" in (tmp_path / "net.txt").read_text("utf-8")
    words = ("predict", str(tiny.bundle), str(tiny.photos / "val"))
    done = subprocess.run(["sh", "-c", command, "sh", *PROGRAM, *words], capture_output=True)
    assert done.returncode == 0
    assert b"Error" not in done.stderr


def test_progress_does_without_stderr(tiny: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own face has no program that opens one."""
    for stream in (None, io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        if stream is not None:
            stream.close()
        with progress() as show:
            show("phase", 1, 2)


@pytest.mark.skipif(os.name != "posix", reason="a user without an entry is of POSIX")
def test_a_user_without_a_home_has_a_temporary_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container that runs as any number."""
    for name in ("HOME", "INARCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    if expand("~").is_absolute():
        pytest.skip("this system has such a user")
    assert default_cache_folder().parts[-3:] == ("inarch-54321", ".cache", "inarch")
    monkeypatch.setenv("INARCH_CACHE", "~/cache")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_cache_folder() == Path("/home/somebody/cache")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("-", "Photos are not read from stdin"),
        ("https://example.org/cat.jpg", "is an address; download the photo first"),
        ("s3://bucket/cat.jpg", "is an address"),
        ("photos.zip", "photos.zip is an archive; unpack it first"),
        ("*.jpg", "leave out the quotes"),
        ("nowhere.jpg", "There is no photo at nowhere.jpg"),
    ],
)
def test_predict_takes_files_and_says_so(name: str, said: str, inarch: Inarch, tiny: Trained) -> None:
    """One sentence for each thing that looks like a source of photos."""
    ended = inarch("predict", tiny.bundle, name)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_adapting_counts_what_can_be_read(inarch: Inarch, tiny: Trained, tmp_path: Path) -> None:
    """A file with the name of a photo is none."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "broken.jpg").write_bytes(b"no photo")
    ended = inarch("adapt", tiny.bundle, tmp_path / "bad", "--out", tmp_path / "new")
    assert ended.code == 2
    assert "holds 0 different photos that can be read" in ended.err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="only other users than root are refused")
def test_a_closed_home_needs_another_cache_and_not_space(
    inarch: Inarch, tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only folder is not full."""
    tmp_path.chmod(0o500)
    monkeypatch.setenv("INARCH_CACHE", str(tmp_path / "cache"))
    ended = inarch("train", tiny.photos, *TRAIN, "--out", tiny.cache / "never")
    tmp_path.chmod(0o700)
    assert "set INARCH_CACHE to a folder that you may write to" in ended.err
    assert "space" not in ended.err


@pytest.mark.slow
def test_a_second_run_says_that_it_replaced_a_bundle(inarch: Inarch, tiny: Trained, home: Path) -> None:
    """The first bundle is gone after it."""
    words = ("train", tiny.photos / "train", *TRAIN, "--out", home / "again")
    first, second = inarch(*words), inarch(*words)
    assert "an older one was replaced" not in first.out
    assert "again (an older one was replaced)" in second.out


@pytest.mark.parametrize("photo", ["nowhere.jpg", ".", "answer.py"])
def test_an_exported_script_says_what_it_cannot_read(photo: str, inarch: Inarch, tiny: Trained, home: Path) -> None:
    """One line, without a traceback."""
    assert inarch("export", tiny.bundle, "--out", home / "exported").code == 0
    words = [sys.executable, str(home / "exported" / "answer.py"), photo]
    done = subprocess.run(words, capture_output=True, text=True, cwd=home / "exported")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{photo} cannot be read as a photo: ")
    assert len(done.stderr.splitlines()) == 1
