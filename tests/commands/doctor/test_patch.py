"""A patch is read strictly, and does what it says."""

import pytest

from inarch.commands.doctor.patch import (
    COLUMNS,
    apply_decisions,
    read_patch,
    to_patch,
)
from inarch.commands.doctor.records import Decision
from inarch.errors import PhotosError

HEAD = ",".join(COLUMNS)


def test_what_is_written_is_read(photo_set, tmp_path):
    """Commas, quotes and letters of any kind included."""
    photos = photo_set({"ant": 2, 'bee, or "wasp"': 2, "Käfer": 2})
    decisions = (
        Decision("ant/0.jpg", "drop", why="a, b"),
        Decision("ant/1.jpg", "relabel", 'bee, or "wasp"'),
        Decision("Käfer/1.jpg", "keep", "ant", "perhaps"),
    )
    patch = tmp_path / "patch.csv"
    patch.write_text(to_patch(decisions), "utf-8")
    assert read_patch(patch, photos) == decisions


def test_decisions_are_followed(photo_set):
    """Dropped photos are gone, relabelled ones are of the new class, all others are as they were."""
    photos = photo_set({"ant": 3, "bee": 2})
    done = apply_decisions(photos, [Decision("ant/0.jpg", "drop"), Decision("ant/1.jpg", "relabel", "bee")])
    assert [(photo.path, photo.label) for photo in done.photos] == [
        ("ant/1.jpg", 1),
        ("ant/2.jpg", 0),
        ("bee/0.jpg", 1),
        ("bee/1.jpg", 1),
    ]
    assert apply_decisions(photos, [Decision("bee/0.jpg", "keep", "ant")]) == photos


MISTAKES = {
    "path,decision\n": r"line 1: a patch begins with path,decision,label,why; found: path,decision\.",
    "": "line 1: .* found: nothing",
    f"{HEAD}\nant/0.jpg,drop\n": "line 2: there are 2 values",
    f"{HEAD}\nant/0.jpg,drop,,a, b\n": "line 2: there are 5 values",
    f"{HEAD}\nant/7.jpg,drop,,\n": "line 2: No photo is called 'ant/7.jpg'. Did you mean 'ant/",
    f"{HEAD}\nant/0.jpg,Drop,,\n": "line 2: No decision is called 'Drop'. Did you mean 'drop'",
    f"{HEAD}\n\nant/0.jpg,relabel,be,\n": "line 3: No class is called 'be'. Did you mean 'bee'",
    f"{HEAD}\nant/0.jpg,relabel,,\n": "line 2: relabel needs a label",
    f"{HEAD}\nant/0.jpg,drop,bee,\n": "line 2: a photo that is dropped has no label",
    f"{HEAD}\nant/0.jpg,drop,,\nant/0.jpg,keep,,\n": "line 3: 'ant/0.jpg' is decided already, in line 2",
    f'{HEAD}\nant/0.jpg,drop,,"why\n': "is not a CSV file in UTF-8",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_names_its_line(text, photo_set, tmp_path):
    """And what there is instead."""
    patch = tmp_path / "patch.csv"
    patch.write_text(text, "utf-8")
    with pytest.raises(PhotosError, match=MISTAKES[text]):
        read_patch(patch, photo_set({"ant": 2, "bee": 2}))


def test_a_patch_that_cannot_be_read_is_said(photo_set, tmp_path):
    """Absent, or no text."""
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    for name, said in (("nowhere.csv", "cannot be opened"), ("binary.csv", "is not a CSV file")):
        with pytest.raises(PhotosError, match=said):
            read_patch(tmp_path / name, photo_set({"ant": 2}))
