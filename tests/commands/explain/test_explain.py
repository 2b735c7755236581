"""A bundle explained: the same again by its seed, and refused in a sentence where it cannot be."""

import json
import sys
from pathlib import Path

import pytest
import torch

from inarch.commands.explain.attribution import METHODS
from inarch.commands.explain.explain import (
    BORDERS,
    FIGURES,
    MAPPED,
    PAGE,
    explain,
)
from inarch.commands.explain.options import ExplainOptions
from inarch.commands.explain.text import LIMITS, before_sentence, to_text
from inarch.errors import PhotosError, UserError, WeightsError
from schemas import check_json
from trained import CLASSES, COUNTS, Trained, draw_folder

FEW = ExplainOptions(shown=3)


@pytest.mark.slow
def test_everything_follows_from_the_seed(tiny: Trained, tmp_path: Path) -> None:
    """The photos, the folds, the net with first weights, its head included; and no draw of others matters."""
    figures = []
    for name in "ab":
        torch.manual_seed(ord(name))
        explain(tiny.bundle, tiny.photos, tmp_path / name, FEW)
        figures.append((tmp_path / name / FIGURES).read_text("utf-8"))
    assert figures[0] == figures[1]


@pytest.mark.slow
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
    figures = (tmp_path / "out" / FIGURES).read_text("utf-8")
    assert check_json(figures) == "inarch.explain/1"
    assert json.loads(figures)["limits"] == list(LIMITS)


@pytest.mark.slow
def test_channels_filters_and_maps_are_shown(tiny: Trained, tmp_path: Path) -> None:
    """Of every stage, and on the page; without channels there are none."""
    found = explain(tiny.bundle, tiny.photos, tmp_path / "out", ExplainOptions(shown=2, channels=2))
    stages = [each.stage for each in found.depth.stages]
    assert [each.stage for each in found.channels] == [stage for stage in stages for _ in range(2)]
    paths = {photo.path for photo in found.answers}
    for each in found.channels:
        assert len({patch.path for patch in each.patches}) == len(each.patches) > 0
        paths |= {patch.path for patch in each.patches}
    assert all(path.startswith("val/") for path in paths)
    assert len(found.seen) == MAPPED
    page = (tmp_path / "out" / PAGE).read_text("utf-8")
    for words in ("First-layer filters", "Feature maps", "Activation maximisation", found.filters.verdict):
        assert words in page
    without = explain(tiny.bundle, tiny.photos, tmp_path / "none", ExplainOptions(shown=2, channels=0))
    assert without.channels == ()
    assert "Activation maximisation" not in (tmp_path / "none" / PAGE).read_text("utf-8")


@pytest.mark.slow
def test_the_model_before_fine_tuning_is_compared(tiny: Trained, tmp_path: Path) -> None:
    """Against itself nothing has changed; random weights are worth less or as much; another net is refused."""
    same = ExplainOptions(shown=2, channels=0, before=tiny.bundle)
    found = explain(tiny.bundle, tiny.photos, tmp_path / "same", same)
    assert found.before == str(tiny.bundle)
    assert found.depth.moved is not None
    assert found.depth.moved.gain.value == 0
    assert found.depth.moved.verdict == "inconclusive"
    for each in found.depth.stages:
        assert each.before is not None
        assert each.before.alike == pytest.approx(1)
        assert each.before.accuracy == each.accuracy
    assert before_sentence(found) in to_text(found)
    fresh = ExplainOptions(shown=2, channels=0, before="random")
    moved = explain(tiny.bundle, tiny.photos, tmp_path / "fresh", fresh).depth.stages[-1].before
    assert moved is not None
    assert moved.alike < 0.999
    assert explain(tiny.bundle, tiny.photos, tmp_path / "plain", FEW).depth.moved is None
    with pytest.raises(WeightsError, match="no-such-file"):
        explain(tiny.bundle, tiny.photos, tmp_path / "none", ExplainOptions(before="no-such-file.pth"))


def test_what_cannot_be_explained_is_refused(tiny: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too few classes, numbers that make no sense, a package that is missing: before anything is measured."""
    one = draw_folder(tmp_path / "one", {"": 2})
    for kind in CLASSES[1:]:
        (one / kind).rename(tmp_path / kind)
    with pytest.raises(PhotosError, match="two classes"):
        explain(tiny.bundle, one, tmp_path / "out")
    with pytest.raises(UserError, match="shown is a whole number from 2"):
        ExplainOptions(shown=1)
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(UserError, match=r'pip install "inarch\[explain\]"'):
        explain(tiny.bundle, tiny.photos, tmp_path / "out")
