"""Nets varied by passing other parts."""

import pytest
import torch
from torch import nn

from inarch.errors import UnknownNameError, UserError
from inarch.models import (
    ARCHITECTURES,
    Architecture,
    architecture,
    build,
)
from inarch.models.anatomy.trace import trace
from inarch.models.variation import (
    applicable_variations,
    keep_single_branch,
    scale_architecture,
    without_auxiliary,
    without_reduction,
    without_shortcut,
)
from tolerance import assert_same_computation, terms_of
from traces import traced

TINY = [name for name in ARCHITECTURES if name.endswith("_tiny")]
VARIED = [
    f"{name}:{variation}"
    for name in TINY
    for variation in applicable_variations(architecture(name))
    if not variation.startswith("width")  # held against nets of the catalog
]


def shapes(net: str | Architecture) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in build(net, device="meta").state_dict().items()}


def parameters(net: str | Architecture) -> int:
    row = architecture(net)
    model = build(net, auxiliary=row.auxiliary_taps, device="meta")
    return sum(each.numel() for each in model.parameters())


def test_without_reduction_the_papers_net_is_three_times_as_large() -> None:
    """24.9 M parameters and 4.36 GMACs for 7.0 M and 1.58 G, when the pool branch's projection is not counted.

    The sum is taken from Table 1 of Szegedy et al. 2015 with every module's input in place of its reductions.
    """
    record = traced("googlenet_paper:without_reduction")
    counted = [node for node in record.nodes if ".proj." not in node.path]
    assert round(sum(node.parameters for node in counted) / 1e6, 1) == 24.9
    assert round(sum(node.macs for node in counted) / 1e9, 2) == 4.36
    whole = traced("googlenet_paper")
    assert round(sum(node.macs for node in counted) / whole.macs, 2) == 2.75
    assert round(sum(node.parameters for node in counted) / whole.parameters, 1) == 3.6


@pytest.mark.parametrize("name", ["googlenet", "bn_inception", "inception_v3"])
def test_without_reduction_every_map_keeps_its_channels(name: str) -> None:
    """Only what stands before the larger convolutions is gone."""
    varied = build(without_reduction(architecture(name)), device="meta")
    assert varied.backbone.taps == build(name, device="meta").backbone.taps
    assert not [path for path, _ in varied.named_modules() if ".branches." in path and path.endswith(".reduce")]


@pytest.mark.parametrize(("name", "branch"), [("googlenet", "3x3"), ("googlenet", "pool"), ("bn_inception", "1x1")])
def test_a_single_branch_gives_what_all_of_them_gave(name: str, branch: str) -> None:
    """The same channels and strides at every tap, from one branch in every module that it could stand for."""
    varied = build(keep_single_branch(architecture(name), branch), device="meta")
    assert varied.backbone.taps == build(name, device="meta").backbone.taps
    modules = [each for path, each in varied.named_modules() if path.endswith(".branches")]
    assert sum([*each] == [branch] for each in modules) >= len(modules) - 2  # BN-Inception's grid reductions stay


@pytest.mark.parametrize(("name", "plain"), [("resnet18", "plain18"), ("resnet34", "plain34"), ("resnet20", "plain20")])
def test_without_shortcut_a_residual_net_is_its_plain_twin(name: str, plain: str) -> None:
    """The nets of He et al. 2016, tables 2 and 6: the same tensors under the same names."""
    assert shapes(without_shortcut(architecture(name))) == shapes(plain)


def test_without_auxiliary_heads_googlenet_has_the_published_size() -> None:
    """13,004,888 parameters with both heads, 6,624,904 without (torchvision's documentation)."""
    row = architecture("googlenet")
    assert (parameters(row), parameters(without_auxiliary(row))) == (13_004_888, 6_624_904)


@pytest.mark.parametrize(
    ("varied", "name"),
    [
        ("resnet18:width=0.75", "resnet18_narrow"),
        ("resnet20:depth=3", "resnet56"),
        ("resnet20:depth=6", "resnet110"),
        ("wide_resnet50_2:width=1", "wide_resnet50_2"),
        ("googlenet:width=0.125", "googlenet_tiny"),
        ("inception_v3:width=0.125", "inception_v3_tiny"),
    ],
)
def test_a_scaled_net_is_the_net_of_that_width_and_depth(varied: str, name: str) -> None:
    """Nets that are in the catalog by themselves."""
    assert shapes(varied) == shapes(name)


