"""A drawing as pixels: a browser that is on the machine renders it."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from inarch.errors import OutputError, WorkError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
"""Programs that render a page without a window, by `--headless --screenshot`."""
PATIENCE = 60
"""Seconds."""


def to_png(svg: str, *, scale: float = 2.0) -> bytes:
    """A drawing of `inarch.report` as a PNG file's bytes, by ``scale`` pixels for each of its own.

    Raises:
        OutputError: there is no browser to render it.
        WorkError: the browser did not.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise OutputError(
            f"A PNG is rendered by a browser, and none of {', '.join(BROWSERS)} is on the path: install one, "
            "or take --format svg."
        )
    width, height = _size(svg)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "drawing.svg"), Path(folder, "drawing.png")
        source.write_text(svg, "utf-8")
        command = [
            browser, "--headless", "--disable-gpu", "--hide-scrollbars", f"--force-device-scale-factor={scale}",
            f"--window-size={width},{height}", f"--user-data-dir={folder}/profile", f"--screenshot={target}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # browsers refuse to be sandboxed as root
            source.as_uri(),
        ]  # fmt: skip
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise WorkError(f"{browser} rendered no picture within {PATIENCE} seconds; take --format svg.") from error
        if not target.exists():
            last = (ended.stderr.strip() or "it said nothing").splitlines()[-1]
            raise WorkError(f"{browser} rendered no picture ({last}); take --format svg.")
        return target.read_bytes()


def _size(svg: str) -> tuple[str, str]:
    """Width and height in pixels, as the drawing says in its first element."""
    first = svg[svg.index("<svg") : svg.index(">", svg.index("<svg"))]
    found = dict(re.findall(r'\b(width|height)="(\d+)"', first))
    return found["width"], found["height"]
