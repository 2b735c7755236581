"""What a trace measures, against the papers, torchvision, and PyTorch's own counter."""

import copy

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from inarch.errors import UnknownNameError, UserError
from inarch.models import (
    ARCHITECTURES,
    Backbone,
    Block,
    Classifier,
    build,
    linear_head,
)
from inarch.models.anatomy.records import ModelTrace, Node
from inarch.models.anatomy.trace import trace, trace_architecture
from traces import traced

PUBLISHED = [  # parameters, giga-MACs: torchvision's table; for the paper's own nets, computed from their Table 1
    ("resnet18", 224, 11_689_512, 1.814),
    ("resnet34", 224, 21_797_672, 3.664),
    ("resnet50", 224, 25_557_032, 4.089),
    ("resnet101", 224, 44_549_160, 7.801),
    ("resnet152", 224, 60_192_808, 11.514),
    ("resnet50_v1", 224, 25_557_032, 3.858),
    ("googlenet", 224, 6_624_904, 1.498),
    ("googlenet_paper", 224, 6_998_552, 1.583),
    ("inception_v3", 299, 23_834_568, 5.713),
    ("inception_v3", 224, 23_834_568, 2.838),
]

GOOGLENET_TABLE = {  # Szegedy et al. 2015, Table 1: exact weights and biases, and mega-MACs ("ops") from the shapes
    "3a": (163_696, 128.0),
    "3b": (388_736, 304.3),
    "4a": (376_176, 73.6),
    "4b": (449_160, 87.9),
    "4c": (510_104, 99.9),
    "4d": (605_376, 118.5),
    "4e": (868_352, 170.0),
    "5a": (1_043_456, 51.1),
    "5b": (1_444_080, 70.7),
}


def of_block(record: ModelTrace, block: str) -> list[Node]:
    return [node for node in record.nodes if node.block == block]


def last_map(record: ModelTrace) -> Node:
    return [node for node in record.nodes if node.stage != "head"][-1]


@pytest.mark.parametrize(("name", "size", "parameters", "giga"), PUBLISHED)
def test_parameters_and_macs_are_the_published_ones(name: str, size: int, parameters: int, giga: float) -> None:
    """Counts agree to the last weight, MACs to the last digit that is published."""
    record = traced(name, size)
    assert record.parameters == parameters
    assert round(record.macs / 1e9, 3) == giga


@pytest.mark.parametrize(("block", "expected"), GOOGLENET_TABLE.items())
def test_every_googlenet_module_agrees_with_the_papers_table(block: str, expected: tuple[int, float]) -> None:
    """Per module, not only in sum: two errors cannot cancel."""
    nodes = of_block(traced("googlenet_paper"), block)
    assert sum(node.parameters for node in nodes) == expected[0]
    assert round(sum(node.macs for node in nodes) / 1e6, 1) == expected[1]


@pytest.mark.parametrize(("name", "size"), [("resnet50", 193), ("googlenet", 161), ("inception_v3", 111)])
def test_macs_agree_with_pytorchs_counter_on_torchvisions_net(name: str, size: int) -> None:
    """An independent net under an independent counter, at a size where every rounding matters."""
    with torch.device("meta"):
        options = {} if name == "resnet50" else {"aux_logits": False, "init_weights": False}
        theirs = getattr(torchvision.models, name)(weights=None, **options).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            theirs(torch.empty(1, 3, size, size))
    assert 2 * trace_architecture(name, image_size=size).macs == counter.get_total_flops()


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        (
            "resnet50_v1",
            483,
        ),  # these four: Araujo, Norris and Sim 2019, Table 1 (distill.pub/2019/computing-receptive-fields)
        ("resnet101_v1", 1027),
        ("resnet152_v1", 1507),
        ("inception_v3", 1311),
        ("resnet50", 483 - 56),  # v1.5 strides after the 3x3 has looked: 8 + 16 + 32 pixels less
        ("resnet101", 1027 - 56),
        ("resnet152", 1507 - 56),
    ],
)
def test_receptive_field_of_the_last_map_is_the_published_one(name: str, pixels: int) -> None:
    """The widest path to the last map; where the stride stands is worth 56 pixels."""
    assert last_map(traced(name)).receptive_field == pixels


