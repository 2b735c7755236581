"""A net measured into records: `trace` for a model at hand, `trace_architecture` for one of the catalog."""

from inarch.anatomy.trace import trace, trace_architecture

__all__ = ["trace", "trace_architecture"]
