"""Real photos and real weights: what training measured is what the bundle answers, and it is far above chance."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from inarch.api.evaluate import evaluate
from inarch.api.train import TrainOptions, train
from inarch.data.scan import scan
from inarch.data.store import store
from inarch.metrics.softmax import softmax
from inarch.serving.predictor import load
from inarch.weights.runtime import Graph

TRAIN, VAL = 12, 8
"""Photos of each class: a photo takes the net most of a tenth of a second."""


def some_of(source: Path, target: Path) -> Path:
    """The first photos of each class, in the same folders."""
    for split, count in (("train", TRAIN), ("val", VAL)):
        for kind in ("ants", "bees"):
            (target / split / kind).mkdir(parents=True)
            for photo in sorted((source / split / kind).glob("*.jpg"))[:count]:
                shutil.copy(photo, target / split / kind)
    return target


def test_ants_and_bees_on_inception_v3(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """From the JPEG: the same answers, probabilities to 1e-4; right on at least 13 of 16 (p < 0.02 by chance)."""
    weights = shared_data("weights/inception_v3_imagenet_to_mixed_7a.safetensors")
    photos = some_of(shared_data("hymenoptera_s224"), tmp_path / "photos")
    options = TrainOptions(weights=weights, strategy="probe", cache=tmp_path / "cache")
    bundle = train(photos, tmp_path / "bundle", options)
    measured = bundle.metrics["evaluation"]

    predictor = load(bundle.path)
    stored = store(scan(photos), bundle.preprocessing, tmp_path / "cache")
    rows = [row for row, photo in enumerate(stored.photos.photos) if photo.split == "val"]
    expected = softmax(Graph(bundle.graph())(stored.images[np.array(rows)])[0], bundle.temperature)
    answers = predictor.predict(photos / stored.photos.photos[row].path for row in rows)
    answered = np.array([[dict(each.ranking)[name] for name in predictor.classes] for each in answers])
    assert (answered.argmax(1) == expected.argmax(1)).all()
    np.testing.assert_allclose(answered, expected, atol=1e-4)

    figures, skipped = evaluate(bundle.path, photos)
    assert not skipped
    assert [list(row) for row in figures.confusion] == measured["confusion"]
    assert figures.log_loss == pytest.approx(measured["log_loss"], abs=1e-4)
    assert figures.accuracy.n == 2 * VAL
    assert figures.accuracy.value >= 13 / 16
