"""Decoding, against Pillow and NumPy used in the plainest way."""

import io
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from pillow_heif import from_pillow

from inarch.data.decode import decode, decode_many, identify
from inarch.data.photos import Preprocessing
from inarch.errors import UnreadableImageError


def sized(size, **kwargs):
    return Preprocessing(image_size=size, **kwargs)


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format=kind, **options)
    return stream.getvalue()


def png(width, height, *chunks, depth=8, colour=2):
    """A PNG by hand: for headers that no encoder would write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(90, 60), (60, 90), (64, 64), (31, 200), (20, 17)])
def test_equals_a_plain_pillow_computation(draw, shape, interpolation):
    """Pillow's own fit-to-a-square, an independent route to the same crop, gives the same pixels."""
    image = Image.fromarray(draw(1, *shape))
    expected = ImageOps.fit(image, (48, 48), Image.Resampling[interpolation.upper()])
    assert np.array_equal(decode(encoded(image), sized(48, interpolation=interpolation)), np.asarray(expected))


def test_agrees_with_another_antialiased_resize(draw):
    """PyTorch's antialiased bilinear resize of the centre square gives the same pixels, to a rounding."""
    pixels = draw(2, 120, 80)
    centre = torch.from_numpy(pixels[:, 20:100].copy()).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(centre, (32, 32), mode="bilinear", antialias=True)[0].permute(1, 2, 0)
    difference = np.abs(decode(encoded(Image.fromarray(pixels)), sized(32))[:, 2:-2] - expected.numpy()[:, 2:-2])
    assert difference.max() <= 1


def test_an_image_of_the_right_size_is_left_alone(draw):
    """Nothing is resampled where there is nothing to do."""
    pixels = draw(3, 40, 40)
    assert np.array_equal(decode(encoded(Image.fromarray(pixels)), sized(40)), pixels)


@given(width=st.integers(1, 2000), height=st.integers(1, 12), size=st.integers(8, 48), lying=st.booleans())
def test_any_shape_becomes_the_square(width, height, size, lying):
    """However long and thin, one colour in gives that colour out, in the size asked for."""
    shape = (width, height) if lying else (height, width)
    pixels = decode(encoded(Image.new("RGB", shape, (10, 200, 30))), sized(size))
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8
    assert np.array_equal(np.unique(pixels.reshape(-1, 3), axis=0), [[10, 200, 30]])


def test_the_centre_of_a_long_image_is_kept():
    """Of a 2000 x 10 image only the middle 10 x 10 counts."""
    pixels = np.zeros((10, 2000, 3), np.uint8)
    pixels[:, 995:1005] = 255
    middle = decode(encoded(Image.fromarray(pixels)), sized(64))
    assert middle[:, 8:-8].min() == 255


