"""Which fields of a photo an answer follows from, by three methods, and what their maps are worth.

A photo is divided into `FIELDS` x `FIELDS` fields. The methods are captum's: Grad-CAM (Selvaraju et al. 2017, arXiv
1610.02391) at the last map, integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365) and occlusion (Zeiler and
Fergus 2014, arXiv 1311.2901). Each map is beside its controls: that of a net with first weights (Adebayo et al. 2018,
arXiv 1810.03292), and the deletion game (Petsiuk et al. 2018, arXiv 1806.07421) against two orders that know nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn

from inarch.commands.explain.records import BorderReliance, FaithfulnessCheck
from inarch.metrics.intervals import t_interval, wilson
from inarch.metrics.records import Estimate
from inarch.models import Classifier
from inarch.models.foreign import import_required
from inarch.models.shapes import Images

FIELDS = 8
"""A side of the grid: as fine as the last maps of most nets, or finer."""
AT_ONCE = 4
"""Fields that are deleted in one step."""
PATH = 16
"""Points on the way from a grey photo that gradients are integrated over."""
BATCH = 64
FLAT = 1e-12
CONFIDENCE = 0.95
TELLS, CLOSE, CENTRE = "tells more than chance", "too close to call", "tells no more than the centre of the photo"

Map = NDArray[np.float64]
"""(fields, fields), shares of 1; all alike where nothing speaks for the answer."""
Method = Callable[[Classifier, Images, int], Tensor]


def grad_cam(net: Classifier, image: Images, answer: int) -> Tensor:
    """Of the last map, upsampled, (1, 1, side, side)."""
    attr = import_required("captum", "explain").attr
    last = list(net.backbone.stages.values())[-1]
    seen = attr.LayerGradCam(net, last).attribute(image, target=answer, relu_attributions=True)
    return F.interpolate(seen.detach(), image.shape[-2:], mode="bilinear", align_corners=False)


def integrated_gradients(net: Classifier, image: Images, answer: int) -> Tensor:
    """Summed over colours, (1, 1, side, side); the way begins at the mean colour, which is 0."""
    seen = (
        import_required("captum", "explain")
        .attr.IntegratedGradients(net)
        .attribute(image, target=answer, n_steps=PATH, internal_batch_size=PATH)
    )
    return seen.detach().sum(1, keepdim=True)


def occlusion(net: Classifier, image: Images, answer: int) -> Tensor:
    """What the logit loses when one field after the other turns to the mean colour, (1, 1, side, side)."""
    size = max(1, image.shape[-1] // FIELDS)
    with torch.no_grad():
        seen = (
            import_required("captum", "explain")
            .attr.Occlusion(net)
            .attribute(image, (3, size, size), strides=(3, size, size), target=answer, perturbations_per_eval=BATCH)
        )
    return seen[:, :1]


METHODS: Mapping[str, Method] = MappingProxyType(
    {"Grad-CAM": grad_cam, "integrated gradients": integrated_gradients, "occlusion": occlusion}
)


def compute_attribution(method: str, net: Classifier, image: Images, answer: int) -> Map:
    """The map of one photo for one answer.

    Args:
        method: a name of `METHODS`.
        net: in evaluation mode.
        image: normalised, (1, 3, side, side).
        answer: the class that is to be explained.

    Raises:
        UserError: captum is not installed.
    """
    seen = METHODS[method](net, image, answer).clamp(min=0)
    fields = F.adaptive_avg_pool2d(seen, FIELDS)[0, 0].double().numpy()
    total = fields.sum()
    return fields / total if total > FLAT else np.full((FIELDS, FIELDS), 1 / FIELDS**2)


@torch.no_grad()
def confidence_after_deletions(net: nn.Module, image: Images, answer: int, order: NDArray[np.integer]) -> float:
    """The mean confidence in an answer while fields are deleted in an order, a few at a time.

    A deleted field takes the mean colour of the photo.

    Args:
        net: in evaluation mode.
        image: normalised, (1, 3, side, side).
        answer: whose confidence counts.
        order: of all fields, row by row, the first to go first.
    """
    mean = image.mean((2, 3), keepdim=True)
    steps = []
    gone = torch.zeros(FIELDS * FIELDS)
    for at in range(0, len(order), AT_ONCE):
        gone[torch.from_numpy(order[at : at + AT_ONCE].copy())] = 1
        mask = F.interpolate(gone.reshape(1, 1, FIELDS, FIELDS), image.shape[-2:], mode="nearest")
        steps.append(image * (1 - mask) + mean * mask)
    confidences = [net(some).softmax(1)[:, answer] for some in torch.cat(steps).split(BATCH)]
    return float(torch.cat(confidences).mean())


def deletion_confidences(net: Classifier, images: Images, answers: Sequence[int], maps: Sequence[Map]) -> list[float]:
    """The confidences after deletions in the order of each photo's map, the strongest field first.

    Args:
        net: in evaluation mode.
        images: normalised, (n, 3, side, side).
        answers: whose confidence counts, n of them.
        maps: n of them.
    """
    return [
        confidence_after_deletions(net, image, answer, np.argsort(-seen, axis=None, kind="stable"))
        for image, answer, seen in zip(images.split(1), answers, maps, strict=True)
    ]


def control_deletion_confidences(
    net: Classifier, images: Images, answers: Sequence[int], seed: int
) -> tuple[list[float], list[float]]:
    """The confidences after deletions in two orders that know nothing: a random one, and from the centre outwards.

    Args:
        net: in evaluation mode.
        images: normalised, (n, 3, side, side).
        answers: whose confidence counts, n of them.
        seed: of the random orders, another for every photo.
    """
    draw = np.random.default_rng(seed)
    middle = (FIELDS - 1) / 2
    rows, columns = np.indices((FIELDS, FIELDS))
    outwards = np.argsort((rows - middle) ** 2 + (columns - middle) ** 2, axis=None, kind="stable")
    pairs = list(zip(images.split(1), answers, strict=True))
    random = [confidence_after_deletions(net, *pair, draw.permutation(FIELDS**2)) for pair in pairs]
    return random, [confidence_after_deletions(net, *pair, outwards) for pair in pairs]


def measure_faithfulness(
    method: str,
    net: Classifier,
    images: Images,
    answers: Sequence[int],
    maps: Sequence[Map],
    control_maps: Sequence[Map],
    blind: tuple[Sequence[float], Sequence[float]],
) -> FaithfulnessCheck:
    """What the maps of some photos are worth.

    Args:
        method: what it is called.
        net: in evaluation mode.
        images: normalised, (n, 3, side, side).
        answers: what each map explains, n of them.
        maps: n of them.
        control_maps: the same of the net with first weights.
        blind: what `control_deletion_confidences` says of the same photos and answers.
    """
    own = deletion_confidences(net, images, answers, maps)
    over_random, over_centre = (_mean(np.subtract(other, own).tolist()) for other in blind)
    alike = _mean([_rank_correlation(*pair) for pair in zip(maps, control_maps, strict=True)])
    verdict = CLOSE if not over_random.low > 0 else TELLS if over_centre.low > 0 else CENTRE
    return FaithfulnessCheck(method, over_random, over_centre, alike, verdict)


def _rank_correlation(one: Map, other: Map) -> float:
    if np.ptp(one) < FLAT or np.ptp(other) < FLAT:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def _mean(values: Sequence[float]) -> Estimate:
    """The mean with Student's interval."""
    return Estimate(*t_interval(values, CONFIDENCE), len(values))


def border_share(seen: Map) -> float:
    """How much of a map lies in the outer ring of fields."""
    return float(seen.sum() - seen[1:-1, 1:-1].sum())


BORDER_AREA = 1 - (FIELDS - 2) ** 2 / FIELDS**2


def measure_border_reliance(
    labels: Sequence[str], classes: Sequence[str], maps: Sequence[Map]
) -> tuple[BorderReliance, ...]:
    """For every class, how many of its photos are judged by their border rather than by what is inside.

    A map without a preference has of the border what that has of the area; so has, on average, one that knows nothing.
    A class is suspicious where it is certain (by Wilson's interval) that more than half of its photos have more.
    """
    sights = []
    for name in classes:
        own = [border_share(seen) > BORDER_AREA for label, seen in zip(labels, maps, strict=True) if label == name]
        if own:
            share = wilson(sum(own), len(own))
            sights.append(BorderReliance(name, share, is_suspicious=share.low > 0.5))
    return tuple(sights)
