"""The Inception line against its papers, timm, and PyTorch's own counter; the parts that vary it."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from inarch.errors import UserError
from inarch.models import ARCHITECTURES, Classifier, build
from inarch.models.bn_inception import BN_INCEPTION_MODULES, bn_inception, bn_inception_table
from inarch.models.convolution import Conv, Pool
from inarch.models.googlenet import (
    GOOGLENET_MODULES,
    PAPER,
    TORCHVISION,
    googlenet,
    inception_table,
    photo_stem,
    scale_stem,
    small_stem,
)
from inarch.models.inception_resnet import INCEPTION_RESNET_V1, INCEPTION_RESNET_V2, inception_resnet
from inarch.models.inception_v4 import inception_v4, inception_v4_stages
from inarch.models.initialisation import initialise
from inarch.models.scaled_residual import ScaledResidualBlock, Scaling
from inarch.models.tables import (
    Branches,
    Fork,
    Variation,
    keep_branches,
    keep_last_modules,
    keep_single_branch,
    remove_reduction,
    scale_widths,
)
from tolerance import assert_same_computation, terms_of

INCEPTIONS = [name for name, row in ARCHITECTURES.items() if row.family == "inception"]


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def macs(model: nn.Module, size: int) -> int:
    """By PyTorch's counter, which knows nothing of ours."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() // 2


def on_meta(builder: Callable[[int], Classifier]) -> Classifier:
    with torch.device("meta"):
        return builder(1000)


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


def grids(model: Classifier, size: int) -> list[int]:
    """Sides of the maps, each once."""
    maps = model.backbone.eval().tapped(torch.empty(1, 3, size, size, device="meta"), tuple(model.backbone.taps))
    return list(dict.fromkeys(maps[tap].shape[2] for tap in model.backbone.taps))


# What others published.


@pytest.mark.parametrize(("name", "published"), [("inception_v4", 12.28e9), ("inception_resnet_v2", 13.18e9)])
def test_counts_are_timms(name: str, published: float) -> None:
    """Parameters and MACs to the last one, at an odd size; at 299 pixels the published MACs within 0.5 %."""
    with torch.device("meta"):
        theirs = timm.create_model(name, pretrained=False)
    ours = build(name, device="meta")
    assert parameters(ours) == parameters(theirs)
    assert macs(ours, 203) == macs(theirs, 203)
    assert macs(ours, 299) == pytest.approx(published, rel=5e-3)


FIGURE_5 = {  # in, 1x1, 3x3 reduce, 3x3, double reduce, double, projection, side at 224: arXiv 1502.03167, appendix
    "3a": (192, 64, 64, 64, 64, 96, 32, 28),
    "3b": (256, 64, 64, 96, 64, 96, 64, 28),
    "3c": (320, 0, 128, 160, 64, 96, 0, 28),
    "4a": (576, 224, 64, 96, 96, 128, 128, 14),
    "4b": (576, 192, 96, 128, 96, 128, 128, 14),
    "4c": (576, 160, 128, 160, 128, 160, 128, 14),
    "4d": (608, 96, 128, 192, 160, 192, 128, 14),
    "4e": (608, 0, 128, 192, 192, 256, 0, 14),
    "5a": (1056, 352, 192, 320, 160, 224, 128, 7),
    "5b": (1024, 352, 192, 320, 192, 224, 128, 7),
}


