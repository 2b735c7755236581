"""What systems put into folders is passed over by one rule in every command, and other files are counted."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inarch.bundle.format import BundleFile
from inarch.commands.predict.listing import photos_in
from inarch.data.folders import hidden_entries
from inarch.data.passed_over import SYSTEM_NAMES, is_bundle, is_passed_over
from inarch.data.photos import SkippedFile
from inarch.data.scan import scan, scan_unlabelled, survey
from inarch.data.sidecars import condense, sidecars_by_suffix
from inarch.errors import OutputError
from inarch.storage.files import check_outside, make_folder
from photos import save_photo

FOLDERS = sorted(name for name in SYSTEM_NAMES if not name.endswith((".db", ".ini", "\r")))


def photos(root: Path) -> Path:
    for seed, name in enumerate(("ants", "bees")):
        save_photo(root / name / "a.png", seed=seed)
    return root


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from((*FOLDERS, ".trashes", ".git", ".Trash-1000")),
    casing=st.sampled_from((str.lower, str.upper, str.title)),
    place=st.sampled_from(("", "ants", "ants/inner")),
)
def test_every_command_passes_over_the_same(
    tmp_path_factory: pytest.TempPathFactory, name: str, casing: type[str], place: str
) -> None:
    """At any depth and in any capitals, photos of a bin are photos for no command."""
    root = photos(tmp_path_factory.mktemp("set") / "photos")
    save_photo(root / place / casing(name) / "S-1-5" / "x.png", seed=7)
    expected = {"ants/a.png", "bees/a.png"}
    for found in (scan(root), survey(root), scan(root, ["ants", "bees"]), scan_unlabelled(root)):
        assert {photo.path for photo in found.photos} == expected
    assert scan(root).classes == ("ants", "bees")
    assert {file.relative_to(root).as_posix() for file in photos_in([root])} == expected
    assert any(Path(path).name == casing(name) for path, _ in hidden_entries(root))


@pytest.mark.parametrize("name", ["recycle", "lost and found", "snapshot", "ants.db", "tmp", "@ants", "$100", "trash"])
def test_names_that_people_give_are_classes(tmp_path: Path, name: str) -> None:
    """Only what a system alone writes is passed over."""
    assert not is_passed_over(name)
    save_photo(photos(tmp_path) / name / "b.png", seed=3)
    assert name in scan(tmp_path).classes


def test_a_bundle_among_the_photos_is_no_class(tmp_path: Path) -> None:
    """The default output of an earlier run is known by its files, which are those of the format."""
    bundle = photos(tmp_path) / "bundle"
    bundle.mkdir()
    for name in (BundleFile.CONFIG, BundleFile.CLASSES, BundleFile.GRAPH):
        (bundle / name).touch()
    assert is_bundle(bundle)
    assert scan(tmp_path).classes == ("ants", "bees")


def test_results_never_land_among_photos(tmp_path: Path) -> None:
    """Inside, the folder itself and through a link; beside them, and beside a manifest, they may."""
    root = photos(tmp_path / "photos")
    (tmp_path / "link").symlink_to(root)
    for out in (
        root / "bundle",
        root,
        root / "a" / "b",
        tmp_path / "link" / "bundle",
        tmp_path / "photos" / ".." / "photos",
    ):
        with pytest.raises(OutputError, match="would be taken for a class"):
            check_outside(out, root)
        with pytest.raises(OutputError, match="would be taken for a class"):
            make_folder(out, root)
    check_outside(tmp_path / "bundle", root, None)
    check_outside(tmp_path / "photos-bundle", root)
    check_outside(root / "bundle", tmp_path / "list.csv")


def test_sidecars_are_counted_by_their_suffix() -> None:
    """Many files of a kind are one line; few, and photos that cannot be read, are listed each."""
    skipped = [SkippedFile(f"a/{n}.jpg.json", "no image") for n in range(30)]
    skipped += [SkippedFile(f"a/{n}.XMP", "no image") for n in range(4)]
    skipped += [SkippedFile(f"a/{n}.jpg", "broken") for n in range(9)] + [SkippedFile("a/notes.txt", "no image")]
    assert {suffix: len(files) for suffix, files in sidecars_by_suffix(skipped).items()} == {".json": 30, ".xmp": 4}
    shown = condense(skipped)
    assert len(shown) == 12
    assert shown[-2] == SkippedFile("30 .json files, such as a/0.jpg.json", "no image")
    assert {file.path for file in shown} >= {"a/0.jpg", "a/notes.txt"}
