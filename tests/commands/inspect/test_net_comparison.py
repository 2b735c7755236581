"""Two nets laid side by side: nothing is lost, nothing is told twice, and the published differences are found."""

from functools import cache
from itertools import pairwise

import pytest

from inarch.commands.inspect.comparison import compare
from inarch.models import ARCHITECTURES
from inarch.models.anatomy.figures import depth_of
from inarch.models.anatomy.records import Change, ModelComparison
from inarch.models.anatomy.size import size_of
from traces import traced

ALIKE = [
    ("googlenet", "googlenet_paper"),
    ("googlenet", "bn_inception"),
    ("googlenet", "googlenet:without_reduction"),
    ("googlenet_tiny", "googlenet_tiny:branch=3x3"),
    ("googlenet", "googlenet_tiny"),
    ("inception_v3_tiny", "inception_v4_tiny"),
    ("inception_resnet_v1_tiny", "inception_resnet_v2_tiny"),
    ("resnet18", "resnet34"),
    ("resnet18", "resnet50"),
    ("resnet18", "resnet20"),
    ("resnet34", "plain34"),
    ("resnet20", "plain20"),
    ("resnet50", "resnet50_v1"),
    ("resnet50", "resnet50_v2"),
    ("resnet50", "resnet50_d"),
    ("resnet50", "resnext50_32x4d"),
    ("resnet50", "resnet50:width=0.5:without_shortcut"),
]
UNLIKE = [("inception_v3", "resnet50"), ("inception_v4_tiny", "inception_resnet_v2_tiny"), ("googlenet", "resnet18")]


@cache
def compared(here: str, there: str) -> ModelComparison:
    return compare(traced(here), traced(there))


def of(comparison: ModelComparison, what: str, kind: str = "") -> list[Change]:
    return [each for each in comparison.changes if each.what == what and kind in ("", each.kind)]


@pytest.mark.parametrize(("here", "there"), ALIKE)
def test_the_changes_account_for_the_whole_difference(here: str, there: str) -> None:
    """In parameters and in multiply-adds, to the last one."""
    comparison = compared(here, there)
    assert comparison.alike
    assert sum(each.parameters for each in comparison.changes) == traced(here).parameters - traced(there).parameters
    assert sum(each.macs for each in comparison.changes) == traced(here).macs - traced(there).macs


@pytest.mark.parametrize(("here", "there"), [*ALIKE, *UNLIKE])
def test_the_stages_account_for_both_nets(here: str, there: str) -> None:
    """Every stage stands in one pair, in running order, and their figures add up to the nets'."""
    comparison = compared(here, there)
    for at, name in enumerate((here, there)):
        stages = [pair[at] for pair in comparison.stages if pair[at]]
        assert [each.name for each in stages] == list(dict.fromkeys(node.stage for node in traced(name).nodes))
        assert sum(each.parameters for each in stages) == traced(name).parameters
        assert sum(each.macs for each in stages) == traced(name).macs


@pytest.mark.parametrize(("here", "there"), ALIKE)
def test_seen_from_the_other_side_it_is_the_opposite(here: str, there: str) -> None:
    """The same layers in the same blocks; figures change their sign."""

    def told(comparison: ModelComparison, sign: int) -> set[tuple[object, ...]]:
        return {
            (each.kind, frozenset(each.blocks), each.count, sign * each.parameters, sign * each.macs)
            for each in comparison.changes
            if each.parameters or each.macs
        }

    assert told(compared(here, there), 1) == told(compared(there, here), -1)


@pytest.mark.parametrize(
    "name", ["googlenet", "inception_resnet_v2_tiny", "resnet50_v2", "resnet20", "resnext50_32x4d"]
)
def test_a_net_does_not_differ_from_itself(name: str) -> None:
    """Nothing is told."""
    comparison = compared(name, name)
    assert comparison.identical
    assert comparison.changes == ()


@pytest.mark.parametrize(("here", "there"), UNLIKE)
def test_nets_of_different_plans_are_compared_by_stage(here: str, there: str) -> None:
    """No layer is told to stand for another; stages stand beside those of the same stride."""
    comparison = compared(here, there)
    assert not comparison.alike
    assert comparison.changes == ()
    both = [pair for pair in comparison.stages if pair[0] and pair[1]]
    assert both[-1][0].name == both[-1][1].name == "head"
    assert all(left.stride == right.stride for left, right in both[:-1])
    assert all(
        earlier.stride <= later.stride
        for earlier, later in pairwise([left or right for left, right in comparison.stages][:-1])
    )


