"""timm as the oracle of Inception v4 and Inception-ResNet v2: the same weights, the same answers, both ways."""

import pytest
import timm
import torch
from torch import Tensor, nn

from inarch.models import Classifier, build
from inarch.weights.names.timm_inception import TRANSLATED
from lively import enlivened
from tolerance import assert_same_computation, terms_of

SIZES = {"inception_v4": 299, "inception_resnet_v2": 203}
"""Odd ones: rounding up or down shows there. One is the net's own."""


def translated(name: str, model: Classifier) -> dict[str, str]:
    """For every tensor of ``model`` timm's name, by ours."""
    names = {}
    for ours in model.state_dict():
        layer, _, leaf = ours.rpartition(".")
        names[ours] = f"{TRANSLATED[name](layer)}.{leaf}"
    return names


def without_dropout(model: Classifier) -> Classifier:
    """timm's nets have none."""
    model.head.dropout.p = 0.0
    return model


def images(n: int, size: int) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(7))


def assert_same(ours: Tensor, theirs: Tensor, net: nn.Module) -> None:
    """As ``net`` computes them, and about something: logits that do not vary would agree with anything."""
    assert theirs.std() > 0.01 * theirs.abs().max()
    assert_same_computation(ours, theirs, terms=terms_of(net))


@pytest.mark.parametrize("name", SIZES)
def test_names_and_shapes_are_timms(name: str) -> None:
    """Ours, translated, are exactly timm's names, each once, and shapes agree."""
    with torch.device("meta"):
        theirs = timm.create_model(name, pretrained=False)
    model = build(name, device="meta")
    names, state = translated(name, model), model.state_dict()
    assert len(set(names.values())) == len(names)
    assert {names[ours]: state[ours].shape for ours in state} == {
        key: tensor.shape for key, tensor in theirs.state_dict().items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_their_weights_give_their_logits(name: str) -> None:
    """In evaluation, and in training mode with the running statistics that a batch leaves behind."""
    torch.manual_seed(0)
    theirs = enlivened(timm.create_model(name, pretrained=False, num_classes=10)).eval()
    ours = without_dropout(build(name, classes=10, device="meta")).eval()
    names, state = translated(name, ours), theirs.state_dict()
    ours.load_state_dict({key: state[names[key]].clone() for key in names}, assign=True)
    batch = images(1, SIZES[name])
    assert_same(ours(batch), theirs(batch), theirs)

    batch = images(2, 107)
    assert_same(ours.train()(batch), theirs.train()(batch), theirs)
    after, expected = ours.state_dict(), theirs.state_dict()
    for key, foreign in names.items():
        assert_same_computation(after[key], expected[foreign], terms=terms_of(theirs), name=key)


@pytest.mark.parametrize("name", SIZES)
@torch.no_grad()
def test_our_weights_give_our_logits(name: str) -> None:
    """The other way: a net that we initialised, read by timm with strict=True."""
    ours = enlivened(build(name, classes=10)).eval()
    names = translated(name, ours)
    with torch.device("meta"):
        theirs = timm.create_model(name, pretrained=False, num_classes=10).eval()
    theirs.load_state_dict({names[key]: tensor for key, tensor in ours.state_dict().items()}, strict=True, assign=True)
    batch = images(1, 107)
    assert_same(theirs(batch), ours(batch), ours)


@pytest.mark.parametrize("name", [name for name in TRANSLATED if name.endswith("_tiny")])
def test_tiny_names_are_a_bijection(name: str) -> None:
    """Every layer has a name, no two the same."""
    names = translated(name, build(name, device="meta"))
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize("layer", ["auxiliary.b7.linear", "backbone.stages.stage3.a99.branches.1x1.conv.conv"])
def test_layers_that_timm_has_not(layer: str) -> None:
    """A KeyError, as in torchvision's table."""
    with pytest.raises(KeyError):
        TRANSLATED["inception_v4"](layer)
