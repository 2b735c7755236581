"""Drawn photos in two folders, one of them without labels, and a tiny teacher."""

from pathlib import Path

import numpy as np
import pytest

from inarch.commands.pretrain.corpus import Corpora, corpora_of
from inarch.commands.pretrain.distillation import DistillationLoader
from inarch.commands.pretrain.recipe import CropSource, PretrainingPhase, Recipe
from inarch.commands.pretrain.teacher import Teacher
from inarch.data.photos import Preprocessing
from inarch.models import build
from inarch.runtime.onnx_graph import features_graph
from inarch.runtime.session import Graph
from inarch.training.config import TrainingConfig
from trained import draw_folder

NET, SIDE = "resnet_basic_tiny", 32
LABELLED = CropSource(photos="colours", image_size=40, views=2, min_scale=0.5, taught=False)
TAUGHT = CropSource(photos="others", image_size=48, repeats=2, views=3, min_scale=0.3, labelled=False)


def recipe(**changes: object) -> Recipe:
    """Two sources; four chunks, the last at a larger size."""
    given = {
        "name": "test",
        "teacher": "tiny",
        "model": NET,
        "photos": (LABELLED, TAUGHT),
        "phases": (PretrainingPhase(image_size=24, chunks=3), PretrainingPhase(image_size=SIDE, chunks=1)),
        "training": TrainingConfig(epochs=4, batch_size=10, lr=0.01),
        "chunk": 20,
        "teacher_size": SIDE,
        "probe_every": 2,
    }
    return Recipe(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that recipes name their photos in: 15 to learn labels from (and 6 of a val split), 9 others."""
    folder = tmp_path_factory.mktemp("data")
    draw_folder(folder / "colours", {"train": 5, "val": 2})
    draw_folder(folder / "others", {"": 3}, seed=77)
    return folder


@pytest.fixture(scope="session")
def corpora(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpora:
    """The photos of `recipe`."""
    return corpora_of(recipe(), data, tmp_path_factory.mktemp("photos"), lambda *_: None)


@pytest.fixture(scope="session")
def graph() -> Graph:
    """A tiny net from pixels to pooled features."""
    backbone = build(NET, classes=1).backbone
    return Graph(features_graph(backbone, Preprocessing(image_size=SIDE)), threads=1)


@pytest.fixture
def teacher(graph: Graph) -> Teacher:
    """The graph with a head of seven classes."""
    draw = np.random.default_rng(0)
    weight = draw.normal(size=(7, graph(np.zeros((1, SIDE, SIDE, 3), np.uint8))[0].shape[1])).astype(np.float32)
    return Teacher(graph, weight, np.zeros(7, np.float32), "tiny", SIDE)


@pytest.fixture
def lessons(corpora: Corpora, teacher: Teacher, tmp_path: Path) -> DistillationLoader:
    """Lessons whose teacher has said nothing yet."""
    return DistillationLoader(recipe(), corpora, teacher, tmp_path / "cache")
