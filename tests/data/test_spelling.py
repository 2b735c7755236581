"""Names in two forms of Unicode are one name everywhere; names that look alike are found."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inarch.data.scan import scan, survey
from inarch.data.spelling import compose, distinguish_names, find_look_alikes, find_spelled, spell_path
from inarch.errors import PhotosError
from photos import save_photo

FORMS = ("NFC", "NFD")
WORDS = ("café", "Ångström", "がぎ", "한글", "Żółw", "résumé")


def spelled(name: str, form: str) -> str:
    return unicodedata.normalize(form, name)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", WORDS)
def test_a_class_in_two_forms_is_one_class(tmp_path: Path, word: str) -> None:
    """Folders from a Mac and from Linux are merged, and every photo keeps its own path."""
    for seed, form in enumerate(FORMS):
        save_photo(tmp_path / "photos" / spelled(word, form) / f"{form}.png", seed=seed)
    save_photo(tmp_path / "photos" / "other" / "a.png", seed=9)
    found = scan(tmp_path / "photos")
    assert found.classes == tuple(sorted((compose(word), "other")))
    assert all(Path(found.root, photo.path).is_file() for photo in found.photos)
    assert len(found.photos) == 3
    assert len(survey(tmp_path / "photos").classes) == 2


@pytest.mark.parametrize("word", WORDS)
def test_splits_from_two_systems_have_the_same_classes(tmp_path: Path, word: str) -> None:
    """Train from Linux and test from a Mac agree; a model of either form knows photos of the other."""
    for seed, (split, form) in enumerate(zip(("train", "test"), FORMS, strict=True)):
        save_photo(tmp_path / "photos" / split / spelled(word, form) / "a.png", seed=seed)
        save_photo(tmp_path / "photos" / split / "other" / "a.png", seed=seed + 5)
    assert scan(tmp_path / "photos").classes == tuple(sorted((compose(word), "other")))
    for form in FORMS:
        known = scan(tmp_path / "photos", ["other", spelled(word, form)])
        assert {photo.label for photo in known.photos} == {0, 1}
    with pytest.raises(PhotosError, match="which the model does not have"):
        scan(tmp_path / "photos", ["other", "cafe"])


@pytest.mark.parametrize("listed", FORMS)
@pytest.mark.parametrize("stored", FORMS)
def test_a_manifest_may_spell_paths_and_labels_in_another_form(tmp_path: Path, listed: str, stored: str) -> None:
    """Spreadsheets compose what file systems decompose."""
    file = Path(spelled("café", stored), spelled("é à.png", stored))
    save_photo(tmp_path / file, seed=1)
    save_photo(tmp_path / "b.png", seed=2)
    rows = f"path,label\n{spelled('café/é à.png', listed)},{spelled('café', listed)}\nb.png,b\n"
    (tmp_path / "list.csv").write_text(rows, encoding="utf-8")
    found = scan(tmp_path / "list.csv")
    assert found.classes == ("b", compose("café"))
    assert sorted(photo.path for photo in found.photos) == sorted((file.as_posix(), "b.png"))


def test_a_folder_may_be_named_in_another_form(tmp_path: Path) -> None:
    """What is typed on a command line need not be what the disk has."""
    folder = tmp_path / spelled("Müll", "NFD") / spelled("ö", "NFC")
    folder.mkdir(parents=True)
    assert find_spelled(tmp_path / spelled("Müll", "NFC") / spelled("ö", "NFD")) == folder
    assert find_spelled(tmp_path / "nothing" / "é") == tmp_path / "nothing" / "é"


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8))
def test_composing_is_idempotent_and_joins_both_forms(name: str) -> None:
    """The form in which names are compared is one for all forms of a name."""
    assert compose(compose(name)) == compose(name) == compose(spelled(name, "NFD"))


def test_a_path_that_is_there_is_never_changed(tmp_path: Path) -> None:
    """Where both forms exist, each is itself."""
    for form in FORMS:
        (tmp_path / spelled("é", form)).mkdir()
        assert spell_path(tmp_path, spelled("é", form)) == spelled("é", form)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ants", "ants"),
        ("red ant", "red-ant"),
        ("pear", "реаr"),
        ("straße", "strasse"),
        ("ﬁg", "fig"),
        ("cat", "cat\u200b"),
        ("A1", "\uff211"),
        ("no", "ν\u03bf"),
    ],
)
def test_look_alikes_are_found(one: str, other: str) -> None:
    """Capitals, signs, letters of other alphabets, ligatures, invisible and wide letters."""
    if other == "ν\u03bf":
        one = "vo"
    assert list(find_look_alikes(["bird", one, other])) == [(other, one)]
    assert distinguish_names(one, other).startswith(f"{one!r} and {other!r}")


def test_code_points_are_said_where_letters_look_the_same() -> None:
    """Nobody sees the difference of a Cyrillic letter."""
    assert "U+0430 CYRILLIC SMALL LETTER A" in distinguish_names("cat", "c\u0430t")


@pytest.mark.parametrize("names", [("ant", "ants"), ("ant", "bee"), ("cafe", "café"), ("1", "2"), ("+", "-")])
def test_different_names_are_left_alone(names: tuple[str, str]) -> None:
    """Accents and letters that are seen make another name."""
    assert not list(find_look_alikes(names))
