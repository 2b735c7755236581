"""ONNX graphs that take pixels, run by ONNX Runtime. Without torch: predictions go through here."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from inarch.errors import WeightsError

PIXELS = "pixels"
"""Name of every graph's input: uint8, (n, side, side, 3), RGB, 0 to 255."""


def usable_cores() -> int:
    """Cores that this process may use; a container, a job scheduler or ``taskset`` may restrict them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Graph:
    """A graph in memory or on disk, ready to run on every core.

    Args:
        graph: the file, or its bytes.
        threads: the number of cores; 0 takes all that this process may use.

    Raises:
        WeightsError: ONNX Runtime cannot run it.
    """

    def __init__(self, graph: Path | bytes, *, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        # By default, ONNX Runtime starts a thread for every core of the machine and pins each to one: on one core of
        # two, inference then took 1.4 times as long.
        options.intra_op_num_threads = threads or usable_cores()
        options.log_severity_level = 3
        source = graph if isinstance(graph, bytes) else str(graph)
        try:
            with contextlib.redirect_stdout(None):  # before it raises, it prints that it tries again
                self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own kinds share no base class
            name = "The graph" if isinstance(graph, bytes) else str(graph)
            raise WeightsError(f"{name} is not one that ONNX Runtime can run: {error}") from error

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of a call's outputs."""
        return tuple(each.name for each in self._session.get_outputs())

    def __call__(self, pixels: NDArray[np.uint8], *, batch: int = 16) -> tuple[NDArray[np.float32], ...]:
        """Every output for ``pixels`` (n, side, side, 3), computed ``batch`` photos at a time."""
        starts = range(0, max(len(pixels), 1), batch)  # without photos, the outputs have no rows
        return self.over(pixels[at : at + batch] for at in starts)

    def over(self, batches: Iterable[NDArray[np.uint8]]) -> tuple[NDArray[np.float32], ...]:
        """Every output for all batches, at least one; the iterable may be lazy."""
        parts = [self._session.run(None, {PIXELS: pixels}) for pixels in batches]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))
