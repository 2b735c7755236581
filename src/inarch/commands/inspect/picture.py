"""A drawing as pixels, rendered by an installed browser."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from inarch.errors import OutputError, WorkError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
"""Browsers that render a page without a window, by `--headless --screenshot`."""


def to_png(svg: str, *, scale: float = 2.0, patience: int = 60) -> bytes:
    """A drawing of `inarch.report` as PNG.

    Args:
        svg: the drawing.
        scale: pixels of the PNG for each of the drawing.
        patience: seconds that the browser may take.

    Raises:
        OutputError: there is no browser.
        WorkError: the browser failed.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise OutputError(
            f"A PNG is rendered by a browser, and none of {', '.join(BROWSERS)} is on the path: install one, "
            "or use --format svg."
        )
    width, height = _size(svg)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the browser may still be in it
        source, target = Path(folder, "drawing.svg"), Path(folder, "drawing.png")
        source.write_text(svg, "utf-8")
        command = [
            browser, "--headless", "--disable-gpu", "--hide-scrollbars", f"--force-device-scale-factor={scale}",
            f"--window-size={width},{height}", f"--user-data-dir={folder}/profile", f"--screenshot={target}",
            *(["--no-sandbox"] if _is_root() else []),  # browsers refuse to run sandboxed as root
            source.as_uri(),
        ]  # fmt: skip
        try:
            ended = subprocess.run(command, capture_output=True, timeout=patience, check=False)
        except subprocess.TimeoutExpired as error:
            raise WorkError(f"{browser} rendered no picture within {patience} seconds; use --format svg.") from error
        if not target.exists():
            last = (ended.stderr.decode("utf-8", "replace").strip() or "no message").splitlines()[-1]
            raise WorkError(f"{browser} rendered no picture ({last}); use --format svg.")
        return target.read_bytes()


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _size(svg: str) -> tuple[str, str]:
    """Width and height in pixels, from the drawing's first element."""
    first = svg[svg.index("<svg") : svg.index(">", svg.index("<svg"))]
    found = dict(re.findall(r'\b(width|height)="(\d+)"', first))
    return found["width"], found["height"]
