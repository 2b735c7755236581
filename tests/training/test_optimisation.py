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
from inarch.training.loop import train_steps
from inarch.training.losses import cross_entropy
from inarch.training.optimisation import SHARE, learning_rate_at, optimisers
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


@pytest.mark.parametrize("kind", ["sgd", "adamw", "muon"])
def test_rates_fall_from_stage_to_stage(kind: str) -> None:
    """The last stage has the schedule's rate, each one before it half of the next one's, the head three times it."""
    model = build("resnet_basic_tiny", classes=3)
    config = TrainingConfig(epochs=1, optimiser=kind, stage_decay=0.5, head_rate=3.0)
    shares = {
        parameter: group[SHARE]
        for each in optimisers(model, config)
        for group in each.param_groups
        for parameter in group["params"]
    }
    assert shares.keys() == set(model.parameters())
    stages = list(model.backbone.stages.values())
    for depth, stage in enumerate(reversed(stages)):
        assert {shares[each] for each in stage.parameters()} == {0.5**depth}
    assert {shares[each] for each in model.head.parameters()} == {3.0}


def test_a_group_moves_by_its_share() -> None:
    """Plain gradient descent: the head's step is the rate times its share times the gradient."""
    model = build("resnet_basic_tiny", classes=3)
    config = TrainingConfig(
        epochs=1, optimiser="sgd", momentum=0.0, weight_decay=0.0, head_rate=4.0, ema_decay=0.0, label_smoothing=0.0
    )
    images, labels = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0])
    before = model.head.linear.bias.detach().clone()
    (step,) = train_steps(model, [(images, labels)], optimisers(model, config), cross_entropy, [0.01])
    assert step.images == 4
    gradient = model.head.linear.bias.grad
    assert_same_computation(model.head.linear.bias, before - 0.01 * 4.0 * gradient, terms=ROUNDINGS)


@pytest.mark.parametrize("kind", ["sgd", "adamw", "muon"])
def test_gradients_are_clipped_together(kind: str) -> None:
    """To the largest norm of all of them; smaller ones stay as they are."""
    model = build("resnet_basic_tiny", classes=3)
    movers = optimisers(model, TrainingConfig(epochs=1, optimiser=kind, clip_norm=2.0))
    for size, after in ((1e-4, 1e-4), (3.0, None)):
        for each in model.parameters():
            each.grad = torch.full_like(each, size)
        for mover in movers:
            mover.step()
        norm = torch.linalg.vector_norm(torch.stack([each.grad.norm() for each in model.parameters()]))
        count = sum(each.numel() for each in model.parameters())
        assert float(norm) == pytest.approx(2.0 if after is None else after * count**0.5, rel=1e-4)


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
