"""Where a graft starts: a backbone from a weights file, or a fresh one."""

from pathlib import Path

from inarch.data.cache import cache_key
from inarch.errors import WeightsError, WeightsMismatchError
from inarch.nets import architecture, build
from inarch.transfer.job import StartingPoint
from inarch.weights.files import WeightsFile, read_weights, weights_digest
from inarch.weights.identification import identify
from inarch.weights.loading import load_backbone

DEFAULT_MODEL = "resnet18"
"""What is trained when the user names neither a model nor weights."""


def starting_point(model: str | None, weights: Path | None) -> StartingPoint:
    """The backbone that training starts from.

    Args:
        model: a name of the catalog; None takes the one that the weights fit.
        weights: a file of pre-trained weights; None starts from random ones.

    Raises:
        UnknownNameError: no model has that name.
        WeightsError: the file cannot be read, fits another net, or fits several and ``model`` does not say which.
    """
    if weights is None:
        return _fresh(model or DEFAULT_MODEL)
    if model is not None:
        architecture(model)
    file = read_weights(weights)
    name = model or _only_fit(file, weights)
    try:
        loaded = load_backbone(file, name)
    except WeightsMismatchError as error:
        raise WeightsError(
            f"The weights in {weights} do not fit {name}: {len(error.problems)} tensors differ, the first is "
            f"{error.problems[0]}. {error.hint}"
        ) from error
    return StartingPoint(
        architecture=name,
        backbone=loaded.backbone.eval(),
        after=loaded.after,
        digest=cache_key(name, weights_digest(loaded.backbone.state_dict())),
        weights=f"{weights.name} (sha256 {file.sha256[:12]})",
        pretrained=True,
        folded=loaded.folded,
    )


def _fresh(name: str) -> StartingPoint:
    backbone = build(name, classes=1).backbone
    return StartingPoint(
        architecture=name,
        backbone=backbone,
        after=backbone.info[-1].name,
        digest=cache_key(name, weights_digest(backbone.state_dict())),
        weights="random initialisation",
        pretrained=False,
        folded=False,
    )


def _only_fit(file: WeightsFile, path: Path) -> str:
    fitting = identify(file.tensors)
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise WeightsError(f"The weights in {path} fit no model of the catalog; `inarch models` lists them.")
    raise WeightsError(
        f"The weights in {path} fit {' and '.join(fitting)}, which have the same names and shapes but compute "
        "different things; say which with --model."
    )
