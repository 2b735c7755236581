"""The ResNet line: published counts, the identities that its parts promise, and torchvision as an oracle."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from inarch.errors import UserError
from inarch.models import ARCHITECTURES, Classifier, build
from inarch.models.anatomy.trace import trace_architecture
from inarch.models.cifar_resnet import cifar_depths
from inarch.models.resnet import resnet_backbone
from inarch.models.resnet_departures import ResNetDeparture
from inarch.models.resnet_parts import (
    BASIC,
    DEEP_STEM,
    PHOTO_STEM,
    SMALL_STEM,
    average_shortcut,
    bottleneck,
    no_shortcut,
    padded_shortcut,
    projection_everywhere,
)
from inarch.weights.names.torchvision import TRANSLATED
from lively import enlivened
from tolerance import assert_same_computation, terms_of
from traces import traced

LINE = [name for name, row in ARCHITECTURES.items() if row.family.startswith("resnet")]
TINY = [name for name in LINE if name.endswith("_tiny")]
WITH_WEIGHTS = {
    "wide_resnet50_2": torchvision.models.Wide_ResNet50_2_Weights.IMAGENET1K_V1,
    "wide_resnet101_2": torchvision.models.Wide_ResNet101_2_Weights.IMAGENET1K_V1,
    "resnext50_32x4d": torchvision.models.ResNeXt50_32X4D_Weights.IMAGENET1K_V1,
    "resnext101_32x8d": torchvision.models.ResNeXt101_32X8D_Weights.IMAGENET1K_V1,
    "resnext101_64x4d": torchvision.models.ResNeXt101_64X4D_Weights.IMAGENET1K_V1,
}


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def shapes(state: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}


def images(n: int, size: int) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize(
    ("layers", "count", "megamacs"),
    [(20, 269_722, 40.55), (32, 464_154, 68.86), (44, 658_586, 97.17), (56, 853_018, 125.5), (110, 1_727_962, 252.9)],
)
@pytest.mark.parametrize("kind", ["resnet", "plain"])
def test_cifar_nets_have_the_published_size(kind: str, layers: int, count: int, megamacs: float) -> None:
    """He et al. 2016, Table 6, to the last parameter; a plain twin costs the same, and both have so many layers."""
    found = trace_architecture(f"{kind}{layers}", classes=10)
    assert found.parameters == count
    assert found.macs / 1e6 == pytest.approx(megamacs, rel=5e-4)
    assert sum(node.kind in ("convolution", "linear") for node in found.nodes) == layers


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("resnet110_v2", 1_727_962),  # pre-activation moves norms, and adds none
        ("wide_resnet16_4", 2_748_890),  # Zagoruyko and Komodakis 2016, Table 5: 2.7 M
        ("wide_resnet28_10", 36_479_194),  # the same: 36.5 M
    ],
)
def test_small_preactivation_nets_have_the_published_size(name: str, count: int) -> None:
    """Counted by others for 10 classes."""
    assert parameters(build(name, classes=10, device="meta")) == count


def test_resnet164_has_as_many_layers_as_its_name_says() -> None:
    """He et al. 2016 (v2), Table 3: 1.7 M parameters in 164 layers; projections aren't counted."""
    found = trace_architecture("resnet164_v2", classes=10)
    on_path = [node for node in found.nodes if node.kind in ("convolution", "linear") and node.branch != "shortcut"]
    assert len(on_path) == 164
    assert round(found.parameters / 1e6, 1) == 1.7


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_wide_and_next_nets_are_torchvisions_in_every_shape(name: str) -> None:
    """Names, shapes, parameters and multiply-adds, as in torchvision's code and in its table of weights."""
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, weights=None).state_dict()
    assert shapes(renamed(build(name, device="meta"), TRANSLATED[name])) == shapes(theirs)
    published, found = WITH_WEIGHTS[name].meta, traced(name)
    assert found.parameters == published["num_params"]
    assert found.macs / 1e9 == pytest.approx(published["_ops"], abs=6e-4)


