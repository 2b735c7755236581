"""The only place that turns a seed into random numbers."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, *purpose: object) -> int:
    """A separate seed for every purpose, so that another draw in one place changes nothing elsewhere."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> torch.Generator:
    """A generator for one purpose: ``generator(seed, "augment", epoch)``."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


@contextmanager
def global_draws(seed: int, *purpose: object) -> Iterator[None]:
    """Seed torch's global generator inside the ``with`` (dropout draws from it) and restore its state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *purpose))
        yield
