"""The ResNet line: its rows of the catalog."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from inarch.models.architecture import Architecture, rows_alike
from inarch.models.cifar_resnet import cifar_depths, cifar_plain, cifar_resnet
from inarch.models.preactivation import BARE_PHOTO_STEM, basic_v2, bottleneck_v2, resnet_v2, small_resnet_v2
from inarch.models.resnet import DEPTHS, resnet
from inarch.models.resnet_departures import ResNetDeparture as Differs
from inarch.models.resnet_departures import departures_of
from inarch.models.resnet_parts import (
    BASIC,
    DEEP_STEM,
    HALF_STEM,
    SMALL_STEM,
    ResNetParts,
    average_shortcut,
    bottleneck,
    no_shortcut,
    padded_shortcut,
    stride_on_first,
)
from inarch.normalisation import HALF

_RESNET = partial(Architecture, family="resnet", image_size=224, source="He et al. 2016, arXiv 1512.03385, Table 1")
_TORCH = partial(  # their authors' code already pads the pool and strides in the 3x3
    _RESNET, variant="torchvision", departures=departures_of(Differs.ZERO_START, Differs.TORCH_START)
)
_RESNET_D = partial(_RESNET, family="resnet_d", variant="timm", source="He et al. 2019, arXiv 1812.01187, Fig. 2")
_V2 = partial(
    _RESNET,
    family="resnet_v2",
    variant="timm",
    source="He et al. 2016, arXiv 1603.05027, Fig. 4e",
    mean=HALF,
    std=HALF,
)
_CIFAR = partial(
    _RESNET,
    variant="paper",
    image_size=32,
    classes=10,
    source="He et al. 2016, arXiv 1512.03385, section 4.2",
)
_CIFAR_V2 = partial(_CIFAR, family="resnet_v2", source="He et al. 2016, arXiv 1603.05027, Table 3")
_resnet_d = partial(resnet, shortcut=average_shortcut)
_tiny_resnet = partial(resnet, depths=(1, 1, 1, 1), width=16)

_FULL_SIZE: Mapping[str, Architecture] = MappingProxyType(
    {
        **rows_alike(
            partial(
                _RESNET,
                variant="paper",
                departures=departures_of(
                    Differs.PROJECTIONS,
                    Differs.POOL_PADDING,
                    Differs.CHANNEL_MEAN,
                    Differs.ZERO_START,
                    Differs.NARROW_LINEAR,
                ),
            ),
            {
                "resnet18": partial(resnet, parts=ResNetParts(BASIC), depths=DEPTHS[18]),
                "resnet34": partial(resnet, parts=ResNetParts(BASIC), depths=DEPTHS[34]),
            },
        ),
        **rows_alike(
            partial(
                _RESNET,
                variant="v1.5",
                departures=departures_of(
                    Differs.STRIDE_ON_3X3,
                    Differs.POOL_PADDING,
                    Differs.CHANNEL_MEAN,
                    Differs.ZERO_START,
                    Differs.NARROW_LINEAR,
                ),
            ),
            {
                "resnet50": partial(resnet, parts=ResNetParts(bottleneck()), depths=DEPTHS[50]),
                "resnet101": partial(resnet, parts=ResNetParts(bottleneck()), depths=DEPTHS[101]),
                "resnet152": partial(resnet, parts=ResNetParts(bottleneck()), depths=DEPTHS[152]),
            },
        ),
        **rows_alike(
            partial(
                _RESNET,
                variant="v1",
                departures=departures_of(
                    Differs.POOL_PADDING, Differs.CHANNEL_MEAN, Differs.ZERO_START, Differs.NARROW_LINEAR
                ),
            ),
            {
                f"resnet{layers}_v1": partial(
                    resnet, parts=ResNetParts(bottleneck(strides=stride_on_first)), depths=DEPTHS[layers]
                )
                for layers in (50, 101, 152)
            },
        ),
        "resnet50_half": _RESNET(
            builder=partial(
                resnet, parts=ResNetParts(bottleneck(strides=stride_on_first), HALF_STEM), depths=DEPTHS[50], width=32
            ),
            variant="v1",
            source="He et al. 2016, arXiv 1512.03385, for content moderation",
            mean=(123 / 255, 117 / 255, 104 / 255),  # bytes less Caffe's means, as RGB
            std=(1 / 255, 1 / 255, 1 / 255),
            departures=departures_of(
                Differs.HALF_WIDTH, Differs.MODERATION, Differs.BYTES, Differs.ZERO_START, Differs.NARROW_LINEAR
            ),
        ),
        **rows_alike(
            partial(
                _RESNET,
                variant="paper",
                departures=departures_of(Differs.POOL_PADDING, Differs.CHANNEL_MEAN, Differs.NARROW_LINEAR),
            ),
            {
                "plain18": partial(resnet, parts=ResNetParts(BASIC), depths=DEPTHS[18], shortcut=no_shortcut),
                "plain34": partial(resnet, parts=ResNetParts(BASIC), depths=DEPTHS[34], shortcut=no_shortcut),
            },
        ),
        "resnet18_small": _RESNET(
            builder=partial(resnet, parts=ResNetParts(BASIC, SMALL_STEM), depths=DEPTHS[18]),
            variant="inarch",
            image_size=64,
            departures=departures_of(
                Differs.SMALL_IMAGES,
                Differs.PROJECTIONS,
                Differs.CHANNEL_MEAN,
                Differs.ZERO_START,
                Differs.NARROW_LINEAR,
            ),
        ),
        "resnet18_narrow": _RESNET(
            builder=partial(resnet, parts=ResNetParts(BASIC), depths=DEPTHS[18], width=48),
            variant="inarch",
            departures=departures_of(
                Differs.THREE_QUARTERS,
                Differs.PROJECTIONS,
                Differs.POOL_PADDING,
                Differs.CHANNEL_MEAN,
                Differs.ZERO_START,
                Differs.NARROW_LINEAR,
            ),
        ),
        **rows_alike(
            partial(_TORCH, source="Zagoruyko and Komodakis 2016, arXiv 1605.07146, Table 8"),
            {
                "wide_resnet50_2": partial(resnet, parts=ResNetParts(bottleneck(inner=2)), depths=DEPTHS[50]),
                "wide_resnet101_2": partial(resnet, parts=ResNetParts(bottleneck(inner=2)), depths=DEPTHS[101]),
            },
        ),
        **rows_alike(
            partial(_TORCH, source="Xie et al. 2017, arXiv 1611.05431, Table 1"),
            {
                "resnext50_32x4d": partial(
                    resnet, parts=ResNetParts(bottleneck(inner=2, groups=32)), depths=DEPTHS[50]
                ),
                "resnext101_32x8d": partial(
                    resnet, parts=ResNetParts(bottleneck(inner=4, groups=32)), depths=DEPTHS[101]
                ),
                "resnext101_64x4d": partial(
                    resnet, parts=ResNetParts(bottleneck(inner=4, groups=64)), depths=DEPTHS[101]
                ),
            },
        ),
        **rows_alike(
            partial(_RESNET_D, departures=departures_of(Differs.BASIC_D, Differs.XAVIER)),
            {
                "resnet18_d": partial(_resnet_d, parts=ResNetParts(BASIC, DEEP_STEM), depths=DEPTHS[18]),
                "resnet34_d": partial(_resnet_d, parts=ResNetParts(BASIC, DEEP_STEM), depths=DEPTHS[34]),
            },
        ),
        **rows_alike(
            partial(_RESNET_D, departures=departures_of(Differs.XAVIER)),
            {
                "resnet50_d": partial(_resnet_d, parts=ResNetParts(bottleneck(), DEEP_STEM), depths=DEPTHS[50]),
                "resnet101_d": partial(_resnet_d, parts=ResNetParts(bottleneck(), DEEP_STEM), depths=DEPTHS[101]),
            },
        ),
        **rows_alike(
            partial(
                _V2,
                departures=departures_of(
                    Differs.BASIC_V2, Differs.LATE_ACTIVATION, Differs.HALF_MEAN, Differs.TORCH_START
                ),
            ),
            {
                "resnet18_v2": partial(resnet_v2, parts=ResNetParts(basic_v2(), BARE_PHOTO_STEM), depths=DEPTHS[18]),
                "resnet34_v2": partial(resnet_v2, parts=ResNetParts(basic_v2(), BARE_PHOTO_STEM), depths=DEPTHS[34]),
            },
        ),
        **rows_alike(
            partial(_V2, departures=departures_of(Differs.LATE_ACTIVATION, Differs.HALF_MEAN, Differs.TORCH_START)),
            {
                name: partial(resnet_v2, parts=ResNetParts(bottleneck_v2(), BARE_PHOTO_STEM), depths=DEPTHS[layers])
                for name, layers in (("resnet50_v2", 50), ("resnet101_v2", 101), ("resnet152_v2", 152))
            },
        ),
        **rows_alike(
            partial(
                _CIFAR,
                departures=departures_of(
                    Differs.ZEROS_AROUND, Differs.CIFAR_MEAN, Differs.ZERO_START, Differs.NARROW_LINEAR
                ),
            ),
            {f"resnet{layers}": partial(cifar_resnet, depths=cifar_depths(layers)) for layers in (20, 32, 44, 56, 110)},
        ),
        **rows_alike(
            partial(_CIFAR, departures=departures_of(Differs.CIFAR_MEAN, Differs.NARROW_LINEAR)),
            {f"plain{layers}": partial(cifar_plain, depths=cifar_depths(layers)) for layers in (20, 32, 44, 56, 110)},
        ),
        "resnet110_v2": _CIFAR_V2(
            builder=partial(small_resnet_v2, depths=cifar_depths(110), shortcut=padded_shortcut),
            departures=departures_of(Differs.ZEROS_AROUND, Differs.FOREIGN_MEAN, Differs.TORCH_START),
        ),
        "resnet164_v2": _CIFAR_V2(
            builder=partial(
                small_resnet_v2,
                parts=ResNetParts(bottleneck_v2(strides=stride_on_first), SMALL_STEM),
                depths=cifar_depths(164, per_block=3),
            ),
            departures=departures_of(Differs.FOREIGN_MEAN, Differs.TORCH_START),
        ),
        **rows_alike(
            partial(
                _CIFAR_V2,
                source="Zagoruyko and Komodakis 2016, arXiv 1605.07146, Table 1",
                departures=departures_of(Differs.FOREIGN_MEAN, Differs.TORCH_START),
            ),
            {
                "wide_resnet16_4": partial(
                    small_resnet_v2, parts=ResNetParts(basic_v2(widen=4), SMALL_STEM), depths=(2, 2, 2)
                ),
                "wide_resnet28_10": partial(
                    small_resnet_v2, parts=ResNetParts(basic_v2(widen=10), SMALL_STEM), depths=(4, 4, 4)
                ),
            },
        ),
    }
)
RESNET_ROWS: Mapping[str, Architecture] = MappingProxyType(
    {
        **_FULL_SIZE,
        "resnet_tiny": replace(
            _FULL_SIZE["resnet50"], builder=partial(_tiny_resnet, parts=ResNetParts(bottleneck())), image_size=64
        ),
        "resnet_basic_tiny": replace(
            _FULL_SIZE["resnet18"], builder=partial(_tiny_resnet, parts=ResNetParts(BASIC)), image_size=64
        ),
        "resnet_v1_tiny": replace(
            _FULL_SIZE["resnet50_v1"],
            builder=partial(_tiny_resnet, parts=ResNetParts(bottleneck(strides=stride_on_first))),
            image_size=64,
        ),
        "resnet_half_tiny": replace(
            _FULL_SIZE["resnet50_half"],
            builder=partial(_tiny_resnet, parts=ResNetParts(bottleneck(strides=stride_on_first), HALF_STEM)),
            image_size=64,
        ),
        "plain_tiny": replace(
            _FULL_SIZE["plain18"],
            builder=partial(resnet, parts=ResNetParts(BASIC), depths=(1, 1, 1, 1), width=8, shortcut=no_shortcut),
            image_size=64,
        ),
        "resnet_small_tiny": replace(
            _FULL_SIZE["resnet18_small"],
            builder=partial(_tiny_resnet, parts=ResNetParts(BASIC, SMALL_STEM)),
            image_size=32,
        ),
        "resnext_tiny": replace(
            _FULL_SIZE["resnext50_32x4d"],
            builder=partial(_tiny_resnet, parts=ResNetParts(bottleneck(inner=2, groups=8))),
            image_size=64,
        ),
        "resnet_d_tiny": replace(
            _FULL_SIZE["resnet50_d"],
            builder=partial(_resnet_d, parts=ResNetParts(bottleneck(), DEEP_STEM), depths=(1, 1, 1, 1), width=16),
            image_size=64,
        ),
        "resnet_v2_tiny": replace(
            _FULL_SIZE["resnet50_v2"],
            builder=partial(
                resnet_v2, parts=ResNetParts(bottleneck_v2(), BARE_PHOTO_STEM), depths=(2, 1, 1, 1), width=16
            ),
            image_size=64,
        ),
        "cifar_resnet_tiny": replace(
            _FULL_SIZE["resnet20"], builder=partial(cifar_resnet, depths=cifar_depths(8), width=8)
        ),
        "wide_resnet_tiny": replace(
            _FULL_SIZE["wide_resnet16_4"],
            builder=partial(
                small_resnet_v2, parts=ResNetParts(basic_v2(widen=2), SMALL_STEM), depths=(2, 1, 1), width=8
            ),
        ),
    }
)
"""Every row of the line; a tiny model is like a full one, but for its builder and its image size."""
