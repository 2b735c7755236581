"""Normalisation on the weights of the convolution before it, against layer by layer: the same numbers, fewer jobs."""

import contextlib
import copy

import pytest
import torch
from torch import Tensor, nn

from inarch.models import build, norms_of
from inarch.models.fast.frozen_norm import NormalisedConvolution, frozen_norms_on_weights
from tolerance import assert_same_computation, terms_of

MODELS = ["googlenet_tiny", "inception_v3_tiny", "resnet_tiny", "resnet_basic_tiny", "efficientnet_lite0"]


def frozen(name: str) -> nn.Module:
    """A model in training mode, in double precision, whose norms keep statistics of their own."""
    model = build(name, classes=5, seed=0).double().train()
    draws = torch.Generator().manual_seed(1)
    for norm in norms_of(model):
        norm.eval()
        for values, least in ((norm.running_var, 0.5), (norm.running_mean, -0.2), (norm.weight, 0.7)):
            values.data.copy_(least + 0.5 * torch.rand(values.shape, generator=draws, dtype=torch.float64))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return model


def results(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The logits, and the gradient of each parameter."""
    logits = model(images)
    logits.square().sum().backward()
    gradients = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    model.zero_grad()
    return {"logits": logits, **gradients}


@pytest.mark.parametrize("name", MODELS)
def test_logits_and_gradients_are_the_same(name: str) -> None:
    """Of every parameter, the norms' own included."""
    model = frozen(name)
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = results(model, images)
    with frozen_norms_on_weights(model):
        assert any(isinstance(each, NormalisedConvolution) for each in model.modules())
        logits = model(images)
        logits.square().sum().backward()
    actual = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    assert actual.keys() == expected.keys() - {"logits"}
    terms = terms_of(model)
    for key, value in {"logits": logits, **actual}.items():
        assert_same_computation(value, expected[key], terms=terms, condition=terms**0.5, name=key)


def test_afterwards_every_module_is_where_it_was() -> None:
    """Also after an error inside; parameters keep their order, as averages of weights rely on it."""
    model = frozen("resnet_tiny")
    modules, parameters, keys = [*model.modules()], [*model.parameters()], [*model.state_dict()]
    buffers = [each.clone() for each in model.buffers()]
    with contextlib.suppress(ZeroDivisionError), frozen_norms_on_weights(model):
        assert all(one is two for one, two in zip(model.parameters(), parameters, strict=True))
        model(torch.randn(2, 3, 64, 64, dtype=torch.float64))
        raise ZeroDivisionError
    assert all(one is two for one, two in zip(model.modules(), modules, strict=True))
    assert [*model.state_dict()] == keys
    assert all(torch.equal(one, two) for one, two in zip(model.buffers(), buffers, strict=True))


def test_norms_of_batches_and_what_a_hook_looks_at_run_by_themselves() -> None:
    """Statistics of the batch are not on any weights yet; a hook is to see the layer that it was given."""
    model = build("resnet_tiny", classes=5, seed=0).train()
    with frozen_norms_on_weights(model):
        assert not any(isinstance(each, NormalisedConvolution) for each in model.modules())
    watched = frozen("resnet_tiny")
    seen: list[Tensor] = []
    conv = next(each for each in watched.modules() if isinstance(each, nn.Conv2d))
    conv.register_forward_hook(lambda _, __, put_out: seen.append(put_out))
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    alone = copy.deepcopy(conv)(images)
    seen.clear()
    with frozen_norms_on_weights(watched):
        watched(images)
    assert len(seen) == 1
    assert torch.equal(seen[0], alone)


def test_what_is_not_trained_runs_by_itself() -> None:
    """A frozen prefix gives the bits that it gives in evaluation, from which feature maps are cached."""
    model = frozen("resnet_tiny").requires_grad_(False)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    expected = model(images)
    with frozen_norms_on_weights(model):
        assert not any(isinstance(each, NormalisedConvolution) for each in model.modules())
        assert torch.equal(model(images), expected)
