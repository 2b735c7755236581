"""The names and versions of what `inspect` and `models` print as JSON."""

from enum import StrEnum


class Schema(StrEnum):
    """One schema for each record."""

    MODEL = "inarch.inspect/1"
    AGAINST = "inarch.inspect-against/1"
    VARIANTS = "inarch.inspect-variants/1"
    CATALOG = "inarch.models/1"
