"""Real files that trouble image readers: Pillow's own test images, EXIF examples, bombs, broken files."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from inarch.data.decode import decode, decode_or_error
from inarch.data.photos import Preprocessing
from inarch.errors import UnreadableImageError

SQUARE = Preprocessing(image_size=96)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow may warn of damaged metadata


@pytest.fixture(scope="module")
def hard_images(shared_data) -> Path:
    return shared_data("hard_images")


def hashes(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_every_file_ends_as_an_array_or_a_reason_and_none_changes(hard_images):
    """No other exception, no empty reason, nothing written."""
    before = hashes(hard_images)
    assert len(before) > 70
    for file in before:
        outcome = decode_or_error(file, SQUARE)
        if isinstance(outcome, UnreadableImageError):
            assert str(outcome).endswith(".")
            assert file.name not in str(outcome)
        else:
            assert outcome.shape == (96, 96, 3)
            assert outcome.dtype == np.uint8
    assert hashes(hard_images) == before


@pytest.mark.parametrize("folder", ["exif", "formats", "cmyk", "bit16", "anim_and_alpha"])
def test_whole_files_of_every_kind_are_read(hard_images, folder):
    """These folders hold unusual files, not damaged ones."""
    for file in sorted((hard_images / folder).iterdir()):
        decode(file, SQUARE)


BROKEN = ("corrupt/truncated_jpeg.jpg", "corrupt/broken.png", "made/trunc_50pct.jpg", "made/trunc_99pct.jpg")
BROKEN += ("made/png_bad_crc.png", "bomb/decompression_bomb.gif", "made/name variants/Thumbs.db")


@pytest.mark.parametrize("name", BROKEN)
def test_cut_off_damaged_and_oversized_files_are_errors(hard_images, name):
    """Even 99 % of a JPEG is not a photo."""
    with pytest.raises(UnreadableImageError):
        decode(hard_images / name, SQUARE)


def difference(one, other):
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("pattern", ["Landscape_*.jpg", "Portrait_*.jpg", "hopper_orientation_*.webp"])
def test_the_same_photo_in_every_orientation_looks_the_same(hard_images, pattern):
    """Files that differ in how they were stored agree, and disagree with each other's mirror images."""
    first, *others = [decode(file, SQUARE) for file in sorted((hard_images / "exif").glob(pattern))]
    assert len(others) >= 3
    for other in others:
        assert difference(first, other) < 4
        assert difference(first[:, ::-1], other) > 12


def test_one_photo_in_many_formats_looks_the_same(hard_images):
    """Copies of one photo in other formats, modes and under wrong names agree."""
    made = hard_images / "made"
    reference = decode(made / "is_png.jpg", SQUARE)
    for name in [
        "is_webp.png",
        "photo.avif",
        "photo.jp2",
        "cmyk_photo.jpg",
        "progressive.jpg",
        "palette.png",
        "anim.gif",
    ]:
        assert difference(reference, decode(made / name, SQUARE)) < 12, name


TURNED = {2: np.fliplr, 4: np.flipud, 6: lambda pixels: np.rot90(pixels, -1), 8: np.rot90}


@pytest.mark.parametrize("orientation", TURNED)
def test_the_orientation_tag_alone_turns_the_photo(hard_images, orientation):
    """These files hold the same pixels and differ in the tag only."""
    stored = decode(hard_images / "made" / "is_png.jpg", SQUARE)
    tagged = decode(hard_images / "made" / f"exif_o{orientation}.jpg", SQUARE)
    assert difference(TURNED[orientation](stored), tagged) < 12


def test_16_bits_are_scaled_by_their_range(hard_images):
    """The same dim picture as TIFF and as JPEG 2000: equally dim, not stretched to white."""
    one = decode(hard_images / "bit16" / "16bit.r.tif", SQUARE)
    other = decode(hard_images / "bit16" / "16bit.cropped.jp2", SQUARE)
    assert np.array_equal(one, other)
    assert one.max() < 10
