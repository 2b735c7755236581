"""Real photos and real weights: what training measured is what the bundle answers, and it is far above chance."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inarch.bundle.predictor import Predictor
from inarch.commands.train import run as train_module
from inarch.commands.train.run import train
from inarch.metrics.softmax import softmax
from inarch.models import build
from inarch.transfer.options import TrainOptions
from tolerance import assert_same_probabilities, terms_of

TRAIN, VAL = 12, 12
"""Photos of each class: a photo takes the net most of a tenth of a second."""


def some_of(source: Path, target: Path) -> Path:
    """The first photos of each class, in the same folders."""
    for split, count in (("train", TRAIN), ("val", VAL)):
        for kind in ("ants", "bees"):
            (target / split / kind).mkdir(parents=True)
            for photo in sorted((source / split / kind).glob("*.jpg"))[:count]:
                shutil.copy(photo, target / split / kind)
    return target


@pytest.mark.slow
def test_ants_and_bees_on_inception_v3(
    shared_data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the JPEG: training's own answers but for rounding; 18 of 24 right (p = 0.01 by chance), or more."""
    weights = shared_data("weights/inception_v3_imagenet_to_mixed_7a.safetensors")
    photos = some_of(shared_data("hymenoptera_s224"), tmp_path / "photos")
    measured: list[tuple[list[Path], Any]] = []
    evaluated = train_module.evaluate_graph

    def noting(job: Any, outcome: Any) -> Any:
        logits, figures = evaluated(job, outcome)
        files = [photos / job.stored.photos.photos[row].path for row in job.test]
        measured.append((files, softmax(logits, outcome.temperature)))
        return logits, figures

    monkeypatch.setattr(train_module, "evaluate_graph", noting)
    options = TrainOptions(weights=weights, strategy="probe", cache=tmp_path / "cache")
    bundle = train(photos, tmp_path / "bundle", options)
    ((files, expected),) = measured
    predictor = Predictor(bundle.path)
    answers = predictor.predict(files)
    answered = np.array([[dict(each.ranking)[name] for name in predictor.classes] for each in answers])
    assert (answered.argmax(1) == expected.argmax(1)).all()
    assert_same_probabilities(answered, expected, terms=terms_of(build("inception_v3", device="meta")))
    assert {file.parent.parent.name for file in files} == {"val"}
    right = sum(
        predictor.classes[best] == file.parent.name for best, file in zip(answered.argmax(1), files, strict=True)
    )
    assert (right, len(files)) == (bundle.metrics["evaluation"]["accuracy"]["value"] * 2 * VAL, 2 * VAL)
    assert right >= 18
