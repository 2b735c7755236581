"""Attribution maps of a prediction by three methods, and their faithfulness.

A photo is divided into square fields. The methods are captum's: Grad-CAM (Selvaraju et al. 2017, arXiv
1610.02391) at the last feature map, integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365) and occlusion
(Zeiler and Fergus 2014, arXiv 1311.2901). Each map has two controls: the map of a randomly initialised model (Adebayo
et al. 2018, arXiv 1810.03292), and the deletion metric (Petsiuk et al. 2018, arXiv 1806.07421) with two baseline
orders.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn

from inarch.commands.explain.records import BorderReliance, FaithfulnessCheck
from inarch.extras import import_required
from inarch.metrics.comparison import t_interval
from inarch.metrics.intervals import wilson
from inarch.metrics.records import Estimate
from inarch.models import Classifier
from inarch.models.shapes import Images

Map = NDArray[np.float64]
"""Attributions (fields, fields) with sum 1; uniform if no field supports the class."""
Method = Callable[[Classifier, Images, int], Tensor]


class FaithfulnessVerdict(StrEnum):
    """The result of the deletion metric for a method."""

    TELLS = "more faithful than both baselines"
    CLOSE = "inconclusive"
    CENTRE = "no better than the centre baseline"


@dataclass(frozen=True, kw_only=True)
class AttributionRecipe:
    """The numbers of the methods and of their deletion metric."""

    fields: int = 8
    """Fields along one side: as fine as the last feature maps of most models, or finer."""
    at_once: int = 4
    """Fields that are deleted in one step."""
    path: int = 16
    """Points of the path integral, which begins at a grey photo."""
    batch: int = 64
    """Images in one forward pass."""
    flat: float = 1e-12
    """A map of a smaller sum or range has no preference."""

    @property
    def border_area(self) -> float:
        """The fraction of the fields that are in the outer ring."""
        return 1 - (self.fields - 2) ** 2 / self.fields**2


RECIPE = AttributionRecipe()


def grad_cam(model: Classifier, image: Images, answer: int) -> Tensor:
    """The map of the last feature map, upsampled, (1, 1, side, side)."""
    attr = import_required("captum").attr
    last = list(model.backbone.stages.values())[-1]
    seen = attr.LayerGradCam(model, last).attribute(image, target=answer, relu_attributions=True)
    return F.interpolate(seen.detach(), image.shape[-2:], mode="bilinear", align_corners=False)


def integrated_gradients(model: Classifier, image: Images, answer: int) -> Tensor:
    """The map summed over colours, (1, 1, side, side); the path begins at the mean colour, which is 0."""
    seen = (
        import_required("captum")
        .attr.IntegratedGradients(model)
        .attribute(image, target=answer, n_steps=RECIPE.path, internal_batch_size=RECIPE.path)
    )
    return seen.detach().sum(1, keepdim=True)


def occlusion(model: Classifier, image: Images, answer: int) -> Tensor:
    """The decrease of the logit when one field after another takes the mean colour, (1, 1, side, side)."""
    size = max(1, image.shape[-1] // RECIPE.fields)
    with torch.no_grad():
        seen = (
            import_required("captum")
            .attr.Occlusion(model)
            .attribute(
                image, (3, size, size), strides=(3, size, size), target=answer, perturbations_per_eval=RECIPE.batch
            )
        )
    return seen[:, :1]


METHODS: Mapping[str, Method] = MappingProxyType(
    {"Grad-CAM": grad_cam, "integrated gradients": integrated_gradients, "occlusion": occlusion}
)


def compute_attribution(method: str, model: Classifier, image: Images, answer: int) -> Map:
    """The attribution map of one photo for one class.

    Args:
        method: a name of `METHODS`.
        model: in evaluation mode.
        image: normalised, (1, 3, side, side).
        answer: the class to explain.

    Raises:
        UserError: captum is not installed.
    """
    seen = METHODS[method](model, image, answer).clamp(min=0)
    fields = F.adaptive_avg_pool2d(seen, RECIPE.fields)[0, 0].double().numpy()
    total = fields.sum()
    return fields / total if total > RECIPE.flat else np.full_like(fields, 1 / fields.size)


@torch.no_grad()
def confidence_after_deletions(model: nn.Module, image: Images, answer: int, order: NDArray[np.integer]) -> float:
    """The mean confidence in a class while fields are deleted in an order, a few at a time.

    A deleted field takes the mean colour of the photo.

    Args:
        model: in evaluation mode.
        image: normalised, (1, 3, side, side).
        answer: the class.
        order: all fields, row by row numbered, in the order of deletion.
    """
    mean = image.mean((2, 3), keepdim=True)
    steps = []
    gone = torch.zeros(1, 1, RECIPE.fields, RECIPE.fields)
    for at in range(0, len(order), RECIPE.at_once):
        gone.view(-1)[torch.from_numpy(order[at : at + RECIPE.at_once].copy())] = 1
        mask = F.interpolate(gone, image.shape[-2:], mode="nearest")
        steps.append(image * (1 - mask) + mean * mask)
    confidences = [model(some).softmax(1)[:, answer] for some in torch.cat(steps).split(RECIPE.batch)]
    return float(torch.cat(confidences).mean())


def deletion_confidences(model: Classifier, images: Images, answers: Sequence[int], maps: Sequence[Map]) -> list[float]:
    """The deletion metric of each photo's map: the mean confidence while the strongest fields are deleted first.

    Args:
        model: in evaluation mode.
        images: normalised, (n, 3, side, side).
        answers: the class of each map, n of them.
        maps: n of them.
    """
    return [
        confidence_after_deletions(model, image, answer, np.argsort(-seen, axis=None, kind="stable"))
        for image, answer, seen in zip(images.split(1), answers, maps, strict=True)
    ]


def control_deletion_confidences(
    model: Classifier, images: Images, answers: Sequence[int], seed: int
) -> tuple[list[float], list[float]]:
    """The mean confidence for two baseline orders: random, and from the centre outwards.

    Args:
        model: in evaluation mode.
        images: normalised, (n, 3, side, side).
        answers: the class of each photo, n of them.
        seed: of the random orders, a different one for every photo.
    """
    draw = np.random.default_rng(seed)
    middle = (RECIPE.fields - 1) / 2
    rows, columns = np.indices((RECIPE.fields, RECIPE.fields))
    outwards = np.argsort((rows - middle) ** 2 + (columns - middle) ** 2, axis=None, kind="stable")
    pairs = list(zip(images.split(1), answers, strict=True))
    random = [confidence_after_deletions(model, *pair, draw.permutation(RECIPE.fields**2)) for pair in pairs]
    return random, [confidence_after_deletions(model, *pair, outwards) for pair in pairs]


def measure_faithfulness(
    method: str,
    maps: Sequence[Map],
    control_maps: Sequence[Map],
    own: Sequence[float],
    blind: tuple[Sequence[float], Sequence[float]],
) -> FaithfulnessCheck:
    """The faithfulness of a method's maps.

    Args:
        method: the method's name.
        maps: n of them.
        control_maps: the maps of the randomly initialised model, n of them.
        own: the result of `deletion_confidences` for these maps.
        blind: the result of `control_deletion_confidences` for the same photos and classes.
    """
    over_random, over_centre = (_mean(np.subtract(other, own).tolist()) for other in blind)
    alike = _mean([_rank_correlation(*pair) for pair in zip(maps, control_maps, strict=True)])
    verdict = FaithfulnessVerdict.CLOSE
    if over_random.low > 0:
        verdict = FaithfulnessVerdict.TELLS if over_centre.low > 0 else FaithfulnessVerdict.CENTRE
    return FaithfulnessCheck(method, over_random, over_centre, alike, verdict)


def _rank_correlation(one: Map, other: Map) -> float:
    if np.ptp(one) < RECIPE.flat or np.ptp(other) < RECIPE.flat:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def _mean(values: Sequence[float]) -> Estimate:
    """The mean with Student's interval of 95 %."""
    return Estimate(*t_interval(values, 0.95), len(values))


def border_share(seen: Map) -> float:
    """The fraction of a map that lies in the outer ring of fields."""
    return float(seen.sum() - seen[1:-1, 1:-1].sum())


def measure_border_reliance(
    labels: Sequence[str], classes: Sequence[str], maps: Sequence[Map]
) -> tuple[BorderReliance, ...]:
    """For every class, the fraction of its photos whose attribution lies at the border more than in the interior.

    A uniform map gives the border the fraction of its area; so does, on average, an uninformative map. A class is
    suspicious if significantly more than half of its photos (by Wilson's interval) exceed that.
    """
    sights = []
    for name in classes:
        own = [
            border_share(seen) > RECIPE.border_area for label, seen in zip(labels, maps, strict=True) if label == name
        ]
        if own:
            share = wilson(sum(own), len(own))
            sights.append(BorderReliance(name, share, is_suspicious=share.low > 0.5))
    return tuple(sights)
