"""A bundle explained: the same again by its seed, and refused in a sentence where it cannot be."""

import json
from pathlib import Path

import pytest
import torch

from inarch.api.explain import BORDERS, FIGURES, PAGE, ExplainOptions, explain
from inarch.drawing.explain_text import LIMITS, to_text
from inarch.errors import PhotosError, UserError
from inarch.explain.attribution import METHODS
from inarch.nets import foreign
from trained import CLASSES, COUNTS, Trained, draw_folder

FEW = ExplainOptions(shown=3)


def test_everything_follows_from_the_seed(tiny: Trained, tmp_path: Path) -> None:
    """The photos, the folds, the net with first weights, its head included; and no draw of others matters."""
    figures = []
    for name in "ab":
        torch.manual_seed(ord(name))
        explain(tiny.bundle, tiny.photos, tmp_path / name, FEW)
        figures.append((tmp_path / name / FIGURES).read_text("utf-8"))
    assert figures[0] == figures[1]


def test_what_is_explained_is_what_is_shown(tiny: Trained, tmp_path: Path) -> None:
    """The photos of the val split; every stage, method and class; and what none of it shows."""
    found = explain(tiny.bundle, tiny.photos, tmp_path / "out", FEW)
    tested = COUNTS["val"] * len(CLASSES)
    assert found.depth.photos == tested
    assert found.depth.cut in [each.stage for each in found.depth.stages]
    assert all(each.alike[at] == pytest.approx(1) for at, each in enumerate(found.depth.stages))
    assert all(each.path.startswith("val/") for each in found.answers)
    assert [check.method for check in found.checks] == list(METHODS)
    assert sum(border.share.n for border in found.borders) == tested
    for answer in found.answers:
        for each in answer.maps:
            for fields in (each.fields, each.shuffled):
                assert sum(map(sum, fields)) == pytest.approx(1)
    page = (tmp_path / "out" / PAGE).read_text("utf-8")
    for words in (*CLASSES, *METHODS, *(answer.path for answer in found.answers), BORDERS):
        assert words in page
    assert all(limit in to_text(found) for limit in LIMITS)
    assert json.loads((tmp_path / "out" / FIGURES).read_text("utf-8"))["limits"] == list(LIMITS)


def test_what_cannot_be_explained_is_refused(tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too few classes, numbers that make no sense, a package that is missing: before anything is measured."""
    one = draw_folder(tmp_path / "one", {"": 2})
    for kind in CLASSES[1:]:
        (one / kind).rename(tmp_path / kind)
    with pytest.raises(PhotosError, match="two classes"):
        explain(tiny.bundle, one, tmp_path / "out")
    with pytest.raises(UserError, match="shown is a number from 2"):
        ExplainOptions(shown=1)

    def missing(module: str) -> object:
        raise ImportError(module)

    monkeypatch.setattr(foreign.importlib, "import_module", missing)
    with pytest.raises(UserError, match=r"pip install 'inarch\[explain\]'"):
        explain(tiny.bundle, tiny.photos, tmp_path / "out")