def their_names(model: nn.Module, layer_to_theirs: Callable[[str], str]) -> dict[str, str]:
    """Their name of every tensor, by ours."""
    split = {name: name.rpartition(".") for name in model.state_dict()}
    named = {name: f"{layer_to_theirs(layer)}.{leaf}" for name, (layer, _, leaf) in split.items()}
    assert len(set(named.values())) == len(named)
    return named


def renamed(model: Classifier, layer_to_theirs: Callable[[str], str]) -> dict[str, Tensor]:
    """Our state dict under others' names."""
    state = model.state_dict()
    return {theirs: state[ours] for ours, theirs in their_names(model, layer_to_theirs).items()}


@pytest.mark.parametrize("name", [pytest.param("wide_resnet50_2", marks=pytest.mark.slow), "resnext50_32x4d"])
@torch.no_grad()
def test_logits_are_torchvisions(name: str) -> None:
    """Random weights either way give the same logits, in evaluation at an odd size and in training."""
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name, weights=None, num_classes=10)
    enlivened(theirs)
    ours = build(name, classes=10)
    given = theirs.state_dict()
    ours.load_state_dict({mine: given[their] for mine, their in their_names(ours, TRANSLATED[name]).items()})
    terms = terms_of(ours)
    expected = theirs.eval()(images(1, 97))
    assert expected.std() > 0
    assert_same_computation(ours.eval()(images(1, 97)), expected, terms=terms)
    assert_same_computation(ours.train()(images(2, 65)), theirs.train()(images(2, 65)), terms=terms)
    other = build(name, classes=10, seed=4).eval()
    enlivened(other)
    theirs.load_state_dict(renamed(other, TRANSLATED[name]), strict=True)
    assert_same_computation(other(images(1, 64)), theirs.eval()(images(1, 64)), terms=terms)


def test_plain_twins_start_from_the_same_weights() -> None:
    """Same names, same seed, same convolutions: a difference in training is the shortcuts' doing.

    But for the norms that end a residual path: they start at zero where there is a shortcut to be, at one elsewhere.
    """
    residual, plain = build("resnet20", classes=10).state_dict(), build("plain20", classes=10).state_dict()
    assert [*residual] == [*plain]
    different = [name for name in residual if not torch.equal(residual[name], plain[name])]
    assert different == [name for name in residual if name.endswith("residual.conv2.norm.weight")]


@torch.no_grad()
@pytest.mark.parametrize("name", ["plain_tiny", "plain20"])
def test_a_plain_block_is_its_rectified_residual(name: str) -> None:
    """relu(F(x)), at the same places as in the residual net."""
    model = build(name).eval()
    block = model.backbone.get_submodule("stages.stage2.block2_1")
    feature_map = torch.randn(1, model.backbone.taps["stage1"].channels, 6, 6)
    assert torch.equal(block(feature_map), block.residual(feature_map).relu())


@pytest.mark.parametrize("size", [7, 8])
def test_the_padded_shortcut_is_option_a(size: int) -> None:
    """Every second pixel of every channel in the middle, zeros around, nothing to train; else identity."""
    feature_map = torch.randn(2, 4, size, size)
    shortcut = padded_shortcut(4, 8, 2)
    passed = shortcut(feature_map)
    assert torch.equal(passed[:, 2:6], feature_map[:, :, ::2, ::2])
    assert not passed[:, :2].any()
    assert not passed[:, 6:].any()
    assert parameters(shortcut) == 0
    assert torch.equal(padded_shortcut(4, 4, 1)(feature_map), feature_map)


@torch.no_grad()
@pytest.mark.parametrize("size", [6, 7])
def test_the_average_shortcut_sees_every_pixel(size: int) -> None:
    """Each pixel moves the map of ResNet-D's shortcut; three of four move nothing in the usual one (option B)."""
    for build_shortcut, share in ((average_shortcut, 1.0), (projection_everywhere, math.ceil(size / 2) ** 2 / size**2)):
        shortcut = build_shortcut(1, 2, 2).eval()
        pixels = torch.eye(size * size).reshape(size * size, 1, size, size)
        moved = (shortcut(pixels) - shortcut(torch.zeros_like(pixels))).flatten(1).any(1)
        assert moved.float().mean().item() == pytest.approx(share)


