"""The demo: from nothing to two trained bundles, offline: one grafted, one from scratch."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from inarch.bundle.reading import Bundle
from inarch.commands.demo.digits import write_digits
from inarch.commands.train.run import train
from inarch.data.augmentation import Augmentation
from inarch.errors import OutputError
from inarch.progress import Progress, ignore_progress
from inarch.transfer.options import TrainOptions

DIGITS = Augmentation(flip=False, min_scale=0.7, rotate=10.0)
"""A mirrored digit is no digit, and one that is half cut off may be another."""
GRAFTED = TrainOptions(model="resnet18_narrow", weights="embedded", strategy="probe", image_size=32)
SCRATCH = TrainOptions(model="resnet_basic_tiny", strategy="scratch", image_size=32, time_budget=50.0)


class Demo(NamedTuple):
    """What the demo trains on the same photos."""

    grafted: Bundle
    """A linear classifier on the frozen features of a backbone that comes with inarch."""
    scratch: Bundle
    """A small net that learns from the demo's photos alone."""


def demo(out: Path, seed: int = 0, progress: Progress = ignore_progress) -> Demo:
    """Write the digits as photos to ``out/photos`` and train on them twice: ``out/grafted`` and ``out/scratch``.

    Raises:
        OutputError: ``out`` cannot be written.
        UserError: the seed is not one.
    """
    grafted, scratch = (
        replace(each, seed=seed, augmentation=DIGITS, cache=out / "cache") for each in (GRAFTED, SCRATCH)
    )
    try:
        write_digits(out / "photos")
    except OSError as error:
        raise OutputError(
            f"The demo cannot write to {out}: {error.strerror or error}; choose another --out."
        ) from error
    return Demo(
        grafted=train(out / "photos", out / "grafted", grafted, progress),
        scratch=train(out / "photos", out / "scratch", scratch, progress),
    )
