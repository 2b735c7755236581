"""The EfficientNet line: its rows of the catalog."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from inarch.models.architecture import Architecture
from inarch.models.efficientnet_lite import LITE_DEPARTURES, efficientnet_lite

_LITE = partial(
    Architecture,
    family="efficientnet",
    variant="lite0",
    source="Tan and Le 2019, arXiv 1905.11946, Table 1",
    mean=(127 / 255, 127 / 255, 127 / 255),  # a byte p becomes (p - 127) / 128
    std=(128 / 255, 128 / 255, 128 / 255),
    departures=LITE_DEPARTURES,
)

EFFICIENTNET_ROWS: Mapping[str, Architecture] = MappingProxyType(
    {
        "efficientnet_lite0": _LITE(builder=efficientnet_lite, image_size=224),
        "efficientnet_lite_tiny": _LITE(
            builder=partial(efficientnet_lite, depths=(1, 2, 1, 1, 1, 2, 1), width=1 / 4), image_size=64
        ),
    }
)
