"""What every net of the catalog owes to those who tap, cut, train, freeze and save it."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from inarch.errors import UnknownNameError, UserError
from inarch.models import (
    ARCHITECTURES,
    Backbone,
    Block,
    Classifier,
    FrozenModule,
    architecture,
    build,
    evaluating,
    fold_batch_norm,
)
from lively import enlivened
from tolerance import assert_same_computation, terms_of

TINY = [name for name in ARCHITECTURES if name.endswith("_tiny")]
SIZE = 96
tiny = pytest.mark.parametrize("name", TINY)


def lively(name: str, *, auxiliary: tuple[str, ...] = ()) -> Classifier:
    return enlivened(build(name, classes=5, auxiliary=auxiliary))


def images(n: int = 2, size: int = SIZE) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_tap_puts_out_what_it_declares(name: str) -> None:
    """Declared channels are the tensor's, and k strides more of input make the map grow by k."""
    backbone = build(name, device="meta").backbone.eval()
    size = 160 if name.endswith("_tiny") else 299
    small = backbone.tapped(torch.empty(1, 3, size, size, device="meta"), tuple(backbone.taps))
    large = backbone.tapped(torch.empty(1, 3, size + 64, size + 64, device="meta"), tuple(backbone.taps))
    assert set(small) == set(backbone.taps)
    for tap, info in backbone.taps.items():
        assert small[tap].shape[1] == info.channels, tap
        assert large[tap].shape[2] - small[tap].shape[2] == 64 // info.stride, tap


@tiny
def test_every_parameter_gets_a_gradient(name: str) -> None:
    """With the auxiliary heads attached, no parameter is out of reach of the loss."""
    taps = architecture(name).auxiliary_taps
    model = lively(name, auxiliary=taps).train()
    maps = model.backbone.tapped(images(size=SIZE), (*taps, model.backbone.info[-1].name))
    loss = model.head(maps[model.backbone.info[-1].name]).square().sum()
    for tap, head in model.auxiliary.items():
        loss = loss + head(maps[tap]).square().sum()
    loss.backward()
    idle = [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()]
    assert idle == []


@tiny
@torch.no_grad()
def test_logits_in_evaluation_do_not_depend_on_the_batch(name: str) -> None:
    """Image i gets the same logits alone and in company."""
    model = lively(name).eval()
    together = model(images(3))
    for i, image in enumerate(images(3)):
        assert_same_computation(model(image[None])[0], together[i], terms=terms_of(model))


@tiny
@torch.no_grad()
def test_state_dict_round_trip(name: str) -> None:
    """A state dict carries all that the logits depend on."""
    model, other = lively(name).eval(), build(name, classes=5, seed=9).eval()
    assert not torch.equal(model(images()), other(images()))
    other.load_state_dict(model.state_dict())
    assert torch.equal(model(images()), other(images()))


@tiny
@torch.no_grad()
def test_prefix_and_tail_make_the_whole_at_every_tap(name: str) -> None:
    """tail(prefix(x)) == backbone(x), and `joined` undoes `split`."""
    backbone = lively(name).backbone.eval()
    whole = backbone(images(1))
    for tap in backbone.taps:
        prefix, tail = backbone.split(tap)
        assert torch.equal(tail(prefix(images(1))) if tail.stages else prefix(images(1)), whole), tap
        assert set(prefix.state_dict()) | set(tail.state_dict()) == set(backbone.state_dict())
        assert [*prefix.joined(tail).taps] == [*backbone.taps]
        assert backbone.taps[tap].channels == prefix.channels


@tiny
@torch.no_grad()
def test_gathered_stages_join_the_final_map(name: str) -> None:
    """Their means stand before the final map, the same everywhere; no tensor gets another name."""
    backbone = lively(name).backbone.eval()
    names = [stage.name for stage in backbone.info]
    gathering = backbone.gathering(names[-3:-1])
    maps = backbone.tapped(images(1), names[-3:])
    expected = torch.cat([maps[each].mean((2, 3)) for each in names[-3:]], 1)
    whole = gathering(images(1))
    assert_same_computation(whole.mean((2, 3)), expected, terms=terms_of(backbone))
    assert whole.shape[1] == gathering.channels == expected.shape[1]
    assert torch.equal(whole[:, -backbone.channels :], maps[names[-1]])
    assert gathering.state_dict().keys() == backbone.state_dict().keys()
    assert gathering.info == backbone.info
    assert torch.equal(gathering.cut(names[-1])(images(1)), maps[names[-1]])
    assert torch.equal(fold_batch_norm(gathering)(images(1)).mean((2, 3)).argmax(), expected.argmax())


@tiny
@torch.no_grad()
def test_a_tail_gathers_what_it_can_see(name: str) -> None:
    """Split at the first gathered stage or before, the halves make the whole; split behind it they could not."""
    names = [stage.name for stage in build(name, device="meta").backbone.info]
    backbone = lively(name).backbone.eval().gathering(names[-3:-1])
    whole = backbone(images(1))
    behind = list(backbone.taps).index(names[-3])
    for tap in list(backbone.taps)[: behind + 1]:
        prefix, tail = backbone.split(tap)
        assert torch.equal(tail(prefix(images(1))), whole), tap
        assert torch.equal(prefix.joined(tail)(images(1)), whole), tap
    with pytest.raises(UserError, match="would not see"):
        backbone.split(names[-2])
    with pytest.raises(UnknownNameError, match="stage before the last"):
        backbone.gathering([names[-1]])


