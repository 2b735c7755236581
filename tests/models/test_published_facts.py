"""Figures that others published about these nets."""

import pytest
import torch
from torch import nn

from inarch.models import Classifier, architecture, build
from inarch.models.anatomy.trace import trace_architecture


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("googlenet", 6_624_904),
        ("googlenet_paper", 6_998_552),
        ("inception_v3", 23_834_568),
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
        ("resnet50_v1", 25_557_032),
        ("resnet101_v1", 44_549_160),
        ("resnet152_v1", 60_192_808),
        ("efficientnet_lite0", 4_652_008),
    ],
)
def test_parameter_count_is_the_published_one(name: str, count: int) -> None:
    """torchvision's documentation; the paper's GoogLeNet from Table 1's widths; timm's table for EfficientNet-Lite0."""
    assert parameters(build(name, device="meta")) == count


@pytest.mark.parametrize(("name", "count"), [("googlenet", 13_004_888), ("inception_v3", 27_161_264)])
def test_parameter_count_with_auxiliary_heads_is_the_published_one(name: str, count: int) -> None:
    """torchvision's files carry the heads too."""
    assert parameters(build(name, auxiliary=architecture(name).auxiliary_taps, device="meta")) == count


def test_the_half_resnet_has_the_published_size() -> None:
    """pynetbuilder, models/imagenet/Readme.md: 6.92 M parameters and 1069.59 M multiply-adds for 1,000 classes."""
    found = trace_architecture("resnet50_half")
    assert found.parameters / 1e6 == pytest.approx(6.92, abs=0.01)
    assert found.macs / 1e6 == pytest.approx(1069.59, rel=5e-5)


TABLE_1 = {  # in, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection: Szegedy et al. 2015, Table 1
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}


@pytest.mark.parametrize(("name", "kernel5"), [("googlenet_paper", 5), ("googlenet", 3)])
@pytest.mark.parametrize("module", TABLE_1)
def test_googlenet_filters_are_those_of_table_1(name: str, kernel5: int, module: str) -> None:
    """Every convolution of every module: channels in and out, kernel, in the order of concatenation."""
    block = build(name, device="meta").backbone.get_submodule(f"stages.stage{module[0]}.{module}")
    found = [
        (each.in_channels, each.out_channels, each.kernel_size)
        for each in block.modules()
        if isinstance(each, nn.Conv2d)
    ]
    wide, one, reduce3, three, reduce5, five, pool = TABLE_1[module]
    assert found == [
        (wide, one, (1, 1)),
        (wide, reduce3, (1, 1)),
        (reduce3, three, (3, 3)),
        (wide, reduce5, (1, 1)),
        (reduce5, five, (kernel5, kernel5)),
        (wide, pool, (1, 1)),
    ]


@torch.no_grad()
def test_a_module_concatenates_in_the_order_of_the_paper() -> None:
    """Channels of the output are the 1x1, 3x3, 5x5 and pool branches, one after the other."""
    block = build("googlenet_tiny").backbone.get_submodule("stages.stage3.3a").eval()
    feature_map = torch.randn(1, 24, 7, 7)
    parts = [block.branches[name](feature_map) for name in ("1x1", "3x3", "5x5", "pool")]
    assert torch.equal(block(feature_map), torch.cat(parts, dim=1))


def grid_sizes(model: Classifier, size: int) -> list[int]:
    """Sides of the maps, each once."""
    backbone = model.backbone.eval()
    maps = backbone.tapped(torch.empty(1, 3, size, size, device="meta"), tuple(backbone.taps))
    return list(dict.fromkeys(maps[tap].shape[2] for tap in model.backbone.taps))


@pytest.mark.parametrize(
    ("size", "expected"),
    [(224, [112, 56, 28, 14, 7]), (299, [150, 75, 37, 18, 9]), (227, [114, 57, 28, 14, 7]), (32, [16, 8, 4, 2, 1])],
)
@pytest.mark.parametrize("name", ["googlenet", "googlenet_paper"])
def test_googlenet_grids_round_up(name: str, size: int, expected: list[int]) -> None:
    """Pools with ceil_mode, as in Caffe: the sizes that torchvision's net was observed to have."""
    assert grid_sizes(build(name, device="meta"), size) == expected


def test_inception_v3_grids_are_those_of_its_table() -> None:
    """Table 1 of Szegedy et al. 2016: 299, 149, 147, 73, 71, 35, 17, 8."""
    assert grid_sizes(build("inception_v3", device="meta"), 299) == [149, 147, 73, 71, 35, 17, 8]


@pytest.mark.parametrize(("name", "first", "second"), [("resnet50", 1, 2), ("resnet50_v1", 2, 1)])
def test_stride_placement_tells_v1_from_v15(name: str, first: int, second: int) -> None:
    """v1 strides on the first 1x1 of stages 2 to 4, v1.5 on the 3x3; the last 1x1 never, the shortcut always."""
    backbone = build(name, device="meta").backbone
    for stage in (2, 3, 4):
        block = backbone.get_submodule(f"stages.stage{stage}.block{stage}_1")
        strides = [each.stride[0] for each in block.modules() if isinstance(each, nn.Conv2d)]
        assert strides == [first, second, 1, 2]


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        ("resnet18", [2, 2, 2, 2]),
        ("resnet34", [3, 4, 6, 3]),
        ("resnet50", [3, 4, 6, 3]),
        ("resnet101", [3, 4, 23, 3]),
        ("resnet152", [3, 8, 36, 3]),
    ],
)
def test_blocks_per_stage_are_those_of_the_paper(name: str, depths: list[int]) -> None:
    """He et al. 2016, Table 1."""
    stages = build(name, device="meta").backbone.stages
    assert [len(stages[f"stage{stage}"]) for stage in (1, 2, 3, 4)] == depths


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet_tiny", "resnet_basic_tiny"])
def test_a_fresh_residual_block_is_its_rectified_shortcut(name: str) -> None:
    """Goyal et al. 2017, section 5.1: the last norm of every residual path starts at zero."""
    model = build(name).eval()
    block = model.backbone.get_submodule("stages.stage3.block3_1")
    feature_map = torch.randn(1, model.backbone.taps["stage2"].channels, 6, 6)
    assert torch.equal(block(feature_map), block.shortcut(feature_map).relu())
