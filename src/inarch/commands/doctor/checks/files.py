"""Faults of file names and headers: broken, stray and hidden files, wrong names, unusual modes, sizes and shapes."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from inarch.commands.doctor.checks.limits import LIMITS
from inarch.commands.doctor.records import Finding
from inarch.data.decode import IMAGE_SUFFIXES
from inarch.data.folders import hidden_entries
from inarch.data.header import SUFFIXES, Header
from inarch.data.manifest import fits_manifest
from inarch.data.photos import PhotoSet
from inarch.data.sidecars import sidecars_by_suffix

TURNED = {
    2: "mirrored",
    3: "upside down",
    4: "mirrored and upside down",
    5: "mirrored and on its side",
    6: "on its side",
    7: "mirrored and on its side",
    8: "on its side",
}
MODES = {
    "1": "black and white, 1 bit",
    "L": "grey",
    "LA": "grey with transparency",
    "P": "a palette of colours",
    "PA": "a palette of colours with transparency",
    "RGBA": "colours with transparency",
    "CMYK": "CMYK, for print",
    "LAB": "LAB colours",
    "F": "grey of 32 bits, floating point",
    "I": "grey of 32 bits",
}


def report_skipped_files(photos: PhotoSet) -> Iterator[Finding]:
    """Files that `scan` and `store` could not use: broken photos, and files of other kinds."""
    groups = sidecars_by_suffix(photos.skipped)
    counted = {file.path for files in groups.values() for file in files}
    for file in photos.skipped:
        if re.match(r"[Ll]ine \d+", file.reason):
            yield Finding("row", file.path, file.reason)
            continue
        if file.path in counted:
            continue
        is_photo = Path(file.path).suffix.lower() in IMAGE_SUFFIXES and "outside the" not in file.reason
        kind = "file-name" if file.reason.startswith("Its name") else "unreadable" if is_photo else "stray"
        yield Finding(kind, file.path, file.reason)
    for suffix, (first, *others) in groups.items():
        problem = f"It is one of {len(others) + 1} {suffix} files next to the photos. {first.reason}"
        yield Finding("stray", first.path, problem, tuple(file.path for file in others))


def report_file_names(photos: PhotoSet) -> Iterator[Finding]:
    """Names of readable photos that a manifest cannot hold."""
    for photo in photos.photos:
        if not fits_manifest(photo.path):
            yield Finding("file-name", photo.path, f"{photo.path!r} begins or ends with a space: rename it.")


def report_hidden_entries(root: Path) -> Iterator[Finding]:
    """Entries that every command skips because of their names."""
    for path, files in hidden_entries(root):
        kind = "hidden" if Path(path).name.startswith(".") else "system's"
        what = f"a {kind} folder with {files} files" if files is not None else f"a {kind} file"
        yield Finding("hidden", path, f"It is {what}, which every command skips.")


def report_header_problems(headers: Mapping[str, Header]) -> Iterator[Finding]:
    """Properties in the headers that may trouble other tools or the model.

    Args:
        headers: of the readable photos, by path.
    """
    if not headers:
        return
    sides = {path: min(header.width, header.height) for path, header in headers.items()}
    median = float(np.median(list(sides.values())))
    usual = Counter(header.mode for header in headers.values()).most_common(1)[0][0]
    for path, header in headers.items():
        yield from _name(path, header)
        if header.orientation in TURNED:
            yield Finding(
                "orientation",
                path,
                f"It is stored {TURNED[header.orientation]}; EXIF orientation {header.orientation} corrects that.",
            )
        plain = ("RGB", "P", usual) if header.format == "GIF" else ("RGB", usual)
        if header.mode not in plain or (header.is_transparent and "A" not in usual):
            yield Finding("mode", path, f"Its pixels are {_mode(header)}.")
        if header.frames > 1:
            yield Finding("animation", path, f"It has {header.frames} frames.")
        if sides[path] < LIMITS.tiny or (sides[path] < LIMITS.small and sides[path] < LIMITS.small_share * median):
            yield Finding(
                "small",
                path,
                f"It has {header.width} x {header.height} pixels; the median of the shorter side is {median:.0f}.",
            )
        longer = max(header.width, header.height)
        if longer > LIMITS.far_from_square * sides[path]:
            yield Finding(
                "aspect",
                path,
                f"It has {header.width} x {header.height} pixels: the centre square is only "
                f"{100 * sides[path] / longer:.0f} % of it.",
            )


def _name(path: str, header: Header) -> Iterator[Finding]:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES.get(header.format, {suffix}):
        kind = "JPEG" if header.format == "MPO" else header.format
        yield Finding(
            "extension", path, f"It is {kind}, and its name {f'ends in {suffix}' if suffix else 'has no suffix'}."
        )


def _mode(header: Header) -> str:
    if header.mode.startswith("I;16"):
        return "grey of 16 bits"
    plain = MODES.get(header.mode, header.mode)
    return f"{plain}, partly transparent" if header.is_transparent and "transparency" not in plain else plain
