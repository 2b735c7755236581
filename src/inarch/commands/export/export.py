"""A bundle's net for another runtime, handed over only after that runtime has answered real JPEGs in the same way."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from torchvision.models import list_models

from inarch.bundle.model import build_meta_model
from inarch.bundle.predictor import TOLERANCE, Prediction, Predictor
from inarch.bundle.reading import Bundle
from inarch.data.decode import decode, decode_or_error
from inarch.data.scan import scan
from inarch.errors import OutputError, PhotosError, UnknownNameError, UserError, WorkError
from inarch.metrics.novelty import NEIGHBOURS
from inarch.models import build
from inarch.weights.export import to_timm, to_torchvision
from inarch.weights.files import read_weights, write_weights

ANSWER, NET, ABOUT, KNOWN, GUIDE = "answer.py", "net.py", "about.json", "known.npy", "README.md"
MOST_PHOTOS = 100
"""That are compared."""
QUALITY = 95
"""Of the JPEGs that are made of the golden inputs where no photos are given."""


@dataclass(frozen=True)
class ExportTarget:
    """A runtime that a bundle can be exported to."""

    packages: tuple[str, ...]
    """What it takes to run there, as pip calls it."""
    script: str
    """Which of `inarch.commands.export.runtimes` becomes ``net.py``."""


TARGETS: Mapping[str, ExportTarget] = MappingProxyType(
    {
        "onnx": ExportTarget(("onnxruntime",), "onnx.py"),
        "openvino": ExportTarget(("openvino",), "openvino.py"),
        "torchvision": ExportTarget(("torch", "torchvision", "safetensors"), "pytorch.py"),
        "timm": ExportTarget(("torch", "timm", "safetensors"), "pytorch.py"),
    }
)
NO_EXTRAS = MappingProxyType({"aux_logits": False, "transform_input": False, "init_weights": False})
TORCHVISION_OPTIONS = MappingProxyType({"googlenet": NO_EXTRAS, "inception_v3": NO_EXTRAS})
"""What its builders need beyond the number of classes: no auxiliary heads, and our own normalisation."""


@dataclass(frozen=True)
class Parity:
    """How the exported net's answers compare with the bundle's."""

    photos: int
    largest: float
    """The largest difference of a logit, relative to the photo's largest logit (or 1)."""
    source: str
    """Which photos were read."""


def export(
    bundle: str | Path,
    out: str | Path,
    to: str = "onnx",
    *,
    photos: str | Path | None = None,
    goal: float | None = None,
) -> Parity:
    """Write a bundle's net for another runtime, with a script that answers photos there without inarch.

    The script runs in a process of its own on JPEG files; it must give the bundle's logits, within
    `inarch.bundle.predictor.TOLERANCE` of their size, and the bundle's answers, "don't know" included.

    Args:
        bundle: its folder.
        out: a new folder, or an empty one.
        to: a name of `TARGETS`.
        photos: a folder of photos to compare on, up to `MOST_PHOTOS` of them; None takes the bundle's golden inputs,
            written as JPEGs.
        goal: the share of answers that is to be right, as for `inarch.load`.

    Raises:
        UnknownNameError: there is no such target.
        UserError: the bundle, the photos or the folder cannot be used, the target has no such net, or a package is
            missing.
        WorkError: the exported net does not run, or answers differently; nothing is written then.
    """
    if to not in TARGETS:
        raise UnknownNameError("target of an export", to, TARGETS)
    missing = [package for package in TARGETS[to].packages if find_spec(package) is None]
    if missing:
        raise UserError(f"Exporting to {to} takes {' and '.join(missing)}: pip install {' '.join(missing)}")
    predictor = Predictor(bundle, goal=goal)
    place = _resolve_destination(Path(out))
    try:
        with tempfile.TemporaryDirectory(prefix=f".{place.name}.partial-", dir=place.parent) as folder:
            whole = Path(folder, "exported")
            whole.mkdir()
            _fill_folder(whole, predictor, to)
            parity = _measure_parity(whole, predictor, _jpegs(predictor.bundle, photos, Path(folder, "jpegs")))
            (whole / GUIDE).write_text(_guide(predictor.bundle, to, parity), encoding="utf-8")
            os.replace(whole, place)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}; choose another --out.") from error
    return parity


def _resolve_destination(out: Path) -> Path:
    """Where the export goes: nothing may be lost there."""
    place = Path(os.path.realpath(out))
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise OutputError(f"{out} exists, and nothing is written over it; choose another --out.")
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}; choose another --out.") from error
    return place


