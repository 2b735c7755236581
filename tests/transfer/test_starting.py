"""Where a graft starts: what was named, what the weights fit, and what to say where that is not clear."""

from pathlib import Path

import pytest
import torch

from inarch.errors import UnknownNameError, WeightsError
from inarch.nets import architecture, build
from inarch.transfer.starting import DEFAULT_MODEL, starting_point
from inarch.weights.files import weights_digest, write_weights


@pytest.fixture(scope="module")
def bottlenecks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that two variants could have."""
    path = tmp_path_factory.mktemp("weights") / "bottlenecks.safetensors"
    state = build("resnet_tiny", classes=3, seed=5).state_dict()
    alive = {name: torch.ones_like(each) if name.endswith("norm.weight") else each for name, each in state.items()}
    write_weights(path, alive)
    return path


def test_weights_that_fit_two_variants_ask_which(bottlenecks: Path) -> None:
    """v1 and v1.5 have the same names and shapes; guessing would be silently wrong half of the time."""
    with pytest.raises(WeightsError, match=r"fit resnet_tiny and resnet_v1_tiny.*say which with --model"):
        starting_point(None, bottlenecks)


def test_two_variants_with_the_same_weights_differ_by_digest(bottlenecks: Path) -> None:
    """They compute different features, so they must not find each other's in the cache."""
    first, second = (starting_point(name, bottlenecks) for name in ("resnet_tiny", "resnet_v1_tiny"))
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert not torch.allclose(first.backbone(images), second.backbone(images))
    assert first.digest != second.digest
    assert first.digest == starting_point("resnet_tiny", bottlenecks).digest


def test_weights_name_their_model(weights: Path) -> None:
    """Where they fit one only, nothing has to be said; the backbone is ready to be evaluated."""
    start = starting_point(None, weights)
    assert start.architecture == "resnet_basic_tiny"
    assert (start.pretrained, start.folded, start.after) == (True, False, "block4_1")
    assert start.weights.startswith("learned.safetensors (sha256 ")
    assert not any(module.training for module in start.backbone.modules())


def test_weights_that_fit_nothing_say_so(tmp_path: Path) -> None:
    """With the command that lists what there is."""
    write_weights(tmp_path / "other.safetensors", {"layer.weight": torch.zeros(3)})
    with pytest.raises(WeightsError, match="fit no model of the catalog; `inarch models` lists them"):
        starting_point(None, tmp_path / "other.safetensors")


@pytest.mark.parametrize("with_weights", [False, True])
def test_an_unknown_model_is_refused_before_anything_is_read(with_weights: bool) -> None:
    """The nearest name is offered."""
    path = Path("/nowhere/at.all") if with_weights else None
    with pytest.raises(
        UnknownNameError, match=r"No model is called 'resnet_basic_tny'. Did you mean 'resnet_basic_tiny'"
    ):
        starting_point("resnet_basic_tny", path)


def test_nothing_named_takes_the_default() -> None:
    """A fresh net of the catalog, with the weights of `build`."""
    start = starting_point(None, None)
    assert start.architecture == DEFAULT_MODEL
    assert architecture(DEFAULT_MODEL).family == "resnet"
    assert not start.pretrained
    assert weights_digest(start.backbone.state_dict()) == weights_digest(
        build(DEFAULT_MODEL, classes=1).backbone.state_dict()
    )
