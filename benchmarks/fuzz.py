"""Damaged bytes for everything that reads bytes of others: each input is read, or refused by an error of ours.

    python -m benchmarks.fuzz --inputs 1000000

Valid files of each kind are damaged (bytes changed, cut out, repeated, exchanged for words and numbers that parsers
stumble over, spliced with another file) and handed to the parser. Anything but a result or an `InarchError` is a crash,
as are a signal that ends the process and an input that takes longer than `LIMIT`. Every input follows from the parser's
place in the table and its own number: a crash can be had again with ``--only PARSER --first NUMBER --inputs 1``.
What a bundle's own digests would catch is read with digests made to fit, so that the parsers behind them are reached.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image
from safetensors.torch import save

from benchmarks.measuring import ROOT, table, write
from inarch.bundle.format import FORMAT, BundleFile
from inarch.bundle.reading import BundleConfig, read_bundle
from inarch.commands.doctor.patch import read_patch
from inarch.commands.pretrain.recipe import read_recipe
from inarch.commands.study.ledger import read_ledger
from inarch.data.decode import decode
from inarch.data.manifest import list_manifest
from inarch.data.photos import Photo, PhotoSet, Preprocessing
from inarch.errors import InarchError
from inarch.models import architecture
from inarch.options.notation import bytes_of, seconds_of
from inarch.runtime.session import Graph
from inarch.training.checkpoint import load_checkpoint
from inarch.weights.files import read_weights

LIMIT = 20
"""Seconds that an input may take."""
MEMORY = 6 << 30
"""Bytes of addresses beyond what is taken at the start."""
CHUNK = 2000
"""Inputs for each process: a signal that ends it says which one it was at."""
WORDS = (
    *(b"0", b"-1", b"1e999", b"99999999999999999999", b"NaN", b"null", b"true", b"{}", b"[]", b'""'),
    *(b",", b'"', b"\n", b"../", b"\x00", b"\xff\xfe", b"\xff\xd8\xff", b"PK\x03\x04", b"\x89HDF", b"\x80\x04"),
    b"c__builtin__\neval\n",
)
SIDE = 24
SMALL = Preprocessing(image_size=16, mean=(0.5,) * 3, std=(0.5,) * 3)


@dataclass(frozen=True)
class Parser:
    """Something that reads bytes of others."""

    read: Callable[[bytes, Path], object]
    """Takes the bytes, and a folder that it may write into."""
    seeds: Callable[[], Sequence[bytes]]
    share: float
    """Of the inputs."""


def from_file(read: Callable[[Path], object], name: str) -> Callable[[bytes, Path], object]:
    """A parser of a file of that name."""

    def reading(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return reading


def images() -> list[bytes]:
    """One small picture of many kinds."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE + 5, 4), dtype=np.uint8)
    rgba, rgb = Image.fromarray(pixels), Image.fromarray(pixels[..., :3])
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (rgb, "JPEG", {"exif": exif}),
        (rgb, "JPEG", {"progressive": True}),
        (rgb.convert("CMYK"), "JPEG", {}),
        (rgba, "PNG", {"exif": exif}),
        (rgb.convert("P"), "PNG", {"transparency": 3}),
        (Image.fromarray(pixels[..., 0].astype(np.uint16) * 200), "PNG", {}),
        (rgb, "WEBP", {}),
        (rgb.convert("P"), "GIF", {"save_all": True, "append_images": [rgb.convert("P")]}),
        (rgb, "TIFF", {"compression": "tiff_lzw"}),
        (Image.fromarray(pixels[..., 0].astype(np.float32)), "TIFF", {}),
        (rgb, "BMP", {}),
        (rgb, "AVIF", {}),
        (rgb, "JPEG2000", {}),
        (rgb, "PPM", {}),
        (rgb, "ICO", {}),
    ]
    return [_saved(*kind) for kind in kinds]


