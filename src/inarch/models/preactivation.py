"""Pre-activation ResNet, "v2". He et al. 2016, "Identity mappings in deep residual networks", arXiv 1603.05027.

Normalisation and ReLU stand before a convolution instead of behind it, so that nothing stands on the way from one
sum to the next. **A tap after a block is that bare sum**: signed, not normalised, and the larger the deeper; the next
block sees it through a normalisation and a ReLU of its own. Only the last stage ends with an activation, the block
``final_norm``, so that its map, and the whole backbone's, is what the other models have at every tap. Who probes or
cuts before it should standardise the features.

Wide ResNets for CIFAR (Zagoruyko and Komodakis 2016, arXiv 1605.07146) are these models with a wider basic path.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from inarch.models.backbone import (
    Backbone,
    Block,
    Classifier,
    linear_head,
)
from inarch.models.blocks import add_shortcut
from inarch.models.convolution import Conv, conv_norm_relu, conv_only
from inarch.models.resnet import BlockPlace, stack_stages
from inarch.models.resnet_parts import (
    SMALL_STEM,
    Residual,
    ResNetParts,
    Shortcut,
    Stem,
    stride_on_second,
)


def preactivation(channels: int) -> nn.Sequential:
    """Batch normalisation and ReLU.

    It follows no convolution and so cannot be folded into one, which is why it isn't called ``norm``, as those are
    that can.
    """
    return nn.Sequential(OrderedDict(batch_norm=nn.BatchNorm2d(channels), relu=nn.ReLU()))


def _basic_path(in_channels: int, width: int, stride: int, *, widen: int) -> nn.Sequential:
    wide = widen * width
    return nn.Sequential(
        OrderedDict(
            conv1=conv_norm_relu(in_channels, Conv("conv1", wide, 3, stride)),
            conv2=conv_only(wide, Conv("conv2", wide, 3)),
        )
    )


def _bottleneck_path(
    in_channels: int, width: int, stride: int, *, strides: Callable[[int], tuple[int, int]]
) -> nn.Sequential:
    first, second = strides(stride)
    return nn.Sequential(
        OrderedDict(
            reduce=conv_norm_relu(in_channels, Conv("reduce", width, 1, first)),
            conv=conv_norm_relu(width, Conv("conv", width, 3, second)),
            expand=conv_only(width, Conv("expand", 4 * width, 1)),
        )
    )


def basic_v2(*, widen: int = 1) -> Residual:
    """Two 3x3 convolutions of ``widen`` times the stage's width, without the activation before the first."""
    return Residual(widen, partial(_basic_path, widen=widen))


def bottleneck_v2(*, strides: Callable[[int], tuple[int, int]] = stride_on_second) -> Residual:
    """A bottleneck without the activation before its first convolution; ``strides`` as for `bottleneck`."""
    return Residual(4, partial(_bottleneck_path, strides=strides))


def bare_projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Identity where shapes already agree, else a 1x1 projection without normalisation."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_only(in_channels, Conv("projection", out_channels, 1, stride))


def _bare_photo_stem(width: int) -> Sequence[Block]:
    return (
        Block("conv1", conv_only(3, Conv("conv1", width, 7, stride=2)), width, 2),
        Block("pool1", nn.MaxPool2d(3, 2, 1), width, 4),
    )


BARE_PHOTO_STEM = Stem(_bare_photo_stem, activated=False)
"""A 7x7 with stride 2 and a pool, with nothing between them."""


def add_preactivation(activation: nn.Module, residual: nn.Module, shortcut: nn.Module | None) -> nn.Module:
    """A sum whose residual path begins with ``activation``.

    An identity shortcut passes by the activation; one that changes the shape begins behind it, as in the paper's
    code, for it is not the identity anyhow.
    """
    if isinstance(shortcut, nn.Identity):
        path = OrderedDict(preactivation=activation, **dict(residual.named_children()))
        return add_shortcut(nn.Sequential(path), shortcut)
    return nn.Sequential(OrderedDict(preactivation=activation, sum=add_shortcut(residual, shortcut)))


def preactivation_backbone(
    residual: Residual,
    depths: Sequence[int],
    *,
    width: int = 64,
    stem: Stem = BARE_PHOTO_STEM,
    shortcut: Shortcut = bare_projection,
) -> Backbone:
    """A stem, stages of pre-activation blocks, and a final normalisation and ReLU.

    Args:
        residual: `basic_v2` or `bottleneck_v2`.
        depths: blocks per stage.
        width: channels of the stem and of the first stage's inner convolutions.
        stem: behind one that is activated, the first block has no pre-activation (the paper's appendix).
        shortcut: builds the skip path: `bare_projection`, `padded_shortcut` or `without_shortcut`.
    """

    def block(at: BlockPlace) -> nn.Module:
        path = residual.build(at.in_channels, at.width, at.stride)
        skip = shortcut(at.in_channels, residual.expansion * at.width, at.stride)
        if at.is_first and stem.activated:
            return add_shortcut(path, skip)
        return add_preactivation(preactivation(at.in_channels), path, skip)

    stages = stack_stages(stem.build(width), depths, width, residual.expansion, block)
    last = stages[f"stage{len(depths)}"]
    last.append(Block("final_norm", preactivation(last[-1].channels), last[-1].channels, last[-1].stride))
    return Backbone(stages)


def resnet_v2(
    classes: int,
    *,
    parts: ResNetParts,
    depths: Sequence[int],
    width: int = 64,
    shortcut: Shortcut = bare_projection,
) -> Classifier:
    """A pre-activation model; its arguments, and the two of ``parts``, are those of `preactivation_backbone`."""
    backbone = preactivation_backbone(parts.residual, depths, width=width, stem=parts.stem, shortcut=shortcut)
    return Classifier(backbone, linear_head(backbone.channels, classes))


small_resnet_v2 = partial(resnet_v2, parts=ResNetParts(basic_v2(), SMALL_STEM), width=16)
"""For images of 32 pixels, as wide as the models of He et al. 2016, section 4.2."""
