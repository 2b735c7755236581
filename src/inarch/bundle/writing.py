"""Writing a bundle: whole, or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.card import model_card
from inarch.bundle.format import (
    ANSWERING,
    CALIBRATION,
    CARD,
    CLASSES,
    CONFIG,
    FILES,
    FORMAT,
    GOLDEN,
    GRAPH,
    METRICS,
    OPTIONAL,
    PREPROCESS,
    REPORT,
    SEALED,
    WEIGHTS,
)
from inarch.bundle.reading import Bundle, BundleConfig, read_bundle
from inarch.errors import OutputError
from inarch.metrics.answering import Evidence
from inarch.models import Classifier
from inarch.transfer.records.report import TrainingReport
from inarch.weights.files import write_weights


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """Everything that goes into a bundle."""

    config: BundleConfig
    model: Classifier
    graph: bytes
    report: TrainingReport
    page: str
    """The report as HTML."""
    golden: tuple[NDArray[np.uint8], NDArray[np.float32]]
    evidence: Evidence | None = None
    """What a rule for answering is chosen by, where there is any."""


def check_output(out: Path) -> None:
    """Make sure, before hours of work, that a bundle can be written at ``out``.

    Raises:
        OutputError: something else is there, or the folder around it cannot be written.
    """
    try:
        place = _place(out)
        if objection := _objection(place):
            raise OutputError(f"{out} {objection}; choose another --out.")
        place.parent.mkdir(parents=True, exist_ok=True)
        trial = _partial_path(place)
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise OutputError(_explain_failure(out, error)) from error


def write_bundle(out: Path, contents: BundleContents) -> Bundle:
    """Write a bundle beside ``out``, then move it into place; an older bundle there is replaced.

    Raises:
        OutputError: the disk is full or cannot be written; nothing is left behind, and an older bundle stays.
    """
    check_output(out)
    place = _place(out)
    partial = _partial_path(place)
    try:
        partial.mkdir()
        _fill(partial, contents)
        _swap(partial, place)
    except (OSError, OutputError) as error:
        raise OutputError(_explain_failure(out, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_bundle(out)


def _place(out: Path) -> Path:
    """Where ``out`` really is: a link stays a link, and what it leads to is replaced."""
    return Path(os.path.realpath(out))


def _objection(place: Path) -> str:
    """Why what stands at ``place`` cannot be replaced; empty where nothing does, or a bundle and nothing besides."""
    if not place.exists():
        return ""
    if os.path.ismount(place):
        return "is the root of a disk, which cannot be replaced as a whole"
    if not place.is_dir():
        return "is a file"
    if Path.cwd().is_relative_to(place):
        return "is, or holds, the folder that you are in"
    found = {entry.name for entry in place.iterdir()}
    if found and not {CONFIG, CLASSES, GRAPH} <= found:
        return "exists and is not a bundle, so it is left alone"
    if strangers := sorted(found.difference(FILES)):
        return f"holds {strangers[0]!r}, which belongs to no bundle and would be lost; move it away"
    return ""


def _fill(folder: Path, contents: BundleContents) -> None:
    """Every file, and last the config with the digests of the others."""
    files = _files(contents)
    for name, write in files.items():
        write(folder / name)
    sealed = (*SEALED, *(name for name in OPTIONAL if name in files))
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sealed}
    _json_writer({"format": FORMAT, **asdict(contents.config), "sha256": digests})(folder / CONFIG)


def _files(contents: BundleContents) -> Mapping[str, Callable[[Path], object]]:
    report = contents.report
    pixels, logits = contents.golden
    evidence = None if contents.evidence is None else asdict(contents.evidence)
    named = {"architecture": report.model}  # one word alone: safetensors writes several in any order
    return {
        CLASSES: _text_writer("".join(f"{name}\n" for name in report.classes)),
        PREPROCESS: _json_writer(asdict(report.preprocessing)),
        CALIBRATION: _json_writer({"method": "temperature scaling", "temperature": report.temperature}),
        METRICS: _json_writer(_figures(report)),
        GRAPH: lambda path: path.write_bytes(contents.graph),
        WEIGHTS: lambda path: write_weights(path, contents.model.state_dict(), named),
        GOLDEN: lambda path: np.savez(path, pixels=pixels, logits=logits),
        CARD: _text_writer(model_card(report)),
        REPORT: _text_writer(contents.page),
        **({} if evidence is None else {ANSWERING: lambda path: np.savez(path, **evidence)}),
    }


def _figures(report: TrainingReport) -> dict[str, Any]:
    """The report without what other files of the bundle hold."""
    elsewhere = ("classes", "preprocessing", "temperature")
    return {name: value for name, value in asdict(report).items() if name not in elsewhere}


def _text_writer(text: str) -> Callable[[Path], object]:
    # a folder's name may hold bytes that are no text; in JSON, what replaces them is an escape that means them
    return lambda path: path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _json_writer(content: Mapping[str, Any]) -> Callable[[Path], object]:
    return _text_writer(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _swap(partial: Path, place: Path) -> None:
    """Put ``partial`` in the place of what stands there, which comes back if that fails or is interrupted."""
    if not place.exists():
        os.replace(partial, place)
        return
    older = place.with_name(f".{place.name}.older-{os.getpid()}")
    try:
        os.replace(place, older)
        os.replace(partial, place)
    finally:
        if not place.exists():
            os.replace(older, place)
        shutil.rmtree(older, ignore_errors=True)


def _partial_path(place: Path) -> Path:
    path = place.with_name(f".{place.name}.partial-{os.getpid()}")
    with contextlib.suppress(OSError):
        shutil.rmtree(path)
    return path


def _explain_failure(out: Path, error: Exception) -> str:
    cause = (error.__cause__ or error) if isinstance(error, OutputError) else error
    reason = (isinstance(cause, OSError) and cause.strerror) or str(cause)
    if any(os.strerror(code) in reason for code in (errno.ENOSPC, errno.EDQUOT)):
        return f"The disk is full, so the bundle {out} was not written; free some space and run it again."
    return f"The bundle {out} cannot be written: {reason}. Choose another --out."
