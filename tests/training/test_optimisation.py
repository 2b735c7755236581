"""One update against arithmetic done by hand; what decays and what does not; the course of the rate."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from inarch.errors import UserError
from inarch.models import ARCHITECTURES, build
from inarch.training.config import TrainingConfig
from inarch.training.optimisation import learning_rate_at, optimisers
from tolerance import assert_same_computation

TINY = [name for name in ARCHITECTURES if name.endswith("_tiny")]
LR, DECAY, MOMENTUM = 0.05, 0.1, 0.9
GRADIENTS = (torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([[0.3, 0.0, -1.0]]))
ROUNDINGS = 2 * 10
"""In two updates, of ten operations at most."""


def after_two_updates(config: TrainingConfig) -> tuple[Tensor, Tensor]:
    """A weight matrix of 0.5, 1 and -2 before and after updates with `GRADIENTS`."""
    layer = nn.Linear(3, 1, bias=False)
    layer.weight.data = torch.tensor([[0.5, 1.0, -2.0]])
    before = layer.weight.detach().clone()
    (stepping,) = optimisers(layer, config)
    for gradient in GRADIENTS:
        layer.weight.grad = gradient.clone()
        stepping.step()
    return before, layer.weight.detach()


def test_sgd_is_nesterov_momentum_with_decay_in_the_gradient() -> None:
    """v = m v + g, w = w - lr (g + m v), with g = gradient + decay w (Sutskever et al. 2013, as torch states it)."""
    config = TrainingConfig(epochs=1, optimiser="sgd", lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    weight, moved = after_two_updates(config)
    velocity = torch.zeros_like(weight)
    for gradient in GRADIENTS:
        g = gradient + DECAY * weight
        velocity = MOMENTUM * velocity + g
        weight = weight - LR * (g + MOMENTUM * velocity)
    assert_same_computation(moved, weight, terms=ROUNDINGS)


def test_sgd_without_momentum_is_plain_gradient_descent() -> None:
    """w = w - lr g, and torch's refusal of Nesterov without momentum does not show."""
    config = TrainingConfig(epochs=1, optimiser="sgd", lr=LR, momentum=0.0, weight_decay=0.0)
    weight, moved = after_two_updates(config)
    assert_same_computation(moved, weight - LR * sum(GRADIENTS), terms=ROUNDINGS)


def test_adamw_decouples_its_decay() -> None:
    """Loshchilov & Hutter 2019, Algorithm 2: the decay acts on the weight, not on the gradient."""
    config = TrainingConfig(epochs=1, optimiser="adamw", lr=LR, weight_decay=DECAY)
    weight, moved = after_two_updates(config)
    mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
    for t, gradient in enumerate(GRADIENTS, start=1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = (mean / (1 - 0.9**t)) / ((square / (1 - 0.999**t)).sqrt() + 1e-8)
        weight = weight - LR * DECAY * weight - LR * corrected
    assert_same_computation(moved, weight, terms=ROUNDINGS)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
@pytest.mark.parametrize("name", TINY)
def test_decay_touches_weights_of_convolutions_and_linear_layers_only(name: str, kind: str) -> None:
    """With gradients of zero only decay is left: biases and norms stay, every other weight shrinks."""
    model = build(name, classes=3)
    norms = {
        id(each) for module in model.modules() if isinstance(module, nn.BatchNorm2d) for each in module.parameters()
    }
    (stepping,) = optimisers(model, TrainingConfig(epochs=1, optimiser=kind, lr=0.1, momentum=0.0, weight_decay=0.5))
    before = {each: tensor.detach().clone() for each, tensor in model.named_parameters()}
    for tensor in model.parameters():
        tensor.grad = torch.zeros_like(tensor)
    stepping.step()
    for each, tensor in model.named_parameters():
        exempt = id(tensor) in norms or each.endswith("bias")
        assert_same_computation(tensor, before[each] * (1.0 if exempt else 0.95), terms=ROUNDINGS, name=each)


def test_frozen_parameters_are_not_handed_to_the_optimiser() -> None:
    """What takes no gradient is in no group; everything else is in exactly one."""
    model = build("resnet_tiny", classes=3)
    model.backbone.requires_grad_(False)
    groups = optimisers(model, TrainingConfig(epochs=1))[0].param_groups
    given_over = [id(each) for group in groups for each in group["params"]]
    assert sorted(given_over) == sorted(id(each) for each in model.head.parameters())


def test_rate_at_known_points() -> None:
    """Of 100 steps, 20 rise in equal parts; at step 60 the cosine is half-way down; the last is all but zero."""
    config = TrainingConfig(epochs=1, lr=2.0, warmup=0.2)
    rates = [learning_rate_at(step, 100, config) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[19] == rates[20] == pytest.approx(2.0)
    assert rates[60] == pytest.approx(1.0)
    assert rates[99] == pytest.approx(1 + math.cos(math.pi * 79 / 80))
    assert learning_rate_at(100, 100, config) == pytest.approx(0.0, abs=1e-12)


@given(steps=st.integers(1, 400), warmup=st.floats(0, 0.99))
def test_rate_rises_once_and_falls_once(steps: int, warmup: float) -> None:
    """Whatever the length, the rate is positive, reaches ``lr`` and never rises after it has."""
    config = TrainingConfig(epochs=1, lr=0.3, warmup=warmup)
    rates = [learning_rate_at(step, steps, config) for step in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.3)
    assert min(rates) > 0
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "at least one epoch; epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"optimiser": "adam"}, "sgd, adamw or muon, not 'adam'"),
        ({"precision": "float16"}, "float32 or bfloat16, not 'float16'"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        ({"ema_decay": float("nan")}, "ema_decay must be in"),
        ({"lr": -1.0}, "lr must not be negative, got -1.0"),
        ({"lr": float("nan")}, "lr must not be negative, got nan"),
    ],
)
def test_a_config_is_valid_once_it_exists(wrong: dict[str, float | str], said: str) -> None:
    """What cannot be trained with is refused by name and value."""
    with pytest.raises(UserError, match=said):
        TrainingConfig(**{"epochs": 1, **wrong})