@pytest.mark.parametrize(("name", "depths"), [("resnet18", (2, 2, 2, 2)), ("resnet34", (3, 4, 6, 3))])
def test_receptive_field_of_basic_blocks_follows_from_the_depths(name: str, depths: tuple[int, ...]) -> None:
    """The stem sees 11 pixels; every 3x3 adds twice the pixels between its inputs, a strided one half of that."""
    expected = 11
    for stage, depth in enumerate(depths):
        jump = 4 * 2**stage
        expected += 2 * depth * 2 * jump - (jump if stage else 0)
    assert last_map(traced(name)).receptive_field == expected


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152_v1"])
def test_shortcuts_alone_see_what_the_stem_sees(name: str) -> None:
    """The narrowest path runs through shortcuts, which are 1x1: 11 pixels, through however many blocks."""
    assert last_map(traced(name)).receptive_field_min == 11


def test_receptive_field_is_what_a_gradient_reaches() -> None:
    """One value of a real net depends on exactly as many pixels a side as the record says, per axis at most."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 4, (1, 7), padding=(0, 3)),
        nn.Conv2d(4, 4, (5, 1), stride=2, padding=(2, 0)),
        nn.AvgPool2d(3, 2),
        nn.Conv2d(4, 4, 3, dilation=2),
    )
    model = Classifier(Backbone({"stem": [Block("all", layers, 4, 4)]}), linear_head(4, 2)).double()
    images = torch.randn(1, 3, 101, 101, dtype=torch.float64, requires_grad=True)
    feature_map = model.backbone(images)
    middle = feature_map.shape[-1] // 2
    feature_map[0, 0, middle, middle].backward()
    assert images.grad is not None
    rows, columns = (images.grad.abs().sum(dim=(0, 1, 3)) > 0, images.grad.abs().sum(dim=(0, 1, 2)) > 0)
    extents = [int(axis.nonzero().max() - axis.nonzero().min()) + 1 for axis in (rows, columns)]
    record = trace(model, name="custom", image_size=101)
    assert last_map(record).receptive_field == max(extents)


def test_global_pooling_sees_from_edge_to_edge() -> None:
    """Behind it a value sees the last map's field and, on top, the way across the map."""
    record = traced("resnet18")
    before, pooled = last_map(record), record.nodes[-2]
    assert (pooled.kind, pooled.out_shape) == ("average pool", (512, 1, 1))
    assert pooled.receptive_field == before.receptive_field + (before.out_shape[-1] - 1) * before.stride


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_blocks_put_out_what_they_declare(name: str) -> None:
    """Channels and stride of every block's last node are the backbone's own declaration."""
    record = traced(name)
    taps = build(name, device="meta").backbone.taps
    for block in dict.fromkeys(node.block for node in record.nodes if node.stage != "head"):
        last = of_block(record, block)[-1]
        assert (last.out_shape[0], last.stride) == (taps[block].channels, taps[block].stride)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nodes_chain_up_and_account_for_every_parameter(name: str) -> None:
    """The first node takes the image, the last gives the logits, and no parameter is lost or counted twice."""
    record, model = traced(name), build(name, device="meta")
    assert record.nodes[0].in_shape == (3, record.image_size, record.image_size)
    assert record.nodes[-1].out_shape == (1000,)
    assert record.parameters == sum(each.numel() for each in model.parameters())


def test_joins_are_nodes_of_their_blocks() -> None:
    """Nine concatenations in GoogLeNet; in Inception v3, whose last modules fan out twice, four more than modules."""
    googlenet = traced("googlenet")
    joins = [node for node in googlenet.nodes if node.kind == "concatenation"]
    assert [node.block for node in joins] == ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    assert all(node.branch == "" for node in joins)
    inner = [node for node in traced("inception_v3").nodes if "/" in node.branch and node.macs]
    assert {node.branch for node in inner} == {"3x3/1x3", "3x3/3x1", "3x3_twice/1x3", "3x3_twice/3x1"}


def test_residual_blocks_say_which_path_is_which() -> None:
    """In ResNet-50 sixteen additions, and a projection at the head of each stage only."""
    nodes = traced("resnet50").nodes
    assert sum(node.kind == "addition" for node in nodes) == 16
    projections = [node.block for node in nodes if node.branch == "shortcut" and node.kind == "convolution"]
    assert projections == ["block1_1", "block2_1", "block3_1", "block4_1"]