def _fill_folder(folder: Path, predictor: Predictor, to: str) -> None:
    bundle = predictor.bundle
    about: dict[str, Any] = {
        "architecture": bundle.config.architecture,
        "classes": list(bundle.classes),
        "preprocessing": asdict(bundle.preprocessing),
        "temperature": bundle.temperature,
        "rule": None,
    }
    if predictor.rule is not None and (evidence := bundle.evidence()) is not None:
        rule = predictor.rule
        about["rule"] = {"confidence": rule.confidence, "novelty": rule.novelty, "neighbours": NEIGHBOURS}
        np.save(folder / KNOWN, evidence.known)
    if to in ("torchvision", "timm"):
        about |= _write_pytorch_weights(folder / "model.safetensors", bundle, to)
    else:
        graph = folder / "model.onnx"
        graph.write_bytes(bundle.graph())
        if to == "openvino":
            _convert_to_openvino(graph)
    (folder / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, script in ((ANSWER, ANSWER), (NET, TARGETS[to].script)):
        (folder / name).write_text(
            files("inarch.commands.export.runtimes").joinpath(script).read_text("utf-8"), encoding="utf-8"
        )


def _convert_to_openvino(graph: Path) -> None:
    openvino = import_module("openvino")
    openvino.save_model(openvino.convert_model(graph), graph.with_suffix(".xml"), compress_to_fp16=False)
    graph.unlink()


def _write_pytorch_weights(path: Path, bundle: Bundle, to: str) -> dict[str, Any]:
    """Write the weights under the library's names; what its builder is to be told."""
    name, whole = bundle.config.architecture, build(bundle.config.architecture, device="meta").backbone
    instead = "--to onnx takes every net"
    if bundle.config.gathered or bundle.config.after != whole.end:
        raise UserError(
            f"The net in {bundle.path} ends after its {bundle.config.after}, or its head reads several stages; {to} "
            f"has no such net. {instead}."
        )
    model = build_meta_model(bundle)
    model.load_state_dict(read_weights(bundle.weights()).tensors, assign=True)
    try:
        state = (to_timm if to == "timm" else to_torchvision)(model, name)
    except UserError as error:
        raise UserError(f"{error} {instead}.") from error
    if not _has_builder(to, name):
        raise UserError(f"{to} builds no net called {name}. {instead}.")
    write_weights(path, state)
    if to == "timm":
        return {"library": "timm", "builder": "create_model", "options": {}}
    return {"library": "torchvision.models", "builder": "get_model", "options": dict(TORCHVISION_OPTIONS.get(name, {}))}


def _has_builder(to: str, name: str) -> bool:
    return bool(import_module("timm").is_model(name)) if to == "timm" else name in list_models()


def _jpegs(bundle: Bundle, photos: str | Path | None, folder: Path) -> tuple[str, list[Path]]:
    """The files to compare on, and what they are."""
    if photos is None:
        folder.mkdir()
        pixels, _ = bundle.golden()
        made = [folder / f"golden{place}.jpg" for place in range(len(pixels))]
        for path, each in zip(made, pixels, strict=True):
            Image.fromarray(each).save(path, quality=QUALITY)
        return "the bundle's golden inputs, as JPEGs", made
    found = scan(photos)
    named = [Path(found.root, photo.path).absolute() for photo in found.photos]
    plain = [file for file in named if file.suffix.lower() in (".jpg", ".jpeg")]
    drawn = sorted(np.random.default_rng(0).permutation(len(plain))[:MOST_PHOTOS])
    readable = [
        plain[place] for place in drawn if isinstance(decode_or_error(plain[place], bundle.preprocessing), np.ndarray)
    ]
    if not readable:
        raise PhotosError(f"There is no JPEG in {photos} that can be read, and the export is tried on JPEGs.")
    return f"of {Path(photos).absolute().name}", readable


def _measure_parity(folder: Path, predictor: Predictor, photos: tuple[str, Sequence[Path]]) -> Parity:
    """Let the exported folder answer by itself, and hold its answers against the bundle's.

    Raises:
        WorkError: it fails, or answers differently.
    """
    source, paths = photos
    isolated = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        [sys.executable, str(folder / ANSWER), *map(str, paths)], capture_output=True, env=isolated, check=False
    )
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    if run.returncode:
        last = run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no word"]
        raise WorkError(f"The exported net does not run, so nothing was written: {last[0]}")
    largest = 0.0
    for path, line, ours in zip(paths, run.stdout.splitlines(), predictor.predict(paths), strict=True):
        theirs = json.loads(line)
        expected = predictor.logits(decode(path, predictor.bundle.preprocessing)[None])
        logits = np.array(theirs["logits"])
        apart = float(np.abs(logits - expected).max()) / max(1.0, float(np.abs(expected).max()))
        if not apart <= TOLERANCE or not _is_same_answer(theirs, ours):
            raise WorkError(
                f"The exported net answers {path.name} with {theirs['answer'] or theirs['doubt']!r}, the bundle with "
                f"{ours.answer or ours.doubt!r}; their logits differ by {apart:.2g} of their size, {TOLERANCE:g} is "
                "allowed. Nothing was written."
            )
        largest = max(largest, apart)
    return Parity(len(paths), largest, source)


def _is_same_answer(theirs: Mapping[str, Any], ours: Prediction) -> bool:
    best = max(theirs["probabilities"], key=theirs["probabilities"].__getitem__)
    return (best, theirs["answer"], theirs["doubt"]) == (ours.label, ours.answer, ours.doubt)


def _guide(bundle: Bundle, to: str, parity: Parity) -> str:
    packages = " ".join((*TARGETS[to].packages, "numpy", "pillow"))
    return f"""# {bundle.config.architecture} for {len(bundle.classes)} classes, in {to}

    pip install {packages}
    python {ANSWER} photo.jpg

prints a line of JSON: the answer, or none and why; the probability of every class; the logits.
`{NET}` is the net, `{ANSWER}` reads the photo and applies the temperature and the rule in `{ABOUT}`.

Before this folder was written, {ANSWER} read {parity.photos} JPEGs ({parity.source}) and gave the answers of the bundle
that it was made from; the largest difference of a logit was {parity.largest:.1e} of their size.
Photos of other kinds than 8-bit RGB or grey JPEG, PNG and WebP without transparency are read by inarch alone.
"""
