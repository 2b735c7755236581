"""What belongs together by name, folder, time or looks."""

from dataclasses import replace

import pytest
from PIL import ExifTags, Image

from inarch.data.bursts import bursts_of
from inarch.data.duplicate_search import group_near_duplicates
from inarch.data.grouping import group_photos, merge_clusters, units
from inarch.data.header import Header, read_header
from inarch.data.scan import scan
from inarch.data.split import split
from inarch.errors import PhotosError, UserError


def shot(taken, camera="one"):
    return Header("JPEG", "RGB", 40, 30, 1, is_transparent=False, frames=1, taken=taken, camera=camera)


def together(photos):
    """The photos of each group, by path."""
    names = {photo.unit for photo in photos.photos}
    return {frozenset(photo.path for photo in photos.photos if photo.unit == name) for name in names}


def test_clusters_and_groups_that_meet_are_one(photo_set):
    """Through any chain; everything else keeps its name."""
    photos = photo_set({"a": 6})
    named = tuple(replace(photo, group=name) for photo, name in zip(photos.photos, "xx..yy", strict=True))
    named = tuple(replace(photo, group=photo.group.strip(".")) for photo in named)
    done = merge_clusters(replace(photos, photos=named), [[1, 2], [2, 3]])
    assert together(done) == {frozenset(f"a/{n}.jpg" for n in range(4)), frozenset(["a/4.jpg", "a/5.jpg"])}
    assert [photo.group for photo in done.photos[4:]] == ["y", "y"]
    assert merge_clusters(photos, []) == photos
    assert sorted(map(sorted, units(done.photos))) == [[0, 1, 2, 3], [4, 5]]


def test_a_pattern_groups_by_what_it_finds(photo_set):
    """Its first bracket, or all of it; photos in which it finds nothing stay alone."""
    photos = photo_set({"a": 0, "b": 0})
    paths = ("a/p1-x.jpg", "a/p1-y.jpg", "b/p1-z.jpg", "b/p22-z.jpg", "b/other.jpg")
    some = photo_set({"a": 5}).photos
    photos = replace(photos, photos=tuple(replace(p, path=path) for p, path in zip(some, paths, strict=True)))
    wanted = {frozenset(paths[:3]), frozenset(paths[3:4]), frozenset(paths[4:])}
    assert together(group_photos(photos, r"(p\d+)-")) == together(group_photos(photos, r"p\d+")) == wanted


def test_folders_inside_a_class_are_groups(photo_set):
    """The class folder itself is none, with or without splits."""
    photos = photo_set({"a": 4})
    paths = ("a/one/1.jpg", "a/one/2.jpg", "a/3.jpg", "a/4.jpg")
    inner = replace(photos, photos=tuple(replace(p, path=x) for p, x in zip(photos.photos, paths, strict=True)))
    assert together(group_photos(inner, "folder")) == {
        frozenset(paths[:2]),
        frozenset(paths[2:3]),
        frozenset(paths[3:]),
    }
    with pytest.raises(PhotosError, match=r"Grouping by 'folder' puts no two photos together; .* 'a/0.jpg'"):
        group_photos(photos, "folder")


def test_what_is_no_pattern_is_said(photo_set):
    """With an example of one."""
    with pytest.raises(UserError, match=r"'\(' is not a regular expression .*patient"):
        group_photos(photo_set({"a": 2}), "(")


def test_bursts_are_of_one_camera_and_end_with_a_pause():
    """Two seconds from one photo to the next; a clock that stands still makes no burst."""
    headers = [shot(0.0), shot(1.5), None, shot(3.0), shot(9.0), shot(9.0, "two"), shot(None), shot(10.0)]
    assert bursts_of(headers) == [[0, 1, 3], [4, 7]]
    assert bursts_of([shot(5.0)] * 20) == []
    assert bursts_of([shot(5.0)] * 19) == [list(range(19))]


def test_the_time_is_read_from_exif(tmp_path):
    """With fractions; a clock that says nonsense says nothing."""
    for name, said in (("good", "2024:02:29 23:59:59"), ("bad", "0000:00:00 00:00:00")):
        exif = Image.Exif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[ExifTags.Base.DateTimeOriginal], details[ExifTags.Base.SubsecTimeOriginal] = said, "25"
        Image.new("RGB", (40, 30)).save(tmp_path / f"{name}.jpg", exif=exif)
    assert read_header(tmp_path / "good.jpg").taken == 1709251199.25
    assert read_header(tmp_path / "bad.jpg").taken is None


def test_near_duplicates_stay_on_one_side_of_every_split(tmp_path, draw):
    """Whatever the seed; and they are named. Without looking for them, some split parts them."""
    for number in range(12):
        image = Image.fromarray(draw(number, 160, 120))
        folder = tmp_path / ("a" if number % 2 else "b")
        folder.mkdir(exist_ok=True)
        image.save(folder / f"{number}.png")
        if number < 4:
            image.crop((6, 4, 160, 120)).save(folder / f"{number}-copy.jpg", quality=70)
    found = scan(tmp_path)
    kept = group_near_duplicates(found, tmp_path / "cache", lambda phase, done, total: None)
    pairs = {(f"{'a' if n % 2 else 'b'}/{n}-copy.jpg", f"{'a' if n % 2 else 'b'}/{n}.png") for n in range(4)}
    assert set(kept.alike) == pairs

    def parted(photos, seed):
        side = {photo.path: photo.split for photo in split(photos, seed=seed).photos}
        return sum(side[one] != side[other] for one, other in pairs)

    assert sum(parted(kept, seed) for seed in range(10)) == 0
    assert sum(parted(found, seed) for seed in range(10)) > 0
    assert group_near_duplicates(found, tmp_path / "cache", lambda phase, done, total: None) == kept