def _saved(image: Image.Image, kind: str, options: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def weights() -> list[bytes]:
    """A state dict as safetensors, as PyTorch's zip and older pickle, and as NumPy's archive."""
    state = {"conv.weight": torch.ones(2, 3, 1, 1), "norm.running_mean": torch.zeros(2, dtype=torch.float16)}
    return [save(state, {"architecture": "resnet18"}), *_pickles({"state_dict": state, "epoch": 3}), _npz(a=np.ones(3))]


def _pickles(content: object) -> list[bytes]:
    found = []
    for newer in (True, False):
        stream = io.BytesIO()
        torch.save(content, stream, _use_new_zipfile_serialization=newer)
        found.append(stream.getvalue())
    return found


def _npz(**arrays: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def graphs() -> list[bytes]:
    """A graph of a few operators."""
    taken = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 8, 8, 3])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2])
    nodes = [
        helper.make_node("Cast", ["pixels"], ["images"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight"], ["logits"]),
    ]
    weight = helper.make_tensor("weight", TensorProto.FLOAT, (192, 2), np.ones(384, np.float32))
    model = helper.make_model(helper.make_graph(nodes, "net", [taken], [given], [weight]))
    model.opset_import[0].version, model.ir_version = 18, 9
    onnx.checker.check_model(model)
    return [bytes(model.SerializeToString())]


CONFIGURED: dict[str, Any] = {
    "architecture": "resnet18", "variant": "v1.5", "after": "stage4", "folded": False, "strategy": "probe",
    "weights": "w", "seed": 0, "flip": True, "versions": {"inarch": "1"}, "class_weighting": "none",
    "near_duplicates": True, "group_by": "", "gathered": ["stage3"],
}  # fmt: skip
BUNDLED: Mapping[str, bytes] = {
    BundleFile.CLASSES: b"ants\nbees\n",
    BundleFile.PREPROCESS: (
        b'{"image_size": 8, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bilinear"}'
    ),
    BundleFile.CALIBRATION: b'{"method": "temperature scaling", "temperature": 1.25}',
    BundleFile.METRICS: b'{"accuracy": 0.5}',
    BundleFile.GOLDEN: _npz(pixels=np.zeros((1, 8, 8, 3), np.uint8), logits=np.zeros((1, 2), np.float32)),
    BundleFile.ANSWERING: _npz(
        confidence=np.ones(3),
        correct=np.ones(3, np.bool_),
        truth=np.ones(3),
        novelty=np.ones(3),
        known=np.ones((2, 4), np.float16),
    ),
}
"""The files of a bundle that are parsed when it is read."""


def bundles() -> list[bytes]:
    """The files of a bundle, each behind its name, so that one of them can be damaged."""
    return [b"".join((name.encode(), b"\0", content)) for name, content in {BundleFile.CONFIG: b"", **BUNDLED}.items()]


def read_damaged_bundle(content: bytes, folder: Path) -> object:
    """A bundle of which one file is as ``content`` says; its digest fits."""
    name, _, damaged = content.partition(b"\0")
    files = {**BUNDLED, BundleFile.GRAPH: b"graph", BundleFile.WEIGHTS: b"weights"}
    if name.decode("utf-8", "replace") in files:
        files[name.decode()] = damaged
    digests = {each: hashlib.sha256(own).hexdigest() for each, own in files.items()}
    config = json.dumps({"format": FORMAT, **CONFIGURED, "sha256": digests}).encode()
    if name == BundleFile.CONFIG.encode():
        config = _blended(config, damaged)
    for each, own in {**files, BundleFile.CONFIG: config}.items():
        (folder / each).write_bytes(own)
    bundle = read_bundle(folder)
    return bundle.metrics, bundle.golden(), bundle.evidence(), bundle.graph(), bundle.weights()


def _blended(whole: bytes, damage: bytes) -> bytes:
    """A config, somewhere in which ``damage`` stands."""
    place = int.from_bytes(hashlib.sha256(damage).digest()[:4], "big")
    at, until = sorted((place % len(whole), (place >> 7) % len(whole)))
    return whole[:at] + damage + whole[until if until - at < 40 else at :]


PHOTOS = PhotoSet("photos", ("ants", "bees"), (Photo("ants/1.jpg", 0, "0"), Photo("bees/2.jpg", 1, "1")))


def read_manifest(content: bytes, folder: Path) -> object:
    """With photos where the undamaged ones say."""
    for name in ("a/1.jpg", "b/2.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return from_file(list_manifest, "photos.csv")(content, folder)


def words() -> list[bytes]:
    """What is typed behind options."""
    return [
        b"90s",
        b"10m",
        b"1h",
        b"500M",
        b"20G",
        b"resnet18:width=0.5",
        b"googlenet:without_reduction",
        b"timm:resnet50",
    ]


def read_words(content: bytes, folder: Path) -> object:
    """As a time, a size and a net; every one may refuse it."""
    text = content.decode("utf-8", "replace")
    for read in (seconds_of, bytes_of, architecture):
        with contextlib.suppress(InarchError):
            read(text)
    return text


PARSERS: Mapping[str, Parser] = {
    "image": Parser(lambda content, folder: decode(content, SMALL), images, 0.3),
    "bundle": Parser(read_damaged_bundle, bundles, 0.15),
    "weights": Parser(from_file(read_weights, "weights"), weights, 0.1),
    "checkpoint": Parser(from_file(load_checkpoint, "run.pt"), lambda: _pickles({"config": {}, "model": {}}), 0.05),
    "graph": Parser(lambda content, folder: Graph(content, threads=1), graphs, 0.05),
    "manifest": Parser(
        read_manifest,
        lambda: [b"path,label,group,split\na/1.jpg,ants,x,train\nb/2.jpg,bees,,val\n", b"file_name,label\na/1.jpg,b\n"],
        0.1,
    ),
    "patch": Parser(
        from_file(lambda path: read_patch(path, PHOTOS), "patch.csv"),
        lambda: [b"path,decision,label,why\nants/1.jpg,drop,,blank\nbees/2.jpg,relabel,ants,doubtful\n"],
        0.1,
    ),
    "recipe": Parser(
        from_file(read_recipe, "recipe.toml"),
        lambda: [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.toml"))],
        0.05,
    ),
    "ledger": Parser(
        from_file(read_ledger, "ledger.json"),
        lambda: sorted((path.read_bytes() for path in (ROOT / "docs" / "studies").glob("*.json")), key=len)[:2],
        0.05,
    ),
    "words": Parser(read_words, words, 0.05),
}  # fmt: skip


def damaged(seeds: Sequence[bytes], draw: np.random.Generator) -> bytes:
    """One of the seeds, changed in one to four places."""
    content = bytearray(seeds[int(draw.integers(len(seeds)))])
    for _ in range(draw.integers(1, 5)):
        at = int(draw.integers(len(content) + 1))
        until = min(len(content), at + int(draw.integers(1, 9)) ** 2)
        match draw.integers(8):
            case 0:
                content[at:until] = draw.bytes(until - at)
            case 1 if at < len(content):
                content[at] ^= 1 << int(draw.integers(8))
            case 2:
                del content[at:until]
            case 3:
                content[at:at] = content[at:until] * int(draw.integers(1, 4))
            case 4 if draw.random() < 0.3:
                del content[at:]
            case 5 | 6:
                content[at : at + int(draw.integers(3))] = WORDS[int(draw.integers(len(WORDS)))]
            case 7:
                other = seeds[int(draw.integers(len(seeds)))]
                content[at:] = other[int(draw.integers(len(other) + 1)) :]
    return bytes(content)


def tried(name: str, numbers: range) -> Iterator[tuple[int, str]]:
    """For each input its number and what came of it: ``read``, ``refused`` or the crash in words."""
    parser, place = PARSERS[name], list(PARSERS).index(name)
    seeds = parser.seeds()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for number in numbers:
            content = damaged(seeds, np.random.default_rng([place, number]))
            signal.alarm(LIMIT)
            try:
                parser.read(content, Path(folder))
                yield number, "read"
            except InarchError:
                yield number, "refused"
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                yield number, f"{type(error).__name__}: {str(error)[:150]}"
            finally:
                signal.alarm(0)


def chunk(name: str, numbers: range) -> tuple[Counter[str], dict[int, str]]:
    """`tried` in a process of its own: what came of the inputs, and the crashes by number."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        soft = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (soft, soft))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries in C have to say
        with os.fdopen(writing, "w", encoding="utf-8", buffering=1) as stream:
            for number, end in tried(name, numbers):
                print(json.dumps([number, end]), file=stream)
        os._exit(0)
    os.close(writing)
    ends: Counter[str] = Counter()
    crashes: dict[int, str] = {}
    last = numbers.start - 1
    with os.fdopen(reading, encoding="utf-8") as stream:
        for line in stream:
            last, end = json.loads(line)
            kind = end if end in ("read", "refused") else "crashed"
            ends[kind] += 1
            if kind == "crashed":
                crashes[last] = end
    _, status = os.waitpid(process, 0)
    if status:
        ends["crashed"] += 1
        crashes[last + 1] = f"ended by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "died"
        if last + 2 < numbers.stop:
            more, others = chunk(name, range(last + 2, numbers.stop))
            return ends + more, crashes | others
    return ends, crashes


def main() -> None:
    """Print the table; exit code 1 if anything crashed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input of each parser")
    parser.add_argument("--only", nargs="*", choices=PARSERS, default=list(PARSERS))
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    assert set(CONFIGURED) == set(BundleConfig.__dataclass_fields__)  # noqa: S101
    rows, figures = [], {}
    whole = sum(PARSERS[name].share for name in asked.only)
    for name in asked.only:
        inputs = max(1, round(asked.inputs * PARSERS[name].share / whole))
        began = time.perf_counter()
        ends: Counter[str] = Counter()
        crashes: dict[int, str] = {}
        for at in range(asked.first, asked.first + inputs, CHUNK):
            more, others = chunk(name, range(at, min(at + CHUNK, asked.first + inputs)))
            ends.update(more)
            crashes |= others
        for number, end in list(crashes.items())[:10]:
            print(f"{name} {number}: {end}", flush=True)
        rate = inputs / (time.perf_counter() - began)
        rows.append([name, *(f"{ends[kind]:,}" for kind in ("read", "refused", "crashed")), f"{rate:,.0f}"])
        print(*rows[-1], flush=True)
        figures[name] = {**ends, "crashes": {str(number): end for number, end in crashes.items()}}
    print(table(["parser", "read", "refused", "crashed", "inputs a second"], rows))
    write("fuzz", {"parsers": figures})
    sys.exit(any(each["crashes"] for each in figures.values()))


if __name__ == "__main__":
    main()
