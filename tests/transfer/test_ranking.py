"""Which backbone is taken, on what evidence, and what is never looked at."""

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.errors import PhotosError
from inarch.models import build
from inarch.progress import ignore_progress
from inarch.transfer import ranking as ranking_module
from inarch.transfer.backbones import list_available_models, starting_point
from inarch.transfer.options import TrainOptions
from inarch.transfer.ranking import BackboneOption, interleave_classes, rank
from inarch.transfer.recipes import RankingRecipe, Recipes
from inarch.transfer.run import StartingPoint
from inarch.weights.embedded import list_embedded_models
from stripes import CLASSES, NET, SIZE, drawn

LEARNED, HELD = 20, 2
"""Photos of each class."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> PhotoSet:
    """Stripes on disk. Photos of the test split do not exist: whoever looks at them fails."""
    root = tmp_path_factory.mktemp("stripes")
    photos = []
    for row in range(len(CLASSES) * (LEARNED + HELD)):
        label, split = row % 3, "train" if row < 3 * LEARNED else "test"
        path = root / f"{row}.png"
        if split == "train":
            Image.fromarray(drawn(CLASSES[label], seed=1000 + row)).save(path)
        digest = hashlib.sha256(path.read_bytes() if path.exists() else bytes([row])).hexdigest()
        photos.append(Photo(path.name, label, digest, split))
    return PhotoSet(str(root), CLASSES, tuple(photos))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def options(start: StartingPoint) -> list[BackboneOption]:
    """A net that says it has learned something and has not, and one that has."""
    backbone = build(NET, classes=1, seed=9).backbone.eval()
    unlearned = replace(start, backbone=backbone, digest="unlearned", weights="none")
    return [BackboneOption(each, Preprocessing(image_size=SIZE)) for each in (unlearned, start)]


def test_the_better_backbone_is_taken_and_the_worse_says_by_how_much(
    found: PhotoSet, options: list[BackboneOption], cache: Path
) -> None:
    """By photos to learn from alone: those of the test split are not there."""
    chosen, ranking = rank(found, options, TrainOptions(cache=cache), ignore_progress)
    rows = {row.weights: row for row in ranking.backbones}
    worse, better = (rows[option.start.weights] for option in options)
    assert chosen is options[1]
    assert (better.chosen, worse.chosen, ranking.sampled) == (True, False, 3 * LEARNED)
    assert better.log_loss < worse.log_loss
    assert better.logme > worse.logme
    assert better.accuracy.n == worse.accuracy.n == 3 * LEARNED
    assert better.why == "the lowest log loss"
    assert worse.why.startswith(f"log loss higher by {worse.log_loss - better.log_loss:.3f}")
    assert [row.photos_per_second for row in ranking.backbones] == sorted(
        (row.photos_per_second for row in ranking.backbones), reverse=True
    )


@pytest.mark.parametrize("faster", [0, 1])
def test_of_equals_the_faster_is_taken(
    found: PhotoSet, start: StartingPoint, cache: Path, faster: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same net twice, of which one is said to be twice as fast."""
    twins = [
        BackboneOption(replace(start, weights=name), Preprocessing(image_size=SIZE)) for name in ("first", "second")
    ]
    speeds = iter([200.0, 100.0] if faster == 0 else [100.0, 200.0])
    monkeypatch.setattr(ranking_module, "_photos_per_second", lambda prefix: next(speeds))
    chosen, ranking = rank(found, twins, TrainOptions(cache=cache), ignore_progress)
    assert chosen is twins[faster]
    assert ranking.backbones[1].why.endswith("within one standard error, and 2.0 times slower")


def test_what_does_not_fit_the_time_is_not_measured(
    found: PhotoSet, options: list[BackboneOption], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A net that needs more than half of the time; if all do, the fastest stays."""
    for budget, measured in ((100.0, 1), (0.1, 1), (1000.0, 2)):
        speeds = iter([10.0, 1.0])
        monkeypatch.setattr(ranking_module, "_photos_per_second", lambda prefix, speeds=speeds: next(speeds))
        _, ranking = rank(found, options, TrainOptions(cache=cache, time_budget=budget), ignore_progress)
        assert sum(row.accuracy is not None for row in ranking.backbones) == measured
        if measured == 1:
            assert ranking.backbones[0].chosen
            assert ranking.backbones[0].why == "the fastest; there was no time for another"
            assert ranking.backbones[1].why == (
                f"too slow to try: 60 photos would take 60 s, and all is to be done in {budget:.0f} s"
            )


def test_a_class_that_the_sample_cannot_read_gets_a_larger_sample(
    found: PhotoSet, start: StartingPoint, tmp_path: Path
) -> None:
    """All but three photos of a class have gone; if all but one or all have, the error names the class."""
    small = Recipes(ranking=RankingRecipe(samples=(6,), fewest_of_class=2))
    option = BackboneOption(start, Preprocessing(image_size=SIZE))
    order = [photo for photo in interleave_classes(found, 0) if photo.label == 0]
    for left in (3, 1, 0):
        gone = {photo.digest: f"gone/{photo.path}" for photo in order[: LEARNED - left]}
        broken = replace(
            found, photos=tuple(replace(each, path=gone.get(each.digest, each.path)) for each in found.photos)
        )
        given = TrainOptions(cache=tmp_path / str(left), recipes=small)
        if left == 3:
            _, ranking = rank(broken, [option], given, ignore_progress)
            assert ranking.sampled > 6
        else:
            with pytest.raises(PhotosError, match=r"'across' has (no readable training photo|fewer)"):
                rank(broken, [option], given, ignore_progress)


def test_every_beginning_of_the_sample_is_even() -> None:
    """One more of a class than of another at most while both last; a second photo of a group after all the others."""
    labels = [0] * 5 + [1] * 30 + [2] * 12
    photos = tuple(
        Photo(f"{row}", label, f"{row:02}", "val" if row % 6 == 5 else "train", group="burst" if label == 2 else "")
        for row, label in enumerate(labels)
    )
    photos = tuple(replace(photo, group="") if photo.path == "40" else photo for photo in photos)
    order = interleave_classes(PhotoSet("/nowhere", ("a", "b", "c"), photos), seed=3)
    assert {photo.path for photo in order} == {photo.path for photo in photos if photo.split == "train"}
    for end in range(1, 13):
        counts = Counter(photo.label for photo in order[:end])
        assert max(counts.values()) - min(counts[label] for label in range(3)) <= 1
    assert "40" in [photo.path for photo in order if photo.label == 2][:2]
    assert interleave_classes(PhotoSet("/nowhere", ("a", "b", "c"), photos[::-1]), seed=3) == order


def test_what_is_at_hand_can_be_grafted() -> None:
    """Ours first, then what other packages bring; every one has weights."""
    names = list_available_models()
    assert set(names[:2]) == set(list_embedded_models())
    assert all(starting_point(name, None).pretrained for name in names)


def test_one_that_was_not_good_enough_is_compared_with_the_best() -> None:
    """The fastest is out for what it lacks to the best, though the one that was taken lies between them."""
    draw = np.random.default_rng(0)
    common, noise = draw.exponential(size=200), draw.normal(size=(3, 200))
    losses = {0: common + 0.08 + 0.3 * noise[0], 1: common + 0.01 + 0.3 * noise[1], 2: common}
    speeds = (300.0, 200.0, 100.0)
    behind = float((losses[0] - losses[2]).mean())
    assert ranking_module._why(0, 1, losses, speeds).startswith(f"log loss higher than the lowest by {behind:.3f}")
    assert ranking_module._why(2, 1, losses, speeds).endswith("within one standard error, and 2.0 times slower")