ORIENTED = {1: None, 2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM"}
ORIENTED |= {5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_every_orientation_comes_out_upright(draw, orientation, kind):
    """A picture stored in any of the eight ways that EXIF knows decodes to the picture, in every format."""
    upright = Image.fromarray(draw(4, 96, 64))
    method = ORIENTED[orientation]
    stored = upright if method is None else upright.transpose(Image.Transpose[method])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    pixels = decode(encoded(stored, kind, exif=exif, **options), sized(32))
    expected = decode(encoded(upright), sized(32))
    tolerance = 4 if kind == "JPEG" else 0
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_phone_photos_are_read_and_upright(draw, orientation):
    """HEIC is read without any setting-up, orientation included."""
    upright = Image.fromarray(draw(5, 96, 64))
    method = ORIENTED[orientation]
    stored = upright if method is None else upright.transpose(Image.Transpose[method])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    from_pillow(stored).save(stream, exif=exif.tobytes(), quality=95)
    assert stream.getvalue()[4:8] == b"ftyp"
    difference = decode(stream.getvalue(), sized(32)).astype(int) - decode(encoded(upright), sized(32))
    assert np.abs(difference).mean() < 4


def test_damaged_exif_does_not_cost_the_photo(draw):
    """Pixels are sound even where the metadata is not."""
    image = Image.fromarray(draw(6, 40, 40))
    expected = decode(encoded(image), sized(40))
    assert np.array_equal(decode(encoded(image, exif=b"Exif\0\0nonsense"), sized(40)), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_16_bits_keep_their_levels(kind):
    """256 levels of 16-bit grey become the 256 levels of 8-bit grey, in every format that has them."""
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    options = {"irreversible": False} if kind == "JPEG2000" else {}
    pixels = decode(encoded(Image.fromarray(levels), kind, **options), sized(16))
    assert np.array_equal(pixels, np.repeat(np.arange(256).reshape(16, 16, 1), 3, axis=2))


def test_dark_16_bits_stay_dark():
    """The range is that of the format, not that of the picture."""
    dim = np.full((16, 16), 2570, np.uint16)
    dim[0, 0] = 0
    assert decode(encoded(Image.fromarray(dim)), sized(16)).max() == 10


def tiff(values, tags=()):
    """An uncompressed TIFF by hand: Pillow does not write every kind that it reads."""
    height, width = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    entries = {256: width, 257: height, 258: 8 * values.itemsize, 259: 1, 262: 1, 273: 8, 277: 1, 278: height}
    entries |= {279: len(data)} | dict(tags)
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + struct.pack("<I", 0)


@pytest.mark.parametrize("values", [np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint16) * 257])
def test_white_may_be_zero(values):
    """A TIFF whose zero is white is a negative of the same file whose zero is black, at 8 bits and at 16."""
    square = values.reshape(16, 16)
    black_is_zero = decode(tiff(square), sized(16))
    assert np.array_equal(decode(tiff(square, {262: 0}.items()), sized(16)), 255 - black_is_zero)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_float_greys_are_scaled_by_the_range_that_holds_them(top):
    """0 to 1, 0 to 255 and 0 to 65535 all become 0 to 255."""
    ramp = np.linspace(0, top, 256, dtype=np.float32).reshape(16, 16)
    pixels = decode(encoded(Image.fromarray(ramp), "TIFF"), sized(16))
    assert np.array_equal(np.unique(pixels), np.arange(256))


@pytest.mark.parametrize(
    "values",
    [
        np.array([[-1.0, 0.5]], np.float32),
        np.array([[0.0, 1e6]], np.float32),
        np.array([[np.nan, 0.5]], np.float32),
        np.array([[0, 70_000]], np.int32),
        np.array([[-5, 100]], np.int32),
    ],
)
def test_values_of_unknown_brightness_are_refused(values):
    """No guess is made where no white is known."""
    with pytest.raises(UnreadableImageError, match="unknown brightness: save it with 8 or 16 bits"):
        decode(encoded(Image.fromarray(values), "TIFF"), sized(8))


def test_transparency_is_composed_over_white():
    """Half-transparent red is pink; a hidden colour under full transparency never shows."""
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:4] = (255, 0, 0, 128)
    rgba[4:] = (0, 255, 0, 0)
    pixels = decode(encoded(Image.fromarray(rgba)), sized(8))
    assert np.array_equal(pixels[0, 0], [255, 127, 127])
    assert np.array_equal(pixels[-1, 0], [255, 255, 255])


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_a_colour_declared_transparent_is_white(mode):
    """PNG's tRNS chunk counts as transparency in every mode that has it."""
    image = Image.new(mode, (8, 8), 0)
    key = (0, 0, 0) if mode == "RGB" else 0
    assert decode(encoded(image, transparency=key), sized(8)).min() == 255


def test_a_16_bit_grey_declared_transparent_is_white():
    """The same at 16 bits, where Pillow itself cannot compose."""
    grey = struct.pack(">H", 500) * 8
    data = zlib.compress((b"\0" + grey) * 8)
    content = png(8, 8, (b"tRNS", struct.pack(">H", 500)), (b"IDAT", data), depth=16, colour=0)
    assert decode(content, sized(8)).min() == 255


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("LA", "PNG"), ("L", "JPEG")])
def test_grey_in_any_mode_is_grey(mode, kind):
    """White is white and black is black, in every mode that can hold them."""
    pixels = np.zeros((16, 16), np.uint8)
    pixels[:, 8:] = 255
    decoded = decode(encoded(Image.fromarray(pixels).convert(mode), kind), sized(16))
    assert np.abs(decoded.astype(int) - pixels[:, :, None]).max() <= 1


