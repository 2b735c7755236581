"""Where the cache is, and how large it may grow, unless a run says otherwise."""

import os
from pathlib import Path

DEFAULT_SIZE = 20 * 10**9
"""Bytes."""


def default_cache_folder() -> Path:
    """``$INARCH_CACHE``, else ``$XDG_CACHE_HOME/inarch``, else ``~/.cache/inarch``."""
    own = os.environ.get("INARCH_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inarch"
