"""Photos that a bench is made of."""

from pathlib import Path

import pytest

from inarch.commands.study.study import Bench
from inarch.data.augmentation import Augmentation
from inarch.data.scan import scan
from trained import draw_folder


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Drawn photos of a few classes that any net tells apart; no job is made of them."""

    def none(photos: object, seed: int) -> object:
        raise AssertionError("no strategy is asked for here")

    draw_folder(tmp_path / "photos")
    return Bench(scan(tmp_path / "photos"), Augmentation(), tmp_path / "cache", none)
