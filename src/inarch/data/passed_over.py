"""The entries of a folder that every command passes over: hidden ones, those of systems, and bundles."""

import os
from pathlib import Path

SYSTEM_NAMES = frozenset(
    {"__macosx", "network trash folder", "temporary items", "icon\r"}  # macOS
    | {"$recycle.bin", "recycler", "recycled", "system volume information", "found.000"}  # Windows: folders
    | {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"}  # Windows: files
    | {"lost+found", "lost.dir"}  # Linux, Android
    | {"@eadir", "#recycle", "#snapshot", "@sharebin", "@tmp", "@recycle", "@recently-snapshot", "@__thumb"}  # NAS
    | {"~snapshot"}
)
"""Names, in small letters, that only a system gives: its bin, thumbnails, snapshots and indices."""


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or a system's."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def is_bundle(folder: Path) -> bool:
    """Whether a folder is a bundle, and so no class."""
    return all(os.path.isfile(folder / name) for name in ("config.json", "classes.txt", "model.onnx"))
