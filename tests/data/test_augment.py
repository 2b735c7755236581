"""Augmentation: varied, repeatable, and without a hand in the global random state."""

import random

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as F

from inarch.data.augment import augment
from inarch.data.augmentation import Augmentation
from inarch.errors import UserError

STRONG = Augmentation(flip=True, min_scale=0.3, rotate=20.0, colour=0.4)


@pytest.fixture
def images(draw):
    """Eight pictures of 32 x 24."""
    return torch.stack([torch.from_numpy(draw(seed, 24, 32)).permute(2, 0, 1) for seed in range(8)])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_results_repeat_with_the_generator_and_not_without(images):
    """The same seed gives the same images; the next call, or another seed, gives others."""
    source = generator()
    first, second = augment(images, STRONG, source), augment(images, STRONG, source)
    assert torch.equal(first, augment(images, STRONG, generator()))
    assert not torch.equal(first, second)
    assert not torch.equal(first, augment(images, STRONG, generator(1)))


def test_shape_dtype_and_the_originals_stay(images):
    """Eight images in, eight out, and the input untouched."""
    before = images.clone()
    varied = augment(images, STRONG, generator())
    assert varied.shape == images.shape
    assert varied.dtype == torch.uint8
    assert torch.equal(images, before)
    assert augment(images[:0], STRONG, generator()).shape == (0, 3, 32, 24)


@pytest.mark.parametrize("recipe", [STRONG, Augmentation(flip=False, min_scale=1.0)])
def test_another_side_is_another_size_of_the_same(images, recipe):
    """Squares of that side; crops, flips and colours are drawn as at any other side."""
    small, large = (augment(images, recipe, generator(), side=side) for side in (16, 64))
    assert small.shape == (8, 3, 16, 16)
    assert large.shape == (8, 3, 64, 64)
    shrunk = F.resize(large, [16, 16], antialias=True)
    assert (shrunk.float() - small.float()).abs().mean() < 12  # of 255: resized twice instead of once
    assert augment(images[:0], recipe, generator(), side=16).shape == (0, 3, 16, 16)


def test_the_global_random_state_is_untouched(images):
    """Of PyTorch, NumPy and Python."""
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    augment(images, STRONG, generator())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_nothing_asked_for_is_nothing_done(images):
    """The identity is among the recipes."""
    assert torch.equal(augment(images, Augmentation(flip=False, min_scale=1.0), generator()), images)


def test_flips_are_flips_and_about_half(draw):
    """Each image comes out as it was or mirrored."""
    many = torch.from_numpy(draw(3, 8, 8)).permute(2, 0, 1).repeat(400, 1, 1, 1)
    varied = augment(many, Augmentation(min_scale=1.0), generator())
    mirrored = (varied == F.horizontal_flip(many)).flatten(1).all(dim=1)
    unchanged = (varied == many).flatten(1).all(dim=1)
    assert (mirrored ^ unchanged).all()
    assert 150 < int(mirrored.sum()) < 250


def test_one_effect_does_not_change_another(images):
    """With flips switched off, the crops are those that they were with flips."""
    plain = augment(images, Augmentation(flip=False), generator())
    flipped = augment(images, Augmentation(flip=True), generator())
    same = (plain == flipped).flatten(1).all(dim=1)
    mirrored = (F.horizontal_flip(plain) == flipped).flatten(1).all(dim=1)
    assert (same | mirrored).all()


def test_crops_show_parts_of_the_image_of_at_least_the_smallest_share():
    """On a picture whose values are positions, the span of what is seen tells the size of the crop."""
    side = 64
    ramp = torch.arange(side, dtype=torch.uint8)
    positions = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side), torch.zeros(side, side).byte()])
    varied = augment(positions.repeat(200, 1, 1, 1), Augmentation(flip=False, min_scale=0.35), generator()).float()
    width = varied[:, 0].amax(dim=(1, 2)) - varied[:, 0].amin(dim=(1, 2)) + 1
    height = varied[:, 1].amax(dim=(1, 2)) - varied[:, 1].amin(dim=(1, 2)) + 1
    share = width * height / side**2
    assert share.min() > 0.28  # 0.35 less a rounding of each side and the clipping of long crops
    assert share.min() < 0.5
    assert share.max() > 0.9
    assert ((width / height).log().abs() < np.log(4 / 3) + 0.1).all()


def test_colour_keeps_shapes_and_rotation_keeps_the_centre(images):
    """Grey stays grey under a change of colour; one colour stays itself where a rotation does not reach outside."""
    grey = images[:, :1].expand(-1, 3, -1, -1).contiguous()
    varied = augment(grey, Augmentation(flip=False, min_scale=1.0, colour=0.5), generator())
    assert int((varied.amax(dim=1) - varied.amin(dim=1)).max()) <= 1
    assert not torch.equal(varied, grey)
    flat = torch.full((4, 3, 33, 33), 77, dtype=torch.uint8)
    turned = augment(flat, Augmentation(flip=False, min_scale=1.0, rotate=45.0), generator())
    assert (turned[:, :, 14:19, 14:19] == 77).all()
    assert int(turned.amin()) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_scale": 0.0}, r"min_scale must be in \(0, 1\], got 0\.0"),
        ({"min_scale": 1.5}, r"got 1\.5"),
        ({"rotate": -1.0}, "rotate must be from 0 to 180 degrees"),
        ({"colour": 2.0}, "colour must be in"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    """A recipe is valid once it exists."""
    with pytest.raises(UserError, match=message):
        Augmentation(**settings)