def figure_5_macs(row: tuple[int, ...]) -> int:
    """A module's multiply-adds: where there is no projection, the last 3x3 of both branches halve the grid."""
    channels, one, reduce3, three, reduce_twice, twice, projection, side = row
    before, after = side**2, (side if projection else side // 2) ** 2
    pointwise = channels * (one + reduce3 + reduce_twice + projection)
    return before * (pointwise + 9 * reduce_twice * twice) + after * 9 * (reduce3 * three + twice * twice)


@pytest.mark.parametrize("module", FIGURE_5)
def test_bn_inception_modules_are_those_of_figure_5(module: str) -> None:
    """In-channels and MACs of each module: two errors cannot cancel."""
    model = build("bn_inception", device="meta")
    stage = next(name for name, blocks in model.backbone.stages.items() if module in dict(blocks.named_children()))
    block = model.backbone.get_submodule(f"stages.{stage}.{module}")
    channels, side = FIGURE_5[module][0], FIGURE_5[module][-1]
    assert {each.in_channels for each in convolutions(block) if each.kernel_size == (1, 1)} == {channels}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        block(torch.empty(1, channels, side, side, device="meta"))
    assert counter.get_total_flops() == 2 * figure_5_macs(FIGURE_5[module])


def test_bn_inception_in_sum() -> None:
    """2.0 Bn multiply-adds (arXiv 1512.00567, Table 3) within 2.5 %; with biases, the port's 11,295,240 parameters."""
    model = build("bn_inception", device="meta")
    assert macs(model, 224) == pytest.approx(2.0e9, rel=0.025)
    biases = sum(each.out_channels for each in convolutions(model))
    assert parameters(model) + biases == 11_295_240
    assert {each.eps for each in model.modules() if isinstance(each, nn.BatchNorm2d)} == {1e-5}


def path_macs(side: int, channels: int, *layers: tuple[int, int]) -> int:
    """Of layers of (out-channels, values of the kernel), all on one grid."""
    total = 0
    for out_channels, kernel in layers:
        total += side**2 * kernel * channels * out_channels
        channels = out_channels
    return total


RESNET_V1_BLOCKS = {  # arXiv 1602.07261, Fig. 10, 11, 13; channels of the block, its side, its paths
    "a": (256, 35, [[(32, 1)], [(32, 1), (32, 9)], [(32, 1), (32, 9), (32, 9)]]),
    "b": (896, 17, [[(128, 1)], [(128, 1), (128, 7), (128, 7)]]),
    "c": (1792, 8, [[(192, 1)], [(192, 1), (192, 3), (192, 3)]]),
}
RESNET_V1_REST = {  # Fig. 14, 7 with Table 1, and 12
    "stem": path_macs(149, 3, (32, 9))
    + path_macs(147, 32, (32, 9), (64, 9))
    + path_macs(73, 64, (80, 1))
    + path_macs(71, 80, (192, 9))
    + path_macs(35, 192, (256, 9)),
    "reduction_a": path_macs(35, 256, (192, 1), (192, 9)) + path_macs(17, 192, (256, 9)) + path_macs(17, 256, (384, 9)),
    "reduction_b": 3 * path_macs(17, 896, (256, 1))
    + path_macs(17, 256, (256, 9))
    + sum(path_macs(8, 256, (width, 9)) for width in (384, 256, 256)),
}


def test_inception_resnet_v1_follows_the_papers_figures() -> None:
    """Its MACs add up from the figures, with 5, 10 and 6 blocks, and are roughly Inception v3's (section 3.2)."""
    expected = sum(RESNET_V1_REST.values()) + 1792 * 1000
    for (channels, side, paths), depth in zip(RESNET_V1_BLOCKS.values(), (5, 10, 6), strict=True):
        joined = sum(path[-1][0] for path in paths)
        inner = sum(path_macs(side, channels, *path) for path in paths)
        expected += depth * (inner + path_macs(side, joined, (channels, 1)))
    found = macs(build("inception_resnet_v1", device="meta"), 299)
    assert found == expected
    assert found == pytest.approx(macs(build("inception_v3", device="meta"), 299), rel=0.15)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("inception_v4", [384, 384, 1024, 1536]),
        ("inception_resnet_v1", [256, 256, 896, 1792]),
        ("inception_resnet_v2", [192, 320, 1088, 1536]),
    ],
)
def test_grids_and_widths_of_the_residual_paper(name: str, channels: list[int]) -> None:
    """Fig. 9, 14 and 15: 35x35, 17x17 and 8x8 at 299 pixels; 75 pixels are the smallest image."""
    model = build(name, device="meta")
    assert [info.channels for info in model.backbone.info] == channels
    assert grids(model, 299) == [149, 147, 73, 71, 35, 17, 8]
    assert grids(model, 75)[-1] == 1
    with pytest.raises(RuntimeError):
        grids(model, 74)


@pytest.mark.parametrize(("size", "sides"), [(224, [112, 56, 28, 14, 7]), (299, [150, 75, 37, 19, 10])])
def test_bn_inception_grids(size: int, sides: list[int]) -> None:
    """Caffe's at 224; at odd grids, where Caffe's pools and convolutions disagree, the larger of the two."""
    assert grids(build("bn_inception", device="meta"), size) == sides


@given(side=st.integers(2, 20), seed=st.integers(0, 9))
def test_the_halving_pool_is_caffes_on_even_grids(side: int, seed: int) -> None:
    """On rectified maps, as all maps here are."""
    feature_map = torch.randn(1, 2, 2 * side, 2 * side, generator=torch.Generator().manual_seed(seed)).relu()
    ours = BN_INCEPTION_MODULES["3c"].pool()(feature_map)
    assert torch.equal(ours, nn.MaxPool2d(3, 2, ceil_mode=True)(feature_map))


