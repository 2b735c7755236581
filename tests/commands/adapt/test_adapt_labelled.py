"""`adapt` with some labels of the target: they may be learned from, and those to report on stay untouched."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from inarch.bundle.reading import Bundle
from inarch.commands.adapt.adapt import adapt
from inarch.commands.adapt.options import AdaptOptions
from inarch.commands.adapt.recipe import AdaptRecipe
from inarch.commands.evaluate.evaluate import evaluate
from inarch.errors import PhotosError
from trained import CLASSES, Trained, draw_folder

pytestmark = pytest.mark.slow

LEARNED, TESTED = 8, 8
"""Photos of each class of the other domain."""


FEW_UPDATES = AdaptRecipe(updates=4, fewest_updates=2, tuned_updates=6)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another domain, where every class has the colour of the next one: what was learned is all wrong there."""
    folder = draw_folder(tmp_path_factory.mktemp("swapped"), {"train": LEARNED, "test": TESTED}, seed=55_000)
    for path in folder.rglob("*.*"):
        with Image.open(path) as image:
            red, green, blue = image.convert("RGB").split()
        Image.merge("RGB", (green, blue, red)).save(path, quality=85)
    return folder


def _first(photos: Path, each: int, folder: Path) -> Path:
    """A folder of the first photos of each class."""
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for path in sorted((photos / kind).iterdir())[:each]:
            shutil.copy(path, folder / kind)
    return folder


@pytest.fixture(scope="module")
def adapted(tiny: Trained, swapped: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """By labels of the train split; the test split is reported on."""
    options = AdaptOptions(recipe=FEW_UPDATES, cache=tiny.cache, labelled=swapped)
    return adapt(tiny.bundle, swapped, tmp_path_factory.mktemp("adapted") / "bundle", options)


def test_labels_repair_what_no_method_without_them_can(adapted: Bundle) -> None:
    """Colours that have changed their places: the head learns them anew, and is taken because labels prove it."""
    record = adapted.metrics["adaptation"]
    by_name = {each["method"]: each for each in record["candidates"]}
    assert list(by_name) == ["none", "adabn", "coral", "mcc", "dann", "head", "tune"]
    assert record["labelled"] == 3 * LEARNED
    assert record["validator"] == "labels"
    (chosen,) = [each for each in record["candidates"] if each["chosen"]]
    assert chosen["method"] in ("head", "tune")
    assert chosen["against"]["verdict"] == "better"
    assert chosen["oracle"]["value"] > by_name["none"]["oracle"]["value"] + 0.3
    assert {each["oracle"]["n"] for each in record["candidates"]} == {3 * TESTED}
    assert {each["learned"]["n"] for each in record["candidates"]} == {3 * LEARNED}
    assert by_name["none"]["against"] is None
    assert by_name["head"]["scores"] == []


def test_the_bundle_is_right_on_the_target_as_often_as_told(adapted: Bundle, swapped: Path) -> None:
    """The shipped graph, on the photos that were reported on."""
    (told,) = [each["oracle"] for each in adapted.metrics["adaptation"]["candidates"] if each["chosen"]]
    figures = evaluate(adapted.path, swapped).evaluation
    assert figures.accuracy.value == pytest.approx(told["value"])


def test_labels_that_are_reported_on_change_nothing(
    adapted: Bundle, tiny: Trained, swapped: Path, tmp_path: Path
) -> None:
    """Wrong ones in the test split: the same net to the last bit, other figures."""
    lying = shutil.copytree(swapped, tmp_path / "lying")
    test = lying / "test"
    for old, new in ((CLASSES[0], "spare"), (CLASSES[1], CLASSES[0]), ("spare", CLASSES[1])):
        (test / old).rename(test / new)
    options = AdaptOptions(recipe=FEW_UPDATES, cache=tiny.cache, labelled=lying)
    other = adapt(tiny.bundle, lying, tmp_path / "out", options)
    assert other.graph() == adapted.graph()
    told, said = (each.metrics["adaptation"]["candidates"] for each in (other, adapted))
    for key in ("scores", "learned", "against", "shares", "chosen"):
        assert [each[key] for each in told] == [each[key] for each in said]
    assert [each["oracle"] for each in told] != [each["oracle"] for each in said]


def test_photos_to_report_on_are_neither_learned_from_nor_adapted_to(
    tiny: Trained, swapped: Path, tmp_path: Path
) -> None:
    """An oracle that is a part of the target and of the labelled photos leaves both."""
    oracle = _first(swapped / "train", 2, tmp_path / "oracle")
    options = AdaptOptions(
        recipe=FEW_UPDATES, cache=tiny.cache, labelled=swapped / "train", oracle=oracle, methods=("adabn",)
    )
    record = adapt(tiny.bundle, swapped, tmp_path / "out", options).metrics["adaptation"]
    assert record["labelled"] == 3 * (LEARNED - 2)
    assert record["photos"] == 3 * (LEARNED + TESTED - 2)
    assert record["candidates"][0]["oracle"]["n"] == 6


def test_few_photos_with_labels_are_enough(tiny: Trained, swapped: Path, tmp_path: Path) -> None:
    """What takes statistics of the target is left out and says so; the head learns."""
    few = _first(swapped / "train", 4, tmp_path / "few")
    options = AdaptOptions(recipe=FEW_UPDATES, cache=tiny.cache, labelled=few, oracle=swapped / "test")
    record = adapt(tiny.bundle, few, tmp_path / "out", options).metrics["adaptation"]
    assert [each["method"] for each in record["candidates"]] == ["none", "head"]
    assert [name for name, why in record["left_out"] if "20" in why] == ["adabn", "coral", "mcc", "dann", "tune"]


def test_mistakes_are_one_sentence(tiny: Trained, swapped: Path, tmp_path: Path) -> None:
    """Too few labels, classes that the bundle does not know, no photo left to report on."""
    given = AdaptOptions(recipe=FEW_UPDATES, cache=tiny.cache)
    few = draw_folder(tmp_path / "few", {"": 1})
    with pytest.raises(PhotosError, match="at least 6"):
        adapt(tiny.bundle, swapped, tmp_path / "out", replace(given, labelled=few, oracle=swapped / "test"))
    with pytest.raises(PhotosError, match="--oracle"):
        adapt(tiny.bundle, swapped, tmp_path / "out", replace(given, labelled=few))
    with pytest.raises(PhotosError, match="may not be adapted to"):
        adapt(tiny.bundle, few, tmp_path / "out", replace(given, labelled=swapped, oracle=few))
    strange = shutil.copytree(few, tmp_path / "strange")
    (strange / "red").rename(strange / "crimson")
    with pytest.raises(PhotosError, match="crimson"):
        adapt(tiny.bundle, swapped, tmp_path / "out", replace(given, labelled=strange))
    assert not (tmp_path / "out").exists()
