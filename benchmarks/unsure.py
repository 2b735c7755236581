"""Photos unlike any seen, and promises: which score tells them, how much is answered, and whether the promise is kept.

    python -m benchmarks.unsure [--seeds 3] [--last] [--sets hymenoptera_s224 rsscn7_s128 imagenette_s128]

For each set and seed, half of the photos are learned from by the product's own probe on the embedded
`resnet18_narrow`, and the other half are asked. Strangers are photos of the *other* sets. Each score is told by its
AUROC, strangers against the asked, and by the share of strangers that it holds back at the bound which keeps 95 % of
the asked. Then the product's rule is chosen on the held-out folds of the learned half, and applied to the asked.
Features are computed once and cached; all seeds share them. The penalty is cross-validated once, not three times; with
``--last`` the last stage alone is probed, which is quicker, in place of what the product would choose.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from benchmarks.measuring import spread, table, unpacked, write
from inarch.commands.train.strategies.probe import TOGETHER, choose_best_stage, features_of
from inarch.data.augmentation import Augmentation
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Preprocessing
from inarch.data.scan import scan
from inarch.data.split import groups_of
from inarch.data.store import store
from inarch.metrics.answering import Evidence, least_probability, rule_for
from inarch.metrics.coverage import measure_coverage
from inarch.metrics.novelty import directions, known_rows, ood_scores
from inarch.metrics.records import SelectiveResult
from inarch.metrics.softmax import softmax
from inarch.models import architecture
from inarch.storage.cache_folder import default_cache_folder
from inarch.transfer.backbones import starting_point
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.features import Prefix
from inarch.transfer.linear import Probe, fit_probe
from inarch.transfer.recipes import ProbeRecipe

STRANGERS = ("hymenoptera_s224", "dtd10_s128", "rsscn7_s128", "imagenette_s128", "digits_shift/mnist")
ASKED = ("hymenoptera_s224", "rsscn7_s128", "imagenette_s128")
OF_CLASS = 100
"""Photos of each class; 200 where there are two classes."""
SIDE = 128
GOALS = (0.9, 0.95)
KEPT = 0.95

Features = NDArray[np.float32]
Score = Callable[[Features], NDArray[np.float64]]
"""The larger, the stranger."""


class Photos:
    """A set of photos and their features at every stage that a probe may read."""

    def __init__(self, name: str, prefix: Prefix) -> None:
        found = scan(unpacked(name.partition("/")[0]) / name.partition("/")[2])
        labels = np.array([photo.label for photo in found.photos])
        draw = np.random.default_rng(0)
        count = OF_CLASS if len(found.classes) > 2 else 2 * OF_CLASS
        classes = range(len(found.classes))
        rows = [draw.permutation(np.flatnonzero(labels == label))[:count] for label in classes]
        chosen = tuple(found.photos[row] for row in np.sort(np.concatenate(rows)))
        stored = store(replace(found, photos=chosen), prefix.preprocessing, prefix.cache)
        photos = stored.photos.photos
        self.view = prefix.view(0, Augmentation()).compute(stored, np.arange(len(photos)), lambda done, total: None)
        self.labels = np.array([photo.label for photo in photos])
        self.groups = groups_of(photos)
        self.classes = len(found.classes)


def scores(fit: Probe, known: Features, labels: NDArray[np.int64]) -> Mapping[str, Score]:
    """Every way of telling strangers, by what the fit has learned from."""
    centres = np.stack([known[labels == label].mean(0) for label in np.unique(labels)])
    own = np.searchsorted(np.unique(labels), labels)
    precision = np.linalg.inv(ledoit_wolf(known - centres[own], assume_centered=True)[0])
    compared = directions(known)

    def mahalanobis(features: Features) -> NDArray[np.float64]:
        apart = [features - centre for centre in centres]
        return np.min([np.einsum("nd,de,ne->n", each, precision, each) for each in apart], 0)

    return {
        "nearest neighbours (ours)": lambda features: ood_scores(features, compared),
        "max softmax": lambda features: -softmax(fit.logits(features)).max(1),
        "energy": lambda features: -logsumexp(fit.logits(features), axis=1),
        "Mahalanobis": mahalanobis,
    }


def asked_of(
    photos: Photos, others: Mapping[str, Photos], prefix: Prefix, stages: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """Figures of one set and one seed, by a probe of the best of ``stages``."""
    parted = np.random.default_rng(seed).permutation(np.unique(photos.groups))
    learned = np.flatnonzero(np.isin(photos.groups, parted[: len(parted) // 2]))
    tested = np.setdiff1d(np.arange(len(photos.labels)), learned)
    labels, groups = photos.labels[learned], photos.groups[learned]
    known_labels = PhotoLabels(labels, groups, photos.classes)
    weighting = unweighted(photos.classes)
    read = partial(features_of, prefix)
    fits = {
        stage: fit_probe(read([photos.view], stage)[:, learned], known_labels, seed=seed, recipe=ProbeRecipe().once())
        for stage in stages
    }
    stage = choose_best_stage(fits, labels, weighting)
    fit, features = fits[stage], read([photos.view], stage)[0]
    known, asked = features[learned], features[tested]
    told = {}
    strangers = {name: read([each.view], stage)[0] for name, each in others.items()}
    for name, score in scores(fit, known, labels).items():
        ours = score(asked)
        theirs = {other: score(each) for other, each in strangers.items()}
        bound = np.quantile(ours, KEPT)
        told[name] = {
            "auroc": {other: _auroc(ours, each) for other, each in theirs.items()},
            "held_back": {other: float((each > bound).mean()) for other, each in theirs.items()},
        }
    temperature = weighting.temperature(fit.held_out, labels[fit.held_out_rows])
    evidence = _evidence(fit, known, labels, groups, temperature, seed)
    probabilities = softmax(fit.logits(asked), temperature)
    correct = probabilities.argmax(1) == photos.labels[tested]
    distance = ood_scores(asked, evidence.known)
    rules = {
        target_accuracy: measure_coverage(rule_for(evidence, target_accuracy), probabilities.max(1), correct, distance)
        for target_accuracy in GOALS
    }
    least = least_probability(evidence, 0.9)
    truth = probabilities[np.arange(len(tested)), photos.labels[tested]]
    limit = rules[GOALS[0]].rule.novelty
    return {
        "stage": stage,
        "learned": len(learned),
        "accuracy": float(correct.mean()),
        "told": told,
        "rules": {str(target_accuracy): _figures(each) for target_accuracy, each in rules.items()},
        "familiar": float((distance <= limit).mean()),
        "refused": {name: float((ood_scores(each, evidence.known) > limit).mean()) for name, each in strangers.items()},
        "sets": {
            "hold": float((truth >= least).mean()),
            "size": float(np.maximum(1, (probabilities >= least).sum(1)).mean()),
        },
    }


def _evidence(
    fit: Probe, known: Features, labels: NDArray[np.int64], groups: NDArray[np.int64], temperature: float, seed: int
) -> Evidence:
    """As `inarch.commands.train.evidence` has it, without a run; every group here is one photo, or copies of one."""
    probabilities = softmax(fit.held_out, temperature)
    rows = known_rows(len(known), seed)
    return Evidence(
        confidence=probabilities.max(1),
        correct=probabilities.argmax(1) == labels[fit.held_out_rows],
        truth=probabilities[np.arange(len(probabilities)), labels[fit.held_out_rows]],
        novelty=ood_scores(known[fit.held_out_rows], directions(known[rows]), groups[fit.held_out_rows], groups[rows]),
        known=directions(known[rows]),
    )


def _auroc(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    strange = np.repeat([0, 1], [len(ours), len(theirs)])
    return float(roc_auc_score(strange, np.concatenate([ours, theirs])))


def _figures(each: SelectiveResult) -> dict[str, Any]:
    return {
        "promised": each.rule.promised,
        "coverage": each.coverage.value,
        "right": each.accuracy and each.accuracy.value,
        "answers": each.accuracy.n if each.accuracy else 0,
        "interval": each.accuracy and (each.accuracy.low, each.accuracy.high),
    }


def main() -> None:
    """Print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=list(ASKED))
    parser.add_argument("--last", action="store_true")
    arguments = parser.parse_args()
    start, row = starting_point("resnet18_narrow", None), architecture("resnet18_narrow")
    seen_as = Preprocessing(image_size=SIDE, mean=row.mean, std=row.std)
    prefix = Prefix(start.backbone, start.digest, seen_as, None, default_cache_folder())
    stages = prefix.stages[-1:] if arguments.last else (*prefix.stages, TOGETHER.join(prefix.gathered))
    photos = {name: Photos(name, prefix) for name in STRANGERS}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.sets}
    for seed in range(arguments.seeds):
        for name in arguments.sets:
            others = {other: each for other, each in photos.items() if other != name}
            runs[name].append(asked_of(photos[name], others, prefix, stages, seed))
            print(f"seed {seed}, {name}: {runs[name][-1]}", flush=True)
    print(table(["told by", "photos of", "AUROC of strangers", "held back where 95 % pass"], _told(runs)), "\n")
    print(
        table(["photos of", "target accuracy", "promised", "answered", "right", "answers right, by seed"], _kept(runs)),
        "\n",
    )
    header = ["photos of", "accuracy", "familiar, of 95 %", "strangers refused", "sets of 90 % hold", "classes in them"]
    print(table(header, [_unsure(name, each) for name, each in runs.items()]))
    write("unsure", {"seeds": arguments.seeds, "photos_of_class": OF_CLASS, "runs": runs})