# Residual scaling.


@torch.no_grad()
def test_a_scaled_residual_block_is_its_equation() -> None:
    """activation(x + scale * expand(branches(x))), whatever scaling and activation are passed."""
    model = inception_resnet(3, table=INCEPTION_RESNET_V1, depths=(2, 2, 2), width=0.125).eval()
    expected = {"stage3.a1": 0.17, "stage3.a2": 0.17, "stage4.b2": 0.10, "stage5.c1": 0.20, "stage5.c2": 1.0}
    for place, scale in expected.items():
        block = model.backbone.get_submodule(f"stages.{place}")
        feature_map = torch.randn(1, block.residual.expand.out_channels, 5, 5)
        residual = block.residual.expand(block.residual.module(feature_map))
        total = feature_map + scale * residual
        expected = total if place == "stage5.c2" else total.relu()
        assert_same_computation(block(feature_map), expected, terms=terms_of(block))


@pytest.mark.parametrize(("table", "depths"), [(INCEPTION_RESNET_V1, (5, 10, 6)), (INCEPTION_RESNET_V2, (10, 20, 10))])
def test_only_the_last_block_is_neither_scaled_nor_rectified(table: object, depths: tuple[int, ...]) -> None:
    """tf-slim's nets: block8 with no activation, and a scale of 1."""
    model = on_meta(partial(inception_resnet, table=table))
    blocks = [each for each in model.backbone.modules() if isinstance(each, ScaledResidualBlock)]
    assert len(blocks) == sum(depths)
    assert all(isinstance(each.activation, nn.ReLU) for each in blocks[:-1])
    assert isinstance(blocks[-1].activation, nn.Identity)
    scales = [each.factor for each in model.backbone.modules() if isinstance(each, Scaling)]
    assert scales == [0.17] * depths[0] + [0.10] * depths[1] + [0.20] * (depths[2] - 1)


@torch.no_grad()
def test_scaling_keeps_a_fresh_net_calm() -> None:
    """What the paper's section 3.3 is about: without it the variance grows from block to block."""

    def growth(scales: tuple[float, float, float]) -> float:
        builder = partial(inception_resnet, table=INCEPTION_RESNET_V2, depths=(6, 6, 6), width=0.125)
        model = builder(3, scales=scales).train()
        initialise(model, torch.Generator().manual_seed(0))
        images = torch.randn(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))
        maps = model.backbone.tapped(images, ("widen", "a6"))
        return float(maps["a6"].std() / maps["widen"].std())

    assert growth((0.17, 0.10, 0.20)) < growth((1.0, 1.0, 1.0))


# The parts that vary a net.


@given(width=st.sampled_from([0.125, 0.25, 0.5, 1.0, 2.0]))
def test_scaled_multiplies_every_width_and_nothing_else(width: float) -> None:
    """Rows of widths, branches, forks and whole nets; kernels, strides, names and pools stay."""
    rows = scale_widths(GOOGLENET_MODULES, width=width)
    assert [list(row) for row in rows.values()] == [
        [each * width for each in row] for row in GOOGLENET_MODULES.values()
    ]
    conv, pool = Conv("conv", 64, (1, 7), 2, 0), Pool("pool", nn.Identity)
    fork = Fork("sides", {"1x3": [conv]})
    wide = conv._replace(out_channels=int(64 * width))
    assert scale_widths({"a": {"b": [pool, conv, fork]}}, width=width) == {
        "a": {"b": [pool, wide, Fork("sides", {"1x3": [wide]})]}
    }


def test_scaled_leaves_at_least_one_channel_and_none_where_there_was_none() -> None:
    """A branch neither vanishes nor appears."""
    rows = scale_widths(BN_INCEPTION_MODULES, width=0.001)
    assert rows["3c"][:5] == (0, 1, 1, 1, 1)
    assert set(bn_inception_table(rows["3c"])) == {"3x3", "3x3_twice", "pool"}
    assert set(bn_inception_table(rows["5b"])) == {"1x1", "3x3", "3x3_twice", "pool"}


@pytest.mark.parametrize("width", [0.5, 2.0])
def test_a_scaled_net_has_scaled_stages(width: float) -> None:
    """Every stage, the stem included; MACs of the inner layers follow as the square."""
    narrow = on_meta(
        partial(
            googlenet,
            parts=TORCHVISION,
            stem=scale_stem(photo_stem, width=width),
            modules=scale_widths(GOOGLENET_MODULES, width=width),
        )
    )
    whole = build("googlenet", device="meta")
    assert [info.channels for info in narrow.backbone.info] == [width * info.channels for info in whole.backbone.info]
    inner, whole_inner = (model.backbone.stages["stage4"] for model in (narrow, whole))
    weights, whole_weights = (sum(each.weight.numel() for each in convolutions(part)) for part in (inner, whole_inner))
    assert weights == width**2 * whole_weights


