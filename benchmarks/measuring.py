"""What every benchmark needs: data, clocks, tables, JSON."""

import csv
import json
import os
import platform
import statistics
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inarch.bundle.contents import versions
from inarch.commands.study.ledger import hardware
from inarch.data.photos import Photo, PhotoSet
from inarch.data.scan import scan

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("INARCH_SHARED", ROOT.parent / "shared")) / "data"
RESULTS = ROOT / "benchmarks" / "results"
MEASURED = ROOT / "benchmarks" / "measured"
"""Figures of long runs, kept with the code: a table that takes days is filled run by run."""
INCEPTION = SHARED / "weights" / "inception_v3_imagenet_to_mixed_7a.safetensors"


def unpacked(name: str, folder_name: str = "") -> Path:
    """The folder of a shared archive, unpacked once into ``.data``; it is called as the archive unless said."""
    folder = ROOT / ".data" / (folder_name or name)
    if not folder.exists():
        with tarfile.open(SHARED / f"{name}.tar.xz") as tar:
            tar.extractall(folder.parent, filter="data")
    return folder


def write_manifest(path: Path, found: PhotoSet, sides: Mapping[str, Iterable[Photo]]) -> Path:
    """A manifest of photos of ``found``, by the split that they are to have."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        lines = csv.writer(stream)
        lines.writerow(("path", "label", "split"))
        for split, photos in sides.items():
            lines.writerows(
                (Path(found.root, photo.path).resolve(), found.classes[photo.label], split) for photo in photos
            )
    return path


def some(folder: Path, per_class: int, tested: int, out: Path, *, seed: int = 0) -> Path:
    """A manifest of so many photos of each class to learn from, and to test on."""
    found = scan(folder)
    draw = np.random.default_rng(seed)
    labels = np.array([photo.label for photo in found.photos])
    rows = [draw.permutation(np.flatnonzero(labels == label)) for label in range(len(found.classes))]
    sides = {"train": slice(per_class), "test": slice(per_class, per_class + tested)}
    chosen = {name: [found.photos[row] for own in rows for row in own[part]] for name, part in sides.items()}
    return write_manifest(out, found, chosen)


def labelled_sample() -> Path:
    """A manifest of the ImageNet sample, whose labels stand in the files' names: ``n01440764_tench.jpg``."""
    folder = unpacked("imagenet_sample_s160")
    manifest = folder / "labels.csv"
    lines = [f"{photo.name},{photo.name.partition('_')[0]}" for photo in sorted(folder.glob("*.jpg"))]
    manifest.write_text("\n".join(["path,label", *lines]) + "\n", encoding="utf-8")
    return manifest


def spread(values: Sequence[float], digits: int = 1) -> str:
    """``median (lowest to highest, n=…)``"""
    middle, low, high = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high}, n={len(values)})"


def ratios(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """The ratio of each interleaved pair."""
    return [a / b for a, b in zip(slow, fast, strict=True)]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns that line up."""
    widths = [max(len(row[at]) for row in [header, *rows]) for at in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def write(name: str, figures: Mapping[str, Any]) -> None:
    """Write ``benchmarks/results/NAME.json`` with what the figures depend on."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {
        "benchmark": name,
        "hardware": {**hardware(), "python": platform.python_version()},
        "versions": dict(versions()),
        **figures,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {path.relative_to(ROOT)}")
