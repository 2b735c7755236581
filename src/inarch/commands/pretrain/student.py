"""A classifier that also predicts its teacher's features; only the classifier is kept in the end."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from inarch.commands.pretrain.corpus import UNLABELLED
from inarch.commands.pretrain.recipe import Weighting
from inarch.models import Classifier
from inarch.models.shapes import Images, Labels, Logits


class DistillationBatch(NamedTuple):
    """The input of a student's loss."""

    images: Tensor
    """Images, (n, 3, h, w)."""
    features: Tensor
    """The teacher's features of the same crops, (n, d)."""
    taught: Tensor
    """Which crops have features, (n,)."""


class Student(nn.Module):
    """A classifier of the photos' own labels, and a linear layer from its features to the teacher's.

    Args:
        classifier: backbone and head; the head's linear layer sees the pooled features.
        statistics: mean and standard deviations of the teacher's features, (d,) each.
        head: the teacher's own (weight, bias) from features to logits. It is not trained: the student's prediction of
            the features goes through it (Chen et al. 2022, arXiv 2203.14001).
    """

    mean: Tensor
    scale: Tensor
    teacher_weight: Tensor
    teacher_bias: Tensor

    def __init__(self, classifier: Classifier, statistics: tuple[Tensor, Tensor], head: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.classifier = classifier
        self.projection = nn.Linear(classifier.backbone.channels, len(statistics[0]))
        names = ("mean", "scale", "teacher_weight", "teacher_bias")
        for name, tensor in zip(names, (*statistics, *head), strict=True):
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, images: Images) -> tuple[Logits, Float[Tensor, "n d"]]:
        """Logits for the photos' own labels, and the predicted standardised features of the teacher."""
        feature_map = self.classifier.backbone(images)
        return self.classifier.head(feature_map), self.projection(feature_map.mean((2, 3)))

    def loss(
        self, lesson: DistillationBatch, labels: Labels, weighting: Weighting, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        """The scalar to minimise, and the logits for the photos' own labels."""
        logits, predicted = (each.float() for each in self(lesson.images))
        loss = logits.new_zeros(())
        if lesson.taught.any():
            loss = self._taught(predicted[lesson.taught], lesson.features[lesson.taught], weighting)
            loss = loss * lesson.taught.float().mean()
        labelled = labels != UNLABELLED
        if weighting.labels and labelled.any():
            own = F.cross_entropy(logits, labels, ignore_index=UNLABELLED, label_smoothing=smoothing)
            loss = loss + weighting.labels * own * labelled.float().mean()
        return loss, logits

    def _taught(self, predicted: Tensor, features: Tensor, weighting: Weighting) -> Tensor:
        loss = weighting.features * F.mse_loss(predicted, (features - self.mean) / self.scale)
        if weighting.answers:
            loss = loss + weighting.answers * self._divergence(predicted, features)
        return loss

    def _divergence(self, predicted: Tensor, features: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            said = F.linear(predicted * self.scale + self.mean, self.teacher_weight, self.teacher_bias)
            truth = F.linear(features, self.teacher_weight, self.teacher_bias)
        return F.kl_div(F.log_softmax(said, 1), F.log_softmax(truth, 1), log_target=True, reduction="batchmean")


def feature_statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every feature, (d,) each; a feature that never varies is divided by 1."""
    scale = features.std(0)
    return features.mean(0), torch.where(scale > 1e-4, scale, torch.ones_like(scale))