@tiny
@torch.no_grad()
def test_tapped_computes_nothing_past_the_last_tap(name: str) -> None:
    """Blocks behind the last tap do not run; those before it run once."""
    backbone = lively(name).backbone.eval()
    runs: list[str] = []
    for stage_name, stage in backbone.stages.items():
        for block_name, block in stage.named_children():
            block.register_forward_hook(lambda *_, at=(stage_name, block_name): runs.append(at))
    middle = backbone.info[1].name
    maps = backbone.tapped(images(1), (backbone.info[0].name, middle))
    assert {stage for stage, _ in runs} == {backbone.info[0].name, middle}
    assert len(runs) == len(set(runs))
    assert [*maps] == [backbone.info[0].name, middle]


@pytest.mark.parametrize("name", [name for name in TINY if ARCHITECTURES[name].auxiliary_taps])
def test_forward_gives_logits_alone_whatever_is_attached(name: str) -> None:
    """In training mode and with auxiliary heads the answer is one tensor of logits."""
    model = lively(name, auxiliary=architecture(name).auxiliary_taps)
    for mode in (True, False):
        logits = model.train(mode)(images())
        assert isinstance(logits, Tensor)
        assert logits.shape == (2, 5)


@tiny
def test_the_seed_decides_every_weight(name: str) -> None:
    """Same seed, same weights, whatever else was drawn; another seed, others; the global generator is left alone."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(name, classes=5, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again, other = build(name, classes=5, seed=3).state_dict(), build(name, classes=5, seed=4).state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    drawn = [key for key in first if first[key].dim() > 1]
    assert drawn
    assert not any(torch.equal(first[key], other[key]) for key in drawn)


@tiny
def test_frozen_does_not_move(name: str) -> None:
    """Neither weights nor statistics of a frozen backbone move under train() and optimiser steps; the head's do."""
    model = lively(name)
    frozen = FrozenModule(model.backbone)
    net = nn.Sequential(frozen, model.head).train()
    before, head_before = copy.deepcopy(frozen.state_dict()), copy.deepcopy(model.head.state_dict())
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        net(images()).square().sum().backward()
        optimiser.step()
        net.train()
    assert all(torch.equal(before[key], value) for key, value in frozen.state_dict().items())
    assert not torch.equal(head_before["linear.weight"], model.head.state_dict()["linear.weight"])


def test_evaluating_gives_every_mode_back() -> None:
    """Modes come back module by module, after an exception too."""
    model = build("resnet_tiny", classes=5).train()
    model.backbone.stages["stem"].eval()
    modes = [module.training for module in model.modules()]
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ZeroDivisionError), evaluating(model):
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes


@tiny
@torch.no_grad()
def test_folded_is_the_same_function(name: str) -> None:
    """In evaluation the folded net computes the same logits, is a copy, and has no batch normalisation left.

    But for pre-activations, which follow a sum: there is no convolution to fold them into.
    """
    model = lively(name).eval()
    before = copy.deepcopy(model.state_dict())
    light = fold_batch_norm(model)
    expected = model(images())
    assert_same_computation(light(images()), expected, terms=terms_of(model))
    left = [path for path, module in light.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(path.endswith(("preactivation.batch_norm", "final_norm.batch_norm")) for path in left)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert next(light.parameters()).data_ptr() != next(model.parameters()).data_ptr()


def test_unknown_names_offer_the_nearest() -> None:
    """A wrong name is answered with the right one: nets, taps, auxiliary taps."""
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet50'"):
        build("resnet-50")
    with pytest.raises(UnknownNameError, match="Did you mean 'googlenet'"):
        build("GoogleNet")
    backbone = build("resnet_tiny", device="meta").backbone
    for ask in (backbone.split, backbone.cut, lambda tap: backbone.tapped(images(1), (tap,))):
        with pytest.raises(UnknownNameError, match="Did you mean 'stage3'"):
            ask("stage_3")
    with pytest.raises(UnknownNameError, match="Did you mean '4d'"):
        build("googlenet_tiny", auxiliary=("4D",))


def test_impossible_requests_are_refused() -> None:
    """No classes, heads where there are none, two blocks of one name: each is one sentence."""
    with pytest.raises(UserError, match="at least one class; classes=0"):
        build("resnet_tiny", classes=0)
    with pytest.raises(UserError, match="resnet_tiny has no auxiliary heads"):
        build("resnet_tiny", auxiliary=("stage1",))
    with pytest.raises(UserError, match="stand twice: a"):
        Backbone({"stage1": [Block("a", nn.Identity(), 3, 1), Block("a", nn.Identity(), 3, 1)]})
    with pytest.raises(UnknownNameError):
        Classifier(Backbone({"s": [Block("a", nn.Identity(), 3, 1)]}), nn.Identity(), {"b": nn.Identity()})


def eps_of(model: nn.Module) -> Iterator[float]:
    return (module.eps for module in model.modules() if isinstance(module, nn.BatchNorm2d))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_batch_norm_eps_is_that_of_the_checkpoints(name: str) -> None:
    """1e-3 in Google's nets (TF-slim, EfficientNet), 1e-5 in the others; the paper's GoogLeNet has none."""
    row = architecture(name)
    googles = row.family in ("inception", "efficientnet") and row.variant != "caffe"
    expected = {1e-3} if googles else {1e-5}
    model = build(name, auxiliary=row.auxiliary_taps, device="meta")
    assert set(eps_of(model)) == (set() if name.startswith("googlenet_paper") else expected)
