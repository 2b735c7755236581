"""The translation tables: every name accounted for, both ways."""

import pytest
import torch
import torchvision

from inarch.errors import UnknownNameError, UserError
from inarch.models import (
    ARCHITECTURES,
    architecture,
    build,
    fold_batch_norm,
)
from inarch.weights.export import export_state_dict
from inarch.weights.identification import folded_shapes
from inarch.weights.sources import SOURCES, WeightsSource, names, source

TORCHVISION = source("torchvision")
THEIRS = ("googlenet", "inception_v3", "resnet18", "resnet34", "resnet50", "resnet152", "wide_resnet50_2")
MORE_OF_THEIRS = ("wide_resnet101_2", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d")
PYTORCH = [(each, name) for each in SOURCES if not each.omitted for name in ARCHITECTURES if name in each.layers]


@pytest.mark.parametrize(("one", "name"), PYTORCH, ids=[f"{each.name}-{name}" for each, name in PYTORCH])
def test_names_are_a_bijection(one: WeightsSource, name: str) -> None:
    """No two of our names share a foreign one, and the way back leads home."""
    model = build(name, auxiliary=architecture(name).auxiliary_taps, device="meta")
    table = names(model, name, one)
    assert set(table) == set(model.state_dict())
    assert len(set(table.values())) == len(table)
    assert all(one.ours(theirs, name) == ours for ours, theirs in table.items())


@pytest.mark.parametrize("name", [*THEIRS, *MORE_OF_THEIRS])
def test_names_and_shapes_are_torchvisions(name: str) -> None:
    """Ours, translated, are exactly the names of torchvision's net, and shapes agree."""
    extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, weights=None, **extra).state_dict()
    ours = build(name, auxiliary=architecture(name).auxiliary_taps, device="meta").state_dict()
    translated = {TORCHVISION.theirs(key, name): tensor.shape for key, tensor in ours.items()}
    assert translated == {key: tensor.shape for key, tensor in theirs.items()}


def test_auxiliary_heads_are_not_swapped() -> None:
    """aux1 is the head on 4a, aux2 the one on 4d (pytorch/vision#8736)."""
    assert TORCHVISION.ours("aux1.fc2.weight", "googlenet") == "auxiliary.4a.linear.weight"
    assert TORCHVISION.ours("aux2.fc2.weight", "googlenet") == "auxiliary.4d.linear.weight"


def test_names_that_are_nobodys() -> None:
    """Unknown layers have no translation; heads and nets that torchvision has not are refused by name."""
    assert TORCHVISION.ours("layer9.0.conv1.weight", "resnet50") is None
    assert TORCHVISION.ours("conv1.conv.weight", "googlenet_paper") is None
    with pytest.raises(UserError, match=r"no layer for our 'auxiliary\.4b\.linear'"):
        TORCHVISION.theirs("auxiliary.4b.linear.weight", "googlenet")
    with pytest.raises(UserError, match="torchvision has no model like googlenet_paper"):
        export_state_dict(build("googlenet_paper_tiny", device="meta"), "torchvision")
    with pytest.raises(UnknownNameError, match="Did you mean 'Keras'"):
        export_state_dict(build("resnet_tiny", device="meta"), "keras")


def test_exports_that_would_be_wrong_are_refused() -> None:
    """v1 would load into v1.5 and answer wrongly; folded weights have no place there; timm has no GoogLeNet."""
    with pytest.raises(UserError, match="stride on the first 1x1"):
        export_state_dict(build("resnet_v1_tiny"), "torchvision")
    with pytest.raises(UserError, match="folded into this model"):
        export_state_dict(fold_batch_norm(build("resnet_tiny")), "torchvision")
    with pytest.raises(UserError, match="timm has no model like googlenet_tiny"):
        export_state_dict(build("googlenet_tiny"), "timm")


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name.endswith("_tiny")])
def test_folded_shapes_are_those_of_the_folded_net(name: str) -> None:
    """What is expected of a folded file is what `folded` leaves."""
    model = build(name, classes=3)
    expected = {key: tensor.shape for key, tensor in fold_batch_norm(model).state_dict().items()}
    assert folded_shapes({key: tensor.shape for key, tensor in model.state_dict().items()}) == expected
