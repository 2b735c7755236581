"""Which crop comes when, and what is on it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inarch.commands.pretrain.corpus import Corpora, corpora_of
from inarch.commands.pretrain.crops import (
    Crops,
    chunk_of,
    cut_crops,
    resize_crop,
)
from inarch.commands.pretrain.recipe import CropSource, PretrainingPhase, Recipe
from inarch.errors import PhotosError
from inarch.training.config import TrainingConfig

PER_PASS = 15 + 2 * 9


def passes(corpora: Corpora, count: int, chunk: int = 7) -> Crops:
    """The first passes, gathered from chunks that do not fit them."""
    chunks = [chunk_of(corpora.all, number, chunk, 0) for number in range(1, count * PER_PASS // chunk + 2)]
    names = ("corpus", "row", "view", "mirrored")
    joined = Crops(*(np.concatenate([getattr(each, name) for each in chunks]) for name in names))
    return joined[: count * PER_PASS]


def test_a_pass_shows_every_photo_as_often_as_its_source_says(corpora: Corpora) -> None:
    """Photos of the val split are not among them."""
    first = passes(corpora, 1)
    seen = Counter(zip(first.corpus.tolist(), first.row.tolist(), strict=True))
    assert len(seen) == 15 + 9
    assert all(times == (1, 2)[corpus] for (corpus, _), times in seen.items())


def test_views_are_all_used_before_one_comes_again(corpora: Corpora) -> None:
    """With two repeats and three views a photo shows each view twice in three passes."""
    crops = passes(corpora, 3)
    second = crops[np.flatnonzero(crops.corpus == 1)]
    seen = Counter(zip(second.row.tolist(), second.view.tolist(), strict=True))
    assert len(seen) == 9 * 3
    assert set(seen.values()) == {2}


def test_mirrors_alternate(corpora: Corpora) -> None:
    """A photo that is mirrored in one pass is not in the next."""
    crops = passes(corpora, 2)
    first, second = crops[:PER_PASS], crops[PER_PASS:]
    of = [
        dict(zip(part.row[part.corpus == 0], part.mirrored[part.corpus == 0], strict=True)) for part in (first, second)
    ]
    assert all(of[0][row] != of[1][row] for row in range(15))
    assert 0 < sum(of[0].values()) < 15


def test_the_sequence_does_not_depend_on_the_size_of_chunks(corpora: Corpora) -> None:
    """Crop number k is the same crop however the sequence is cut."""
    one, other = passes(corpora, 2, chunk=7), passes(corpora, 2, chunk=50)
    assert np.array_equal(one.row, other.row)
    assert np.array_equal(one.mirrored, other.mirrored)


def test_boxes_lie_inside_and_keep_the_share_that_is_asked_for(corpora: Corpora) -> None:
    """Never less than min_scale of the area, up to the aspect that had to give way; different in every view."""
    corpus = corpora.all[1]
    boxes = np.stack([corpus.box(view, np.arange(9), 0) for view in range(3)])
    left, top, right, bottom = np.moveaxis(boxes, -1, 0)
    assert (left >= 0).all()
    assert (top >= 0).all()
    assert (right <= 48 + 1e-9).all()
    assert (bottom <= 48 + 1e-9).all()
    assert ((right - left) * (bottom - top) >= 0.3 * 48 * 48 * np.sqrt(3 / 4) - 1e-6).all()
    assert len({tuple(box) for box in boxes.reshape(-1, 4)}) == 27


def test_a_mirrored_crop_is_the_mirror_of_the_crop(corpora: Corpora) -> None:
    """Pixel for pixel; and the whole photo at its own size is the photo."""
    crops = passes(corpora, 1)
    plain = cut_crops(corpora.all, crops, 16, 0, mirror=False)
    seen = cut_crops(corpora.all, crops, 16, 0)
    for at, mirrored in enumerate(crops.mirrored):
        assert np.array_equal(seen[at], plain[at][:, ::-1] if mirrored else plain[at])
    image = corpora.all[0].images[0]
    assert np.array_equal(resize_crop(image, np.array([0.0, 0.0, 40.0, 40.0]), 40), image)


def test_labels_mean_classes_of_the_one_list(corpora: Corpora) -> None:
    """A source whose classes are not learned adds none."""
    assert corpora.classes == ("blue", "green", "red")
    assert Counter(corpora.all[0].labels.tolist()) == {0: 5, 1: 5, 2: 5}
    assert set(corpora.all[1].labels.tolist()) == {-1}


@pytest.mark.parametrize("seed", [0, 1])
def test_another_seed_is_another_order(corpora: Corpora, seed: int) -> None:
    """And the same seed the same."""
    again = chunk_of(corpora.all, 1, PER_PASS, seed)
    assert np.array_equal(again.row, chunk_of(corpora.all, 1, PER_PASS, 0).row) == (seed == 0)


def test_a_class_can_be_left_out(data: Path, tmp_path: Path) -> None:
    """None of its photos is learned from, and its name is not in the list; one that is not there is named."""
    source = CropSource(photos="colours", image_size=40, without=("green",))
    asked = Recipe(
        name="test",
        model="resnet18",
        photos=(source,),
        phases=(PretrainingPhase(image_size=32, chunks=1),),
        training=TrainingConfig(epochs=1),
        teacher="tiny",
    )
    found = corpora_of(asked, data, tmp_path, lambda *_: None)
    assert found.classes == ("blue", "red")
    assert Counter(found.all[0].labels.tolist()) == {0: 5, 1: 5}
    wrong = replace(asked, photos=(replace(source, without=("mauve",)),))
    with pytest.raises(PhotosError, match="no class 'mauve'"):
        corpora_of(wrong, data, tmp_path, lambda *_: None)
