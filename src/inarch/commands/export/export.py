"""``inarch export``: a bundle's model for another runtime, written only if that runtime predicts the same."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL import Image
from torchvision.models import list_models

from inarch import telemetry
from inarch.bundle.model import build_meta_model
from inarch.bundle.predictor import TOLERANCE, Prediction, Predictor
from inarch.bundle.reading import Bundle
from inarch.data.decode import decode, decode_or_error
from inarch.data.scan import scan
from inarch.errors import OutputError, PhotosError, UnknownNameError, UserError, WorkError
from inarch.extras import import_required, require
from inarch.metrics.novelty import NEIGHBOURS
from inarch.storage.files import whole_folder
from inarch.storage.home import expand
from inarch.storage.serialisation import to_json
from inarch.weights.export import export_state_dict
from inarch.weights.files import read_weights, write_weights


class ExportFile(StrEnum):
    """The files of an exported folder, besides the model's own."""

    ANSWER = "answer.py"
    """Predicts photos by itself."""
    MODEL = "model.py"
    """Loads the model for it."""
    ABOUT = "about.json"
    """Classes, preprocessing, temperature and rule."""
    KNOWN = "known.npy"
    """Features of training photos, if the rule needs them."""
    GUIDE = "README.md"


@dataclass(frozen=True)
class ExportTarget:
    """A runtime that a bundle can be exported to."""

    packages: tuple[str, ...]
    """The packages that it needs, by their names on PyPI."""
    script: str
    """The file of `inarch.commands.export.runtimes` that becomes ``model.py``."""


TARGETS: Mapping[str, ExportTarget] = MappingProxyType(
    {
        "onnx": ExportTarget(("onnxruntime",), "onnx.py"),
        "openvino": ExportTarget(("openvino",), "openvino.py"),
        "torchvision": ExportTarget(("torch", "torchvision", "safetensors"), "pytorch.py"),
        "timm": ExportTarget(("torch", "timm", "safetensors"), "pytorch.py"),
    }
)
TORCHVISION_OPTIONS = MappingProxyType(
    {
        name: MappingProxyType({"aux_logits": False, "transform_input": False, "init_weights": False})
        for name in ("googlenet", "inception_v3")
    }
)
"""Further arguments of the libraries' builders: no auxiliary classifiers, and our own normalisation."""


@dataclass(frozen=True)
class Parity:
    """The exported model compared with the bundle."""

    photos: int
    largest: float
    """The largest difference of a logit, relative to the photo's largest logit (or 1)."""
    source: str
    """The source of the photos, in words."""


def export(
    bundle: str | Path,
    out: str | Path,
    to: str = "onnx",
    *,
    photos: str | Path | None = None,
    target_accuracy: float | None = None,
) -> Parity:
    """Write a bundle's model for another runtime, with a script that predicts photos there without inarch.

    The script runs in its own process on JPEG files; it must give the bundle's logits, within
    `inarch.bundle.predictor.TOLERANCE` of their size, and the bundle's answers, abstentions included.

    Args:
        bundle: the folder of the bundle.
        out: a new folder, or an empty one.
        to: a name of `TARGETS`.
        photos: a folder of photos for the comparison, up to 100 of them; None takes the bundle's golden
            inputs, written as JPEGs.
        target_accuracy: of the answered photos, as for `inarch.load`.

    Raises:
        UnknownNameError: there is no such target.
        MissingExtraError: a package is not installed that runs it there.
        UserError: the bundle, the photos or the folder cannot be used, or the target has no such model.
        WorkError: the exported model does not run, or its predictions differ; nothing is written then.

    Examples:
        >>> parity = inarch.export("mine", "exported-for-openvino", "openvino", photos="new-photos")
        >>> parity.largest < 1e-3  # a JPEG's logits differ by less than a thousandth of their size
        True
    """
    if to not in TARGETS:
        raise UnknownNameError("export target", to, TARGETS)
    for package in TARGETS[to].packages:
        require(package)
    return _write_folder(Predictor(bundle, target_accuracy=target_accuracy), out, to, photos)


def _write_folder(predictor: Predictor, out: str | Path, to: str, photos: str | Path | None) -> Parity:
    place = _resolve_destination(expand(out))
    try:
        with whole_folder(place) as partial, tempfile.TemporaryDirectory() as jpegs:
            _fill_folder(partial, predictor, to)
            parity = _measure_parity(partial, predictor, _jpegs(predictor.bundle, photos, Path(jpegs)))
            (partial / ExportFile.GUIDE).write_text(_guide(predictor.bundle, to, parity), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}; choose another --out.") from error
    return parity


def _resolve_destination(out: Path) -> Path:
    """The absolute destination, which must be new or empty."""
    place = Path(os.path.realpath(out))
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise OutputError(f"{out} exists, and is not overwritten; choose another --out.")
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}; choose another --out.") from error
    return place


def _fill_folder(folder: Path, predictor: Predictor, to: str) -> None:
    bundle = predictor.bundle
    about: dict[str, Any] = {
        "architecture": bundle.config.architecture,
        "classes": list(bundle.classes),
        "preprocessing": bundle.preprocessing,
        "temperature": bundle.temperature,
        "rule": None,
    }
    if predictor.rule is not None and (evidence := bundle.evidence()) is not None:
        rule = predictor.rule
        about["rule"] = {"confidence": rule.confidence, "novelty": rule.novelty, "neighbours": NEIGHBOURS}
        np.save(folder / ExportFile.KNOWN, evidence.known)
    if to in ("torchvision", "timm"):
        about |= _write_pytorch_weights(folder / "model.safetensors", bundle, to)
    else:
        graph = folder / "model.onnx"
        graph.write_bytes(bundle.graph())
        if to == "openvino":
            _convert_to_openvino(graph)
    (folder / ExportFile.ABOUT).write_text(to_json(about) + "\n", encoding="utf-8")
    for name, script in ((ExportFile.ANSWER, ExportFile.ANSWER), (ExportFile.MODEL, TARGETS[to].script)):
        (folder / name).write_text(
            files("inarch.commands.export.runtimes").joinpath(script).read_text("utf-8"), encoding="utf-8"
        )


