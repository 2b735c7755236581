"""Writing a bundle atomically."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.card import model_card
from inarch.bundle.format import FORMAT, OPTIONAL, SEALED, BundleFile
from inarch.bundle.reading import Bundle, BundleConfig, read_bundle
from inarch.errors import OutputError
from inarch.metrics.answering import Evidence
from inarch.models import Classifier
from inarch.storage.files import whole_folder
from inarch.storage.home import expand
from inarch.storage.serialisation import to_data, to_json
from inarch.transfer.records.report import TrainingReport
from inarch.weights.files import write_weights


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """Everything that a bundle holds."""

    config: BundleConfig
    model: Classifier
    graph: bytes
    report: TrainingReport
    page: str | None
    """The report as HTML; None where there are no test figures to report."""
    golden: tuple[NDArray[np.uint8], NDArray[np.float32]]
    evidence: Evidence | None = None
    """The evidence for an abstention rule, if there is any."""


def check_output(out: Path) -> None:
    """Make sure, before a long run, that a bundle can be written at ``out``.

    Raises:
        OutputError: something else is there, or its parent folder cannot be written.
    """
    try:
        place = Path(os.path.realpath(expand(out)))  # a link stays a link, and what it leads to is replaced
        if objection := _objection(place):
            raise OutputError(f"{out} {objection}; choose another --out.")
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rmdir(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    except OSError as error:
        raise OutputError(_explain_failure(out, error)) from error


def write_bundle(out: Path, contents: BundleContents) -> Bundle:
    """Write a bundle next to ``out``, then move it into place; it replaces an older bundle.

    Raises:
        OutputError: the disk is full or cannot be written; nothing is left behind, and an older bundle stays.
    """
    out = expand(out)
    check_output(out)
    try:
        with whole_folder(out, replace=True) as partial:
            _fill(partial, contents)
    except (OSError, OutputError) as error:
        raise OutputError(_explain_failure(out, error)) from error
    return read_bundle(out)


def _objection(place: Path) -> str:
    """Why the content of ``place`` cannot be replaced; empty if there is none, or only a bundle."""
    if not place.exists():
        return ""
    if os.path.ismount(place):
        return "is the root of a disk, which cannot be replaced as a whole"
    if not place.is_dir():
        return "is a file"
    if Path.cwd().is_relative_to(place):
        return "is, or holds, the folder that you are in"
    found = {entry.name for entry in place.iterdir()}
    if found and not {BundleFile.CONFIG, BundleFile.CLASSES, BundleFile.GRAPH} <= found:
        return "exists and is not a bundle, so it is not replaced"
    if others := sorted(found.difference(BundleFile)):
        return f"holds {others[0]!r}, which belongs to no bundle and would be lost; move it away"
    return ""


def _fill(folder: Path, contents: BundleContents) -> None:
    """Write every file, and last the config with the digests of the others."""
    files = _files(contents)
    for name, write in files.items():
        write(folder / name)
    seal(folder, contents.config)


def seal(folder: Path, config: BundleConfig) -> None:
    """Write the config, with the digests of the other files as they are now."""
    sealed = [name.value for name in (*SEALED, *OPTIONAL) if (folder / name).exists()]
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sealed}
    _json_writer({"format": FORMAT, **to_data(config), "sha256": digests})(folder / BundleFile.CONFIG)


def _files(contents: BundleContents) -> Mapping[str, Callable[[Path], object]]:
    report = contents.report
    pixels, logits = contents.golden
    evidence = None if contents.evidence is None else vars(contents.evidence)
    named = {"architecture": report.model}  # one word alone: safetensors writes several in any order
    return {
        BundleFile.CLASSES: _text_writer("".join(f"{name}\n" for name in report.classes)),
        BundleFile.PREPROCESS: _json_writer(report.preprocessing),
        BundleFile.CALIBRATION: _json_writer({"method": "temperature scaling", "temperature": report.temperature}),
        BundleFile.METRICS: _json_writer(_figures(report)),
        BundleFile.GRAPH: lambda path: path.write_bytes(contents.graph),
        BundleFile.WEIGHTS: lambda path: write_weights(path, contents.model.state_dict(), named),
        BundleFile.GOLDEN: lambda path: np.savez(path, pixels=pixels, logits=logits),
        BundleFile.CARD: _text_writer(model_card(report)),
        **({} if contents.page is None else {BundleFile.REPORT: _text_writer(contents.page)}),
        **({} if evidence is None else {BundleFile.ANSWERING: lambda path: np.savez(path, **evidence)}),
    }


def _figures(report: TrainingReport) -> dict[str, Any]:
    """The report without the content of the bundle's other files."""
    elsewhere = ("classes", "preprocessing", "temperature")
    return {name: value for name, value in to_data(report).items() if name not in elsewhere}


def _text_writer(text: str) -> Callable[[Path], object]:
    # a class may be called by bytes that are no text
    return lambda path: path.write_bytes(text.encode("utf-8", "backslashreplace"))  # line ends of one kind


def _json_writer(content: object) -> Callable[[Path], object]:
    return _text_writer(to_json(content) + "\n")


def _explain_failure(out: Path, error: Exception) -> str:
    cause = (error.__cause__ or error) if isinstance(error, OutputError) else error
    reason = (isinstance(cause, OSError) and cause.strerror) or str(cause)
    if any(os.strerror(code) in reason for code in (errno.ENOSPC, errno.EDQUOT)):
        return f"The disk is full, so the bundle {out} was not written; free some space and run it again."
    return f"The bundle {out} cannot be written: {reason}. Choose another --out."
