"""A file or a folder is there whole or not at all, and what stood there before is not lost."""

from pathlib import Path
from typing import NoReturn

import pytest

from inarch.errors import OutputError
from inarch.storage.files import make_folder, whole_file, whole_folder


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    """Until then the older one can be read; afterwards nothing lies beside it."""
    path = tmp_path / "file"
    path.write_text("older", "utf-8")
    with whole_file(path, durable=True) as partial:
        partial.write_text("newer", "utf-8")
        assert partial.parent == tmp_path
        assert path.read_text() == "older"
    assert path.read_text() == "newer"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [OSError("disk"), KeyboardInterrupt(), ValueError("content")])
@pytest.mark.parametrize("older", [True, False])
def test_what_fails_changes_nothing(older: bool, failure: BaseException, tmp_path: Path) -> None:
    """A file or a folder, half written: the error goes through, the half is gone, the older one stays."""
    file, folder = tmp_path / "file", tmp_path / "folder"
    if older:
        file.write_text("older", "utf-8")
        folder.mkdir()
        (folder / "older").touch()
    before = sorted(tmp_path.rglob("*"))

    def write_half(partial: Path) -> NoReturn:
        partial.write_text("half", "utf-8")
        raise failure

    with pytest.raises(type(failure)), whole_file(file) as partial:
        write_half(partial)
    with pytest.raises(type(failure)), whole_folder(folder, replace=True) as partial:
        write_half(partial / "newer")
    assert sorted(tmp_path.rglob("*")) == before
    assert not older or file.read_text() == "older"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is written, be it there or not."""
    for name in ("file", "folder"):
        (tmp_path / f"link-{name}").symlink_to(tmp_path / name)
    for _ in range(2):
        with whole_file(tmp_path / "link-file") as partial:
            partial.touch()
        with whole_folder(tmp_path / "link-folder", replace=True) as partial:
            (partial / "inside").touch()
    assert (tmp_path / "link-file").is_symlink()
    assert (tmp_path / "link-folder").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder", "link-file", "link-folder"}
    assert (tmp_path / "folder" / "inside").exists()


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "a folder", "a file"])
def test_a_new_folder_takes_nobodys_place(there: str, tmp_path: Path) -> None:
    """Unless it is to replace what stands there."""
    place = tmp_path / "out"
    if there in ("an empty folder", "a folder"):
        place.mkdir()
    if there == "a folder":
        (place / "mine").touch()
    if there == "a file":
        place.touch()
    if there in ("a folder", "a file"):
        with pytest.raises(OSError), whole_folder(place):  # noqa: PT011 - which one depends on the system
            pass
        assert place.is_file() or (place / "mine").exists()
    else:
        with whole_folder(place) as partial:
            (partial / "whole").touch()
        assert (place / "whole").exists()
    assert list(tmp_path.iterdir()) == [place]


def test_names_may_be_as_long_as_the_disk_takes_them(tmp_path: Path) -> None:
    """What is not yet whole has a short name."""
    with whole_file(tmp_path / ("n" * 250)) as partial:
        partial.touch()
    assert [len(path.name) for path in tmp_path.iterdir()] == [250]


def test_a_folder_of_results_is_not_among_the_photos(tmp_path: Path) -> None:
    """There it would be a class; elsewhere it is made, with what is around it."""
    (tmp_path / "photos").mkdir()
    with pytest.raises(OutputError, match="would be taken for a class"):
        make_folder(tmp_path / "photos" / "out", tmp_path / "photos")
    make_folder(tmp_path / "a" / "b", tmp_path / "photos")
    assert (tmp_path / "a" / "b").is_dir()
