"""The purpose and the cost of a block, in sentences derived from its layers."""

from collections.abc import Sequence
from itertools import takewhile

from inarch.commands.inspect.drawing.structure import (
    POOLS,
    BlockShape,
    DrawnFork,
    Join,
    Series,
)
from inarch.commands.inspect.drawing.summary import (
    Group,
    field_text,
    format_count,
    kernel_text,
    shape_text,
    share_text,
)
from inarch.models.anatomy.layers import is_depthwise
from inarch.models.anatomy.records import ModelTrace, Node
from inarch.report.wording import count_of


def block_caption(shape: BlockShape) -> str:
    """A few sentences on a block."""
    forks = [item for item in shape.series if isinstance(item, DrawnFork)]
    layers = [item for item in shape.series if not isinstance(item, DrawnFork)]
    if not shape.series:
        said = "Element-wise: " + ", ".join(dict.fromkeys(node.kind for node in shape.group.nodes)) + "."
    elif not forks:
        incoming = [shape.group.in_shape, *(layer.out_shape for layer in layers)]
        said = " ".join(_single_layer_caption(layer, before) for layer, before in zip(layers, incoming, strict=False))
    elif forks[0].join.kind == Join.ADDITION:
        said = _residual_caption(forks[0], shape.group)
    else:
        said = _inception_caption(forks[0], shape.group)
    return " ".join(each for each in (said, _cost(shape.group)) if each)


def stage_caption(stage: Group, trace: ModelTrace) -> str:
    """A few sentences on a stage."""
    last = stage.last
    blocks = count_of(len(stage.blocks), "block")
    said = (
        f"{blocks} with {count_of(len(stage.nodes), 'layer')} take {shape_text(stage.in_shape)} to "
        f"{shape_text(last.out_shape)}. {share_text(stage.macs, trace.macs)} of the model's MACs are computed here, by "
        f"{share_text(stage.parameters, trace.parameters)} of its parameters."
    )
    if len(last.out_shape) == 1:
        return said
    return f"{said} Its receptive field is {field_text(last)} pixels a side."


def unreduced_macs(group: Group) -> int:
    """The MACs of the block without the 1x1 convolutions before its larger convolutions, at the same other widths.

    In a bottleneck the 1x1 after the larger convolution is left out too: one convolution on all channels remains.
    """
    whole = group.macs
    for node in group.nodes:
        if node.concept != "1x1 reduction":
            continue
        behind = _find_following_convolutions(node, group.nodes)
        factor = node.in_shape[0] / node.out_shape[0]
        expand = _expansion(node, behind, group.nodes)
        whole -= node.macs
        for each in behind:
            widened = factor * (expand.out_shape[0] / each.out_shape[0] if expand else 1)
            whole += round(each.macs * widened) - each.macs
        whole -= expand.macs if expand else 0
    return whole


def _find_following_convolutions(node: Node, nodes: Sequence[Node]) -> list[Node]:
    """The convolutions on a reduction's output: the next of its path, or the first of every branch."""
    later = [each for each in nodes[nodes.index(node) + 1 :] if each.kind == "convolution"]
    inside = [each for each in later if f"{each.branch}/".startswith(f"{node.branch}/")]
    deeper = takewhile(lambda each: each.branch != node.branch, inside)
    return list({each.branch: each for each in reversed([*deeper])}.values()) or inside[:1]


def _expansion(node: Node, behind: Sequence[Node], nodes: Sequence[Node]) -> Node | None:
    """The 1x1 at the end of a bottleneck, if the path is only reduction, convolution, expansion."""
    path = [each for each in nodes if each.kind == "convolution" and each.branch == node.branch]
    if len(path) == 3 and path[0] is node and path[1] in behind and path[2].concept == "1x1 expansion":
        return path[2]
    return None