@pytest.mark.parametrize("stem", [PHOTO_STEM, DEEP_STEM, SMALL_STEM])
@pytest.mark.parametrize("shortcut", [average_shortcut, padded_shortcut, projection_everywhere, no_shortcut])
@pytest.mark.parametrize("residual", [BASIC, bottleneck()])
def test_every_part_fits_every_other(stem: object, shortcut: object, residual: object) -> None:
    """Any stem, shortcut and residual path, three stages of other depths and widths, odd grids: declared is actual."""
    with torch.device("meta"):
        backbone = resnet_backbone(residual, (1, 2, 1), width=8, stem=stem, shortcut=shortcut)
        maps = backbone.tapped(torch.empty(1, 3, 77, 77), tuple(backbone.taps))
    for tap, info in backbone.taps.items():
        assert maps[tap].shape[1:] == (info.channels, *[math.ceil(77 / info.stride)] * 2)


def test_small_nets_keep_a_grid_on_small_images() -> None:
    """8 x 8 of 64 pixels and 4 x 4 of 32, where the stem for photos leaves 2 x 2 and one pixel."""
    for name, expected in (("resnet18_small", {64: 8, 32: 4}), ("resnet18", {64: 2, 32: 1})):
        backbone = build(name, device="meta").backbone.eval()
        assert {size: backbone(torch.empty(1, 3, size, size, device="meta")).shape[2] for size in expected} == expected


def test_the_narrow_net_is_three_quarters_as_wide() -> None:
    """Block by block; its convolutions have 9/16 of the parameters, but for the stem, which sees three colours."""
    narrow, whole = (build(name, device="meta").backbone for name in ("resnet18_narrow", "resnet18"))
    assert [info.channels * 4 for info in narrow.taps.values()] == [info.channels * 3 for info in whole.taps.values()]
    inside = [
        {path: each.weight.numel() for path, each in net.named_modules() if isinstance(each, nn.Conv2d)}
        for net in (narrow, whole)
    ]
    ratios = {path: inside[0][path] / inside[1][path] for path in inside[1]}
    assert ratios.pop("stages.stem.conv1.conv") == 3 / 4
    assert set(ratios.values()) == {9 / 16}


def test_depths_that_three_stages_cannot_have_are_refused() -> None:
    """6n + 2 layers of basic blocks, 9n + 2 of bottlenecks."""
    assert cifar_depths(1202) == (200, 200, 200)
    assert cifar_depths(164, per_block=3) == (18, 18, 18)
    with pytest.raises(UserError, match=r"6 n \+ 2 layers; 21 were asked for"):
        cifar_depths(21)
    with pytest.raises(UserError, match="2 were asked for"):
        cifar_depths(2)


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet_v2_tiny", "wide_resnet_tiny"])
def test_nothing_stands_between_the_sums_of_preactivation(name: str) -> None:
    """With the last convolution of its residual at zero a block passes any map on unchanged, signs and all."""
    model = build(name).eval()
    block = model.backbone.get_submodule("stages.stage1.block1_2")
    [*block.residual.children()][-1].conv.weight.zero_()
    feature_map = torch.randn(1, model.backbone.taps["stage1"].channels, 6, 6)
    assert torch.equal(block(feature_map), feature_map)


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet_v2_tiny", "wide_resnet_tiny"])
def test_only_the_last_map_of_preactivation_is_an_activation(name: str) -> None:
    """Taps before it are bare sums and have negative values; the final norm and ReLU belong to the last stage."""
    backbone = build(name).backbone.eval()
    maps = backbone.tapped(images(2, 64), tuple(backbone.taps))
    assert backbone.end == "final_norm"
    for tap, feature_map in maps.items():
        signed = tap.startswith("block") or (tap.startswith("stage") and tap != backbone.info[-1].name)
        assert (feature_map.min() < 0) == (signed or (name == "resnet_v2_tiny" and tap in ("conv1", "pool1", "stem")))


