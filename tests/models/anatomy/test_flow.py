"""Values and gradients at initialisation: plain nets explode, residual ones do not; what each path hands back."""

from functools import cache
from itertools import pairwise

import pytest
import torch

from inarch.models import build
from inarch.models.anatomy.flow import flow
from inarch.models.anatomy.records import Flow
from inarch.models.initialisation import open_residuals
from traces import traced


@cache
def flowing(name: str, *, opened: bool = True) -> Flow:
    """One step of a freshly drawn net."""
    model = build(name)
    if opened:
        open_residuals(model)
    return flow(model, traced(name), images=4)


def first(name: str) -> float:
    """The gradient's norm by the weights of the first convolution."""
    return flowing(name).layers[0][1]


@pytest.mark.slow
def test_without_shortcuts_gradients_explode_with_depth() -> None:
    """Yang et al. 2019 (arXiv 1902.08129) and others: batch normalisation explodes plain nets. Published norms at the
    first layer are 2.1, 1,089 and 4.7 million at 20, 56 and 110 layers; with shortcuts 0.8, 3.9 and 9.0."""
    assert first("plain56") / first("plain20") == pytest.approx(1089 / 2.1, rel=0.9)
    assert first("plain110") / first("plain56") > 500
    assert 1 < first("resnet56") / first("resnet20") < 15
    assert 1 < first("resnet110") / first("resnet56") < 10


def test_every_block_and_every_weight_is_told() -> None:
    """Blocks in running order; one gradient for each convolution and linear layer that runs in evaluation."""
    record, told = traced("googlenet_tiny"), flowing("googlenet_tiny")
    assert [each.block for each in told.blocks] == list(
        dict.fromkeys(node.block for node in record.nodes if node.stage != "head")
    )
    weighted = [node.path for node in record.nodes if node.kind in ("convolution", "linear")]
    assert sorted(path for path, _ in told.layers) == sorted(weighted)
    assert all(each.residual is None and each.shortcut is None for each in told.blocks)


def test_a_residual_path_of_scale_zero_hands_nothing_back() -> None:
    """At the initialisation that training starts from: the whole gradient goes over the shortcuts."""
    blocks = [each for each in flowing("resnet20", opened=False).blocks if each.residual is not None]
    assert len(blocks) == 9
    assert all(each.residual == 0 and each.shortcut for each in blocks)
    assert all(each.residual and each.shortcut for each in flowing("resnet20").blocks if each.residual is not None)


def test_an_identity_hands_back_what_passes_the_activation() -> None:
    """By the block's sum, never more than by its output: the rectifier lets a part of it through."""
    blocks = [each for each in flowing("resnet20").blocks if each.residual is not None]
    assert all(each.shortcut <= each.gradient * (1 + 1e-5) for each in blocks if each.block.endswith(("_2", "_3")))


@pytest.mark.parametrize("name", ["inception_resnet_v2_tiny", "resnet20"])
def test_both_paths_add_up_to_the_gradient_of_the_block_before(name: str) -> None:
    """By the triangle's two inequalities: what comes back by both is what the block before gets."""
    blocks = flowing(name).blocks
    for before, each in pairwise(blocks):
        if each.residual is not None and each.shortcut is not None:
            assert abs(each.residual - each.shortcut) <= before.gradient * (1 + 1e-4)
            assert before.gradient <= (each.residual + each.shortcut) * (1 + 1e-4)


def test_the_model_is_not_touched() -> None:
    """No gradient, no moved statistics."""
    model = build("resnet_tiny").eval()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    flow(model, traced("resnet_tiny"), images=2)
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert all(each.grad is None for each in model.parameters())
    assert not model.training
