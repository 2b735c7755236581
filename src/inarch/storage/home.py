"""The user's home in paths, where a shell did not put it in: ``--out=~/mine``, and paths from Python."""

import os
import tempfile
from pathlib import Path


def expand(path: str | Path) -> Path:
    """``path``, with the home in the place of a leading ``~``; where nobody knows the home, it stays as it is."""
    return Path(os.path.expanduser(path))


def home_or_temporary() -> Path:
    """The user's home; a container's user may have none, and then a folder of their own among the temporary ones."""
    home = expand("~")
    if home.is_absolute():
        return home
    number = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir(), f"inarch-{number}")
