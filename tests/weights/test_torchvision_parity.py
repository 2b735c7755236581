"""torchvision and timm as oracles: the same weights give the same logits, in both directions and in both modes."""

import copy

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from inarch.models import (
    Classifier,
    architecture,
    build,
    evaluating,
)
from inarch.weights.export import export_state_dict
from inarch.weights.loading import load
from lively import enlivened
from tolerance import assert_same_computation, terms_of

NETS = {  # with a size that is odd: rounding up or down shows there
    "googlenet": (224, 193),
    "inception_v3": (299, 201),
    "resnet18": (224, 193),
    "resnet34": (224, 193),
    "resnet50": (224, 193),
    "resnet101": (224, 97),
    "resnet152": (224, 97),
}
AUXILIARY = {"googlenet": {"4a": "aux_logits1", "4d": "aux_logits2"}, "inception_v3": {"b4": "aux_logits"}}
LARGE = ("resnet34", "resnet101", "resnet152")
"""Of the blocks that a smaller one has too."""
TRAIN_SIZE = {"googlenet": 129, "inception_v3": 299}  # torchvision's head needs 299


def theirs_bare(name: str) -> nn.Module:
    extra = {} if name.startswith("resnet") else {"init_weights": False}
    return torchvision.models.get_model(name, weights=None, **extra)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in NETS],
)
def pair(request: pytest.FixtureRequest) -> tuple[str, Classifier, nn.Module]:
    """torchvision's net with statistics that are no longer 0 and 1, and ours with its weights."""
    name = request.param
    torch.manual_seed(0)
    theirs = enlivened(theirs_bare(name))
    for module in theirs.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    ours = build(name, auxiliary=architecture(name).auxiliary_taps)
    load(ours, theirs.state_dict(), architecture=name)
    for module in ours.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return name, ours, theirs


def images(n: int, size: int) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(7))


def assert_same(ours: Tensor, theirs: Tensor, net: nn.Module) -> None:
    """As ``net`` computes them, and about something: logits that do not vary would agree with anything."""
    assert theirs.std() > 0
    assert_same_computation(ours, theirs, terms=terms_of(net))


@torch.no_grad()
def test_logits_are_torchvisions(pair: tuple[str, Classifier, nn.Module]) -> None:
    """In evaluation, at the net's own size and at an odd one; in training mode too, with every auxiliary head."""
    name, ours, theirs = pair
    ours.eval()
    theirs.eval()
    for size in NETS[name]:
        assert_same(ours(images(1, size)), theirs(images(1, size)), theirs)
    check_train_mode(name, copy.deepcopy(ours).train(), copy.deepcopy(theirs).train())


def check_train_mode(name: str, ours: Classifier, theirs: nn.Module) -> None:
    """Batch statistics, auxiliary logits, and the running statistics that the pass leaves behind."""
    batch = images(2, TRAIN_SIZE.get(name, 65))
    last = ours.backbone.info[-1].name
    maps = ours.backbone.tapped(batch, (*ours.auxiliary, last))
    answer = theirs(batch)
    assert_same(ours.head(maps[last]), answer if isinstance(answer, Tensor) else answer.logits, theirs)
    for tap, field in AUXILIARY.get(name, {}).items():
        assert_same(ours.auxiliary[tap](maps[tap]), getattr(answer, field), theirs)
    after, expected = export_state_dict(ours, "torchvision"), theirs.state_dict()
    for key in expected:
        if "running" in key or "num_batches" in key:
            assert_same_computation(after[key], expected[key], terms=terms_of(theirs), name=key)


def test_export_is_what_came_in(pair: tuple[str, Classifier, nn.Module]) -> None:
    """Out again under torchvision's names: the very tensors, each once, and its net takes them with strict=True."""
    name, ours, theirs = pair
    exported, expected = export_state_dict(ours, "torchvision"), theirs.state_dict()
    assert set(exported) == set(expected)
    assert all(torch.equal(exported[key], expected[key]) for key in expected)
    with torch.device("meta"):
        empty = theirs_bare(name)
    empty.load_state_dict(exported, strict=True, assign=True)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "inception_v3"])
@torch.no_grad()
def test_timm_reads_and_writes_our_weights(name: str) -> None:
    """timm's net takes our export with strict=True and answers alike; we take its state dict back."""
    ours = build(name, classes=10, seed=5).eval()
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.fill_(0.9)  # the last of a residual path is 0
            module.running_var.fill_(1.3)
    theirs = timm.create_model(name, pretrained=False, num_classes=10).eval()
    theirs.load_state_dict(export_state_dict(ours, "timm"), strict=True)
    batch = images(1, 299 if name == "inception_v3" else 97)
    with evaluating(ours):
        assert_same(ours(batch), theirs(batch), theirs)
    other = build(name, classes=10, seed=6)
    report = load(other, theirs.state_dict(), architecture=name)
    assert len(report.loaded) == len(other.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), ours.state_dict().values(), strict=True))