@torch.no_grad()
def test_behind_an_activated_stem_the_first_block_has_no_preactivation() -> None:
    """arXiv 1603.05027, appendix: the first unit's two paths begin behind the activation of the stem."""
    for name in ("resnet110_v2", "resnet164_v2", "wide_resnet28_10"):
        backbone = build(name, device="meta").backbone
        first, second = (
            [path for path, _ in backbone.get_submodule(f"stages.stage1.{block}").named_modules()]
            for block in ("block1_1", "block1_2")
        )
        assert not any("preactivation" in path for path in first)
        assert any("preactivation" in path for path in second)


def first_gradient(name: str, seed: int) -> float:
    """Norm of the loss's gradient for the first convolution, at initialisation, every block with its full residual.

    The library lets a residual block start as its shortcut; that would leave nothing to compare, so it is undone.
    """
    model = build(name, classes=10, seed=seed).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    generator = torch.Generator().manual_seed(seed)
    batch = torch.randn(8, 3, 16, 16, generator=generator)
    nn.functional.cross_entropy(model(batch), torch.randint(10, (8,), generator=generator)).backward()
    return model.backbone.get_parameter("stages.stem.conv1.conv.weight").grad.norm().item()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradients_explode_with_depth_in_plain_nets_and_not_in_residual_ones(seed: int) -> None:
    """Yang et al. 2019 (arXiv 1902.08129): with batch normalisation a plain net's gradients grow exponentially.

    From 20 to 56 layers others measured a factor of 519 in plain nets and of 5 in residual ones.
    """
    growth = {
        kind: first_gradient(f"{kind}56", seed) / first_gradient(f"{kind}20", seed) for kind in ("plain", "resnet")
    }
    assert growth["plain"] > 100
    assert growth["resnet"] < 20


@pytest.mark.parametrize("name", LINE)
def test_departures_are_declared_and_distinct(name: str) -> None:
    """Every row has its ledger; no entry stands twice or lacks a word."""
    departures = ARCHITECTURES[name].departures
    assert departures
    assert len(set(departures)) == len(departures)
    assert all(each.what and each.why and each.source for each in departures)


@pytest.mark.parametrize("name", TINY)
def test_the_zero_start_is_declared_where_it_is(name: str) -> None:
    """A norm that starts at zero is declared or, in ResNet-D, the paper's own; no other net has one."""
    norms = [each for each in build(name).modules() if isinstance(each, nn.BatchNorm2d)]
    starts_at_zero = any(not each.weight.any() for each in norms)
    row = ARCHITECTURES[name]
    assert starts_at_zero == (ResNetDeparture.ZERO_START.value in row.departures or row.family == "resnet_d")


@pytest.mark.parametrize("name", [name for name in LINE if ARCHITECTURES[name].source.endswith("03385, Table 1")])
def test_v15_is_said_where_the_stride_moved(name: str) -> None:
    """The variant and the ledger agree with the strides: only a bottleneck has a first 1x1 to move it from."""
    block = build(name, device="meta").backbone.get_submodule("stages.stage2.block2_1.residual")
    kernels = [(each.kernel_size, each.stride) for each in block.modules() if isinstance(each, nn.Conv2d)]
    moved = kernels[0] == ((1, 1), (1, 1))
    row = ARCHITECTURES[name]
    assert (row.variant == "v1.5") == moved == (ResNetDeparture.STRIDE_ON_3X3.value in row.departures)
    assert (row.variant == "v1") == (kernels[0] == ((1, 1), (2, 2)))


def test_copies_are_whole() -> None:
    """A net can be copied: no part holds a function that belongs to its builder."""
    for name in TINY:
        model = build(name).eval()
        assert torch.equal(copy.deepcopy(model)(images(1, 64)), model(images(1, 64)))
