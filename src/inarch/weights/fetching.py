"""Downloads that are either there in full, and are what they should be, or not at all; what broke off is resumed."""

import contextlib
import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from inarch.errors import WeightsError


def fetch(url: str, path: Path, *, sha256: str, timeout: float = 20.0) -> None:
    """Download ``url`` to ``path``.

    While it is on its way the file is called ``….partial``; after a cut the next attempt, or the next call, goes on
    from there.

    Args:
        url: where from.
        path: where to; its folder is made.
        sha256: how the content's hash has to begin.
        timeout: seconds without a byte after which the connection counts as cut.

    Raises:
        WeightsError: the file is not there, cannot be reached or written, or is not what it should be.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch_all(url, partial, timeout)
        _check(url, partial, sha256)
        os.replace(partial, path)
    except OSError as error:
        raise WeightsError(f"{url} could not be stored in {path.parent}: {error.strerror or error}.") from error


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_all(url: str, partial: Path, timeout: float) -> None:
    """Up to three attempts, each going on where the last was cut."""
    why = ""
    for _ in range(3):
        try:
            _fetch_rest(url, partial, timeout)
            return
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                partial.unlink(missing_ok=True)
                if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # all of it, or of another, is there
                    continue
                raise WeightsError(f"{url} answers {error.code} ({error.reason}); the file is not there.") from error
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            why = str(getattr(error, "reason", error)) or type(error).__name__
    raise WeightsError(f"{url} could not be fetched: {why}. What came is kept; run it again to go on from there.")


def _fetch_rest(url: str, partial: Path, timeout: float) -> None:
    begun = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        if answer.headers.get_content_type() == "text/html":
            raise WeightsError(f"{url} answers with a web page, not with a file: is there a login or a proxy between?")
        resumes = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        with partial.open("ab" if resumes else "wb") as file:
            _copy(answer, file)


def _copy(answer: http.client.HTTPResponse, file: IO[bytes]) -> None:
    """Copy what comes; a body that ends early is an error, not an end."""
    promised = answer.length
    before = file.tell()
    shutil.copyfileobj(answer, file, 1 << 20)
    if promised is not None and file.tell() - before < promised:
        raise http.client.IncompleteRead(b"", promised - (file.tell() - before))


def _check(url: str, partial: Path, sha256: str) -> None:
    found = digest(partial)
    if not found.startswith(sha256):
        partial.unlink()
        raise WeightsError(
            f"{url} is not the file that it should be: its SHA-256 begins with {found[:8]}, not {sha256[:8]}. "
            "It was thrown away."
        )
