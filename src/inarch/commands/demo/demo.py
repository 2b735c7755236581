"""The demo: two bundles, trained offline: one by transfer learning, one from scratch."""

from dataclasses import dataclass, replace
from pathlib import Path

from inarch.bundle.reading import Bundle
from inarch.commands.demo.digits import write_digits
from inarch.commands.demo.options import DemoOptions
from inarch.commands.train.run import train
from inarch.data.augmentation import Augmentation
from inarch.errors import OutputError
from inarch.progress import Progress, ignore_progress
from inarch.storage.home import expand
from inarch.transfer.options import TrainOptions

DIGITS = Augmentation(flip=False, min_scale=0.7, rotate=10.0)
"""A mirrored digit is not a digit, and one without its half may be another digit."""
TRANSFER = TrainOptions(model="resnet18_narrow", weights="embedded", strategy="probe", image_size=32)
SCRATCH = TrainOptions(model="resnet_basic_tiny", strategy="scratch", image_size=32, time_budget=50.0)


@dataclass(frozen=True)
class Demo:
    """The classifiers of the demo, trained on the same photos."""

    transfer: Bundle
    """A linear classifier on the frozen features of a backbone that comes with inarch."""
    scratch: Bundle
    """A small model, trained from scratch on the demo's photos."""


def demo(
    out: str | Path,
    options: DemoOptions | None = None,
    progress: Progress = ignore_progress,
    *,
    scratch: TrainOptions = SCRATCH,
) -> Demo:
    """Write the digits as photos to ``out/photos`` and train on them twice: ``out/transfer`` and ``out/scratch``.

    Args:
        out: the folder of all that it makes.
        seed: of both trainings.
        progress: called with a phase's name, what is done, and what there is to do.
        scratch: how the second model is trained; seed, augmentation and cache are the demo's.

    Raises:
        OutputError: ``out`` cannot be written.

    Examples:
        >>> made = inarch.demo("demo")
        >>> inarch.load(made.transfer.path).report.evaluation.accuracy.value > 0.9
        True
    """
    out, options = expand(out), options or DemoOptions()
    transfer, alone = (
        replace(each, seed=options.seed, device=options.device, augmentation=DIGITS, cache=out / "cache")
        for each in (TRANSFER, scratch)
    )
    try:
        write_digits(out / "photos")
    except OSError as error:
        raise OutputError(
            f"The demo cannot write to {out}: {error.strerror or error}; choose another --out."
        ) from error
    return Demo(
        transfer=train(out / "photos", out / "transfer", transfer, progress),
        scratch=train(out / "photos", out / "scratch", alone, progress),
    )
