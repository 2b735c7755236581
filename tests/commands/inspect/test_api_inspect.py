"""A net taken apart by name, and pictures written whole."""

import json
import os
import stat
from pathlib import Path

import pytest

from inarch.bundle.model import trace
from inarch.commands.inspect.inspect import catalog, draw_model
from inarch.errors import OutputError, UnknownNameError, UserError
from inarch.storage.files import write_text
from trained import Trained


@pytest.mark.parametrize(("name", "parameters"), [("googlenet", 6_624_904), ("resnet50", 25_557_032)])
def test_a_name_of_the_catalog_is_traced_at_its_own_size(name: str, parameters: int) -> None:
    """With the published number of parameters."""
    record = trace(name)
    assert (record.parameters, record.image_size) == (parameters, 224)


def test_a_bundle_can_be_drawn_in_every_form(tiny: Trained) -> None:
    """As text, JSON, SVG and HTML, under the name of its folder."""
    for form in ("text", "json", "svg", "html"):
        assert tiny.bundle.name in draw_model(tiny.bundle, form)
    assert json.loads(draw_model(str(tiny.bundle), "json"))


def test_a_bundle_in_the_working_folder_has_a_name(tiny: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """``inarch inspect .``"""
    monkeypatch.chdir(tiny.bundle)
    assert trace(".").name == tiny.bundle.name


@pytest.mark.parametrize(
    ("net", "size", "said"),
    [
        ("resnet500", None, "No model or bundle is called 'resnet500'. Did you mean 'resnet50'"),
        ("inception_v3", 20, "inception_v3 cannot run on images of 20 x 20"),
        ("resnet50", 0, "image_size=0"),
        ("resnet50", -1, "image_size=-1"),
        ("./nothing/here", None, "There is no bundle at nothing/here"),
        ("", None, "is not a whole bundle"),
    ],
)
def test_what_cannot_be_traced_is_said(
    net: str, size: int | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown name, images too small, no pixels, a path without a bundle."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        trace(net, image_size=size)


def test_an_unknown_form_offers_the_nearest() -> None:
    """Before anything is traced."""
    with pytest.raises(UnknownNameError, match="Did you mean 'html'"):
        draw_model("resnet50", "htm")


def test_the_catalog_leaves_out_what_is_made_for_tests() -> None:
    """Unless everything is asked for."""
    few = ("resnet18", "resnet_tiny")
    assert [record.name for record in catalog(names=few).models] == ["resnet18"]
    assert [record.name for record in catalog(everything=True, names=few).models] == ["resnet18", "resnet_tiny"]


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What cannot be encoded leaves the older file as it was, and nothing beside it."""
    write_text(tmp_path / "out.svg", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "out.svg", "new \udce9")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.svg", "old")]


def test_a_device_takes_text_and_stays_a_device(tmp_path: Path) -> None:
    """``--out /dev/stdout``: root could replace it by a file, which would break the machine."""
    write_text(Path(os.devnull), "text")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    (tmp_path / "link").symlink_to(os.devnull)
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("place", ["", "nowhere/out.svg", "file/out.svg", "n" * 300])
def test_where_text_cannot_be_written_is_said(place: str, tmp_path: Path) -> None:
    """A folder, a folder that does not exist, below a file, a name too long."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written: .*; choose another --out"):
        write_text(tmp_path / place, "text")


def test_written_files_have_the_usual_rights(tmp_path: Path) -> None:
    """Those of any file that is written there."""
    (tmp_path / "plain").touch()
    write_text(tmp_path / "out", "text")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode
