"""The rows of a CSV file in any usual dialect: encodings, separators, lines that hold nothing."""

import codecs
import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from inarch.errors import PhotosError

SEPARATORS = (",", ";", "\t", "|")


class CsvTable(NamedTuple):
    """The header and the rows of a CSV file, all values stripped."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Each row that holds something, with the line in which it begins."""
    notes: tuple[str, ...] = ()


def read_table(file: Path, fits: Callable[[Sequence[str]], bool]) -> CsvTable:
    """The table in a CSV file, with the separator under which its header fits.

    Args:
        file: in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.
        fits: whether a header has the columns that are needed.

    Raises:
        PhotosError: it is in another encoding, or no CSV.
        OSError: it cannot be opened.
    """
    text, encoding = _decode(file, file.read_bytes())
    notes = [f"{file.name} was read as {encoding}."] if encoding != "UTF-8" else []
    skipped = 0
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.rstrip("\r")) == 5:  # Excel's own line about the separator
        text, skipped = rest, 1
    try:
        headers = {separator: _header(text, separator) for separator in SEPARATORS}
        fitting = [separator for separator, header in headers.items() if fits(header)]
        separator = (fitting or sorted(SEPARATORS, key=lambda each: -len(headers[each])))[0]
        columns, rows = _rows(text, separator, skipped)
    except csv.Error as error:
        raise PhotosError(f"{file} is not a CSV file ({error}).") from error
    if separator != "," and fitting:
        notes.append(f"The cells of {file.name} are separated by {_name_separator(separator)}.")
    return CsvTable(columns, rows, tuple(notes))


def _name_separator(separator: str) -> str:
    return {";": "semicolons", "\t": "tabs", "|": "vertical bars"}[separator]


def _header(text: str, separator: str) -> tuple[str, ...]:
    row = next((row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)), [])
    return tuple(cell.strip() for cell in row)


def _rows(text: str, separator: str, line: int) -> tuple[tuple[str, ...], tuple[tuple[int, tuple[str, ...]], ...]]:
    """The header, and each row with the line in which it begins; rows without any cell are nothing."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows, begins = [], line + 1
    for row in reader:
        cells = tuple(cell.strip() for cell in row)
        if any(cells):
            rows.append((begins, cells))
        begins = line + reader.line_num + 1
    return (rows[0][1], tuple(rows[1:])) if rows else ((), ())


def _decode(file: Path, content: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding."""
    marks = (
        (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
        (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
        (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
        (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    )
    codec, name = next(((codec, name) for mark, codec, name in marks if content.startswith(mark)), ("utf-8", "UTF-8"))
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise PhotosError(_explain_encoding(file, content, error)) from error
    if "\0" in text:
        raise PhotosError(
            f"{file} is not a CSV file in UTF-8: it holds zero bytes, as UTF-16 without a byte order mark and "
            "spreadsheets do: save it as CSV in UTF-8."
        )
    return text, name


def _explain_encoding(file: Path, content: bytes, error: UnicodeDecodeError) -> str:
    advice = "save it as CSV in UTF-8 (in Excel: 'CSV UTF-8')."
    if content.startswith(b"PK\3\4"):
        return f"{file} is not a CSV file in UTF-8, but a spreadsheet or another ZIP archive: {advice}"
    line = content[: error.start].count(b"\n")
    shown = content.splitlines()[line] if line < len(content.splitlines()) else b""
    try:
        legible = shown.decode("cp1252")
    except UnicodeDecodeError:
        return f"{file} is not a CSV file in UTF-8, as line {line + 1} shows, and its encoding is not known: {advice}"
    return (
        f"{file} is not a CSV file in UTF-8; in Windows-1252 (cp1252), which is likely, line {line + 1} reads "
        f"{legible.strip()[:80]!r}: {advice}"
    )
