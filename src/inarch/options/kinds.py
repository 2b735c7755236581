"""Options that several commands have, declared once: ``seed: Seed = 0``."""

from pathlib import Path
from typing import Annotated

from inarch.options.notation import SHARE, SIZE
from inarch.options.option import Option

LARGEST_SEED = 2**31 - 1
"""Every library takes seeds up to here."""

Seed = Annotated[int, Option("Random seed.", minimum=0, maximum=LARGEST_SEED)]
Cache = Annotated[Path, Option("Folder of what was decoded and computed.", on_command_line=False)]
"""On the command line the environment names it: see `inarch.storage.cache_folder`."""
CacheSize = Annotated[int, Option("Largest size of the cache on disk.", notation=SIZE)]
"""Bytes: what the cache is trimmed to after the run, and what this run may need at most."""
TargetAccuracy = Annotated[
    float | None,
    Option("Target accuracy: the share of answers that is to be right; 0.95 where none is given.", notation=SHARE),
]
"""Selective classification: the model abstains where an answer would be too uncertain for it."""
