"""Atomic writes, the cache, locks."""