def _convert_to_openvino(graph: Path) -> None:
    telemetry.hide_from_openvino()
    openvino = import_required("openvino")
    openvino.save_model(openvino.Core().read_model(graph), graph.with_suffix(".xml"), compress_to_fp16=False)
    graph.unlink()


def _write_pytorch_weights(path: Path, bundle: Bundle, to: str) -> dict[str, Any]:
    """Write the weights under the library's names; what its builder is to be told."""
    name, instead = bundle.config.architecture, "--to onnx takes every model"
    model = build_meta_model(bundle)
    model.load_state_dict(read_weights(bundle.weights()).tensors, assign=True)
    try:
        state = export_state_dict(model, to)
    except UserError as error:
        raise UserError(f"{error} {instead}.") from error
    if not _has_builder(to, name):
        raise UserError(f"{to} builds no model called {name}. {instead}.")
    write_weights(path, state)
    if to == "timm":
        return {"library": "timm", "builder": "create_model", "options": {}}
    return {"library": "torchvision.models", "builder": "get_model", "options": dict(TORCHVISION_OPTIONS.get(name, {}))}


def _has_builder(to: str, name: str) -> bool:
    return bool(import_required("timm").is_model(name)) if to == "timm" else name in list_models()


def _jpegs(bundle: Bundle, photos: str | Path | None, folder: Path, most: int = 100) -> tuple[str, list[Path]]:
    """The files for the comparison, at most so many of ``photos``, and their source in words."""
    if photos is None:
        pixels, _ = bundle.golden()
        made = [folder / f"golden{place}.jpg" for place in range(len(pixels))]
        for path, each in zip(made, pixels, strict=True):
            Image.fromarray(each).save(path, quality=95)
        return "the bundle's golden inputs, as JPEGs", made
    found = scan(photos)
    named = [Path(found.root, photo.path).absolute() for photo in found.photos]
    plain = [file for file in named if file.suffix.lower() in (".jpg", ".jpeg")]
    drawn = sorted(np.random.default_rng(0).permutation(len(plain))[:most])
    readable = [
        plain[place] for place in drawn if isinstance(decode_or_error(plain[place], bundle.preprocessing), np.ndarray)
    ]
    if not readable:
        raise PhotosError(f"There is no readable JPEG in {photos}; the export is compared on JPEGs: name other photos.")
    return f"of {Path(photos).absolute().name}", readable


def _measure_parity(folder: Path, predictor: Predictor, photos: tuple[str, Sequence[Path]]) -> Parity:
    """Run the exported folder by itself, and compare its predictions with the bundle's.

    Raises:
        WorkError: it fails, or its predictions differ.
    """
    source, paths = photos
    isolated = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        [sys.executable, str(folder / ExportFile.ANSWER), *map(str, paths)],
        capture_output=True,
        env=isolated,
        check=False,
    )
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    if run.returncode:
        last = run.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
        raise WorkError(f"The exported model does not run, so nothing was written: {last[0]}")
    largest = 0.0
    for path, line, ours in zip(paths, run.stdout.splitlines(), predictor.predict(paths), strict=True):
        theirs = json.loads(line)
        expected = predictor.logits(decode(path, predictor.bundle.preprocessing)[None])
        logits = np.array(theirs["logits"])
        apart = float(np.abs(logits - expected).max()) / max(1.0, float(np.abs(expected).max()))
        if not apart <= TOLERANCE or not _is_same_answer(theirs, ours):
            raise WorkError(
                f"The exported model answers {path.name} with {theirs['answer'] or theirs['abstention']!r}, the "
                f"bundle with {ours.answer or ours.abstention!r}; their logits differ by {apart:.2g} of their size, "
                f"{TOLERANCE:g} is allowed. Nothing was written."
            )
        largest = max(largest, apart)
    return Parity(len(paths), largest, source)


def _is_same_answer(theirs: Mapping[str, Any], ours: Prediction) -> bool:
    best = max(theirs["probabilities"], key=theirs["probabilities"].__getitem__)
    return (best, theirs["answer"], theirs["abstention"]) == (ours.label, ours.answer, ours.abstention)


def _guide(bundle: Bundle, to: str, parity: Parity) -> str:
    answer, model = ExportFile.ANSWER, ExportFile.MODEL
    packages = " ".join((*TARGETS[to].packages, "numpy", "pillow"))
    return f"""# {bundle.config.architecture} for {len(bundle.classes)} classes, in {to}

    pip install {packages}
    python {answer} photo.jpg

prints one line of JSON: the answer, or why the model abstains; the probability of every class; the logits.
`{model}` loads the model, `{answer}` reads the photo and applies the temperature and the rule in `{ExportFile.ABOUT}`.

Before this folder was written, {answer} read {parity.photos} JPEGs ({parity.source}) and gave the bundle's answers;
the largest relative difference of a logit was {parity.largest:.1e}.
Only inarch reads photos other than 8-bit RGB or grey JPEG, PNG and WebP without transparency.
"""
