"""The Inception line: its rows of the catalog."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from inarch.models.architecture import Architecture
from inarch.models.bn_inception import (
    BN_INCEPTION_DEPARTURES,
    BN_INCEPTION_MODULES,
    bn_inception,
)
from inarch.models.googlenet import (
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
    INCEPTION_V3_DEPARTURES,
    inception_v3,
    inception_v3_auxiliary_head,
)
from inarch.models.inception_v4 import INCEPTION_V4_DEPARTURES, inception_v4
from inarch.models.tables import scale_widths
from inarch.normalisation import HALF

_INCEPTION = partial(Architecture, family="inception", mean=HALF, std=HALF)
_GOOGLENET = partial(
    _INCEPTION,
    image_size=224,
    source="Szegedy et al. 2015, arXiv 1409.4842, Table 1",
    auxiliary_taps=("4a", "4d"),
)
_tiny_stem = scale_stem(photo_stem, width=1 / 8)
_tiny_googlenet = partial(googlenet, stem=_tiny_stem, modules=scale_widths(GOOGLENET_MODULES, width=1 / 8))
_tiny_googlenet_head = partial(googlenet_auxiliary_head, reduce=16, hidden=128)
_tiny_inception_resnet = partial(inception_resnet, depths=(2, 2, 2), width=1 / 8)

_FULL_SIZE: Mapping[str, Architecture] = MappingProxyType(
    {
        "googlenet": _GOOGLENET(
            builder=partial(googlenet, parts=TORCHVISION),
            variant="torchvision",
            auxiliary_head=partial(googlenet_auxiliary_head, parts=TORCHVISION),
            departures=GOOGLENET_DEPARTURES,
        ),
        "googlenet_paper": _GOOGLENET(
            builder=partial(googlenet, parts=PAPER),
            variant="paper",
            auxiliary_head=partial(googlenet_auxiliary_head, parts=PAPER),
            departures=GOOGLENET_PAPER_DEPARTURES,
        ),
        "googlenet_small": _GOOGLENET(
            builder=partial(googlenet, parts=TORCHVISION, stem=small_stem),
            variant="inarch",
            image_size=64,
            auxiliary_head=partial(googlenet_auxiliary_head, parts=TORCHVISION),
            departures=GOOGLENET_SMALL_DEPARTURES,
        ),
        "bn_inception": _INCEPTION(
            builder=bn_inception,
            variant="caffe",
            image_size=224,
            source="Ioffe and Szegedy 2015, arXiv 1502.03167, Fig. 5",
            mean=(128 / 255, 117 / 255, 104 / 255),  # the port's photos are bytes less their mean
            std=(1 / 255, 1 / 255, 1 / 255),  # (as RGB; its file holds BGR)
            departures=BN_INCEPTION_DEPARTURES,
        ),
        "inception_v3": _INCEPTION(
            builder=inception_v3,
            variant="torchvision",
            image_size=299,
            source="Szegedy et al. 2016, arXiv 1512.00567, Table 1",
            auxiliary_taps=("b4",),
            auxiliary_head=inception_v3_auxiliary_head,
            departures=INCEPTION_V3_DEPARTURES,
        ),
        "inception_v4": _INCEPTION(
            builder=inception_v4,
            variant="tf-slim",
            image_size=299,
            source="Szegedy et al. 2017, arXiv 1602.07261, Fig. 9",
            departures=INCEPTION_V4_DEPARTURES,
        ),
        "inception_resnet_v1": _INCEPTION(
            builder=partial(inception_resnet, table=INCEPTION_RESNET_V1),
            variant="facenet",
            image_size=299,
            source="Szegedy et al. 2017, arXiv 1602.07261, Fig. 15",
            departures=INCEPTION_RESNET_V1_DEPARTURES,
        ),
        "inception_resnet_v2": _INCEPTION(
            builder=partial(inception_resnet, table=INCEPTION_RESNET_V2),
            variant="tf-slim",
            image_size=299,
            source="Szegedy et al. 2017, arXiv 1602.07261, Fig. 15",
            departures=INCEPTION_RESNET_V2_DEPARTURES,
        ),
    }
)
INCEPTION_ROWS: Mapping[str, Architecture] = MappingProxyType(
    {
        **_FULL_SIZE,
        "googlenet_tiny": replace(
            _FULL_SIZE["googlenet"],
            builder=partial(_tiny_googlenet, parts=TORCHVISION),
            image_size=64,
            auxiliary_head=partial(_tiny_googlenet_head, parts=TORCHVISION),
        ),
        "googlenet_paper_tiny": replace(
            _FULL_SIZE["googlenet_paper"],
            builder=partial(_tiny_googlenet, parts=PAPER),
            image_size=64,
            auxiliary_head=partial(_tiny_googlenet_head, parts=PAPER),
        ),
        "googlenet_small_tiny": replace(
            _FULL_SIZE["googlenet_small"],
            builder=partial(_tiny_googlenet, parts=TORCHVISION, stem=scale_stem(small_stem, width=1 / 8)),
            auxiliary_head=partial(_tiny_googlenet_head, parts=TORCHVISION),
        ),
        "bn_inception_tiny": replace(
            _FULL_SIZE["bn_inception"],
            builder=partial(bn_inception, stem=_tiny_stem, modules=scale_widths(BN_INCEPTION_MODULES, width=1 / 8)),
            image_size=64,
        ),
        "inception_v3_tiny": replace(
            _FULL_SIZE["inception_v3"],
            builder=partial(inception_v3, width=1 / 8),
            image_size=96,
            auxiliary_head=partial(inception_v3_auxiliary_head, reduce=16, hidden=96),
        ),
        "inception_v4_tiny": replace(
            _FULL_SIZE["inception_v4"],
            builder=partial(inception_v4, depths=(1, 1, 1), width=1 / 8),
            image_size=96,
        ),
        "inception_resnet_v1_tiny": replace(
            _FULL_SIZE["inception_resnet_v1"],
            builder=partial(_tiny_inception_resnet, table=INCEPTION_RESNET_V1),
            image_size=96,
        ),
        "inception_resnet_v2_tiny": replace(
            _FULL_SIZE["inception_resnet_v2"],
            builder=partial(_tiny_inception_resnet, table=INCEPTION_RESNET_V2),
            image_size=96,
        ),
    }
)
"""Every row of the line; a tiny model is like a full one, but for its builder, its image size and its heads."""
