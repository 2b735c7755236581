"""NumPy archives: whatever is wrong with one is one kind of error."""

import io
import zipfile

import numpy as np
import pytest

from inarch.weights.npz import read_arrays


def archive(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=True, **arrays)
    return stream.getvalue()


def changed(content: bytes, place: int, value: int) -> bytes:
    """With two bytes of the first entry's headers, both of them, set."""
    found = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = found.index(mark) + place + offset
        found[at : at + 2] = value.to_bytes(2, "little")
    return bytes(found)


def test_arrays_come_back() -> None:
    """All of them, or those that are named."""
    content = archive(a=np.arange(3), b=np.ones((2, 2), np.float16))
    assert {name: array.tolist() for name, array in read_arrays(io.BytesIO(content)).items()} == {
        "a": [0, 1, 2],
        "b": [[1, 1], [1, 1]],
    }
    assert [*read_arrays(io.BytesIO(content), ["b"])] == ["b"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        archive(a=np.arange(9))[:-30],
        archive(a=np.array([object()])),
        changed(archive(a=np.arange(9)), 6, 1),
        changed(archive(a=np.arange(9)), 6, 1 << 5),
        changed(archive(a=np.arange(9)), 8, 77),
        changed(archive(a=np.arange(9)), 8, 8),
    ],
    ids=["empty", "text", "cut short", "objects", "encrypted", "patched", "unknown compression", "not deflated"],
)
def test_what_cannot_be_read_is_a_value_error(content: bytes) -> None:
    """Found by damaging archives at random, most of them."""
    with pytest.raises(ValueError, match=r"."):
        read_arrays(io.BytesIO(content))


def test_one_array_is_no_archive() -> None:
    """``.npy`` instead of ``.npz``."""
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    stream.seek(0)
    with pytest.raises(ValueError, match=r"."):
        read_arrays(stream)


def test_a_missing_array_is_named() -> None:
    """As it was asked for."""
    with pytest.raises(ValueError, match="novelty"):
        read_arrays(io.BytesIO(archive(a=np.arange(3))), ["novelty"])


def test_what_claims_to_be_too_large_is_not_unpacked() -> None:
    """A few bytes of deflated zeros are a thousand times as many."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", bytes(1_000_000))
    with pytest.raises(ValueError, match="claim 1,000,000 bytes; 100,000 are the limit"):
        read_arrays(io.BytesIO(stream.getvalue()), largest=100_000)