@pytest.mark.parametrize("depths", [(1, 1, 1), (2, 3, 1), (2, 5, 2)])
@pytest.mark.parametrize("name", ["googlenet", "bn_inception"])
def test_a_shallower_net_puts_out_the_same_stages(name: str, depths: tuple[int, int, int]) -> None:
    """Channels and strides of every stage stay, fewer modules run."""
    builder: Mapping[str, Callable[..., Classifier]] = {
        "googlenet": partial(googlenet, parts=TORCHVISION, modules=keep_last_modules(GOOGLENET_MODULES, depths)),
        "bn_inception": partial(bn_inception, modules=keep_last_modules(BN_INCEPTION_MODULES, depths)),
    }
    shallow, whole = on_meta(builder[name]), build(name, device="meta")
    last = {info.name: info for info in whole.backbone.info}["stage5"]
    assert shallow.backbone.info[-1] == last
    assert sum(tap[0].isdigit() for tap in shallow.backbone.taps) == sum(depths)
    assert shallow(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1000)


@pytest.mark.parametrize("depths", [(0, 1, 1), (3, 5, 2), (2, 5)])
def test_depths_that_do_not_fit_are_refused(depths: tuple[int, ...]) -> None:
    """With what there is."""
    with pytest.raises(UserError, match=r"stages have \[2, 5, 2\] modules"):
        keep_last_modules(GOOGLENET_MODULES, depths)


def test_inception_v4_repeats_what_it_is_told() -> None:
    """Blocks A, B and C; everything else once."""
    stages = inception_v4_stages((1, 2, 3))
    assert [*stages["stage3"], *stages["stage4"], *stages["stage5"]] == [
        "a1", "reduction_a", "b1", "b2", "reduction_b", "c1", "c2", "c3",
    ]  # fmt: skip
    assert on_meta(partial(inception_v4, depths=(1, 2, 3))).backbone.channels == 1536


def naive_counts(*, projection: bool) -> tuple[int, int]:
    """Parameters and MACs of the paper's GoogLeNet with no 1x1 before 3x3 and 5x5, from Table 1 alone."""
    weights = {112: 3 * 49 * 64, 56: 64 * 64 + 64 * 9 * 192, 28: 0, 14: 0, 7: 0}
    biases, channels = 64 + 64 + 192 + 1000, 192
    for name, (one, _, three, _, five, pool) in GOOGLENET_MODULES.items():
        paid = pool if projection else 0
        weights[{"3": 28, "4": 14, "5": 7}[name[0]]] += channels * (one + 9 * three + 25 * five + paid)
        biases += one + three + five + paid
        channels = one + three + five + pool
    head = 1024 * 1000
    return sum(weights.values()) + biases + head, sum(side**2 * each for side, each in weights.items()) + head


def test_without_reduction_costs_what_table_1_says() -> None:
    """25.3 M parameters and 4.43 GMAC, where the published net has 7.0 M and 1.58.

    Leaving the pool's projection out of the account, but its channels in, gives the 24.9 M and 4.36 GMAC that are
    quoted for the naive net.
    """
    model = on_meta(partial(googlenet, parts=PAPER, branches=remove_reduction))
    assert (parameters(model), macs(model, 224)) == naive_counts(projection=True)
    assert [round(each / scale, 2) for each, scale in zip(naive_counts(projection=True), (1e6, 1e9), strict=True)] == [
        25.31,
        4.43,
    ]
    quoted = naive_counts(projection=False)
    assert (round(quoted[0] / 1e6, 1), round(quoted[1] / 1e9, 2)) == (24.9, 4.36)


@pytest.mark.parametrize("branches", [remove_reduction, *map(keep_single_branch, ("1x1", "3x3", "pool"))])
@pytest.mark.parametrize("builder", [partial(googlenet, parts=TORCHVISION), bn_inception])
def test_variations_keep_what_every_module_puts_out(builder: Callable[..., Classifier], branches: Variation) -> None:
    """Same taps, same channels, same strides, another inside."""
    varied, whole = (on_meta(partial(builder, branches=each)) for each in (branches, keep_branches))
    assert dict(varied.backbone.taps) == dict(whole.backbone.taps)
    assert parameters(varied) != parameters(whole)