def _told(runs: Mapping[str, list[dict[str, Any]]]) -> list[list[str]]:
    rows = []
    for score in next(iter(runs.values()))[0]["told"]:
        for name, seeds in runs.items():
            mean = [
                [float(np.mean(list(each["told"][score][what].values()))) for each in seeds]
                for what in ("auroc", "held_back")
            ]
            rows.append([score, name, *(spread(values, 3) for values in mean)])
    return rows


def _kept(runs: Mapping[str, list[dict[str, Any]]]) -> list[list[str]]:
    rows = []
    for name, seeds in runs.items():
        for target_accuracy in map(str, GOALS):
            each = [run["rules"][target_accuracy] for run in seeds]
            right = [rule["right"] for rule in each if rule["right"] is not None]
            bounds = [
                f"{rule['right']:.3f} ({rule['interval'][0]:.3f} to {rule['interval'][1]:.3f}, n={rule['answers']})"
                for rule in each
                if rule["right"] is not None
            ]
            rows.append(
                [
                    name,
                    target_accuracy,
                    f"{sum(rule['promised'] for rule in each)} of {len(each)}",
                    spread([rule["coverage"] for rule in each], 3),
                    spread(right, 3) if right else "–",
                    "; ".join(bounds),
                ]
            )
    return rows


def _unsure(name: str, seeds: list[dict[str, Any]]) -> list[str]:
    figures = [
        [each["accuracy"] for each in seeds],
        [each["familiar"] for each in seeds],
        [float(np.mean(list(each["refused"].values()))) for each in seeds],
        [each["sets"]["hold"] for each in seeds],
        [each["sets"]["size"] for each in seeds],
    ]
    return [name, *(spread(values, 3) for values in figures)]


if __name__ == "__main__":
    main()
