"""The translation tables: every name accounted for, both ways."""

import pytest
import torch
import torchvision

from inarch.errors import UserError
from inarch.nets import ARCHITECTURES, architecture, build, folded
from inarch.weights.export import to_timm, to_torchvision
from inarch.weights.identification import folded_shapes
from inarch.weights.torchvision_names import names, to_foreign, to_ours

NAMED = [name for name in ARCHITECTURES if not name.startswith("googlenet_paper")]


@pytest.mark.parametrize("name", NAMED)
def test_names_are_a_bijection(name: str) -> None:
    """No two of our names share a foreign one, and the way back leads home."""
    model = build(name, auxiliary=architecture(name).auxiliary_taps, device="meta")
    table = names(model, name)
    assert set(table) == set(model.state_dict())
    assert len(set(table.values())) == len(table)
    assert all(to_ours(theirs, name) == ours for ours, theirs in table.items())


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "resnet18", "resnet34", "resnet50", "resnet152"])
def test_names_and_shapes_are_torchvisions(name: str) -> None:
    """Ours, translated, are exactly the names of torchvision's net, and shapes agree."""
    extra = {} if name.startswith("resnet") else {"init_weights": False}
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, weights=None, **extra).state_dict()
    ours = build(name, auxiliary=architecture(name).auxiliary_taps, device="meta").state_dict()
    translated = {to_foreign(key, name): tensor.shape for key, tensor in ours.items()}
    assert translated == {key: tensor.shape for key, tensor in theirs.items()}


def test_auxiliary_heads_are_not_swapped() -> None:
    """aux1 is the head on 4a, aux2 the one on 4d (pytorch/vision#8736)."""
    assert to_ours("aux1.fc2.weight", "googlenet") == "auxiliary.4a.linear.weight"
    assert to_ours("aux2.fc2.weight", "googlenet") == "auxiliary.4d.linear.weight"


def test_names_that_are_nobodys() -> None:
    """Unknown layers have no translation; heads and nets that torchvision has not are refused by name."""
    assert to_ours("layer9.0.conv1.weight", "resnet50") is None
    assert to_ours("conv1.conv.weight", "googlenet_paper") is None
    with pytest.raises(UserError, match=r"no layer for our 'auxiliary\.4b\.linear'"):
        to_foreign("auxiliary.4b.linear.weight", "googlenet")
    with pytest.raises(UserError, match="torchvision has no net like googlenet_paper"):
        names(build("googlenet_paper_tiny", device="meta"), "googlenet_paper_tiny")


def test_exports_that_would_be_wrong_are_refused() -> None:
    """v1 would load into v1.5 and answer wrongly; folded weights have no place there; timm has no GoogLeNet."""
    with pytest.raises(UserError, match="stride on the first 1x1"):
        to_torchvision(build("resnet_v1_tiny"), "resnet_v1_tiny")
    with pytest.raises(UserError, match="folded into this model"):
        to_torchvision(folded(build("resnet_tiny")), "resnet_tiny")
    with pytest.raises(UserError, match="timm has no googlenet"):
        to_timm(build("googlenet_tiny"), "googlenet_tiny")


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name.endswith("_tiny")])
def test_folded_shapes_are_those_of_the_folded_net(name: str) -> None:
    """What is expected of a folded file is what `folded` leaves."""
    model = build(name, classes=3)
    expected = {key: tensor.shape for key, tensor in folded(model).state_dict().items()}
    assert folded_shapes({key: tensor.shape for key, tensor in model.state_dict().items()}) == expected
