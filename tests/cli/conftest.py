"""The tiny bundle."""

from trained import own_bundle, tiny

__all__ = ["own_bundle", "tiny"]
