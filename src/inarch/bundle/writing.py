"""Writing a bundle: whole, or not at all."""

import contextlib
import errno
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
    CALIBRATION,
    CARD,
    CLASSES,
    CONFIG,
    FORMAT,
    GOLDEN,
    GRAPH,
    METRICS,
    PREPROCESS,
    REPORT,
    WEIGHTS,
)
from inarch.bundle.reading import Bundle, BundleConfig, is_bundle, read_bundle
from inarch.errors import OutputError
from inarch.nets import Classifier
from inarch.records import TrainingReport
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


def check_output(out: Path) -> None:
    """Make sure, before hours of work, that a bundle can be written at ``out``.

    Raises:
        OutputError: something else is there, or the folder around it cannot be written.
    """
    if out.exists() and not is_bundle(out) and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} exists and is not a bundle, so it is left alone; choose another --out.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        trial = _partial(out)
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise OutputError(_cannot_write(out, error)) from error


def write_bundle(out: Path, contents: BundleContents) -> Bundle:
    """Write a bundle beside ``out``, then move it into place; an older bundle there is replaced.

    Raises:
        OutputError: the disk is full or cannot be written; nothing is left behind, and an older bundle stays.
    """
    check_output(out)
    partial = _partial(out)
    try:
        partial.mkdir()
        for name, write in _files(contents).items():
            write(partial / name)
        _swap(partial, out)
    except OSError as error:
        raise OutputError(_cannot_write(out, error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_bundle(out)


def _files(contents: BundleContents) -> Mapping[str, Callable[[Path], object]]:
    report = contents.report
    pixels, logits = contents.golden
    named = {"architecture": report.model, "after": contents.config.after, "folded": str(contents.config.folded)}
    return {
        CONFIG: _as_json({"format": FORMAT, **asdict(contents.config)}),
        CLASSES: _as_text("".join(f"{name}\n" for name in report.classes)),
        PREPROCESS: _as_json(asdict(report.preprocessing)),
        CALIBRATION: _as_json({"method": "temperature scaling", "temperature": report.temperature}),
        METRICS: _as_json(_figures(report)),
        GRAPH: lambda path: path.write_bytes(contents.graph),
        WEIGHTS: lambda path: write_weights(path, contents.model.state_dict(), named),
        GOLDEN: lambda path: np.savez(path, pixels=pixels, logits=logits),
        CARD: _as_text(model_card(report)),
        REPORT: _as_text(contents.page),
    }


def _figures(report: TrainingReport) -> dict[str, Any]:
    """The report without what other files of the bundle hold."""
    elsewhere = ("classes", "preprocessing", "temperature")
    return {name: value for name, value in asdict(report).items() if name not in elsewhere}


def _as_text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text, encoding="utf-8")


def _as_json(content: Mapping[str, Any]) -> Callable[[Path], object]:
    return _as_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _swap(partial: Path, out: Path) -> None:
    if not out.exists():
        os.replace(partial, out)
        return
    older = out.with_name(f".{out.name}.older-{os.getpid()}")
    os.replace(out, older)
    try:
        os.replace(partial, out)
    except OSError:
        os.replace(older, out)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _partial(out: Path) -> Path:
    path = out.with_name(f".{out.name}.partial-{os.getpid()}")
    with contextlib.suppress(OSError):
        shutil.rmtree(path)
    return path


def _cannot_write(out: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk is full, so the bundle {out} was not written; free some space and run again with --resume."
    return f"The bundle {out} cannot be written: {error.strerror or error}. Choose another --out."