def test_without_reduction_leaves_no_reduction() -> None:
    """Kernels of each branch, module by module; the pool's projection stays."""
    model = on_meta(partial(googlenet, parts=PAPER, branches=remove_reduction))
    for name in GOOGLENET_MODULES:
        block = model.backbone.get_submodule(f"stages.stage{name[0]}.{name}")
        assert [each.kernel_size[0] for each in convolutions(block)] == [1, 3, 5, 1]


@pytest.mark.parametrize("name", ["1x1", "3x3", "5x5", "pool"])
def test_a_single_branch_is_alone_and_as_wide_as_the_module(name: str) -> None:
    """Every width of the branch grows by the same factor, up to rounding."""
    for widths in GOOGLENET_MODULES.values():
        table = inception_table(widths, 5)
        (found,) = keep_single_branch(name)(table).values()
        before = [step.out_channels for step in table[name] if isinstance(step, Conv)]
        after = [step.out_channels for step in found if isinstance(step, Conv)]
        whole = sum(path[-1].out_channels for path in table.values() if isinstance(path[-1], Conv))
        assert after[-1] == whole
        assert all(abs(now - was * whole / before[-1]) <= 0.5 for now, was in zip(after, before, strict=True))


def test_single_branches_leave_grid_reductions_whole() -> None:
    """They pass the pool's channels on, whose number the table does not say."""
    table = bn_inception_table(BN_INCEPTION_MODULES["3c"])
    assert keep_single_branch("1x1")(table) is table
    with pytest.raises(UserError, match=r"No branch is called '7x7'; the module has 1x1, 3x3, 5x5, pool"):
        keep_single_branch("7x7")(inception_table(GOOGLENET_MODULES["3a"], 5))


def remove_projection(branches: Branches) -> Branches:
    """The pool hands all channels on, as in the paper's naive module (Szegedy et al. 2015, Fig. 2a).

    Modules grow wider with every one: what came in comes out, and the convolutions' maps on top.
    """
    return {
        name: [step for step in path if not (isinstance(step, Conv) and step.name == "proj")]
        for name, path in branches.items()
    }


def test_without_projection_modules_grow() -> None:
    """Fig. 2a of the paper: what came in goes out, with the convolutions' maps beside it."""
    model = on_meta(partial(googlenet, parts=PAPER, branches=remove_projection))
    channels = 192
    for name, (one, _, three, _, five, _) in GOOGLENET_MODULES.items():
        channels += one + three + five
        assert model.backbone.taps[name].channels == channels


@pytest.mark.parametrize(("size", "sides"), [(64, [64, 32, 16, 8]), (32, [32, 16, 8, 4]), (96, [96, 48, 24, 12])])
def test_the_small_stem_is_four_times_finer(size: int, sides: list[int]) -> None:
    """A quarter of the published net's strides; all else is the same."""
    small, whole = build("googlenet_small", device="meta"), build("googlenet", device="meta")
    assert grids(small, size) == sides
    fine = [(info.name, info.channels, 4 * info.stride) for info in small.backbone.info]
    assert fine == [(info.name, info.channels, info.stride) for info in whole.backbone.info]


def test_the_small_stem_serves_bn_inception_too() -> None:
    """A stem is a part of either net."""
    assert on_meta(partial(bn_inception, stem=small_stem)).backbone.info[-1].stride == 8


# The quirk ledger.


@pytest.mark.parametrize("name", INCEPTIONS)
def test_every_net_declares_its_departures(name: str) -> None:
    """Each a sentence with its reason and a source, none twice."""
    departures = ARCHITECTURES[name].departures
    assert len(departures) >= 4
    assert len({each.what for each in departures}) == len(departures)
    for each in departures:
        assert each.what.endswith(".")
        assert each.why.endswith(".")
        assert each.source


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("googlenet", "5x5 has a 3x3"),
        ("googlenet", "2x2"),
        ("googlenet", "batch normalisation"),
        ("googlenet", "0.2; in the paper 0.4"),
        ("googlenet_paper", "alpha"),
        ("googlenet_small", "four times smaller"),
        ("bn_inception", "depthwise separable"),
        ("bn_inception", "608"),
        ("inception_v3", "1x1 to 80"),
        ("inception_v4", "order"),
        ("inception_resnet_v1", "six blocks C"),
        ("inception_resnet_v2", "adversarially"),
        ("inception_resnet_v2", "neither scaled nor rectified"),
    ],
)
def test_the_well_known_quirks_are_in_the_ledger(name: str, word: str) -> None:
    """Those that people stumble over."""
    assert any(word in each.what for each in ARCHITECTURES[name].departures)
