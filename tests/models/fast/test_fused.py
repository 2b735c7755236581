"""What training computes in another way than layer by layer, against layer by layer: the same numbers, fewer jobs."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from inarch.models import Classifier, build
from inarch.models.blocks import Inception
from inarch.models.convolution import Conv, chain, conv_norm_relu
from inarch.models.fast.weight_gradient import Convolution, convolve
from inarch.models.googlenet import InceptionWidths, inception_table
from tolerance import assert_same_computation, terms_of

NETS = ["googlenet_tiny", "googlenet_paper_tiny", "inception_v3_tiny", "resnet_tiny", "resnet_basic_tiny"]


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every convolution takes the other way to its weights' gradient, whatever the processor and its width."""
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr("inarch.models.fast.weight_gradient.NARROW", 0)


@pytest.fixture
def layer_by_layer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, it lets every layer run by itself from then on, in PyTorch's own way."""

    def switch() -> None:
        monkeypatch.setattr("inarch.models.blocks.run_branches", lambda branches, x: [branch(x) for branch in branches])
        monkeypatch.setattr("inarch.models.fast.weight_gradient._is_faster", lambda *_: False)

    return switch


class Convolutions(TorchDispatchMode):
    """Counts the convolutions that run inside the ``with``."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func.overloadpacket is torch.ops.aten.convolution
        return func(*args, **(kwargs or {}))


def module(*, eps: float = 1e-3) -> Inception:
    """GoogLeNet's Inception module, narrow."""
    widths = InceptionWidths(6, 4, 8, 3, 5, 7)
    unit = partial(conv_norm_relu, eps=eps)
    branches = {name: chain(9, steps, unit)[0] for name, steps in inception_table(widths, 3).items()}
    return lively(Inception(branches)).train()


def lively(model: nn.Module) -> Any:
    """Every path carries signal: no norm starts as zero or as its neighbour."""
    generator = torch.Generator().manual_seed(1)
    for each in model.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.weight.data.uniform_(0.5, 1.5, generator=generator)
            each.bias.data.normal_(0.0, 0.3, generator=generator)
        if isinstance(each, nn.Dropout):
            each.p = 0.0
    return model


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
    return values.to(dtype).contiguous(memory_format=layout).requires_grad_()


def after_a_step(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """All that one step of gradient descent leaves behind: outputs, gradients, weights, running statistics."""
    model.train()
    outputs = model(images)
    outputs.square().sum().backward()
    torch.optim.SGD(model.parameters(), lr=1e-4).step()
    gradients = {f"gradient of {name}": each.grad for name, each in model.named_parameters()}
    of_images = {"gradient of images": images.grad, "outputs": outputs.detach()}
    return {**of_images, **gradients, **copy.deepcopy(model.state_dict())}


def assert_same(
    actual: dict[str, Tensor], expected: dict[str, Tensor], model: nn.Module, images: Tensor, condition: float
) -> None:
    """Tensor by tensor: forward and back, and summed over all places of the batch; norms divide by deviations."""
    assert actual.keys() == expected.keys()
    terms = 3 * terms_of(model) + images[:, 0].numel()
    for name, tensor in expected.items():
        assert_same_computation(actual[name], tensor, terms=terms, condition=condition, name=name)


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("name", NETS)
def test_a_training_step_is_that_of_the_layers_one_by_one(name: str, layer_by_layer: Callable[[], None]) -> None:
    """Logits, the images' gradient, every weight's gradient, the weights and statistics after the step.

    The last maps have a pixel for each of three images: their norms divide by deviations that may be small.
    """
    together: Classifier = lively(build(name, classes=5)).double().to(memory_format=torch.channels_last)
    twin = copy.deepcopy(together)
    actual = after_a_step(together, drawn(3, 3, 96, 96, dtype=torch.float64))
    layer_by_layer()
    images = drawn(3, 3, 96, 96, dtype=torch.float64)
    assert_same(actual, after_a_step(twin, images), twin, images, condition=1000.0)


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("memory", [torch.channels_last, torch.contiguous_format], ids=str)
def test_a_step_of_one_module(
    dtype: torch.dtype, memory: torch.memory_format, layer_by_layer: Callable[[], None]
) -> None:
    """The same for one module, in both precisions and memory formats."""
    together = module().to(dtype)
    twin = copy.deepcopy(together)
    images = [
        drawn(4, 9, 8, 7, dtype=dtype).detach().contiguous(memory_format=memory).requires_grad_() for _ in range(2)
    ]
    actual = after_a_step(together, images[0])
    layer_by_layer()
    assert_same(actual, after_a_step(twin, images[1]), twin, images[1], condition=10.0)


def test_openings_run_as_one_in_training_only() -> None:
    """Four convolutions in place of six; in evaluation, where tracing and export look, all six."""
    together = module()
    with Convolutions() as training:
        together(drawn(2, 9, 7, 7))
    with Convolutions() as evaluation, torch.no_grad():
        together.eval()(drawn(2, 9, 7, 7))
    assert (training.count, evaluation.count) == (4, 6)


def hooked(built: Inception) -> None:
    built.branches["3x3"].reduce.norm.register_forward_hook(lambda *_: None)


def frozen(built: Inception) -> None:
    built.branches["3x3"].reduce.eval()


def other_momentum(built: Inception) -> None:
    built.branches["3x3"].reduce.norm.momentum = 0.5


@pytest.mark.parametrize(("change", "convolutions"), [(hooked, 5), (frozen, 5), (other_momentum, 6)])
def test_what_is_not_alike_runs_by_itself(
    change: Callable[[Inception], None], convolutions: int, layer_by_layer: Callable[[], None]
) -> None:
    """A unit with a hook or in evaluation mode stays out; norms that differ are never stacked."""
    together = module()
    change(together)
    twin = copy.deepcopy(together)
    with Convolutions() as counted:
        actual = together(drawn(2, 9, 7, 7))
    layer_by_layer()
    assert_same_computation(actual, twin(drawn(2, 9, 7, 7)), terms=terms_of(twin))
    assert counted.count == convolutions


def test_a_hook_sees_its_layer_in_training() -> None:
    """Fusing hides no layer from those who watch it."""
    seen: list[Tensor] = []
    watched = module()
    watched.branches["5x5"].reduce.conv.register_forward_hook(lambda *call: seen.append(call[2]))
    watched(drawn(2, 9, 7, 7))
    assert [tuple(each.shape) for each in seen] == [(2, 3, 7, 7)]


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Tensor, Tensor, tuple[int, int], tuple[int, int], Tensor]:
    """A map and weights whose kernel fits, a stride, a padding and a bias."""
    small, pair = st.integers(1, 5), st.tuples(st.integers(1, 4), st.integers(1, 4))
    kernel, stride, padding = draw(pair), draw(pair), draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    height, width = (draw(st.integers(side, side + 5)) for side in kernel)
    channels = draw(small)
    feature_map = drawn(draw(small), channels, height, width, dtype=torch.float64)
    weight = drawn(draw(small), channels, *kernel, dtype=torch.float64)
    return feature_map, weight, stride, padding, drawn(len(weight), dtype=torch.float64)


