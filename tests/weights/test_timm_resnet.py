"""timm as an oracle for ResNet-D and pre-activation: names, shapes, and logits from the same weights."""

import pytest
import timm
import torch
from torch import Tensor, nn

from inarch.models import Classifier, architecture, build
from inarch.weights.names.timm_resnet import (
    CALLED,
    TRANSLATED,
    ours_from_timm,
    timm_from_ours,
)
from lively import enlivened
from tolerance import assert_same_computation, terms_of

COMPUTED = {"resnet18_d": 65, "resnet50_d": 65, "resnet18_v2": 65, "resnet50_v2": 65}
"""The nets that are run, with an odd size: rounding up or down shows there."""


def their_names(model: nn.Module, name: str) -> dict[str, str]:
    """Their name of every tensor, by ours."""
    split = {ours: ours.rpartition(".") for ours in model.state_dict()}
    return {ours: f"{TRANSLATED[name](layer)}.{leaf}" for ours, (layer, _, leaf) in split.items()}


def to_theirs(model: Classifier, name: str) -> dict[str, Tensor]:
    """Our weights under their names, in their layout."""
    state = model.state_dict()
    return {
        theirs: timm_from_ours(theirs.rpartition(".")[0], state[ours])
        for ours, theirs in their_names(model, name).items()
    }


def take(model: Classifier, given: dict[str, Tensor], name: str) -> None:
    """Load their weights, every one of them."""
    translation = their_names(model, name)
    assert set(translation.values()) == set(given)
    model.load_state_dict(
        {ours: ours_from_timm(ours.rpartition(".")[0], given[theirs]) for ours, theirs in translation.items()}
    )


def images(n: int, size: int) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(7))


def assert_same(ours: Tensor, theirs: Tensor, net: nn.Module) -> None:
    """As ``net`` computes them, and about something: logits that do not vary would agree with anything."""
    assert theirs.std() > 0
    assert_same_computation(ours, theirs, terms=terms_of(net))


@pytest.mark.parametrize("name", CALLED)
def test_names_and_shapes_are_timms(name: str) -> None:
    """Ours, translated and laid out, are exactly the tensors of timm's net."""
    with torch.device("meta"):
        theirs = timm.create_model(CALLED[name], pretrained=False).state_dict()
    ours = to_theirs(build(name, device="meta"), name)
    assert {key: each.shape for key, each in ours.items()} == {key: each.shape for key, each in theirs.items()}


@pytest.mark.parametrize("name", CALLED)
def test_photos_are_normalised_as_timms_weights_expect(name: str) -> None:
    """Mean and standard deviation of the row are those of timm's checkpoint."""
    theirs = timm.get_pretrained_cfg(CALLED[name])
    assert (architecture(name).mean, architecture(name).std) == (theirs.mean, theirs.std)


@pytest.mark.parametrize("name", COMPUTED)
@torch.no_grad()
def test_logits_are_timms_in_both_directions_and_modes(name: str) -> None:
    """Their random weights in our net, then ours in theirs; in evaluation, in training, and what training leaves."""
    torch.manual_seed(0)
    theirs = timm.create_model(CALLED[name], pretrained=False, num_classes=10)
    enlivened(theirs)
    ours = build(name, classes=10)
    take(ours, theirs.state_dict(), name)
    assert_same(ours.eval()(images(1, COMPUTED[name])), theirs.eval()(images(1, COMPUTED[name])), theirs)
    assert_same(ours.train()(images(2, COMPUTED[name])), theirs.train()(images(2, COMPUTED[name])), theirs)
    after, expected = to_theirs(ours, name), theirs.state_dict()
    for key in expected:
        assert_same_computation(after[key], expected[key], terms=terms_of(theirs), name=key)
    other = build(name, classes=10, seed=6)
    enlivened(other)
    theirs.load_state_dict(to_theirs(other, name), strict=True)
    assert_same(other.eval()(images(1, 64)), theirs.eval()(images(1, 64)), theirs)


def test_layers_that_timm_does_not_have_are_refused() -> None:
    """KeyError, and no guess."""
    for layer in ("backbone.stages.stem.conv4.conv", "backbone.stages.stage1.block1_1.shortcut.pool", "head.dropout"):
        for name in ("resnet18_d", "resnet18_v2"):
            with pytest.raises(KeyError):
                TRANSLATED[name](layer)
