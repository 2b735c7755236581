"""The ResNet line: its rows of the catalog."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from inarch.models.architecture import Architecture
from inarch.models.cifar_resnet import (
    CIFAR_DEPARTURES,
    CIFAR_PLAIN_DEPARTURES,
    cifar_depths,
    cifar_plain,
    cifar_resnet,
)
from inarch.models.preactivation import (
    BASIC_V2_DEPARTURES,
    PADDED_V2_DEPARTURES,
    SMALL_V2_DEPARTURES,
    V2_DEPARTURES,
    basic_v2,
    bottleneck_v2,
    resnet_v2,
    small_resnet_v2,
)
from inarch.models.resnet import (
    BASIC_D_DEPARTURES,
    BASIC_DEPARTURES,
    BOTTLENECK_DEPARTURES,
    BOTTLENECK_V1_DEPARTURES,
    BYTE_MEAN,
    BYTE_STD,
    DEPTHS_18,
    DEPTHS_34,
    DEPTHS_50,
    DEPTHS_101,
    DEPTHS_152,
    HALF_DEPARTURES,
    NARROW_DEPARTURES,
    PLAIN_DEPARTURES,
    RESNET_D_DEPARTURES,
    SMALL_DEPARTURES,
    TORCH_DEPARTURES,
    resnet,
    resnet_d,
)
from inarch.models.resnet_parts import (
    BASIC,
    BOTTLENECK,
    BOTTLENECK_V1,
    HALF_STEM,
    SMALL_STEM,
    bottleneck,
    no_shortcut,
    padded_shortcut,
    stride_on_first,
)
from inarch.normalisation import HALF

_RESNET = partial(Architecture, family="resnet", image_size=224, source="He et al. 2016, arXiv 1512.03385, Table 1")
_BASIC = partial(_RESNET, variant="paper", departures=BASIC_DEPARTURES)
_BOTTLENECK = partial(_RESNET, variant="v1.5", departures=BOTTLENECK_DEPARTURES)
_BOTTLENECK_V1 = partial(_RESNET, variant="v1", departures=BOTTLENECK_V1_DEPARTURES)
_HALF = partial(
    _RESNET,
    variant="v1",
    source="He et al. 2016, arXiv 1512.03385, for content moderation",
    mean=BYTE_MEAN,
    std=BYTE_STD,
    departures=HALF_DEPARTURES,
)
_PLAIN = partial(_RESNET, variant="paper", departures=PLAIN_DEPARTURES)
_TORCH = partial(_RESNET, variant="torchvision", departures=TORCH_DEPARTURES)
_WIDE = partial(_TORCH, source="Zagoruyko and Komodakis 2016, arXiv 1605.07146, Table 8")
_RESNEXT = partial(_TORCH, source="Xie et al. 2017, arXiv 1611.05431, Table 1")
_RESNET_D = partial(
    _RESNET,
    family="resnet_d",
    variant="timm",
    source="He et al. 2019, arXiv 1812.01187, Fig. 2",
    departures=RESNET_D_DEPARTURES,
)
_BASIC_D = partial(_RESNET_D, departures=BASIC_D_DEPARTURES)
_V2 = partial(
    _RESNET,
    family="resnet_v2",
    variant="timm",
    source="He et al. 2016, arXiv 1603.05027, Fig. 4e",
    mean=HALF,
    std=HALF,
    departures=V2_DEPARTURES,
)
_BASIC_V2 = partial(_V2, departures=BASIC_V2_DEPARTURES)
_CIFAR = partial(
    _RESNET,
    variant="paper",
    image_size=32,
    classes=10,
    source="He et al. 2016, arXiv 1512.03385, section 4.2",
    departures=CIFAR_DEPARTURES,
)
_CIFAR_PLAIN = partial(_CIFAR, departures=CIFAR_PLAIN_DEPARTURES)
_CIFAR_V2 = partial(
    _CIFAR, family="resnet_v2", source="He et al. 2016, arXiv 1603.05027, Table 3", departures=SMALL_V2_DEPARTURES
)
_CIFAR_WIDE = partial(_CIFAR_V2, source="Zagoruyko and Komodakis 2016, arXiv 1605.07146, Table 1")
_tiny_resnet = partial(resnet, depths=(1, 1, 1, 1), width=16)
_SMALL = partial(_BASIC, variant="inarch", image_size=64, departures=SMALL_DEPARTURES)
_NARROW = partial(_BASIC, variant="inarch", departures=NARROW_DEPARTURES)

RESNET_ROWS: Mapping[str, Architecture] = MappingProxyType(
    {
        "resnet18": _BASIC(builder=partial(resnet, residual=BASIC, depths=DEPTHS_18)),
        "resnet34": _BASIC(builder=partial(resnet, residual=BASIC, depths=DEPTHS_34)),
        "resnet50": _BOTTLENECK(builder=partial(resnet, residual=BOTTLENECK, depths=DEPTHS_50)),
        "resnet101": _BOTTLENECK(builder=partial(resnet, residual=BOTTLENECK, depths=DEPTHS_101)),
        "resnet152": _BOTTLENECK(builder=partial(resnet, residual=BOTTLENECK, depths=DEPTHS_152)),
        "resnet50_v1": _BOTTLENECK_V1(builder=partial(resnet, residual=BOTTLENECK_V1, depths=DEPTHS_50)),
        "resnet101_v1": _BOTTLENECK_V1(builder=partial(resnet, residual=BOTTLENECK_V1, depths=DEPTHS_101)),
        "resnet152_v1": _BOTTLENECK_V1(builder=partial(resnet, residual=BOTTLENECK_V1, depths=DEPTHS_152)),
        "resnet50_half": _HALF(
            builder=partial(resnet, residual=BOTTLENECK_V1, depths=DEPTHS_50, width=32, stem=HALF_STEM)
        ),
        "plain18": _PLAIN(builder=partial(resnet, residual=BASIC, depths=DEPTHS_18, shortcut=no_shortcut)),
        "plain34": _PLAIN(builder=partial(resnet, residual=BASIC, depths=DEPTHS_34, shortcut=no_shortcut)),
        "resnet18_small": _SMALL(builder=partial(resnet, residual=BASIC, depths=DEPTHS_18, stem=SMALL_STEM)),
        "resnet18_narrow": _NARROW(builder=partial(resnet, residual=BASIC, depths=DEPTHS_18, width=48)),
        "wide_resnet50_2": _WIDE(builder=partial(resnet, residual=bottleneck(inner=2), depths=DEPTHS_50)),
        "wide_resnet101_2": _WIDE(builder=partial(resnet, residual=bottleneck(inner=2), depths=DEPTHS_101)),
        "resnext50_32x4d": _RESNEXT(builder=partial(resnet, residual=bottleneck(inner=2, groups=32), depths=DEPTHS_50)),
        "resnext101_32x8d": _RESNEXT(
            builder=partial(resnet, residual=bottleneck(inner=4, groups=32), depths=DEPTHS_101)
        ),
        "resnext101_64x4d": _RESNEXT(
            builder=partial(resnet, residual=bottleneck(inner=4, groups=64), depths=DEPTHS_101)
        ),
        "resnet18_d": _BASIC_D(builder=partial(resnet_d, residual=BASIC, depths=DEPTHS_18)),
        "resnet34_d": _BASIC_D(builder=partial(resnet_d, residual=BASIC, depths=DEPTHS_34)),
        "resnet50_d": _RESNET_D(builder=partial(resnet_d, residual=BOTTLENECK, depths=DEPTHS_50)),
        "resnet101_d": _RESNET_D(builder=partial(resnet_d, residual=BOTTLENECK, depths=DEPTHS_101)),
        "resnet18_v2": _BASIC_V2(builder=partial(resnet_v2, residual=basic_v2(), depths=DEPTHS_18)),
        "resnet34_v2": _BASIC_V2(builder=partial(resnet_v2, residual=basic_v2(), depths=DEPTHS_34)),
        "resnet50_v2": _V2(builder=partial(resnet_v2, residual=bottleneck_v2(), depths=DEPTHS_50)),
        "resnet101_v2": _V2(builder=partial(resnet_v2, residual=bottleneck_v2(), depths=DEPTHS_101)),
        "resnet152_v2": _V2(builder=partial(resnet_v2, residual=bottleneck_v2(), depths=DEPTHS_152)),
        "resnet20": _CIFAR(builder=partial(cifar_resnet, depths=cifar_depths(20))),
        "resnet32": _CIFAR(builder=partial(cifar_resnet, depths=cifar_depths(32))),
        "resnet44": _CIFAR(builder=partial(cifar_resnet, depths=cifar_depths(44))),
        "resnet56": _CIFAR(builder=partial(cifar_resnet, depths=cifar_depths(56))),
        "resnet110": _CIFAR(builder=partial(cifar_resnet, depths=cifar_depths(110))),
        "plain20": _CIFAR_PLAIN(builder=partial(cifar_plain, depths=cifar_depths(20))),
        "plain32": _CIFAR_PLAIN(builder=partial(cifar_plain, depths=cifar_depths(32))),
        "plain44": _CIFAR_PLAIN(builder=partial(cifar_plain, depths=cifar_depths(44))),
        "plain56": _CIFAR_PLAIN(builder=partial(cifar_plain, depths=cifar_depths(56))),
        "plain110": _CIFAR_PLAIN(builder=partial(cifar_plain, depths=cifar_depths(110))),
        "resnet110_v2": _CIFAR_V2(
            builder=partial(small_resnet_v2, depths=cifar_depths(110), shortcut=padded_shortcut),
            departures=PADDED_V2_DEPARTURES,
        ),
        "resnet164_v2": _CIFAR_V2(
            builder=partial(
                small_resnet_v2, residual=bottleneck_v2(strides=stride_on_first), depths=cifar_depths(164, per_block=3)
            )
        ),
        "wide_resnet16_4": _CIFAR_WIDE(builder=partial(small_resnet_v2, residual=basic_v2(widen=4), depths=(2, 2, 2))),
        "wide_resnet28_10": _CIFAR_WIDE(
            builder=partial(small_resnet_v2, residual=basic_v2(widen=10), depths=(4, 4, 4))
        ),
        "resnet_tiny": _BOTTLENECK(builder=partial(_tiny_resnet, residual=BOTTLENECK), image_size=64),
        "resnet_basic_tiny": _BASIC(builder=partial(_tiny_resnet, residual=BASIC), image_size=64),
        "resnet_v1_tiny": _BOTTLENECK_V1(builder=partial(_tiny_resnet, residual=BOTTLENECK_V1), image_size=64),
        "resnet_half_tiny": _HALF(builder=partial(_tiny_resnet, residual=BOTTLENECK_V1, stem=HALF_STEM), image_size=64),
        "plain_tiny": _PLAIN(
            builder=partial(resnet, residual=BASIC, depths=(1, 1, 1, 1), width=8, shortcut=no_shortcut),
            image_size=64,
        ),
        "resnet_small_tiny": _SMALL(builder=partial(_tiny_resnet, residual=BASIC, stem=SMALL_STEM), image_size=32),
        "resnext_tiny": _RESNEXT(builder=partial(_tiny_resnet, residual=bottleneck(inner=2, groups=8)), image_size=64),
        "resnet_d_tiny": _RESNET_D(
            builder=partial(resnet_d, residual=BOTTLENECK, depths=(1, 1, 1, 1), width=16), image_size=64
        ),
        "resnet_v2_tiny": _V2(
            builder=partial(resnet_v2, residual=bottleneck_v2(), depths=(2, 1, 1, 1), width=16), image_size=64
        ),
        "cifar_resnet_tiny": _CIFAR(builder=partial(cifar_resnet, depths=cifar_depths(8), width=8)),
        "wide_resnet_tiny": _CIFAR_WIDE(
            builder=partial(small_resnet_v2, residual=basic_v2(widen=2), depths=(2, 1, 1), width=8)
        ),
    }
)