@pytest.mark.parametrize("name", VARIED)
def test_a_varied_net_learns_like_any_other(name: str) -> None:
    """Every parameter gets a gradient, the logits have the shape asked for, and the trace agrees about the size."""
    row = architecture(name)
    model = build(row, classes=5, auxiliary=row.auxiliary_taps).train()
    images = torch.randn(2, 3, row.image_size, row.image_size)
    logits = model(images)
    maps = model.backbone.tapped(images, [*model.auxiliary, model.backbone.end])
    (logits.square().sum() + sum(head(maps[tap]).square().sum() for tap, head in model.auxiliary.items())).backward()
    assert logits.shape == (2, 5)
    assert all(each.grad is not None for each in model.parameters())
    record = trace(model, name=name, image_size=row.image_size)
    heads = sum(each.numel() for each in model.auxiliary.parameters())
    assert record.parameters == sum(each.numel() for each in model.parameters()) - heads


@pytest.mark.parametrize("name", ["googlenet_tiny:without_reduction", "resnet_tiny:without_shortcut:width=0.5"])
def test_a_varied_net_exports(name: str) -> None:
    """The exported program computes the same logits."""
    row = architecture(name)
    model = build(row, classes=5).eval()
    images = torch.randn(2, 3, row.image_size, row.image_size)
    with torch.no_grad():
        program = torch.export.export(model, (images,), strict=False).module()
        assert_same_computation(program(images), model(images), terms=terms_of(model))


def test_a_variation_leaves_the_catalog_as_it_is() -> None:
    """A new row; the variant and the departures say what was varied, in order."""
    row = architecture("resnet18")
    varied = architecture("resnet18:without_shortcut:width=0.5")
    assert architecture("resnet18") is row
    assert varied.variant == f"{row.variant}, without shortcut, width 0.5"
    assert varied.departures[: len(row.departures)] == row.departures
    assert ["without shortcut" in each.what for each in varied.departures[len(row.departures) :]] == [True, False]


def test_heads_are_left_where_there_is_still_a_block_to_tap() -> None:
    """At half its depth GoogLeNet has no module 4a."""
    assert architecture("googlenet:depth=0.5").auxiliary_taps == ("4d",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "resnet18:without_reduction",
            "resnet18 cannot be varied by without_reduction.* Possible variations: without_shortcut",
        ),
        ("googlenet:without_shortcut", "googlenet cannot be varied by without_shortcut.* has no shortcuts"),
        ("plain34:without_shortcut", "has no shortcuts that could be left out"),
        ("inception_v4:without_reduction", "has no table of Inception modules"),
        ("resnet18:without_auxiliary", "has no auxiliary heads that could be left out"),
        ("inception_v3:depth=0.5", "has no depth that could be multiplied"),
        ("googlenet:branch=7x7", "No branch is called '7x7'; the module has 1x1, 3x3, 5x5, pool"),
        ("googlenet:depth=2", "cannot be kept"),
        ("resnext50_32x4d:width=0.3", "cannot be built"),
        ("resnet18:width=x", "takes a number, as in width=0.5, not 'x'"),
        ("resnet18:width=0", "a number above 0, up to 16; 0 was asked for"),
        ("resnet18:depth=nan", "nan was asked for"),
        ("resnet18:depth=1e9", "1e[+]09 was asked for"),
        ("resnet18:without_shortcut=1", "takes no value; leave '=1' out"),
        ("timm:resnet18:width=0.5", "Models of other libraries cannot be varied; leave ':width=0.5' out"),
    ],
)
def test_what_makes_no_sense_is_said(text: str, said: str) -> None:
    """In one sentence, with what can be done instead."""
    with pytest.raises(UserError, match=said):
        architecture(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resnet18:withuot_shortcut", "No variation is called 'withuot_shortcut'. Did you mean 'without_shortcut'"),
        ("resnet18:", "No variation is called ''"),
        ("resnet51:width=0.5", "No model is called 'resnet51'. Did you mean"),
    ],
)
def test_an_unknown_name_is_answered_with_what_exists(text: str, said: str) -> None:
    """Of nets as of variations."""
    with pytest.raises(UnknownNameError, match=said):
        architecture(text)


def test_width_multiplies_what_a_convolution_learns_by_its_square() -> None:
    """Twice as wide is four times the weights, but for the first layer and the last."""
    wide = build(scale_architecture(architecture("resnet_tiny"), width=2.0), device="meta").backbone.stages["stage2"]
    once = build("resnet_tiny", device="meta").backbone.stages["stage2"]
    weights = [
        sum(each.weight.numel() for each in stage.modules() if isinstance(each, nn.Conv2d)) for stage in (wide, once)
    ]
    assert weights[0] == 4 * weights[1]