def _single_layer_caption(node: Node, before: tuple[int, ...]) -> str:
    """The sentence for a layer of a block without branches; ``before`` is the shape of its input, unpadded."""
    after = node.out_shape
    halves = (
        f", and reduces the grid from {before[-1]} to {after[-1]}"
        if len(after) == 3 and before[-1] != after[-1]
        else ""
    )
    kernel = kernel_text(node).split("/")[0].split(" ")[0]
    if node.kind == "linear":
        return f"A linear layer maps {before[0]:,} features to {after[0]:,} logits, one for each class."
    if node.kind in POOLS:
        if "global" in node.detail or after[-1] == 1:
            return f"Global average pooling makes one feature of each of {before[0]:,} channels."
        what = "largest" if node.kind == "max pool" else "mean"
        return f"Pooling keeps the {what} of every {kernel} window{halves}; it has no weights."
    if node.kind != "convolution":
        return "Local response normalisation reduces a value if its neighbours in other channels are large."
    if is_depthwise(node):
        return f"A {kernel} convolution filters each of {before[0]:,} channels by itself{halves}."
    if kernel == "1×1":
        return f"A 1×1 convolution mixes channels at every position, {before[0]:,} to {after[0]:,}{halves}."
    return f"A {kernel} convolution computes {after[0]:,} channels from {before[0]:,}{halves}."


def _inception_caption(fork: DrawnFork, group: Group) -> str:
    widths = [_width(path, group) for path in fork.paths]
    numbers = ("no", "one", "two", "three", "four", "five", "six")
    count = numbers[len(widths)] if len(widths) < len(numbers) else str(len(widths))
    added = f"{' + '.join(f'{each:,}' for each in widths)} = {sum(widths):,} channels"
    before, after = group.in_shape, group.last.out_shape
    if before[-1] != after[-1]:
        first = (
            f"The grid shrinks from {before[-1]} to {after[-1]}: {count} parallel branches with strides reduce it "
            f"without a representational bottleneck. They are concatenated to {added}."
        )
    else:
        first = (
            f"{count.capitalize()} branches with different kernel sizes process the same feature map, so that the "
            f"model need not choose one; they are concatenated to {added}."
        )
    projections = [node for node in group.nodes if node.concept == "pool projection"]
    if projections:
        node = projections[0]
        first += (
            f" A 1×1 convolution projects the pool's {node.in_shape[0]:,} channels to {node.out_shape[0]:,}, or the "
            "number of channels would grow with every block."
        )
    return first


def _residual_caption(fork: DrawnFork, group: Group) -> str:
    inside = [node for node in group.nodes if node.kind == "convolution" and not node.branch.endswith("shortcut")]
    kernels = ", ".join(kernel_text(node).split("/")[0].split(" ")[0] for node in inside)
    on_skip = [node for node in group.nodes if node.branch.endswith("shortcut") and node.kind == "convolution"]
    first = f"The output of {count_of(len(inside), 'convolution')} ({kernels}) is added to the block's input."
    if len(inside) > 4:
        first = f"The output of {len(inside)} convolutions is added to the block's input."
    changes = " The shape changes here, so the shortcut" if group.in_shape != group.last.out_shape else " The shortcut"
    if on_skip:
        return f"{first}{changes} is a 1×1 projection: the input cannot pass unchanged."
    if fork.paths[-1]:
        return f"{first}{changes} is subsampled and padded with zeros."
    return first + (
        " The identity shortcut passes values and gradients unchanged, so the block only learns a residual."
    )


def _width(path: Series, group: Group) -> int:
    if not path:
        return group.in_shape[0]
    last = path[-1]
    return (last.join if isinstance(last, DrawnFork) else last).out_shape[0]


def _cost(group: Group) -> str:
    if not group.macs:
        return ""
    said = f"It costs {format_count(group.macs)} MACs and {group.parameters:,} parameters."
    reductions = [node for node in group.nodes if node.concept == "1x1 reduction"]
    whole = unreduced_macs(group)
    if not reductions or whole <= group.macs:
        return said
    narrow = reductions[0]
    bottleneck = _expansion(narrow, _find_following_convolutions(narrow, group.nodes), group.nodes)
    what = "Without the surrounding 1×1 convolutions, on all channels," if bottleneck else "Without the 1×1 reductions,"
    return f"{said} {what} it would cost {format_count(whole)} MACs, {whole / group.macs:.1f} times as many."