def test_local_response_normalisation_is_one_node() -> None:
    """It takes many operators; they are one layer, and see no further across the map."""
    record = traced("googlenet_paper")
    norms = [at for at, node in enumerate(record.nodes) if node.kind == "local response norm"]
    assert len(norms) == 2
    for at in norms:
        assert record.nodes[at].receptive_field == record.nodes[at - 1].receptive_field


def test_the_model_is_left_as_it_was() -> None:
    """Weights, device, every module's mode, gradients' flags and hooks; and the caller's hooks do not run."""
    model = build("resnet_tiny", classes=3)
    model.train()
    model.backbone.stages["stage2"].eval()
    next(model.parameters()).requires_grad_(False)
    seen: list[nn.Module] = []
    model.head.register_forward_hook(lambda module, _inputs, _outputs: seen.append(module))
    weights = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    flags = [each.requires_grad for each in model.parameters()]
    trace(model, name="resnet_tiny", image_size=64)
    assert seen == []
    assert [module.training for module in model.modules()] == modes
    assert [each.requires_grad for each in model.parameters()] == flags
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    assert [len(module._forward_hooks) for module in model.modules() if module is not model.head] == [0] * (
        len(modes) - 1
    )
    assert all(not module._forward_pre_hooks for module in model.modules())


def test_a_trained_model_and_its_shapes_alone_give_one_record() -> None:
    """The weights' device, values and type, and the mode, play no part."""
    bare = build("googlenet_tiny", device="meta")
    real = build("googlenet_tiny").train().half()
    assert trace(bare, name="x", image_size=64) == trace(real, name="x", image_size=64)


def test_auxiliary_heads_do_not_run() -> None:
    """They serve training; in evaluation they cost nothing and are not in the record."""
    with_heads = build("googlenet", auxiliary=("4a", "4d"), device="meta")
    assert trace(with_heads, name="googlenet", image_size=224).parameters == 6_624_904


class Scaled(nn.Module):
    """A block that owns a parameter and computes on its own between its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1, groups=3)
        self.scale = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, feature_map: Tensor) -> Tensor:
        return torch.relu(self.conv(feature_map) * self.scale + feature_map)


def test_functions_without_a_module_are_seen() -> None:
    """Whatever a block runs itself is a node, its own parameters are counted once, grouped convolutions by group."""
    model = Classifier(Backbone({"stem": [Block("scaled", Scaled(), 3, 1)]}), linear_head(3, 2))
    record = trace(model, name="scaled", image_size=8)
    assert [node.kind for node in of_block(record, "scaled")] == ["convolution", "mul", "addition", "relu"]
    assert record.nodes[0].detail == "3x3 groups 3"
    assert record.nodes[0].macs == 8 * 8 * 3 * 9
    assert record.parameters == sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize(("name", "size"), [("inception_v3", 74), ("googlenet", 14), ("googlenet_paper", 2)])
def test_too_small_an_image_is_said_plainly(name: str, size: int) -> None:
    """The message names the net, the size, and what to do."""
    with pytest.raises(UserError, match=rf"{name} cannot run on images of {size} x {size} pixels.*larger image"):
        trace_architecture(name, image_size=size)


def test_inception_v3_runs_from_75_pixels_on() -> None:
    """torchvision documents 75 as its smallest image."""
    assert trace_architecture("inception_v3", image_size=75).nodes[-1].out_shape == (1000,)


def test_a_defect_in_the_model_is_not_called_a_small_image() -> None:
    """Only a window larger than its map is the image's fault."""
    broken = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3))
    model = Classifier(Backbone({"stem": [Block("broken", broken, 4, 1)]}), linear_head(4, 2))
    with pytest.raises(RuntimeError, match="channel"):
        trace(model, name="broken", image_size=32)


@pytest.mark.parametrize("size", [0, -5])
def test_an_image_has_pixels(size: int) -> None:
    """No size below one."""
    with pytest.raises(UserError, match="at least one pixel"):
        trace_architecture("resnet_tiny", image_size=size)


def test_an_unknown_name_is_said_so() -> None:
    """With the nearest one that exists."""
    with pytest.raises(UnknownNameError, match="'resnet152'"):
        trace_architecture("resnet15")
