"""Records of the catalog's nets, each made once for a test process."""

from functools import cache

from inarch.models.anatomy.records import ModelTrace
from inarch.models.anatomy.trace import trace_architecture


@cache
def traced(name: str, image_size: int | None = None) -> ModelTrace:
    """Records are frozen, so tests may share them; one of a deep net takes a second."""
    return trace_architecture(name, image_size=image_size)