def test_cmyk_is_not_inverted():
    """A CMYK JPEG of pure cyan ink looks cyan; no ink at all is white."""
    cyan = decode(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=95), sized(16))
    assert np.abs(cyan.reshape(-1, 3).mean(axis=0) - (0, 255, 255)).max() < 4
    assert decode(encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG"), sized(16)).min() > 250


@pytest.mark.parametrize(("lightness", "grey"), [(0, 0), (255, 255), (137, 128)])
def test_lab_greys_have_the_brightness_that_cie_gives_them(lightness, grey):
    """L* = 53.6 without chroma is the middle grey of sRGB."""
    pixels = decode(encoded(Image.new("LAB", (8, 8), (lightness, 128, 128)), "TIFF"), sized(8))
    assert np.abs(pixels.astype(int) - grey).max() <= 2


def test_the_first_frame_counts():
    """An animation and a document of several pages are their first picture."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "TIFF", "WEBP"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        red, _, blue = decode(content, sized(16)).reshape(-1, 3).mean(axis=0)
        assert red > 240
        assert blue < 15


def test_a_jpeg_is_not_decoded_below_the_size_asked_for(draw):
    """Detail at the target's own scale survives the scaled decode."""
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    fine = np.repeat(np.repeat(stripes, 4, axis=0), 4, axis=1)
    pixels = decode(encoded(Image.fromarray(fine), "JPEG", quality=95), sized(128))
    assert np.abs(pixels.astype(int) - stripes).mean() < 8


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_a_file_cut_short_is_an_error(draw, kind, share):
    """Half a file is no photo, in any format."""
    content = encoded(Image.fromarray(draw(7, 200, 160)), kind)
    with pytest.raises(UnreadableImageError):
        decode(content[: int(share * len(content))], sized(32))


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"II*\0", b"P6 "])
)
def test_nonsense_is_refused_with_a_reason(content, head):
    """Whatever the bytes, the answer is an array or one sentence that is the same each time."""
    reasons = []
    for _ in range(2):
        try:
            assert decode(head + content, sized(8)).shape == (8, 8, 3)
        except UnreadableImageError as error:
            reasons.append(str(error))
    assert len(set(reasons)) <= 1
    assert all(reason.endswith(".") and "0x" not in reason and "\n" not in reason for reason in reasons)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_refused_before_any_is_decoded():
    """The header is enough: the pixels of this file do not even exist."""
    with pytest.raises(UnreadableImageError, match=r"20,000 x 20,000 pixels|too many pixels"):
        decode(png(20_000, 20_000), sized(32))
    said = r"It has 12,300 x 12,300 pixels; 150,000,000 is the limit: save it smaller\."  # what Pillow would still open
    with pytest.raises(UnreadableImageError, match=said):
        decode(png(12_300, 12_300), sized(8))


def test_files_that_cannot_be_opened_say_so(tmp_path):
    """Absent, empty, a folder: each has its own reason."""
    empty = tmp_path / "empty.jpg"
    empty.touch()
    for file, reason in [(tmp_path / "no.jpg", "No such file"), (empty, "The file is empty"), (tmp_path, "not a file")]:
        with pytest.raises(UnreadableImageError, match=reason):
            decode(file, sized(8))
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        identify(tmp_path / "no.jpg")


def test_many_come_in_order_with_errors_in_their_places(tmp_path, draw):
    """Slow and broken sources do not change the order, and threads do not change the pixels."""
    sources: list[Path | bytes] = []
    for number in range(40):
        content = encoded(Image.fromarray(draw(number, 20 + 10 * (number % 7), 20)))
        content = content if number % 5 else content[:60]
        file = tmp_path / f"{number}.png"
        file.write_bytes(content)
        sources.append(content if number % 3 else file)
    outcomes = list(decode_many(sources, sized(16), workers=3))
    assert len(outcomes) == 40
    for number, (source, outcome) in enumerate(zip(sources, outcomes, strict=True)):
        if number % 5 == 0:
            assert isinstance(outcome, UnreadableImageError)
        else:
            assert np.array_equal(outcome, decode(source, sized(16)))


def test_many_reads_only_a_little_ahead(draw):
    """A consumer that stops early has not paid for the rest, and memory does not grow with the list."""
    content = encoded(Image.fromarray(draw(1, 16, 16)))
    asked = []

    def sources():
        for number in range(10_000):
            asked.append(number)
            yield content

    outcomes = decode_many(sources(), sized(16), workers=2)
    next(outcomes)
    outcomes.close()
    assert len(asked) < 20


def test_the_same_pixels_from_many_threads_at_once(draw):
    """Nothing in decoding is shared between threads."""
    stream = io.BytesIO()
    from_pillow(Image.fromarray(draw(9, 64, 48))).save(stream)
    contents = [stream.getvalue(), encoded(Image.new("LAB", (9, 9), (90, 100, 140)), "TIFF")] * 8
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda content: decode(content, sized(24)), contents))
    for result, again in zip(results, results[2:], strict=False):
        assert np.array_equal(result, again)


def test_prediction_does_not_pay_for_torch():
    """Scanning, decoding, caching and storing import neither torch nor scikit-learn."""
    code = (
        "import sys, inarch.data.scan, inarch.data.store\n"
        "print([name for name in ('torch', 'sklearn', 'scipy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
