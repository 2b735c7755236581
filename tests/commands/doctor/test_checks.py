"""Checks of classes and pictures."""

from dataclasses import replace

import numpy as np
import pytest

from inarch.commands.doctor.checks.classes import report_class_problems
from inarch.commands.doctor.checks.pictures import border_of, flatness_of, report_image_problems


def kinds(findings):
    return [(finding.kind, finding.path) for finding in findings]


def test_a_class_that_splits_lack_is_one_finding(photo_set):
    """However many of them lack it, so that each finding has an identity of its own."""
    photos = photo_set({"a": 30, "b": 30, "c": 30})
    splits = [
        ("train", "val", "test")[number % 3] if photo.label < 2 else "val" for number, photo in enumerate(photos.photos)
    ]
    named = tuple(replace(photo, split=split) for photo, split in zip(photos.photos, splits, strict=True))
    found = list(report_class_problems(replace(photos, photos=named)))
    assert kinds(found) == [("class-mismatch", "c")]
    assert found[0].problem == "This class has photos in val and none in test and train."


def test_small_and_uneven_classes_and_confusable_names_are_told(photo_set):
    """Even classes of ten with names of their own are not."""
    assert not list(report_class_problems(photo_set({"ant": 10, "bee": 12})))
    found = kinds(report_class_problems(photo_set({"Ant": 9, "ant ": 40, "bee": 30})))
    assert found == [
        ("class-name", "ant "),
        ("class-name", "ant "),
        ("few-photos", "Ant"),
        ("imbalance", "Ant"),
    ]


def test_no_photos_at_all_is_no_traceback(photo_set):
    """Every class is said to be empty."""
    assert kinds(report_class_problems(photo_set({"a": 0, "b": 0}))) == [("few-photos", "a"), ("few-photos", "b")]


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_borders_are_measured_by_their_area(colour):
    """A picture of 24 x 32 pixels in a square of 64."""
    images = np.full((1, 64, 64, 3), colour, dtype=np.uint8)
    images[0, 10:34, 20:52] = np.random.default_rng(0).integers(60, 180, (24, 32, 3))
    assert border_of(images) == pytest.approx([1 - 24 * 32 / 64**2], abs=0.02)
    assert flatness_of(np.full((2, 64, 64, 3), colour, dtype=np.uint8)) == pytest.approx([0, 0], abs=1e-3)


def test_what_most_photos_have_is_their_style(photo_set):
    """One photo with a border among many is told, borders everywhere are not."""
    photos = photo_set({"a": 20})
    flatness = np.full(20, 50.0)
    one = np.array([0.9] + [0.1] * 19)
    assert kinds(report_image_problems(photos, flatness, one)) == [("border", photos.photos[0].path)]
    assert not list(report_image_problems(photos, flatness, np.full(20, 0.9)))
