"""The kind of a file, judged by its first bytes, because suffixes may be wrong."""

import json
import zipfile
from enum import StrEnum
from pathlib import Path


class FileKind(StrEnum):
    """A kind of file that weights come in, in words."""

    SAFETENSORS = "safetensors"
    PICKLE = "pickle"
    NUMPY = "a NumPy archive (.npz)"
    HDF5 = "an HDF5 file"
    ONNX = "an ONNX graph"
    KERAS = "a Keras model"
    CHECKPOINT = (
        "a TensorFlow checkpoint, which only TensorFlow reads; there, `c = tf.train.load_checkpoint(path)` and "
        "`np.savez(out, **{n: c.get_tensor(n) for n in c.get_variable_to_shape_map()})` make an .npz of it"
    )


_BEGINNINGS = (
    (b"\x89HDF", FileKind.HDF5),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was never fetched (`git lfs pull`)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GGUF", "a GGUF file"),
)


def recognise(path: Path) -> str:
    """The `FileKind`, or what else the file looks like, in words."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return "an empty file"
    if _begins_safetensors(start):
        return FileKind.SAFETENSORS if _whole_header(path, size) else "a safetensors file that is cut short"
    if start.startswith(b"PK"):
        return _archive(path)
    if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):  # protocols 2 to 5
        return FileKind.PICKLE
    return FileKind.CHECKPOINT if _ends_table(path, size) else _guess_format(start)


def _ends_table(path: Path, size: int) -> bool:
    """Whether it ends as the tables do in which TensorFlow keeps a checkpoint, or its index."""
    end = bytes.fromhex("57fb808b247547db")
    with path.open("rb") as file:
        file.seek(max(0, size - len(end)))
        return file.read() == end


def _begins_safetensors(start: bytes) -> bool:
    """Eight bytes of header length, little-endian, then JSON."""
    return len(start) > 8 and start[8:10] in (b'{"', b"{}") and int.from_bytes(start[:8], "little") < 2**27


def _whole_header(path: Path, size: int) -> bool:
    """Whether the header is there in full, and the data to the last tensor's end."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError):
            return False
    return 8 + length + max(ends, default=0) <= size


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return "a PyTorch or zip file that is cut short or damaged"
    if any("/code/" in name or name.endswith("constants.pkl") for name in members):
        return "a TorchScript program (it holds code; save the model's state_dict instead)"
    if any(name.endswith("data.pkl") for name in members):
        return FileKind.PICKLE
    if any(name.endswith(".npy") for name in members):
        return FileKind.NUMPY
    if "model.weights.h5" in members:
        return FileKind.KERAS
    return "a zip archive; unpack it first"


def _guess_format(start: bytes) -> str:
    for beginning, words in _BEGINNINGS:
        if start.startswith(beginning):
            return words
    if start.lstrip()[:1] == b"<":
        return "a web page (a download that was refused?)"
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if start[:1] == b"\x08" and any(word in start for word in (b"onnx", b"pytorch", b"tf2onnx", b"torch")):
        return FileKind.ONNX
    if start.lstrip()[:1] in (b"{", b"["):
        return "a JSON text"
    return f"nothing that is known here (it begins with {start[:8]!r})"
