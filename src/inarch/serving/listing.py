"""Which photos to answer for, and answers as a table, JSON or CSV."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from inarch.data.decode import IMAGE_SUFFIXES
from inarch.errors import PhotosError, UnknownNameError
from inarch.serving.predictor import Prediction

Writer = Callable[[Iterable[Prediction], TextIO], int]
"""Prints every answer as it comes; returns how many photos could not be read."""


def photos_in(paths: Iterable[Path]) -> list[Path]:
    """The files named, and all image files in the folders named, in order.

    Raises:
        PhotosError: a path does not exist, or a folder holds no images.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = [
                Path(folder) / name
                for folder, _, names in sorted(os.walk(path))
                for name in sorted(names)
                if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
            ]
            if not found:
                raise PhotosError(f"The folder {path} holds no photos.")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise PhotosError(f"There is no photo at {path}.")
    return files


def writer(form: str, top: int) -> Writer:
    """The writer for ``form``, showing the ``top`` most probable classes.

    Raises:
        UnknownNameError: there is none of that name.
    """
    writers = {"table": _table, "json": _json, "csv": _csv}
    if form not in writers:
        raise UnknownNameError("format", form, writers)
    return lambda predictions, stream: writers[form](predictions, stream, top)


def _table(predictions: Iterable[Prediction], stream: TextIO, top: int) -> int:
    failed = 0
    for each in predictions:
        failed += bool(each.problem)
        shown = "   ".join(f"{name} {probability:.1%}" for name, probability in each.ranking[:top])
        stream.write(f"{each.name}: {shown or 'not read: ' + each.problem}\n")
    return failed


def _json(predictions: Iterable[Prediction], stream: TextIO, top: int) -> int:
    failed, rows = 0, []
    for each in predictions:
        failed += bool(each.problem)
        best = [{"class": name, "probability": round(value, 6)} for name, value in each.ranking[:top]]
        rows.append({"photo": each.name, "predictions": best} | ({"problem": each.problem} if each.problem else {}))
    stream.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    return failed


def _csv(predictions: Iterable[Prediction], stream: TextIO, top: int) -> int:
    failed = 0
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["photo", "rank", "class", "probability", "problem"])
    for each in predictions:
        failed += bool(each.problem)
        best: Sequence[tuple[str, float]] = each.ranking[:top]
        for rank, (name, value) in enumerate(best, start=1):
            rows.writerow([each.name, rank, name, f"{value:.6f}", ""])
        if each.problem:
            rows.writerow([each.name, "", "", "", each.problem])
    return failed