@given(case=convolutions())
def test_gradients_of_any_convolution_are_those_of_pytorch(
    case: tuple[Tensor, Tensor, tuple[int, int], tuple[int, int], Tensor],
) -> None:
    """Whatever the kernel, stride, padding and size of the map."""
    feature_map, weight, stride, padding, bias = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inarch.models.fast.weight_gradient._is_faster", lambda *_: True)
        ours = convolve(feature_map, weight, stride, padding, bias)
    theirs = F.conv2d(feature_map, weight, bias, stride, padding)
    assert torch.equal(ours, theirs)
    weights = torch.linspace(-1, 1, theirs.numel(), dtype=torch.float64).reshape(theirs.shape)
    pairs = [torch.autograd.grad((each * weights).sum(), (feature_map, weight, bias)) for each in (ours, theirs)]
    terms = theirs.numel() + weight.numel()
    together = terms * max(each.abs().max().item() for each in (feature_map, weight))  # of terms that may all cancel
    for actual, expected in zip(*pairs, strict=True):
        assert_same_computation(actual, expected, terms=terms, magnitude=together)


@pytest.mark.usefixtures("everywhere")
def test_gradients_have_gradients() -> None:
    """A penalty on a gradient can be trained: first and second derivatives agree with finite differences."""
    inputs = [drawn(*shape, dtype=torch.float64) for shape in ((2, 2, 4, 3), (3, 2, 3, 2), (3,))]
    assert torch.autograd.gradcheck(lambda x, w, b: convolve(x, w, (2, 1), (1, 0), b), inputs)
    assert torch.autograd.gradgradcheck(lambda x, w, b: convolve(x, w, (2, 1), (1, 0), b), inputs)


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize(
    "setting",
    [{"groups": 2, "bias": True}, {"groups": 2}, {"dilation": 2}, {"padding": "same"}, {"padding_mode": "reflect"}],
    ids=str,
)
def test_other_convolutions_are_pytorchs_own(setting: dict[str, Any]) -> None:
    """Bias, groups, dilation and padding modes are kept, with their gradients."""
    layer = Convolution(4, 6, 3, **{"bias": False, "padding": 1, **setting}).train()
    ours, theirs = layer(drawn(2, 4, 6, 6)), nn.Conv2d.forward(layer, drawn(2, 4, 6, 6))
    assert torch.equal(ours, theirs)
    gradients = [torch.autograd.grad(each.square().sum(), [*layer.parameters()]) for each in (ours, theirs)]
    assert all(torch.equal(actual, expected) for actual, expected in zip(*gradients, strict=True))


@pytest.mark.usefixtures("everywhere")
def test_mixed_precision_trains() -> None:
    """Under autocast every weight gets a finite gradient of its own type."""
    model = lively(build("googlenet_tiny", classes=5)).to(memory_format=torch.channels_last).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(drawn(2, 3, 64, 64)).square().sum()
    loss.backward()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in model.parameters())
    assert {each.grad.dtype for each in model.parameters() if each.grad is not None} == {torch.float32}


def test_a_unit_begins_with_a_convolution_that_others_know() -> None:
    """Folding, initialisation and counting look for ``nn.Conv2d``."""
    assert isinstance(conv_norm_relu(3, Conv("conv", 4, 3)).conv, nn.Conv2d)
