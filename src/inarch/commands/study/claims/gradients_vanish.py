"""The textbooks' reason why deep plain networks do not learn."""

from inarch.commands.study.claims.gradients_skip import measure
from inarch.commands.study.readings import ReadingName
from inarch.commands.study.records import Claim, Quantity
from inarch.commands.study.study import Study

STUDY = Study(
    Claim(
        name="gradients-vanish",
        statement="In a deep network without shortcuts the first layer's gradient vanishes.",
        source="A commonplace of textbooks; He et al. 2016, arXiv 1512.03385, section 4.1, already question it for "
        "networks with batch normalisation",
        reported="He et al. report healthy norms of the gradients in their plain networks, and give no figures.",
        design="Plain CIFAR networks of 20 and 110 layers with batch normalisation, before the first step, on 8 images "
        "of noise. A seed draws the weights, the images and the labels.",
        limits="Networks without batch normalisation, and saturating activations, are another matter.",
        quantities=(
            Quantity(
                words="20 layers against 110, without shortcuts",
                one=("plain20", ReadingName.GRADIENT),
                other=("plain110", ReadingName.GRADIENT),
                threshold=10.0,
            ),
        ),
        arms=("plain20", "plain110"),
        seeds=5,
        seconds=3.0,
    ),
    measure,
)
