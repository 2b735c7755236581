"""Kinds of files that are not read, by their first bytes: a refusal names the kind."""

from typing import NamedTuple


class UnreadKind(NamedTuple):
    """A kind of file, with an article."""

    name: str
    starts: tuple[bytes, ...]
    at: int = 0
    """Where these bytes stand."""


KINDS = (
    UnreadKind("JPEG XL", (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")),
    UnreadKind("JPEG XR", (b"II\xbc",)),
    UnreadKind("JPEG-LS", (b"\xff\xd8\xff\xf7",)),
    UnreadKind("a camera's raw file", (b"FUJIFILMCCD-RAW", b"IIU\x00", b"IIRO", b"MMOR", b"FOVb")),
    UnreadKind("a camera's raw file", (b"ftypcrx ",), at=4),
    UnreadKind("a Photoshop file", (b"8BPS",)),
    UnreadKind("a PDF", (b"%PDF",)),
    UnreadKind("PostScript", (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    UnreadKind("a video", (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"FLV")),
    UnreadKind("a video", (b"ftypisom", b"ftypmp4", b"ftypqt", b"ftypM4V", b"ftypavc1"), at=4),
    UnreadKind("a video", (b"AVI ",), at=8),
    UnreadKind("a ZIP archive", (b"PK\x03\x04",)),
    UnreadKind("a compressed file", (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")),
    UnreadKind("a page of HTML", (b"<!doctype html", b"<html")),
    UnreadKind("SVG", (b"<svg",)),
    UnreadKind("a pointer of Git LFS, not the file itself", (b"version https://git-lfs",)),
    UnreadKind("a TIFF of an unusual kind (more than four bands, or colours as floats)", (b"II*\x00", b"MM\x00*")),
)


def kind_of(head: bytes) -> str:
    """The kind of a file that begins with ``head``; empty if it is none of these."""
    text = head.lstrip()
    for kind in KINDS:
        for start in kind.starts:
            same_text = start.startswith(b"<") and text[: len(start)].lower() == start
            if same_text or head[kind.at : kind.at + len(start)] == start:
                return kind.name
    return ""
