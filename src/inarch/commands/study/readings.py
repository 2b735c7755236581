"""The readings of claims, as they are called in the ledgers."""

from enum import StrEnum


class ReadingName(StrEnum):
    """A reading of a model; claims with a family of readings of their own have an enumeration of their own."""

    LEARNED = "training accuracy"
    HELD_OUT = "test accuracy"
    HELD_OUT_EARLY = "test accuracy, early"
    """After a few epochs."""
    HELD_OUT_TARGET = "test accuracy on the target domain"
    GAP = "training accuracy less test accuracy"
    DRIFT = "drift of the features"
    """The norm of their change over their norm."""
    DELETION = "deletion metric over a random order"
    """The loss of confidence beyond that of a random order."""
    LAYERS = "layers"
    MACS = "MACs"
    GRADIENT = "first-layer gradient"
    """Its norm, at initialisation."""
    GROWTH = "gradient, 110 layers against 20"
    """The ratio of two such norms."""
