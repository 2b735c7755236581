"""The backbone that judges labels, and its findings.

The only part of `doctor` that needs torch: the others import it only if labels are checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inarch import clock
from inarch.bundle.starting import backbones_of
from inarch.commands.doctor.labels import report_label_problems
from inarch.commands.doctor.options import DoctorOptions
from inarch.commands.doctor.records import Finding
from inarch.data.photos import PhotoSet
from inarch.data.store import store
from inarch.errors import PhotosError, UserError
from inarch.models.anatomy.trace import trace_architecture
from inarch.progress import Progress
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.ranking import BackboneOption, rank
from inarch.transfer.stopwatch import Stopwatch


@dataclass(frozen=True)
class JudgeRecipe:
    """How the judging backbone is chosen."""

    most_macs: float = 1e12
    """Multiply-adds that it may spend on all photos: about ten seconds on two cores. A count, not a time, so that the
    result does not depend on how busy the machine is."""
    sizes: tuple[float, ...] = (1.0, 0.75, 0.5)
    """The image sizes that are considered, as fractions of the backbone's own; the largest within ``most_macs`` is
    used."""
    many: int = 5000
    """With more photos, the backbone with the fewest channels judges, which bounds the time of the fits."""
    sampled: int = 200
    """Photos by which the judge is chosen, and at least as many of each class as `inarch.transfer.recipes` says."""


JUDGE = JudgeRecipe()


def judge_labels(
    grouped: PhotoSet, options: DoctorOptions, progress: Progress, stopwatch: Stopwatch
) -> tuple[Sequence[Finding], str]:
    """Findings about labels, and a note on the judging backbone; classes without photos are ignored.

    If the options name no backbone, the available one that suits the photos best judges.

    Raises:
        PhotosError: there are too few photos.
        UserError: the backbone cannot be loaded.
    """
    with stopwatch.phase("weights"):
        backbones = backbones_of(TrainOptions(model=options.model, weights=options.weights), ranking=True)
    judge = backbones[0]
    if not judge.start.pretrained:
        raise UserError(f"{judge.start.architecture} has no pre-trained weights; name some with --weights.")
    present = sorted({photo.label for photo in grouped.photos})
    if len(present) < 2:
        raise PhotosError("there is only one class with readable photos.")
    filled = replace(
        grouped,
        classes=tuple(grouped.classes[label] for label in present),
        photos=tuple(replace(photo, label=present.index(photo.label), split="") for photo in grouped.photos),
    )
    if len(backbones) > 1:
        with stopwatch.phase("backbones"):
            judge = _choose_judge(filled, backbones, options, progress)
    with stopwatch.phase("decode"):
        stored = store(filled, judge.preprocessing, options.cache, lambda done, total: progress("decode", done, total))
    with stopwatch.phase("labels"):
        prefix = Prefix(judge.start.backbone, judge.start.digest, judge.preprocessing, None, options.cache)
        return report_label_problems(stored, prefix, judge.start.architecture, progress, seed=options.seed)


def _choose_judge(
    found: PhotoSet,
    backbones: Sequence[BackboneOption],
    options: DoctorOptions,
    progress: Progress,
    *,
    most_macs: float = JUDGE.most_macs,
) -> BackboneOption:
    """The available backbone that suits the photos best, at an image size within ``most_macs``."""
    sized = [backbone.resized(share) for share in JUDGE.sizes for backbone in backbones]
    costs = [_macs(option) * len(found.photos) for option in sized]
    fitting: dict[str, BackboneOption] = {}
    for option, cost in zip(sized, costs, strict=True):
        if cost <= most_macs:
            fitting.setdefault(option.start.architecture, option)
    asked = [*fitting.values()] or [sized[int(np.argmin(costs))]]
    if len(found.photos) > JUDGE.many:
        asked = [min(asked, key=lambda option: sum(info.channels for info in option.start.backbone.info))]
    if len(asked) == 1:
        return asked[0]
    looking = TrainOptions(cache=options.cache, seed=options.seed)
    count = max(JUDGE.sampled, looking.recipes.ranking.fewest_of_class * len(found.classes))
    with clock.only_counting():
        judge, _ = rank(found, asked, looking, progress, count=count)
    return judge


def _macs(option: BackboneOption) -> int:
    """Multiply-adds for one photo."""
    return trace_architecture(option.start.architecture, image_size=option.preprocessing.image_size).macs
