"""Contents of a bundle that cost no training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from torch import nn

from inarch.bundle.reading import BundleConfig
from inarch.bundle.writing import BundleContents
from inarch.data.photos import Photo, Preprocessing, SkippedFile
from inarch.metrics.answering import Evidence
from inarch.metrics.classification import JudgedPhotos, evaluate
from inarch.metrics.intervals import wilson
from inarch.metrics.records import Curve
from inarch.models import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.transfer.records.report import Phase, TrainingReport

CLASSES = ("grün", "red & blue", "<b>")
NET = "resnet_basic_tiny"
EVIDENCE = Evidence(
    confidence=np.array([0.9, 0.6]),
    correct=np.array([True, False]),
    truth=np.array([0.9, 0.3]),
    novelty=np.array([0.1, 0.2]),
    known=np.eye(3, dtype=np.float16),
)


@pytest.fixture(scope="session")
def model() -> Classifier:
    """A net of two layers: what is written is what matters here."""
    backbone = Backbone({"stage": [Block("block", nn.Conv2d(3, 64, 5), 64, 1)]})
    return Classifier(backbone, linear_head(64, len(CLASSES))).eval()


@pytest.fixture
def contents(model: Classifier) -> Callable[..., BundleContents]:
    """``contents(root=…)``: a bundle's contents, with those fields of its report changed."""

    def make(**changes: Any) -> BundleContents:
        return BundleContents(
            config=BundleConfig(NET, "v1.5", "stage4", False, "scratch", "none", 0, True, {"inarch": "0"}),
            model=model,
            graph=b"graph" * 100,
            report=_report(**changes),
            page="<!doctype html>",
            evidence=EVIDENCE,
            golden=(np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, len(CLASSES)), np.float32)),
        )

    return make


def _report(**changes: Any) -> TrainingReport:
    draw = np.random.default_rng(0)
    labels = np.arange(30) % len(CLASSES)
    figures = evaluate(
        draw.dirichlet(np.ones(len(CLASSES)), len(labels)),
        JudgedPhotos(labels, [f"{place}.jpg" for place in range(len(labels))], CLASSES, "test"),
    )
    given: dict[str, Any] = {
        "model": NET,
        "variant": "v1.5",
        "weights": "none",
        "cut": "stage4",
        "strategy": "scratch",
        "seed": 0,
        "root": "/photos",
        "classes": CLASSES,
        "counts": (("train", (10, 10, 10)),),
        "preprocessing": Preprocessing(image_size=8),
        "skipped": (SkippedFile("broken.jpg", "It is damaged."),),
        "notes": ("A note.",),
        "candidates": (),
        "curves": (Curve("loss", "epoch", "loss", ((1.0, 0.5), (2.0, 0.25))),),
        "evaluation": figures,
        "evaluation_train": wilson(9, 10),
        "temperature": 1.25,
        "phases": (Phase("fit", 1.5),),
        "versions": (("inarch", "0"),),
        "samples": (Photo("a.jpg", 0, "0" * 64, "train"),),
    }
    return TrainingReport(**{**given, **changes})
