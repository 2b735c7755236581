"""Files that other programs open: read as they are meant, or refused with the kind that they are."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from inarch.data.decode import decode, identify
from inarch.data.photos import Preprocessing
from inarch.errors import UnreadableImageError
from photos import smooth

SIDE = Preprocessing(image_size=32)
PICTURE = smooth(0, 48, 40)


def encoded(pixels: NDArray[np.generic], kind: str, **how: object) -> bytes:
    """The bytes of a file with these pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **how)  # type: ignore[arg-type]
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


TEXTS = st.lists(
    st.tuples(st.sampled_from(["tEXt", "zTXt", "iTXt", "iTXt compressed"]), st.integers(0, 3_000_000), st.booleans()),
    min_size=1,
    max_size=4,
)


@given(TEXTS)
def test_text_beside_the_pixels_of_a_png_does_not_matter(texts: list[tuple[str, int, bool]]) -> None:
    """However long it is, in which chunk, compressed or not, before or after the pixels."""
    plain = encoded(PICTURE, "PNG")
    first = plain.index(b"IDAT") - 4
    before = after = b""
    for kind, length, is_first in texts:
        text = b"a" * length
        added = {
            "tEXt": chunk(b"tEXt", b"Comment\0" + text),
            "zTXt": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(text)),
            "iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text),
            "iTXt compressed": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text)),
        }[kind]
        before, after = (before + added, after) if is_first else (before, after + added)
    content = plain[:first] + before + plain[first:-12] + after + plain[-12:]
    assert np.array_equal(decode(content, SIDE), decode(plain, SIDE))


def test_the_size_of_such_a_png_is_read_too(tmp_path: Path) -> None:
    """The planner and the doctor look at headers alone."""
    plain = encoded(PICTURE, "PNG")
    first = plain.index(b"IDAT") - 4
    file = tmp_path / "long.png"
    file.write_bytes(plain[:first] + chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2_000_000)) + plain[first:])
    assert identify(file) == (48, 40)


@given(st.sampled_from([1.0, 255.0, 65535.0]), st.floats(0, 0.049), st.floats(0, 0.049))
def test_floats_that_overshoot_are_clipped(white: float, above: float, below: float) -> None:
    """One pixel beyond the range changes itself alone: the others are as bright as before."""
    grey = np.linspace(0, white, 32 * 32, dtype=np.float32).reshape(32, 32)
    expected = decode(encoded(grey, "TIFF"), SIDE)
    grey[0, 0], grey[-1, -1] = -below * white, (1 + above) * white
    assert np.abs(decode(encoded(grey, "TIFF"), SIDE).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("values", [(0, 1.2), (0, 8), (0, 300), (0, 2000), (-0.2, 1), (0, 70_000)])
def test_floats_of_no_known_range_are_refused_and_never_black(values: tuple[float, float]) -> None:
    """A picture of 0 to 1.2 is not one of 0 to 255."""
    grey = np.linspace(*values, 32 * 32, dtype=np.float32).reshape(32, 32)
    with pytest.raises(UnreadableImageError, match="a range of unknown brightness"):
        decode(encoded(grey, "TIFF"), SIDE)


def planar(pixels: NDArray[np.uint16], order: str) -> bytes:
    """An uncompressed TIFF of 16 bits whose colours lie plane by plane (TIFF 6.0, tag 284)."""
    height, width, bands = pixels.shape
    planes = [pixels[..., band].astype(f"{order}u2").tobytes() for band in range(bands)]
    shorts = {256: [width], 257: [height], 258: [16] * bands, 259: [1], 262: [2], 277: [bands], 278: [height], 284: [2]}
    sizes = [len(plane) for plane in planes]
    longs = {273: [0] * bands, 279: sizes}
    entries = sorted(
        [*((tag, 3, each) for tag, each in shorts.items()), *((tag, 4, each) for tag, each in longs.items())]
    )
    place = 8 + 2 + 12 * len(entries) + 4
    extra = b""
    starts = place + sum(len(each) * (2 if kind == 3 else 4) for _, kind, each in entries if len(each) > 1)
    offsets = [starts + sum(sizes[:band]) for band in range(bands)]
    table = struct.pack(f"{order}H", len(entries))
    for tag, kind, each in entries:
        packed = struct.pack(f"{order}{len(each)}{'H' if kind == 3 else 'I'}", *(offsets if tag == 273 else each))
        value = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(f"{order}I", place + len(extra))
        extra += packed if len(packed) > 4 else b""
        table += struct.pack(f"{order}HHI", tag, kind, len(each)) + value
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + table + bytes(4) + extra + b"".join(planes)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bands", [3, 4])
def test_colours_of_16_bits_by_planes_are_refused(order: str, bands: int) -> None:
    """Pillow would read stripes: the same picture with a decoder that knows planes is another one."""
    deep = np.repeat(PICTURE[..., :1].astype(np.uint16) * 257, bands, axis=2)
    with pytest.raises(UnreadableImageError, match="a TIFF of 16 bits whose colours are stored plane by plane"):
        decode(planar(deep, order), SIDE)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\x0a" + bytes(60), "JPEG XL"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(60), "JPEG XL"),
        (b"II\xbc\x01" + bytes(60), "JPEG XR"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(60), "a camera's raw file"),
        (b"\x00\x00\x00\x18ftypcrx " + bytes(60), "a camera's raw file"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(60), "a video"),
        (b"PK\x03\x04" + bytes(60), "a ZIP archive"),
        (b"\n<!DOCTYPE HTML><html>" + bytes(60), "a page of HTML"),
        (b"%PDF-1.7" + bytes(60), "a PDF"),
        (b"8BPS" + bytes(60), "a Photoshop file"),
        (b"II*\x00\x08\x00\x00\x00\x00\x00" + bytes(60), "a TIFF of an unusual kind"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
)
def test_a_refusal_names_the_kind(head: bytes, kind: str) -> None:
    """As its first bytes say, whatever its name."""
    with pytest.raises(UnreadableImageError, match=f"It is {kind}.*, which is not read: save it as JPEG or PNG"):
        decode(head, SIDE)


@pytest.mark.parametrize("tags", [{254: 1, 330: 8}, {50706: b"\x01\x04\x00\x00"}])
def test_a_camera_s_raw_file_is_not_its_thumbnail(tags: dict[int, object]) -> None:
    """Its first picture is a preview (TIFF/EP), or it says that it is a DNG."""
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "TIFF", tiffinfo=tags)
    with pytest.raises(UnreadableImageError, match="a camera's raw file, of which only a preview could be read"):
        decode(file.getvalue(), SIDE)


@pytest.mark.slow
def test_a_photo_of_200_megapixels_is_decoded_small() -> None:
    """The limit is of decoded pixels, and a JPEG is decoded at an eighth; a PNG of that size is refused."""
    large = Image.new("L", (16_400, 12_200), 77)
    file = io.BytesIO()
    large.save(file, "JPEG")
    assert set(np.unique(decode(file.getvalue(), SIDE))) == {77}
    with pytest.raises(UnreadableImageError, match="150,000,000 is the limit"):
        decode(encoded(np.zeros((12_300, 12_300), np.uint8), "PNG", compress_level=1), SIDE)


def test_libraries_say_nothing_beside_our_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Pillow logs that it cannot decode so many bands."""
    content = bytearray(encoded(PICTURE, "TIFF"))
    place = content.index(struct.pack("<HHI", 277, 3, 1))
    content[place + 8 : place + 10] = struct.pack("<H", 9)
    with pytest.raises(UnreadableImageError):
        decode(bytes(content), SIDE)
    assert capfd.readouterr() == ("", "")
