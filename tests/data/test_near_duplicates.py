"""Near-duplicates: copies that were changed a little are found, and photos of one kind are not merged."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from inarch.data.alignment import align_pairs
from inarch.data.decode import decode
from inarch.data.near_duplicates import (
    LOOK,
    USUAL,
    brightness,
    find_near_duplicates,
    threshold_of,
)
from inarch.data.photos import Preprocessing

SQUARE = Preprocessing(image_size=LOOK)
PHOTOS = 40


def quiet(done, total):
    """No progress."""


def look(image, quality=80, kind="JPEG"):
    stream = io.BytesIO()
    image.save(stream, kind, quality=quality)
    return decode(stream.getvalue(), SQUARE)


def scene(seed):
    """Blobs of many sizes and colours: as different from each other as photos are."""
    draw = np.random.default_rng(seed)
    canvas = np.zeros((150, 190, 3))
    for cells in (3, 7, 16, 40):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        canvas += np.asarray(coarse.resize((190, 150), Image.Resampling.BICUBIC), dtype=float) / 4
    return Image.fromarray(canvas.astype(np.uint8))


CHANGES = {
    "saved again": lambda image: look(image, 40),
    "as WebP": lambda image: look(image, 60, "WEBP"),
    "smaller": lambda image: look(image.resize((95, 75))),
    "larger": lambda image: look(image.resize((380, 300))),
    "cropped at the left": lambda image: look(image.crop((14, 10, 190, 150))),
    "cropped at the right": lambda image: look(image.crop((0, 0, 175, 138))),
    "darker": lambda image: look(ImageEnhance.Brightness(image).enhance(0.7)),
    "brighter": lambda image: look(ImageEnhance.Brightness(image).enhance(1.25)),
}


@pytest.fixture(scope="module")
def scenes():
    return [scene(seed) for seed in range(PHOTOS)]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found_and_nothing_else_is(scenes, change):
    """Every second photo has a copy: these pairs, and no others."""
    copies = [CHANGES[change](image) for image in scenes[::2]]
    looks = brightness(np.stack([*(look(image, 95) for image in scenes), *copies]))
    pairs = {(pair.first, pair.second) for pair in find_near_duplicates(looks, quiet)}
    assert pairs == {(2 * number, PHOTOS + number) for number in range(len(copies))}


def test_order_does_not_matter(scenes):
    """Shuffled photos have the same twins."""
    looks = brightness(np.stack([*map(look, scenes), *(look(image.crop((9, 9, 190, 150))) for image in scenes[:9])]))
    order = np.random.default_rng(0).permutation(len(looks))
    plain = {frozenset(pair[:2]) for pair in find_near_duplicates(looks, quiet)}
    mixed = {
        frozenset((int(order[pair.first]), int(order[pair.second])))
        for pair in find_near_duplicates(looks[order], quiet)
    }
    assert plain == mixed
    assert len(plain) == 9


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_photos_and_flat_ones_have_no_twins(n):
    """A photo of one colour shows nothing that could be the same."""
    assert find_near_duplicates(np.full((n, LOOK, LOOK), 7.0, dtype=np.float32), quiet) == []


def test_the_threshold_rises_with_how_alike_strangers_are(scenes):
    """Photos that share half of what they show are of one kind; a copy of each of them changes nothing."""
    looks = brightness(np.stack([look(image, 95) for image in scenes]))
    similar = looks + 3 * looks[:1]
    assert threshold_of(looks[:0]) == threshold_of(looks[:1]) == threshold_of(looks) == USUAL.lenient
    assert threshold_of(similar) == USUAL.strict
    assert threshold_of(np.concatenate([looks, looks])) == USUAL.lenient


@pytest.mark.parametrize("box", [(0.0, 0.0, 1.0), (0.04, 0.01, 0.93), (0.08, 0.09, 0.9), (0.0, 0.05, 0.95)])
def test_alignment_finds_the_part_that_is_shown(scenes, box):
    """To half a pixel, although it begins elsewhere, and whatever the contrast."""
    whole = brightness(np.stack([np.asarray(image.resize((LOOK, LOOK)).convert("RGB")) for image in scenes[:8]]))
    edges = tuple(LOOK * edge for edge in (box[0], box[1], box[0] + box[2], box[1] + box[2]))
    half = (LOOK // 2, LOOK // 2)
    shown = [Image.fromarray(each).resize(half, Image.Resampling.BOX, box=edges) for each in whole]
    start = np.tile(np.array((0.035, 0.035, 0.93), dtype=np.float32), (len(whole), 1))
    scores, found = align_pairs(whole, 0.5 * np.stack([np.asarray(each) for each in shown]) + 30, start, 12)
    assert scores.min() > 0.97
    assert np.abs(found - np.array(box)).max() < 0.5 / (LOOK // 2)


def test_digits_of_one_class_are_not_merged(shared_data):
    """Of many scans of ten digits hardly any is taken for another."""
    folder = shared_data("digits_shift") / "mnist" / "test"
    files = sorted(folder.rglob("*.png"))[::5][:150]
    looks = brightness(np.stack([decode(file, SQUARE) for file in files]))
    merged = {index for pair in find_near_duplicates(looks, quiet) for index in pair[:2]}
    assert len(files) >= 100
    assert len(merged) <= 0.01 * len(files)
