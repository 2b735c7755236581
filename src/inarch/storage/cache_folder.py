"""Where the cache is, and how large it may grow, unless a run says otherwise."""

import errno
import os
from pathlib import Path

from inarch.storage.home import expand, home_or_temporary

DEFAULT_SIZE = 20 * 10**9
"""Bytes."""


def explain_unwritable(folder: Path, error: OSError) -> str:
    """The sentence for a cache that cannot be written: a full disk takes space, and a closed one another folder."""
    is_full = error.errno in (None, errno.ENOSPC, errno.EDQUOT)
    advice = (
        "free some space, or set INARCH_CACHE to a folder on another disk"
        if is_full
        else "set INARCH_CACHE to a folder that you may write to"
    )
    return f"The cache in {folder} cannot be written ({error.strerror or 'a file was cut short'}): {advice}."


def default_cache_folder() -> Path:
    """``$INARCH_CACHE``, else ``$XDG_CACHE_HOME/inarch``, else ``~/.cache/inarch``."""
    own = os.environ.get("INARCH_CACHE")
    if own:
        return expand(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or home_or_temporary() / ".cache") / "inarch"
