"""The visible entries of a folder."""

import os
from pathlib import Path

from inarch.data.passed_over import is_bundle, is_passed_over


def visible_entries(folder: Path) -> list[Path]:
    """Everything in a folder that is not passed over, in the order of names."""
    entries = [folder / name for name in sorted(os.listdir(folder)) if not is_passed_over(name)]
    return [entry for entry in entries if not is_bundle(entry)]
