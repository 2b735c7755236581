"""The Inception line: its rows of the catalog."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from inarch.models.architecture import Architecture
from inarch.models.bn_inception import (
    BN_INCEPTION_DEPARTURES,
    BN_INCEPTION_MEAN,
    BN_INCEPTION_MODULES,
    BN_INCEPTION_STD,
    bn_inception,
)
from inarch.models.googlenet import (
    GOOGLENET_AUXILIARY,
    GOOGLENET_DEPARTURES,
    GOOGLENET_MODULES,
    GOOGLENET_PAPER_DEPARTURES,
    GOOGLENET_SMALL_DEPARTURES,
    PAPER,
    TORCHVISION,
    googlenet,
    googlenet_auxiliary_head,
    photo_stem,
    scale_stem,
    small_stem,
)
from inarch.models.inception_resnet import (
    INCEPTION_RESNET_V1,
    INCEPTION_RESNET_V1_DEPARTURES,
    INCEPTION_RESNET_V2,
    INCEPTION_RESNET_V2_DEPARTURES,
    inception_resnet,
)
from inarch.models.inception_v3 import (
    INCEPTION_V3_AUXILIARY,
    INCEPTION_V3_DEPARTURES,
    inception_v3,
    inception_v3_auxiliary_head,
)
from inarch.models.inception_v4 import INCEPTION_V4_DEPARTURES, inception_v4
from inarch.models.tables import scale_widths
from inarch.normalisation import HALF

_EIGHTH = 0.125
_INCEPTION = partial(Architecture, family="inception", mean=HALF, std=HALF)
_GOOGLENET = partial(
    _INCEPTION,
    variant="torchvision",
    image_size=224,
    source="Szegedy et al. 2015, arXiv 1409.4842, Table 1",
    auxiliary_taps=GOOGLENET_AUXILIARY,
    auxiliary_head=partial(googlenet_auxiliary_head, parts=TORCHVISION),
    departures=GOOGLENET_DEPARTURES,
)
_GOOGLENET_PAPER = partial(
    _GOOGLENET,
    variant="paper",
    auxiliary_head=partial(googlenet_auxiliary_head, parts=PAPER),
    departures=GOOGLENET_PAPER_DEPARTURES,
)
_GOOGLENET_SMALL = partial(_GOOGLENET, variant="inarch", image_size=64, departures=GOOGLENET_SMALL_DEPARTURES)
_BN_INCEPTION = partial(
    _INCEPTION,
    variant="caffe",
    image_size=224,
    source="Ioffe and Szegedy 2015, arXiv 1502.03167, Fig. 5",
    mean=BN_INCEPTION_MEAN,
    std=BN_INCEPTION_STD,
    departures=BN_INCEPTION_DEPARTURES,
)
_INCEPTION_V3 = partial(
    _INCEPTION,
    variant="torchvision",
    image_size=299,
    source="Szegedy et al. 2016, arXiv 1512.00567, Table 1",
    auxiliary_taps=INCEPTION_V3_AUXILIARY,
    auxiliary_head=inception_v3_auxiliary_head,
    departures=INCEPTION_V3_DEPARTURES,
)
_INCEPTION_V4 = partial(
    _INCEPTION,
    variant="tf-slim",
    image_size=299,
    source="Szegedy et al. 2017, arXiv 1602.07261, Fig. 9",
    departures=INCEPTION_V4_DEPARTURES,
)
_INCEPTION_RESNET = partial(
    _INCEPTION,
    variant="tf-slim",
    image_size=299,
    source="Szegedy et al. 2017, arXiv 1602.07261, Fig. 15",
    departures=INCEPTION_RESNET_V2_DEPARTURES,
)
_INCEPTION_RESNET_V1 = partial(_INCEPTION_RESNET, variant="facenet", departures=INCEPTION_RESNET_V1_DEPARTURES)
_tiny_stem = scale_stem(photo_stem, width=_EIGHTH)
_tiny_googlenet = partial(googlenet, stem=_tiny_stem, modules=scale_widths(GOOGLENET_MODULES, width=_EIGHTH))
_tiny_googlenet_head = partial(googlenet_auxiliary_head, reduce=16, hidden=128)
_tiny_inception_resnet = partial(inception_resnet, depths=(2, 2, 2), width=_EIGHTH)

INCEPTION_ROWS: Mapping[str, Architecture] = MappingProxyType(
    {
        "googlenet": _GOOGLENET(builder=partial(googlenet, parts=TORCHVISION)),
        "googlenet_paper": _GOOGLENET_PAPER(builder=partial(googlenet, parts=PAPER)),
        "googlenet_small": _GOOGLENET_SMALL(builder=partial(googlenet, parts=TORCHVISION, stem=small_stem)),
        "bn_inception": _BN_INCEPTION(builder=bn_inception),
        "inception_v3": _INCEPTION_V3(builder=inception_v3),
        "inception_v4": _INCEPTION_V4(builder=inception_v4),
        "inception_resnet_v1": _INCEPTION_RESNET_V1(builder=partial(inception_resnet, table=INCEPTION_RESNET_V1)),
        "inception_resnet_v2": _INCEPTION_RESNET(builder=partial(inception_resnet, table=INCEPTION_RESNET_V2)),
        "googlenet_tiny": _GOOGLENET(
            builder=partial(_tiny_googlenet, parts=TORCHVISION),
            image_size=64,
            auxiliary_head=partial(_tiny_googlenet_head, parts=TORCHVISION),
        ),
        "googlenet_paper_tiny": _GOOGLENET_PAPER(
            builder=partial(_tiny_googlenet, parts=PAPER),
            image_size=64,
            auxiliary_head=partial(_tiny_googlenet_head, parts=PAPER),
        ),
        "googlenet_small_tiny": _GOOGLENET_SMALL(
            builder=partial(_tiny_googlenet, parts=TORCHVISION, stem=scale_stem(small_stem, width=_EIGHTH)),
            auxiliary_head=partial(_tiny_googlenet_head, parts=TORCHVISION),
        ),
        "bn_inception_tiny": _BN_INCEPTION(
            builder=partial(bn_inception, stem=_tiny_stem, modules=scale_widths(BN_INCEPTION_MODULES, width=_EIGHTH)),
            image_size=64,
        ),
        "inception_v3_tiny": _INCEPTION_V3(
            builder=partial(inception_v3, width=_EIGHTH),
            image_size=96,
            auxiliary_head=partial(inception_v3_auxiliary_head, reduce=16, hidden=96),
        ),
        "inception_v4_tiny": _INCEPTION_V4(
            builder=partial(inception_v4, depths=(1, 1, 1), width=_EIGHTH), image_size=96
        ),
        "inception_resnet_v1_tiny": _INCEPTION_RESNET_V1(
            builder=partial(_tiny_inception_resnet, table=INCEPTION_RESNET_V1), image_size=96
        ),
        "inception_resnet_v2_tiny": _INCEPTION_RESNET(
            builder=partial(_tiny_inception_resnet, table=INCEPTION_RESNET_V2), image_size=96
        ),
    }
)
