"""The store: photos decoded once, found again by their digests."""

import shutil

import numpy as np
import pytest

from inarch.data import store as storing
from inarch.data.decode import decode
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.errors import PhotosError

SMALL = Preprocessing(image_size=16)


@pytest.fixture
def photos(tmp_path, write_photo):
    """Two classes of four photos and a copy, with two that cannot be read."""
    for name in ("ant", "bee"):
        for number in range(4):
            write_photo(tmp_path / "photos" / name / f"{number}.png")
    shutil.copy(tmp_path / "photos" / "ant" / "0.png", tmp_path / "photos" / "bee" / "copy.png")
    whole = (tmp_path / "photos" / "bee" / "3.png").read_bytes()
    (tmp_path / "photos" / "bee" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "photos" / "ant" / "words.jpg").write_text("no photo")
    return tmp_path / "photos"


def counting(monkeypatch):
    calls = []
    plain = storing.decode_or_error
    monkeypatch.setattr(storing, "decode_or_error", lambda *args: calls.append(args) or plain(*args))
    return calls


@pytest.mark.parametrize("chunk_rows", [1, 3, 256])
def test_row_i_is_photo_i(photos, tmp_path, chunk_rows):
    """Copies share pixels, unreadable files are listed with the reason, and no other file changes."""
    stored = store(scan(photos), SMALL, tmp_path / "cache", chunk_rows=chunk_rows)
    assert [photo.path for photo in stored.photos.photos] == [
        *(f"ant/{number}.png" for number in range(4)),
        *(f"bee/{number}.png" for number in range(4)),
        "bee/copy.png",
    ]
    assert stored.images.shape == (9, 16, 16, 3)
    assert stored.images.dtype == np.uint8
    for number, photo in enumerate(stored.photos.photos):
        assert np.array_equal(stored.images[number], decode(photos / photo.path, SMALL))
    reasons = {file.path: file.reason for file in stored.photos.skipped}
    assert set(reasons) == {"ant/words.jpg", "bee/cut.png"}
    assert "not an image" in reasons["ant/words.jpg"]


def test_each_photo_is_decoded_once(photos, tmp_path, monkeypatch):
    """Neither a copy, nor a second run, nor another mean decodes a photo again; another size does."""
    calls = counting(monkeypatch)
    first = store(scan(photos), SMALL, tmp_path / "cache")
    assert len(calls) == 10
    calls.clear()
    (photos / "bee" / "cut.png").unlink()
    (photos / "ant" / "words.jpg").unlink()
    (photos / "bee" / "copy.png").rename(photos / "ant" / "renamed.png")
    half = (0.5, 0.5, 0.5)
    again = store(scan(photos), Preprocessing(image_size=16, mean=half, std=half), tmp_path / "cache")
    assert calls == []
    assert np.array_equal(again.images[:4], first.images[:4])
    store(scan(photos), Preprocessing(image_size=24), tmp_path / "cache")
    assert len(calls) == 8


def test_an_interrupted_run_goes_on_where_it_stopped(photos, tmp_path, monkeypatch):
    """What was decoded before the interruption is not decoded again."""

    def interrupt(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store(scan(photos), SMALL, tmp_path / "cache", interrupt, chunk_rows=2)
    calls = counting(monkeypatch)
    assert len(store(scan(photos), SMALL, tmp_path / "cache").images) == 9
    assert len(calls) <= 10 - 4


def test_progress_ends_at_the_number_of_distinct_photos(photos, tmp_path):
    """It starts with what is at hand and rises by one."""
    seen = []
    store(scan(photos), SMALL, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert seen == [(done, 10) for done in range(11)]


def test_a_photo_that_changed_since_the_scan_is_named(photos, tmp_path):
    """Pixels are never filed under the digest of other bytes."""
    scanned = scan(photos)
    shutil.copy(photos / "bee" / "1.png", photos / "ant" / "1.png")
    (photos / "ant" / "2.png").unlink()
    reasons = {file.path: file.reason for file in store(scanned, SMALL, tmp_path / "cache").photos.skipped}
    assert reasons["ant/1.png"] == "It has changed since the folder was scanned: run again."
    assert "cannot be opened" in reasons["ant/2.png"]


def test_a_class_without_a_readable_photo_is_an_error(photos, tmp_path):
    """It names the class, a file and the file's trouble."""
    for number in range(4):
        (photos / "ant" / f"{number}.png").unlink()
    with pytest.raises(
        PhotosError, match=r"Class 'ant' has no readable training photo \(ant/words\.jpg: It is not an image"
    ):
        store(scan(photos), SMALL, tmp_path / "cache")
