"""Losses against arithmetic done by hand, and where their gradients go."""

import pytest
import torch
from torch import Tensor

from inarch.models import Classifier, architecture, build
from inarch.training.losses import CrossEntropy, auxiliary_cross_entropy, cross_entropy
from tolerance import assert_same_computation, terms_of

SMOOTHING, WEIGHT = 0.1, 0.3
WITH_HEADS = pytest.mark.parametrize(("name", "size"), [("googlenet_tiny", 64), ("inception_v3_tiny", 80)])
LABELS = torch.tensor([0, 2])


def by_hand(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Minus the log probability of a label that is the true one but for ``smoothing``, spread over all classes."""
    log_probabilities = logits - logits.exp().sum(1, keepdim=True).log()
    targets = torch.full_like(logits, smoothing / logits.shape[1])
    targets[torch.arange(len(labels)), labels] += 1 - smoothing
    return -(targets * log_probabilities).sum(1).mean()


def with_heads(name: str) -> Classifier:
    """In evaluation mode: dropout would make two computations differ."""
    return build(name, classes=3, auxiliary=architecture(name).auxiliary_taps).eval()


def images(size: int) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("smoothing", [0.0, SMOOTHING, 0.5])
def test_label_smoothing_is_a_softer_label(smoothing: float) -> None:
    """Szegedy et al. 2016, section 7: q = (1 - s) one-hot + s / K."""
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]])
    loss, given_back = cross_entropy(torch.nn.Identity(), logits, LABELS, smoothing=smoothing)
    assert_same_computation(loss, by_hand(logits, LABELS, smoothing), terms=logits.numel(), magnitude=3.0)
    assert given_back is logits


@WITH_HEADS
@torch.no_grad()
def test_auxiliary_heads_add_three_tenths_each(name: str, size: int) -> None:
    """Szegedy et al. 2015, section 5; the logits are the main head's, as ``forward`` gives them."""
    model = with_heads(name)
    loss, logits = auxiliary_cross_entropy(model, images(size), LABELS, CrossEntropy(smoothing=SMOOTHING))
    expected = by_hand(model(images(size)), LABELS, SMOOTHING)
    maps = model.backbone.tapped(images(size), architecture(name).auxiliary_taps)
    for tap in architecture(name).auxiliary_taps:
        expected += WEIGHT * by_hand(model.auxiliary[tap](maps[tap]), LABELS, SMOOTHING)
    assert_same_computation(loss, expected, terms=terms_of(model))
    assert_same_computation(logits, model(images(size)), terms=terms_of(model))


@WITH_HEADS
def test_auxiliary_gradient_reaches_the_trunk_before_the_tap_only(name: str, size: int) -> None:
    """The heads are there to feed gradient to the early blocks; blocks behind the last tap do not notice them."""
    model = with_heads(name)

    def gradients(weight: float) -> dict[str, Tensor]:
        model.zero_grad()
        auxiliary_cross_entropy(model, images(size), LABELS, weight=weight)[0].backward()
        return {each: tensor.grad.clone() for each, tensor in model.backbone.named_parameters()}

    def side_gradients() -> dict[str, Tensor]:
        model.zero_grad()
        maps = model.backbone.tapped(images(size), tuple(model.auxiliary))
        sum(by_hand(head(maps[tap]), LABELS, 0.0) for tap, head in model.auxiliary.items()).backward()
        return {each: tensor.grad for each, tensor in model.backbone.named_parameters()}

    main, both, side = gradients(0.0), gradients(WEIGHT), side_gradients()
    forward_and_back = 3 * terms_of(model)
    assert any(gradient is not None and gradient.any() for gradient in side.values())
    for each, gradient in side.items():
        extra = torch.zeros_like(main[each]) if gradient is None else WEIGHT * gradient
        assert_same_computation(both[each], main[each] + extra, terms=forward_and_back, name=each)


def test_without_heads_both_losses_are_one() -> None:
    """A net without auxiliary heads may be trained with either."""
    model = build("resnet_tiny", classes=3).eval()
    plain = cross_entropy(model, images(32), LABELS, smoothing=SMOOTHING)
    auxiliary = auxiliary_cross_entropy(model, images(32), LABELS, CrossEntropy(smoothing=SMOOTHING))
    for one, other in zip(plain, auxiliary, strict=True):
        assert_same_computation(one, other, terms=terms_of(model))


def test_an_example_that_counts_twice_is_as_good_as_two() -> None:
    """Whatever else is in the batch, and with smoothed labels too."""
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0], [0.3, 0.2, 0.1]])
    labels, weights = torch.tensor([0, 2, 1]), torch.tensor([1.0, 1.0, 2.0])
    loss, _ = cross_entropy(torch.nn.Identity(), logits, labels, smoothing=SMOOTHING, class_weights=weights)
    twice = torch.tensor([0, 1, 1, 2])
    expected = 4 * by_hand(logits[twice], labels[twice], SMOOTHING)
    assert_same_computation(3 * loss, expected, terms=logits.numel(), magnitude=4 * 3.0)


def test_weights_do_not_turn_a_smoothed_label_round() -> None:
    """With classes of 99 and 1 photos, the best answer to a photo of the large one is still the large one."""
    logits = torch.zeros(1, 2, requires_grad=True)
    weights = torch.tensor([100 / 198, 50.0])
    optimiser = torch.optim.SGD([logits], lr=1.0)
    for _ in range(300):
        optimiser.zero_grad()
        cross_entropy(torch.nn.Identity(), logits, torch.tensor([0]), smoothing=SMOOTHING, class_weights=weights)[
            0
        ].backward()
        optimiser.step()
    assert logits.softmax(1)[0, 0].item() == pytest.approx(1 - SMOOTHING / 2, abs=0.01)  # descent is not at its end


@WITH_HEADS
@torch.no_grad()
def test_auxiliary_heads_count_classes_alike(name: str, size: int) -> None:
    """Every head's loss is weighted: with weights of 2 all of it doubles."""
    model = with_heads(name)
    once, _ = auxiliary_cross_entropy(model, images(size), LABELS)
    twice, _ = auxiliary_cross_entropy(model, images(size), LABELS, CrossEntropy(class_weights=torch.full((3,), 2.0)))
    assert_same_computation(twice, 2 * once, terms=terms_of(model))
