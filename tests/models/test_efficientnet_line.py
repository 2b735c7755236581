"""The EfficientNet line: the paper's table, the identities that its blocks promise, and timm as an oracle."""

from itertools import groupby, islice
from operator import attrgetter

import pytest
import timm
import torch
from torch import Tensor

from inarch.models import ARCHITECTURES, build
from inarch.models.anatomy.layers import is_depthwise, settings_of
from inarch.models.blocks import ResidualSum
from inarch.models.convolution import Conv
from inarch.models.efficientnet_lite import conv_norm_relu6, efficientnet_lite_backbone
from inarch.models.resnet_parts import no_shortcut
from lively import enlivened
from tolerance import assert_same_computation, terms_of
from traces import traced

LITE0 = "efficientnet_lite0"
TABLE_1 = (  # Tan and Le 2019, Table 1, stages 2 to 8: expansion, kernel, resolution that comes in, channels, layers
    (1, 3, 112, 16, 1),
    (6, 3, 112, 24, 2),
    (6, 5, 56, 40, 2),
    (6, 3, 28, 80, 3),
    (6, 5, 14, 112, 3),
    (6, 5, 14, 192, 4),
    (6, 3, 7, 320, 1),
)


def images(n: int, size: int) -> Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(7))


def test_blocks_are_those_of_table_1() -> None:
    """Expansion, kernel and channels of every block, and the resolution at which each row begins."""
    nodes = [node for node in traced(LITE0).nodes if node.block.startswith("block")]
    found = []
    for _, run in groupby(nodes, attrgetter("block")):
        block = [*run]
        (depthwise,) = (node for node in block if is_depthwise(node))
        channels, side, _ = block[0].in_shape
        kernel = int(settings_of(depthwise)["kernel"][0])
        found.append((depthwise.in_shape[0] // channels, kernel, side, block[-1].out_shape[0]))
    rows = iter(found)
    for expansion, kernel, side, channels, layers in TABLE_1:
        first, *others = islice(rows, layers)
        assert first == (expansion, kernel, side, channels)
        assert {(*each[:2], each[3]) for each in others} <= {(expansion, kernel, channels)}
    assert [*rows] == []
    assert [info.channels for info in build(LITE0, device="meta").backbone.info] == [32, 16, 24, 40, 112, 1280]


def test_blocks_that_keep_their_shape_add_what_came_in() -> None:
    """The others have no shortcut, and no projection stands in for one; without any, the parameters are the same."""
    backbone = efficientnet_lite_backbone()
    adding = [name for name, module in backbone.named_modules() if isinstance(module, ResidualSum)]
    assert [name.rpartition(".")[2] for name in adding] == [
        *("block2_2", "block3_2", "block4_2", "block4_3", "block4_5", "block4_6", "block5_2", "block5_3", "block5_4")
    ]
    plain = efficientnet_lite_backbone(shortcut=no_shortcut)
    assert plain.state_dict().keys() == backbone.state_dict().keys()


@torch.no_grad()
def test_the_narrow_ends_are_not_activated() -> None:
    """A linear bottleneck (Sandler et al. 2018): maps between blocks have both signs, the widened ones 0 to 6."""
    backbone = enlivened(build("efficientnet_lite_tiny")).backbone.eval()
    maps = backbone.tapped(images(2, 64), tuple(backbone.taps))
    for tap, feature_map in maps.items():
        activated = tap in ("conv1", "stem", "final_conv", "stage5")
        assert (feature_map.min() >= 0) == activated, tap
        assert not activated or feature_map.max() <= 6


@pytest.mark.parametrize("kernel", [3, 5])
@torch.no_grad()
def test_a_strided_convolution_pads_as_tensorflow_on_an_even_grid(kernel: int) -> None:
    """``SAME`` of TensorFlow: as many windows as half the grid, and what is odd goes to the right and bottom."""
    unit = conv_norm_relu6(3, Conv("conv", 4, kernel, stride=2)).eval()
    same = timm.layers.Conv2dSame(3, 4, kernel, stride=2, bias=False)
    same.weight.copy_(unit.conv.weight)
    expected = unit.relu(unit.norm(same(images(1, 12))))
    assert_same_computation(unit(images(1, 12)), expected, terms=terms_of(unit))
    assert unit(images(1, 12)).shape[2] == 6


@pytest.mark.parametrize("size", [224, 96])
@torch.no_grad()
def test_logits_are_timms(size: int) -> None:
    """timm's port of the authors' net has the same layers in the same order; even grids at every stride."""
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=10).eval()
    ours = enlivened(build(LITE0, classes=10)).eval()
    state = ours.state_dict()
    given = dict(zip(theirs.state_dict(), state.values(), strict=True))
    theirs.load_state_dict(given, strict=True)
    expected = theirs(images(1, size))
    assert expected.std() > 0
    assert_same_computation(ours(images(1, size)), expected, terms=terms_of(ours))


def test_departures_are_declared_and_distinct() -> None:
    """Those that the authors name in their release, and what we left out."""
    departures = ARCHITECTURES[LITE0].departures
    assert len({each.what for each in departures}) == len(departures)
    for word in ("squeeze-and-excitation", "ReLU6", "dropped in training"):
        assert any(word in each.what for each in departures)