def test_googlenet_lacks_the_5x5_of_its_paper() -> None:
    """True 5x5 adds 380,928 parameters and 0.084 GMACs (7,005,832 parameters in all; pytorch/vision#906)."""
    comparison = compared("googlenet", "googlenet_paper")
    (kernel,) = of(comparison, "kernel", "convolution")
    assert (kernel.here, kernel.there, kernel.layers) == ("3x3", "5x5", ("5x5 conv",))
    assert (kernel.count, kernel.every, kernel.parameters) == (9, True, -380_928)
    assert round(kernel.macs / 1e9, 3) == -0.084
    assert [each.kind for each in of(comparison, "layer")] == ["batch norm", "local response norm"]
    (bias,) = of(comparison, "bias")
    assert (bias.count, bias.here, bias.there) == (57, "no bias", "a bias")


def test_v1_and_v15_differ_by_the_stride_alone() -> None:
    """3.858 against 4.089 GMACs with the same 25,557,032 parameters."""
    comparison = compared("resnet50", "resnet50_v1")
    assert {each.what for each in comparison.changes} == {"stride"}
    assert [each.layers for each in comparison.changes] == [("residual reduce",), ("residual conv",)]
    assert all(each.blocks == ("block2_1", "block3_1", "block4_1") for each in comparison.changes)
    assert [round(net.macs / 1e9, 3) for net in (comparison.here, comparison.there)] == [4.089, 3.858]


def test_a_deeper_net_has_more_blocks_and_nothing_else() -> None:
    """ResNet-34 is ResNet-18 with 3, 4, 6 and 3 blocks for 2 of each (He et al. 2016, Table 1)."""
    comparison = compared("resnet18", "resnet34")
    assert {each.what for each in comparison.changes} == {"block"}
    assert {each.stages[0]: each.count for each in comparison.changes} == {
        "stage1": 1,
        "stage2": 2,
        "stage3": 4,
        "stage4": 1,
    }


@pytest.mark.parametrize(
    ("here", "there", "kinds"),
    [
        ("resnet34", "plain34", {("projection", "none"): 3, ("identity", "none"): 13}),
        ("resnet20", "plain20", {("padded with zeros", "none"): 2, ("identity", "none"): 7}),
        ("resnet50", "resnet50_d", {("projection", "pooled projection"): 3}),
    ],
)
def test_shortcuts_differ_by_kind(here: str, there: str, kinds: dict[tuple[str, str], int]) -> None:
    """Of a plain net, of option A, of ResNet-D."""
    shortcuts = of(compared(here, there), "shortcut")
    assert {(each.here, each.there): each.count for each in shortcuts} == kinds


def test_preactivation_is_an_order_of_layers() -> None:
    """In all 16 blocks of ResNet-50 (He et al. 2016, arXiv 1603.05027, Fig. 1)."""
    (order,) = of(compared("resnet50", "resnet50_v2"), "order")
    assert (order.here, order.there, len(order.blocks)) == ("after", "before", 16)


def test_a_cardinality_is_a_number_of_groups() -> None:
    """ResNeXt-50's 3x3 has 32 groups and twice the width in every block (Xie et al. 2017, Table 1)."""
    (groups,) = of(compared("resnext50_32x4d", "resnet50"), "groups, width")
    assert groups.here == "32 groups, 2 times the channels"
    assert (groups.there, groups.layers, groups.count) == ("no groups", ("residual conv",), 16)


def test_without_reduction_the_1x1_are_gone_and_the_others_take_in_more() -> None:
    """Two reductions in each of nine modules, and the two convolutions behind them."""
    comparison = compared("googlenet:without_reduction", "googlenet")
    (gone,) = of(comparison, "layer")
    assert (gone.layers, gone.there, gone.count) == (("3x3 reduce", "5x5 reduce"), "1x1", 18)
    (input_,) = of(comparison, "input")
    assert (input_.here, input_.count) == ("more channels", 18)


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("googlenet_paper", 22),  # "22 layers deep when counting only layers with parameters"
        *((f"resnet{depth}", depth) for depth in (18, 34, 50, 101, 152, 20, 56, 110)),
        ("plain34", 34),
        ("resnet164_v2", 164),
        ("wide_resnet50_2", 50),
    ],
)
def test_depth_is_the_one_in_the_name(name: str, depth: int) -> None:
    """As the papers count: layers with weights on the longest way; shortcuts and side by side branches do not add."""
    assert depth_of(traced(name).nodes) == depth


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name.endswith("_tiny")])
def test_the_fast_count_is_that_of_the_trace(name: str) -> None:
    """Two independent ways: hooks on layers, and operators as they run."""
    size, record = size_of(name), traced(name)
    assert (size.parameters, size.macs) == (record.parameters, record.macs)
