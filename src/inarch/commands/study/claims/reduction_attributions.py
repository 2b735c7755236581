"""Whether answers of a net with 1x1 reductions are easier to trace to a part of the photo."""

from dataclasses import replace
from statistics import mean

import torch

from inarch.commands.explain.attribution import (
    FIELDS,
    compute_attribution,
    control_deletion_confidences,
    deletion_confidences,
)
from inarch.commands.study.claims.reduction_accuracy import (
    ARMS,
    PUBLISHED,
    TRAINING,
    WITHOUT,
)
from inarch.commands.study.learning import (
    HELD_OUT,
    accuracy,
    learn,
    split_bench,
)
from inarch.commands.study.records import POINTS, Claim, Quantity
from inarch.commands.study.study import (
    Bench,
    Readings,
    Study,
    require_bench,
)
from inarch.models import build
from inarch.training.seeds import derive_seed

METHOD, PHOTOS = "occlusion", 100
GAIN = "confidence that deletions in the map's order cost beyond those in a random one"


def measure(bench: Bench | None, arm: str, seed: int) -> Readings:
    """Train the net, and put the maps of its answers to the deletion game."""
    data = split_bench(require_bench(bench), seed)
    model = build(ARMS[arm], classes=data.classes, seed=seed)
    learn(model, data.learned, replace(TRAINING, seed=seed))
    model.eval()
    draws = torch.Generator().manual_seed(derive_seed(seed, "photos"))
    shown = data.held_out.at(torch.randperm(len(data.held_out.labels), generator=draws)[:PHOTOS])
    with torch.no_grad():
        answers = model(shown.images).argmax(1).tolist()
    random, _ = control_deletion_confidences(model, shown.images, answers, seed)
    maps = [compute_attribution(METHOD, model, *pair) for pair in zip(shown.images.split(1), answers, strict=True)]
    own = deletion_confidences(model, shown.images, answers, maps)
    return {GAIN: mean(random) - mean(own), HELD_OUT: accuracy(model, data.held_out)}


STUDY = Study(
    Claim(
        name="reduction-attributions",
        statement="1x1 reductions make a net easier to interpret: its answers can be traced to a part of the photo "
        "more surely than those of the same net without them, by at least a point of confidence.",
        source="A reading of Szegedy et al. 2015, arXiv 1409.4842, section 4, common in textbooks",
        reported="Nothing: the paper says that reductions save compute, and does not speak of interpretation.",
        design="The nets of reduction-accuracy, without reductions and with those of the paper's table, trained alike "
        f"on the same photos. Of {PHOTOS} held-out photos the answer is explained by {METHOD} on {FIELDS} x {FIELDS} "
        "fields; then fields are deleted in the order of the map and in a random one, the same for both nets, and "
        "what the first costs the answer in confidence beyond the second is the score (the deletion game of Petsiuk "
        "et al. 2018, arXiv 1806.07421). A seed draws the split, the weights, the order of learning, the photos and "
        "the random orders.",
        limits="One meaning of interpretable of many, by one method. A net that is surer of itself has more "
        "confidence to lose; accuracies stand beside the scores and are not judged.",
        quantities=(
            Quantity(
                words="score with reductions less score without",
                one=(PUBLISHED, GAIN),
                other=(WITHOUT, GAIN),
                threshold=0.01,
                scale=POINTS,
            ),
        ),
        arms=(WITHOUT, PUBLISHED),
        seeds=5,
        seconds=100.0,
        photos=True,
    ),
    measure,
)
