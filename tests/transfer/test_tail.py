"""The tail on cached maps: the same training as the whole net with its prefix frozen."""

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inarch.models import (
    Backbone,
    FrozenModule,
    build,
    linear_head,
)
from inarch.storage.cache import ArrayCache, Rows
from inarch.training.config import TrainingConfig
from inarch.training.loop import ExampleSource, Run
from inarch.training.losses import cross_entropy
from inarch.transfer.run import StartingPoint, TrainingRun
from inarch.transfer.tail import CachedFeatureMaps, logits_of, train_tail
from inarch.weights.files import weights_digest
from tolerance import assert_same_computation, terms_of

PHOTOS = 22
CONFIG = TrainingConfig(epochs=3, batch_size=8, lr=0.01, warmup=0.0)


@pytest.fixture(params=["stage3", "block1_1"])
def halves(request: pytest.FixtureRequest) -> tuple[Backbone, Backbone]:
    """Prefix and tail of a tiny net whose statistics are not fresh, cut before the last stage and early on."""
    backbone = build("resnet_tiny", classes=3, seed=1).backbone
    with torch.no_grad():
        backbone.train()(torch.randn(16, 3, 48, 48, generator=torch.Generator().manual_seed(0)))
    return backbone.eval().split(request.param)


@pytest.fixture
def views() -> tuple[Tensor, ...]:
    """The photos of two views."""
    generator = torch.Generator().manual_seed(2)
    return tuple(torch.randn(PHOTOS, 3, 48, 48, generator=generator) for _ in range(2))


def cached(maps: Tensor, folder: Path) -> Rows:
    keys = [f"{row:064x}" for row in range(len(maps))]
    cache = ArrayCache(folder)
    cache.write(keys, {"map": maps.numpy()})
    return cache.read(keys, "map")


def test_cached_and_uncached_training_agree(
    halves: tuple[Backbone, Backbone],
    views: tuple[Tensor, ...],
    make_job: Callable[..., TrainingRun],
    fresh: StartingPoint,
    tmp_path: Path,
) -> None:
    """In every weight and statistic; and the prefix, run in training mode but frozen, does not move."""
    prefix, tail = halves
    labels = np.arange(PHOTOS) % 3
    whole = nn.Sequential(FrozenModule(prefix), *map(copy.deepcopy, (tail, linear_head(tail.channels, 3))))
    short = nn.Sequential(*map(copy.deepcopy, (tail, whole[2])))
    before = weights_digest(prefix.state_dict()), weights_digest(tail.state_dict())

    def batch(indices: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        return views[epoch % 2][indices], torch.from_numpy(labels[indices.numpy()])

    list(
        Run(whole, CONFIG).epochs(
            ExampleSource(PHOTOS, batch), partial(cross_entropy, smoothing=CONFIG.label_smoothing)
        )
    )
    with torch.no_grad():
        maps = tuple(cached(prefix(view), tmp_path / str(number)) for number, view in enumerate(views))
    source = CachedFeatureMaps(maps, labels).source(np.arange(PHOTOS))
    history = train_tail(make_job(fresh), Run(short, CONFIG, tmp_path / "run.pt"), source)

    assert [epoch.number for epoch in history] == [1, 2, 3]
    assert weights_digest(prefix.state_dict()) == before[0]
    assert weights_digest(short[0].state_dict()) != before[1]
    steps = CONFIG.epochs * -(-PHOTOS // CONFIG.batch_size)
    for name, tensor in short.state_dict().items():
        index, rest = name.split(".", 1)
        expected = whole.state_dict()[f"{int(index) + 1}.{rest}"]
        assert_same_computation(tensor, expected, terms=steps * 3 * terms_of(whole), name=name)
    assert not (tmp_path / "run.pt").exists()


def test_sources_are_subsets_of_the_photos(views: tuple[Tensor, ...], tmp_path: Path) -> None:
    """Index i of a source is its i-th row; each epoch sees the next view."""
    maps = tuple(cached(view[:, :, :2, :2].contiguous(), tmp_path / str(number)) for number, view in enumerate(views))
    rows = np.array([9, 4, 20])
    source = CachedFeatureMaps(maps, np.arange(PHOTOS)).source(rows)
    assert source.examples == 3
    for epoch in (1, 2, 3):
        found, labels = source.batch(torch.tensor([2, 0]), epoch)
        assert labels.tolist() == [20, 9]
        assert torch.equal(found, views[epoch % 2][[20, 9], :, :2, :2])


def test_logits_on_maps_are_those_of_the_whole_net(
    halves: tuple[Backbone, Backbone], views: tuple[Tensor, ...], tmp_path: Path
) -> None:
    """In evaluation mode, in the order of the rows, and the mode is given back."""
    prefix, tail = halves
    model = nn.Sequential(tail, linear_head(tail.channels, 3)).train()
    rows = np.array([5, 1, 21])
    with torch.no_grad():
        found = logits_of(model, cached(prefix(views[0]), tmp_path / "maps"), rows, batch=2)
        expected = model.eval()(prefix(views[0][rows]))
    assert_same_computation(found, expected, terms=terms_of(prefix) + terms_of(model))
