"""The demo: from nothing to a trained bundle, offline."""

from pathlib import Path

from inarch.api.train import TrainOptions, train
from inarch.bundle.reading import Bundle
from inarch.data.augment import Augmentation
from inarch.data.digits import write_digits
from inarch.errors import OutputError
from inarch.transfer.job import Progress, silent

DIGITS = Augmentation(flip=False, min_scale=0.7, rotate=10.0)
"""A mirrored digit is no digit, and one that is half cut off may be another."""


def demo(out: Path, seed: int = 0, progress: Progress = silent) -> Bundle:
    """Write the digits as photos to ``out/photos`` and train on them; the bundle is ``out/bundle``.

    Raises:
        OutputError: ``out`` cannot be written.
        UserError: the seed is not one.
    """
    options = TrainOptions(
        model="resnet_basic_tiny",
        strategy="scratch",
        image_size=32,
        time_budget=50.0,
        seed=seed,
        augmentation=DIGITS,
        cache=out / "cache",
    )
    try:
        write_digits(out / "photos")
    except OSError as error:
        raise OutputError(
            f"The demo cannot write to {out}: {error.strerror or error}; choose another --out."
        ) from error
    return train(out / "photos", out / "bundle", options, progress)
