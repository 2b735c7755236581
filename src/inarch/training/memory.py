"""Memory that one training step frees is kept for the next; and how its end is recognised."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Parameters of glibc's mallopt(3), by the names of its malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = -1
DEFAULT_MMAP_MAX = 65536
LARGEST_TRIM_THRESHOLD = 64 * 2**20
"""Bytes: the largest threshold to which glibc itself adapts in a process that frees large blocks."""


@contextmanager
def keeping_memory() -> Iterator[bool]:
    """Inside the ``with``, the process keeps freed memory; afterwards it returns it.

    A training step frees its feature maps, and the next one allocates them again. By default, glibc returns blocks of
    that size to the system at once, and the system clears each of their pages before it maps them again. The setting
    affects the whole process, and exists only in glibc.

    Yields:
        Whether it works here.
    """
    libc = _glibc()
    if libc is None:
        yield False
        return
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, NEVER)
    try:
        yield True
    finally:
        libc.mallopt(M_MMAP_MAX, DEFAULT_MMAP_MAX)
        libc.mallopt(M_TRIM_THRESHOLD, LARGEST_TRIM_THRESHOLD)
        libc.malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an accelerator, or the processor's memory, was too small for what was to be allocated."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
