"""Proof, on one's own photos, that a run which is killed and resumed ends with the model of an unbroken one."""

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from inarch.bundle.format import ANSWERING, GOLDEN, GRAPH, WEIGHTS
from inarch.commands.train.run import train
from inarch.errors import InarchError, WorkError
from inarch.progress import Progress, ignore_progress
from inarch.transfer.options import TrainOptions

COMPARED = (GRAPH, WEIGHTS, GOLDEN, ANSWERING)
"""The files of a bundle that answers follow from. The others tell of the run, and so of having been resumed."""
KILLS = 3


def verify_resume(
    photos: str | Path,
    bundle: Path,
    options: TrainOptions,
    *,
    seconds: float,
    kills: int = KILLS,
    progress: Progress = ignore_progress,
) -> int:
    """Do a run again, kill it at random moments and resume it, and compare what comes out with ``bundle``.

    The run begins with an empty cache of its own, beside the bundle, and nothing of it stays.

    Args:
        photos: as for `train`.
        bundle: what came out of an unbroken run with the same options.
        options: those; by the clock nothing may be decided in them, as no two runs take equally long.
        seconds: what the unbroken run took; moments are drawn from so many.
        kills: how often to kill it, at most: it may end before.
        progress: called with how often it was killed.

    Returns:
        how often it was killed.

    Raises:
        WorkError: the options let the clock decide, the resumed run failed, or what it ended with differs.
    """
    if not options.deterministic:
        raise WorkError("Two runs are alike only where the clock decides nothing; set deterministic.")
    moments = np.random.default_rng(options.seed).uniform(0, seconds, kills).tolist()
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=bundle.parent, prefix=f".{bundle.name}-") as folder:
        again, error = Path(folder, "bundle"), Path(folder, "error.txt")
        resuming = replace(options, cache=Path(folder, "cache"), resume=True)

        def begun() -> BaseProcess:
            ready = processes.Event()
            process = processes.Process(target=_run, args=(ready, photos, again, resuming, error), daemon=True)
            process.start()
            while process.is_alive() and not ready.wait(0.1):
                pass
            return process

        killed = kill_and_resume(begun, moments, lambda done: progress("resume", done, kills))
        if killed is None:
            why = error.read_text("utf-8") if error.exists() else "it died."
            raise WorkError(f"The resumed run failed: {why}")
        if different := list_differing_files(bundle, again):
            raise WorkError(
                f"A run that was killed {killed} times and resumed ended with another {', '.join(different)} than the "
                "unbroken one. Please report this, with the options and the versions in the bundle's config.json."
            )
    return killed


def kill_and_resume(
    begun: Callable[[], BaseProcess], moments: Iterable[float], seen: Callable[[int], object] = lambda done: None
) -> int | None:
    """Kill a process at these moments after each start, then let it end.

    Returns:
        how often it was killed before it had ended; None where it failed.
    """
    for kills, moment in enumerate([*moments, None]):
        process = begun()
        try:
            process.join(moment)
        finally:  # also where the user stops waiting
            is_over = process.exitcode is not None
            process.kill()
            process.join()
        if is_over:
            return None if process.exitcode else kills
        seen(kills + 1)
    raise AssertionError("the last one is waited for")


def list_differing_files(bundle: Path, other: Path) -> list[str]:
    """The files that answers follow from and that differ between two bundles, by name."""
    return [name for name in COMPARED if (bundle / name).read_bytes() != (other / name).read_bytes()]


def _run(ready: Event, photos: str | Path, out: Path, options: TrainOptions, error: Path) -> None:
    ready.set()
    try:
        train(photos, out, options)
    except InarchError as failure:
        error.write_text(str(failure), "utf-8")
        raise SystemExit(1) from None
