"""Whether predictions of a model with 1x1 reductions are easier to attribute to a part of the photo."""

from dataclasses import dataclass, replace
from statistics import mean

import torch

from inarch.commands.explain.attribution import (
    RECIPE,
    compute_attribution,
    control_deletion_confidences,
    deletion_confidences,
)
from inarch.commands.study.claims.reduction_accuracy import (
    ARMS,
    TRAINING,
    ReductionArm,
)
from inarch.commands.study.learning import accuracy, learn, split_bench
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity, QuantityScale
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.training.config import TrainingConfig
from inarch.training.seeds import derive_seed


@dataclass(frozen=True, kw_only=True)
class AttributionDesign:
    """The method of attribution, and the sample of photos."""

    method: str
    photos: int
    """The number of test photos that are explained."""


DESIGN = AttributionDesign(method="occlusion", photos=100)


def measure(bench: Bench | None, arm: str, seed: int, training: TrainingConfig = TRAINING) -> Readings:
    """Train the model, and measure the deletion metric of its attribution maps."""
    data = split_bench(require_bench(bench), seed)
    model = build(ARMS[arm], classes=data.classes, seed=seed)
    learn(model, data.learned, replace(training, seed=seed))
    model.eval()
    draws = torch.Generator().manual_seed(derive_seed(seed, "photos"))
    shown = data.held_out.at(torch.randperm(len(data.held_out.labels), generator=draws)[: DESIGN.photos])
    with torch.no_grad():
        answers = model(shown.images).argmax(1).tolist()
    random, _ = control_deletion_confidences(model, shown.images, answers, seed)
    maps = [
        compute_attribution(DESIGN.method, model, *pair) for pair in zip(shown.images.split(1), answers, strict=True)
    ]
    own = deletion_confidences(model, shown.images, answers, maps)
    return {ReadingName.DELETION: mean(random) - mean(own), ReadingName.HELD_OUT: accuracy(model, data.held_out)}


STUDY = Study(
    Claim(
        name="reduction-attributions",
        statement="1x1 reductions make a model easier to interpret: attribution maps of its predictions are more "
        "faithful than those of the same model without them, by at least a point of confidence.",
        source="A reading of Szegedy et al. 2015, arXiv 1409.4842, section 4, common in textbooks",
        reported="Nothing: the paper says that reductions save compute, and does not speak of interpretation.",
        design="The models of reduction-accuracy, without reductions and with those of the paper's table, trained "
        f"alike on the same photos. The predictions for {DESIGN.photos} test photos are explained by {DESIGN.method} "
        f"on {RECIPE.fields} x {RECIPE.fields} fields; then fields are deleted, those with the strongest attribution "
        "first or in a random order, the same for both models. The score is the loss of confidence beyond that of the "
        "random order (the deletion metric of Petsiuk et al. 2018, arXiv 1806.07421). A seed draws the split, the "
        "weights, the order of training, the photos and the random orders.",
        limits="One meaning of interpretable among many, by one method. A more confident model has more confidence to "
        "lose; accuracies are shown and not judged.",
        quantities=(
            Quantity(
                words="score with reductions less score without",
                one=(ReductionArm.PUBLISHED, ReadingName.DELETION),
                other=(ReductionArm.WITHOUT, ReadingName.DELETION),
                threshold=0.01,
                scale=QuantityScale.POINTS,
            ),
        ),
        arms=(ReductionArm.WITHOUT, ReductionArm.PUBLISHED),
        seeds=5,
        seconds=100.0,
        photos=True,
    ),
    measure,
)
