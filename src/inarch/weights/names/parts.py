"""The readings that several tables of names share."""

from collections.abc import Mapping
from types import MappingProxyType

Units = Mapping[str, str]
"""Their names for the units in the branches of a module, by ours."""

UNIT: Mapping[str, str] = MappingProxyType({"conv": "conv", "norm": "bn"})
"""The parts of a unit, as most of PyTorch's libraries call them."""


def units_of(block: str, tables: Mapping[str, Units]) -> Units:
    """The table of ``block``, or else of its kind: of ``a`` for ``a1``, ``a2`` …"""
    return tables[block if block in tables else block.rstrip("0123456789")]


def count_from_zero(block: str) -> tuple[int, int]:
    """Stage and place of ``block2_1``, both counted from 0."""
    stage, place = block.removeprefix("block").split("_")
    return int(stage) - 1, int(place) - 1
