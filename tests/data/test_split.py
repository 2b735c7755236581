"""The split: stratified, repeatable, and proof against leaks."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inarch.data.duplicate_search import merge_alike
from inarch.data.folds import folds, loose_folds
from inarch.data.grouping import merge_clusters
from inarch.data.photos import Photo, PhotoSet
from inarch.data.split import classes_too_small, leave_out_small_classes, split
from inarch.errors import PhotosError, UserError


def sides(photos):
    return {photo.digest: photo.split for photo in photos.photos}


@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=5), share=st.floats(0.05, 0.6), seed=st.integers(0, 99))
def test_each_class_is_held_out_in_the_share_asked_for(photo_set, counts, share, seed):
    """To the photo, and with at least one on either side."""
    photos = split(photo_set({f"c{i}": n for i, n in enumerate(counts)}), seed=seed, held_out=share)
    test = Counter(photo.label for photo in photos.of_split("test"))
    assert len(photos.of_split("train")) + test.total() == sum(counts)
    for label, n in enumerate(counts):
        assert test[label] == min(max(1, round(share * n)), n - 1)


def test_it_follows_from_the_seed_and_the_files_alone(photo_set):
    """Order and names do not matter; another seed does."""
    photos = photo_set({"ant": 30, "bee": 30})
    mixed = list(photos.photos)
    random.Random(0).shuffle(mixed)
    renamed = replace(photos, photos=tuple(replace(photo, path=f"new/{i}") for i, photo in enumerate(mixed)))
    assert sides(split(photos, seed=1)) == sides(split(renamed, seed=1))
    assert sides(split(photos, seed=1)) != sides(split(photos, seed=2))


def test_a_new_class_leaves_the_others_as_they_were(photo_set):
    """Photos already split stay on their sides."""
    before = sides(split(photo_set({"ant": 20, "bee": 20}), seed=3))
    after = sides(split(photo_set({"ant": 20, "bee": 20, "aardvark": 9}), seed=3))
    assert before.items() <= after.items()


PHOTOS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 25), st.integers(0, 12)), min_size=6, max_size=60)


@given(PHOTOS, st.integers(0, 9))
def test_nothing_that_belongs_together_is_parted(drawn, seed):
    """Neither files of the same bytes, even under two labels, nor the photos of a group; or it is an error."""
    photos = tuple(
        Photo(str(i), label, f"digest {digest}", group=f"group {group}" if group > 3 else "")
        for i, (label, digest, group) in enumerate(drawn)
    )
    whole = PhotoSet("/nowhere", ("a", "b", "c"), photos)
    try:
        done = split(whole, seed=seed)
    except PhotosError:
        return
    together = defaultdict(set)
    for photo in done.photos:
        together["digest", photo.digest].add(photo.split)
        if photo.group:
            together["group", photo.group].add(photo.split)
    assert all(len(splits) == 1 for splits in together.values())
    for name in ("train", "test"):
        assert {photo.label for photo in done.of_split(name)} == {0, 1, 2}
    assert [replace(photo, split="") for photo in done.photos] == list(photos)


def test_groups_of_one_size_are_held_out_in_about_the_share(photo_set):
    """Ten patients with ten photos each: two patients are held out."""
    photos = photo_set({"ill": 100, "well": 100})
    grouped = tuple(replace(photo, group=f"{photo.label}-{i % 10}") for i, photo in enumerate(photos.photos))
    done = split(replace(photos, photos=grouped), seed=0)
    assert Counter(photo.label for photo in done.of_split("test")) == {0: 20, 1: 20}


@pytest.mark.parametrize("given_splits", [("train", "val"), ("train", "test"), ("train", "val", "test")])
def test_splits_of_the_user_are_kept(photo_set, given_splits):
    """Not one photo moves."""
    photos = photo_set({"ant": 9, "bee": 9})
    named = replace(
        photos, photos=tuple(replace(p, split=given_splits[i % len(given_splits)]) for i, p in enumerate(photos.photos))
    )
    assert split(named, seed=0) == named


def test_train_alone_is_split(photo_set):
    """A folder that holds only train/ has nothing to test with yet."""
    assert sides(split(photo_set({"a": 10, "b": 10}, "train"), seed=0)) == sides(
        split(photo_set({"a": 10, "b": 10}), seed=0)
    )


def test_too_few_photos_are_named_with_their_class(photo_set):
    """Few photos, copies of one photo, none in train, all in one group: all classes are named at once."""
    with pytest.raises(PhotosError, match=r"three .*Too few have 'fly' \(2\), 'wasp' \(1\); .*--min-photos 3"):
        split(photo_set({"ant": 5, "fly": 2, "wasp": 1}), seed=0)
    photos = photo_set({"ant": 5, "bee": 4})
    copies = tuple(replace(photo, digest="same") if photo.label else photo for photo in photos.photos)
    with pytest.raises(PhotosError, match=r"Too few has 'bee' \(1\); copies of one file and photos of one group count"):
        split(replace(photos, photos=copies), seed=0)
    grouped = tuple(replace(photo, group="g") if photo.label else photo for photo in photos.photos)
    with pytest.raises(PhotosError, match=r"Too few has 'bee' \(1\)"):
        split(replace(photos, photos=grouped), seed=0)
    tested = tuple(replace(photo, split="test" if photo.label else "train") for photo in photos.photos)
    with pytest.raises(PhotosError, match=r"two different training photos of every class.* Too few has 'bee' \(0\)"):
        split(replace(photos, photos=tested), seed=0)
    with pytest.raises(UserError, match=r"test fraction is between 0 and 1; 1\.0 was asked for"):
        split(photos, seed=0, held_out=1.0)


def test_groups_that_cannot_be_on_both_sides_are_an_error(photo_set):
    """Three groups of a class, and each of them holds all but one photo of another class."""
    photos = photo_set({"ant": 3, "bee": 3})
    crossed = tuple(replace(photo, group=f"g{number % 3}") for number, photo in enumerate(photos.photos))
    split(replace(photos, photos=crossed), seed=0)
    bound = [replace(photo, group="g0" if photo.label else f"g{number}") for number, photo in enumerate(crossed)]
    with pytest.raises(PhotosError, match=r"Too few has 'bee' \(1\)"):
        split(replace(photos, photos=tuple(bound)), seed=0)


def test_small_classes_are_left_out_by_wish(photo_set):
    """The labels of the others close up, and the names of those left out are kept."""
    photos = leave_out_small_classes(photo_set({"ant": 1, "bee": 5, "fly": 2, "wasp": 7}), 3)
    assert photos.classes == ("bee", "wasp")
    assert photos.left_out == ("ant", "fly")
    assert Counter(photos.classes[photo.label] for photo in photos.photos) == {"bee": 5, "wasp": 7}
    assert all(photo.path.startswith(photos.classes[photo.label]) for photo in photos.photos)
    assert leave_out_small_classes(photos, 5) is photos
    with pytest.raises(PhotosError, match=r"One class has 6 different training photos \(the largest has 7\)"):
        leave_out_small_classes(photos, 6)


CLUSTERED = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from(["", "train", "test"])), min_size=9, max_size=40
)


@given(CLUSTERED, st.booleans())
def test_near_duplicates_never_make_training_impossible(drawn, given_splits):
    """A class that could be trained on still can; every other cluster stays together, and divided classes are named."""
    photos = tuple(
        Photo(str(i), label, f"digest {i}", split if given_splits else "") for i, (label, _, split) in enumerate(drawn)
    )
    whole = PhotoSet("/nowhere", ("a", "b", "c"), photos)
    clusters = [[i for i, (_, cluster, _) in enumerate(drawn) if cluster == each] for each in (1, 2, 3)]
    merged = merge_alike(whole, [each for each in clusters if each])
    assert classes_too_small(merged) == [
        (label, count) for label, count in classes_too_small(merged) if label in dict(classes_too_small(whole))
    ]
    for cluster in clusters:
        kept = [merged.photos[i] for i in cluster if merged.classes[merged.photos[i].label] not in merged.divided]
        assert len({photo.unit for photo in kept}) <= 1
    untouched = merge_clusters(whole, [each for each in clusters if each])
    assert (not merged.divided) == (merged == untouched)


@pytest.mark.parametrize("grouped", [False, True])
def test_folds_hold_each_photo_out_once(grouped):
    """Every fold trains on every class, and no group stands on both sides."""
    labels = np.repeat([0, 1, 2], [40, 25, 60])
    groups = np.arange(len(labels)) // 2 if grouped else None
    parts = folds(labels, k=5, seed=0, groups=groups)
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(len(labels)))
    for train, held in parts:
        assert set(train).isdisjoint(held)
        assert len(train) + len(held) == len(labels)
        assert set(labels[train]) == set(labels[held]) == {0, 1, 2}
        if groups is not None:
            assert set(groups[train]).isdisjoint(groups[held])
    again = folds(labels, k=5, seed=0, groups=groups)
    assert all(
        np.array_equal(a, b) for one, two in zip(parts, again, strict=True) for a, b in zip(one, two, strict=True)
    )


def test_more_folds_than_photos_of_a_class_is_an_error():
    """It says how many there are."""
    with pytest.raises(UserError, match="5 folds need at least 2 and 5 photos of every class; the rarest class has 3"):
        folds(np.repeat([0, 1], [9, 3]), k=5, seed=0)
    with pytest.raises(UserError, match="groups of every class; the rarest class has 2"):
        folds(np.repeat([0, 1], [9, 9]), k=3, seed=0, groups=np.arange(18) // 5)


@pytest.mark.parametrize("k", [3, 5])
def test_loose_folds_divide_photos_and_classes_evenly_and_no_group(k: int) -> None:
    """Each photo is held out once; of a class, folds hold as many give or take one; a group stays together."""
    labels = np.repeat(np.arange(3), [20, 7, 3])
    folds = loose_folds(labels, np.arange(30), k=k, seed=1)
    assert len(folds) == k
    assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(30))
    for label in range(3):
        counts = [int((labels[held] == label).sum()) for _, held in folds]
        assert max(counts) - min(counts) <= 1
    for seen, held in folds:
        assert not set(seen) & set(held)
    groups = np.arange(30) // 4
    for seen, held in loose_folds(labels, groups, k=k, seed=1):
        assert not set(groups[seen]) & set(groups[held])


def test_loose_folds_need_no_photo_of_every_class_and_are_never_more_than_groups() -> None:
    """One photo of each of four classes in five folds: four folds, each without one class."""
    folds = loose_folds(np.arange(4), np.arange(4), k=5, seed=0)
    assert [len(held) for _, held in folds] == [1, 1, 1, 1]
    assert [len(seen) for seen, _ in folds] == [3, 3, 3, 3]
