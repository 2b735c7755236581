"""How long to equal accuracy: read off two courses, and off nets that are trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from inarch.commands.study.claims import time_to_accuracy
from inarch.commands.study.claims.time_to_accuracy import (
    RACE,
    RaceReading,
    readings,
)
from inarch.commands.study.options import StudyOptions
from inarch.commands.study.run import _bench
from inarch.errors import PhotosError
from inarch.progress import ignore_progress
from inarch.transfer.recipes import Recipes, ScratchRecipe
from trained import draw_folder

STEEP = [(1.0, 0.6), (2.0, 0.9), (3.0, 0.8)]
SLOW = [(5.0, 0.2), (10.0, 0.9), (15.0, 0.7), (20.0, 1.0)]


def test_the_lower_best_is_what_both_reach() -> None:
    """Each by the first look at which it has it; whichever is named first."""
    assert readings(STEEP, SLOW) == {
        RaceReading.FINETUNE: 2.0,
        RaceReading.SCRATCH: 10.0,
        RaceReading.BOTH: 0.9,
        RaceReading.BEST_FINETUNE: 0.9,
        RaceReading.BEST_SCRATCH: 1.0,
    }
    assert readings(SLOW, STEEP) == {
        RaceReading.FINETUNE: 10.0,
        RaceReading.SCRATCH: 2.0,
        RaceReading.BOTH: 0.9,
        RaceReading.BEST_FINETUNE: 1.0,
        RaceReading.BEST_SCRATCH: 0.9,
    }


@pytest.mark.slow
def test_both_are_trained_and_timed(tmp_path: Path) -> None:
    """Fine-tuning pays for its features: none of them is kept for the next run to find."""
    draw_folder(tmp_path / "photos")
    bench = _bench(StudyOptions(data=tmp_path / "photos", cache=tmp_path / "cache"), ignore_progress)
    run = bench.prepare(bench.photos, 0)
    run = replace(run, options=replace(run.options, recipes=Recipes(scratch=ScratchRecipe(most_epochs=3))))
    kept = set((tmp_path / "cache").glob("features/*"))
    read = time_to_accuracy.measure(replace(bench, prepare=lambda photos, seed: run), RACE, 0)
    assert set((tmp_path / "cache").glob("features/*")) == kept
    assert read[RaceReading.FINETUNE] > 0
    assert read[RaceReading.SCRATCH] > 0
    assert 0 <= read[RaceReading.BOTH] == min(read[RaceReading.BEST_FINETUNE], read[RaceReading.BEST_SCRATCH]) <= 1


def test_too_few_photos_are_said(tmp_path: Path) -> None:
    """Two of a class cannot be divided into training, validation and testing."""
    draw_folder(tmp_path / "photos", {"train": 2})
    bench = _bench(StudyOptions(data=tmp_path / "photos", cache=tmp_path / "cache"), ignore_progress)
    with pytest.raises(PhotosError, match="It takes three different photos of every class"):
        time_to_accuracy.measure(bench, RACE, 0)
