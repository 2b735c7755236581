"""A class gets another name, and nothing else changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inarch.bundle.format import BundleFile
from inarch.bundle.predictor import Predictor
from inarch.bundle.reading import read_bundle
from inarch.commands.rename.rename import rename
from inarch.errors import UnknownNameError, UserError
from trained import CLASSES, Trained

Inarch = Callable[..., Any]
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=40)


def answers(bundle: Path) -> list[list[float]]:
    """The probabilities of its golden photos."""
    probabilities: list[list[float]] = Predictor(bundle).probabilities(read_bundle(bundle).golden()[0]).tolist()
    return probabilities


def test_the_model_answers_as_before_under_another_name(own_bundle: Path, tiny: Trained, inarch: Inarch) -> None:
    """In predictions, figures, card and JSON; a copy of the bundle can be read, so it is sealed."""
    before = answers(own_bundle)
    photo = next((tiny.photos / "val/red").glob("*.jpg"))
    ended = inarch("rename", own_bundle, "red", "scarlet")
    assert (ended.code, ended.err) == (0, "")
    assert "red is now scarlet; the classes are blue, green, scarlet." in ended.out
    assert answers(own_bundle) == before
    bundle = read_bundle(own_bundle)
    assert bundle.report.classes == ("blue", "green", "scarlet")
    assert bundle.report.evaluation is not None
    assert "scarlet" in {each.name for each in bundle.report.evaluation.per_class}
    assert "- scarlet\n" in (own_bundle / BundleFile.CARD).read_text("utf-8")
    shown = inarch("predict", own_bundle, photo, "--format", "json", "--always-answer")
    assert shown.code == 0, shown.err
    assert "scarlet" in shown.out
    again = inarch("evaluate", own_bundle, tiny.photos)
    assert again.code == 2
    assert "which the model does not have" in again.err


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES.map(str.strip).filter(lambda name: name and name not in CLASSES))
def test_any_name_of_one_line_goes_there_and_back(own_bundle: Path, name: str) -> None:
    """Afterwards every file but the card and the config's order is as it was."""
    files = {each.name: each.read_bytes() for each in own_bundle.iterdir()}
    new = rename(own_bundle, "green", name).new
    assert read_bundle(own_bundle).classes == ("blue", new, "red")
    rename(own_bundle, new, "green")
    assert {each.name: each.read_bytes() for each in own_bundle.iterdir()} == files


def test_what_cannot_be_is_refused_and_nothing_changes(own_bundle: Path) -> None:
    """No such class, a name that is taken, more than a line, none."""
    before = {each.name: each.read_bytes() for each in own_bundle.iterdir()}
    with pytest.raises(UnknownNameError, match=r"No class is called 'rde'\. Did you mean 'red'"):
        rename(own_bundle, "rde", "x")
    with pytest.raises(UserError, match="has a class 'blue' already"):
        rename(own_bundle, "red", "blue")
    for broken in ("", " x", "a\nb"):
        with pytest.raises(UserError, match="must be one line"):
            rename(own_bundle, "red", broken)
    assert {each.name: each.read_bytes() for each in own_bundle.iterdir()} == before
    assert np.isfinite(Predictor(own_bundle).bundle.temperature)
