"""First filters: waves in a bell are found to be such, noise is not."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from inarch.commands.explain.filters import (
    GaborVerdict,
    _pairs,
    first_filters,
    gabor_likeness,
)
from inarch.models import Backbone, Block
from tolerance import assert_same_computation


def gabor(side: int, angle: float, wave: float, phase: float, width: float, colour: tuple[float, ...]) -> NDArray:
    """By its formula: (colours, side, side)."""
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    bell = np.exp(-(rows**2 + columns**2) / (2 * width**2))
    carried = np.cos(2 * np.pi * wave * (np.cos(angle) * columns + np.sin(angle) * rows) + phase)
    return np.array(colour)[:, None, None] * bell * carried


@pytest.mark.parametrize("side", [5, 7, 11])
def test_gabor_filters_of_any_phase_direction_and_colour_are_found(side: int) -> None:
    draw = np.random.default_rng(side)
    made = np.array(
        [
            gabor(side, draw.uniform(0, np.pi), draw.uniform(1 / side, 0.4), draw.uniform(0, 7), side / 4, colour)
            for colour in ((1, 1, 1), (1, -1, 0), (0.2, 0.9, -0.4))
            for _ in range(10)
        ]
    )
    assert gabor_likeness(made).min() > 0.9
    assert gabor_likeness(draw.normal(size=made.shape)).mean() < 0.5


def test_likeness_is_a_share_that_knows_no_scale() -> None:
    filters = np.random.default_rng(0).normal(size=(20, 3, 7, 7))
    likeness = gabor_likeness(filters)
    assert ((likeness > 0) & (likeness <= 1)).all()
    terms = filters[0].size
    assert_same_computation(gabor_likeness(-5 * filters), likeness, terms=terms)
    assert_same_computation(gabor_likeness(filters[:, ::-1]), likeness, terms=terms)  # colours are alike


def test_it_is_the_best_fit_of_one_colour_by_least_squares() -> None:
    """The closed form against the singular values of the projections, for one wave at a time."""
    filters = np.random.default_rng(1).normal(size=(4, 3, 3, 3))
    for each, likeness in zip(filters, gabor_likeness(filters), strict=True):
        flat = each.reshape(3, 9)
        explained = [np.linalg.svd(flat @ pair.T, compute_uv=False)[0] ** 2 for pair in _pairs(3)]
        assert_same_computation(likeness, max(explained) / (flat**2).sum(), terms=flat.size)


def backbone_of(weights: NDArray) -> Backbone:
    convolution = nn.Conv2d(3, len(weights), weights.shape[-1], bias=False)
    convolution.weight.data = torch.from_numpy(weights).float()
    return Backbone({"stem": [Block("first", nn.Sequential(convolution), len(weights), 1)]})


def test_trained_looking_filters_beat_noise_and_noise_does_not() -> None:
    draw = np.random.default_rng(2)
    waves = np.array([gabor(7, angle, 0.25, angle, 1.75, (1, 1, 1)) for angle in np.linspace(0, 3, 16)])
    assert first_filters(backbone_of(waves), seed=0).verdict == GaborVerdict.MORE
    assert first_filters(backbone_of(draw.normal(size=(16, 3, 7, 7))), seed=0).verdict == GaborVerdict.CLOSE


def test_dead_filters_are_named_and_do_not_count() -> None:
    waves = np.array([gabor(7, angle, 0.25, 0.5, 1.75, (1, 1, 1)) for angle in (0.0, 1.0, 2.0)])
    alone = first_filters(backbone_of(waves), seed=0)
    found = first_filters(backbone_of(np.concatenate([waves, 1e-6 * waves])), seed=0)
    assert [each.likeness is None for each in found.filters] == [False] * 3 + [True] * 3
    assert_same_computation(found.likeness, alone.likeness, terms=waves[0].size)
    assert all(each.colour == pytest.approx(0, abs=1e-9) for each in alone.filters)  # grey throughout
