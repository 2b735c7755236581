"""Proof, on the user's own photos, that a run which is killed and resumed ends with the model of an unbroken one."""

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from inarch.bundle.format import BundleFile
from inarch.commands.train.run import train
from inarch.errors import InarchError, WorkError
from inarch.progress import Progress, ignore_progress
from inarch.transfer.options import TrainOptions

COMPARED = (BundleFile.GRAPH, BundleFile.WEIGHTS, BundleFile.GOLDEN, BundleFile.ANSWERING)
"""The files of a bundle that determine its predictions. The others describe the run, and so its resumption."""


@dataclass(frozen=True)
class RandomKills:
    """The moments at which a run is killed, drawn from the seconds after each start."""

    seconds: float
    """The duration of the unbroken run."""
    count: int = 3
    """The most kills; the run may end before."""


def verify_resume(
    photos: str | Path, bundle: Path, options: TrainOptions, kills: RandomKills, progress: Progress = ignore_progress
) -> int:
    """Repeat a run, kill it at random moments, resume it, and compare the result with ``bundle``.

    The run begins with an empty cache of its own, next to the bundle, and leaves nothing behind.

    Args:
        photos: as for `train`.
        bundle: the result of an unbroken run with the same options.
        options: the run's options; they must be deterministic, as no two runs take equally long.
        kills: the moments.
        progress: called with the number of kills so far.

    Returns:
        The number of times that the run was killed.

    Raises:
        WorkError: the options are not deterministic, the resumed run failed, or its result differs.
    """
    if not options.deterministic:
        raise WorkError("Only deterministic runs can be compared; set deterministic=True, or --deterministic.")
    moments = np.random.default_rng(options.seed).uniform(0, kills.seconds, kills.count).tolist()
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix=f".{bundle.name}-") as folder:
        again = Path(folder, "bundle")
        killed = _kill_runs(photos, again, options, moments, lambda done: progress("resume", done, kills.count))
        if different := list_differing_files(bundle, again):
            raise WorkError(
                f"A run that was killed {killed} times and resumed ended with another {', '.join(different)} than the "
                "unbroken one. Please report this, with the options and the versions in the bundle's config.json."
            )
    return killed


def _kill_runs(
    photos: str | Path, out: Path, options: TrainOptions, moments: Sequence[float], seen: Callable[[int], object]
) -> int:
    """Train to ``out``, killed at those moments and resumed; returns how often it was killed."""
    processes = multiprocessing.get_context("spawn")
    error = out.with_name("error.txt")
    resuming = replace(options, cache=out.with_name("cache"), resume=True)

    def begun() -> BaseProcess:
        ready = processes.Event()
        process = processes.Process(target=_run, args=(ready, photos, out, resuming, error), daemon=True)
        process.start()
        while process.is_alive() and not ready.wait(0.1):
            pass
        return process

    killed = kill_and_resume(begun, moments, seen)
    if killed is None:
        why = error.read_text("utf-8") if error.exists() else "it ended without a message."
        raise WorkError(f"The resumed run failed: {why}")
    return killed


def kill_and_resume(
    begun: Callable[[], BaseProcess], moments: Iterable[float], seen: Callable[[int], object] = lambda done: None
) -> int | None:
    """Kill a process at these moments after each start, then let it end.

    Returns:
        The number of kills before it had ended; None if it failed.
    """
    for kills, moment in enumerate([*moments, None]):
        process = begun()
        try:
            process.join(moment)
        finally:  # also if the user stops waiting
            is_over = process.exitcode is not None
            process.kill()
            process.join()
        if is_over:
            return None if process.exitcode else kills
        seen(kills + 1)
    raise AssertionError("the last one is waited for")


def list_differing_files(bundle: Path, other: Path) -> list[str]:
    """The names of the files that determine predictions and differ between two bundles."""
    return [name for name in COMPARED if (bundle / name).read_bytes() != (other / name).read_bytes()]


def _run(ready: Event, photos: str | Path, out: Path, options: TrainOptions, error: Path) -> None:
    ready.set()
    try:
        train(photos, out, options)
    except InarchError as failure:
        error.write_text(str(failure), "utf-8")
        raise SystemExit(1) from None
