"""That memory is kept while training, given back afterwards, and left alone where the C library is another."""

import json
import platform
import subprocess
import sys

import pytest

from inarch.training.memory import keeping_memory

SCRIPT = """
import contextlib, json, pathlib, resource
from inarch.training.memory import keeping_memory

BYTES = 96 * 2**20

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(BYTES)[::4096] = bytes(BYTES // 4096)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / BYTES

@keeping_memory()
def keeping():
    seen = faults(), faults(), resident()
    print(json.dumps([before, *seen]))
    raise ZeroDivisionError

before = faults(), faults(), resident()
with contextlib.suppress(ZeroDivisionError):
    keeping()
print(json.dumps([faults(), faults(), resident()]))
"""
"""Fills and frees a large block twice: before, inside and after. A fresh process, for what was freed there before
a test would decide where its blocks go."""
PAGES = 48
"""The fewest that make up the block, where the system lends pages of 2 MiB."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_freed_blocks_are_kept_inside_and_given_back_afterwards() -> None:
    """Each block costs all its pages anew, but inside only the first; an error in there ends it like anything else."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    (before, *inside), after = (json.loads(line) for line in done.stdout.splitlines())
    assert min(before[:2]) >= PAGES
    assert inside[0] >= PAGES
    assert inside[1] < PAGES // 2
    assert min(after[:2]) >= PAGES
    resident = [each[2] for each in (before, inside, after)]
    assert resident[1] > resident[0] + 0.9
    assert resident[2] < resident[0] + 0.1


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no glibc, nothing is called, and it says so."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with keeping_memory() as kept:
        assert not kept
