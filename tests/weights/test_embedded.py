"""The backbones that come with inarch: whole, small enough, described, and worth more than random ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from inarch.commands.pretrain.probing import pool_features
from inarch.data.decode import decode
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Preprocessing
from inarch.models import Backbone, architecture, build
from inarch.transfer.linear import fit_probe
from inarch.weights.embedded import embedded_weights, list_embedded_models
from inarch.weights.files import read_weights
from inarch.weights.loading import load_backbone

LARGEST = 25_000_000
"""Bytes of all of them together."""
CARD = ("Data", "Teacher", "Recipe", "Time", "Good at", "Bad at", "Licence")
LEARNED, JUDGED, SIDE = 15, 25, 96
"""Photos of each class, and pixels a side."""

each = pytest.mark.parametrize("name", ["googlenet", "resnet18_narrow"])


def test_there_are_two_and_they_are_small() -> None:
    """One of either line."""
    assert list_embedded_models() == ("googlenet", "resnet18_narrow")
    assert sum(embedded_weights(name).stat().st_size for name in list_embedded_models()) <= LARGEST


@each
def test_every_backbone_is_whole(name: str) -> None:
    """Every tensor of the net and no other, all finite, and the file says what it is."""
    file = read_weights(embedded_weights(name))
    loaded = load_backbone(file, name)
    assert file.metadata["architecture"] == name
    assert 48 <= int(file.metadata["image_size"]) <= 128
    assert loaded.after == loaded.backbone.end == build(name, classes=1).backbone.end
    assert len(file.tensors) == len(loaded.backbone.state_dict())
    assert all(torch.isfinite(tensor).all() for tensor in loaded.backbone.state_dict().values())


@each
def test_every_backbone_has_a_card(name: str) -> None:
    """With what a user has to know before building on it; the recipe that it names is the one that it was made by."""
    card = embedded_weights(name).with_suffix(".md").read_text("utf-8")
    rows = [line.split("|")[1].strip() for line in card.splitlines() if line.startswith("| ")]
    assert [row for row in CARD if row not in rows] == []
    assert f"recipes/{name}.toml" in card
    assert read_weights(embedded_weights(name)).metadata["origin"].startswith(f"recipe {name}")


@pytest.mark.slow
@each
def test_every_backbone_is_worth_more_than_a_random_one(name: str, shared_data: Callable[[str], Path]) -> None:
    """A linear classifier of land seen from the air, seven kinds, 15 photos each: points apart on 25 others each."""
    draw = np.random.default_rng(0)
    kinds = sorted(path for path in shared_data("rsscn7_s128").iterdir() if path.is_dir())
    files = [draw.permutation(sorted(kind.iterdir()))[: LEARNED + JUDGED] for kind in kinds]
    images = np.stack([decode(path, Preprocessing(image_size=SIDE)) for kind in files for path in kind])
    labels = np.repeat(np.arange(len(kinds)), LEARNED + JUDGED)
    learned = np.tile(np.arange(LEARNED + JUDGED) < LEARNED, len(kinds))
    row = architecture(name)

    def accuracy(backbone: Backbone) -> float:
        features = pool_features(backbone, images, row)
        fitted, own = features[learned], labels[learned]
        probe = fit_probe(fitted[None], PhotoLabels(own, np.arange(len(own)), len(kinds)), seed=0)
        return float((probe.logits(features[~learned]).argmax(1) == labels[~learned]).mean())

    ours = load_backbone(read_weights(embedded_weights(name)), name).backbone
    assert accuracy(ours) > accuracy(build(name, classes=1).backbone) + 0.05
