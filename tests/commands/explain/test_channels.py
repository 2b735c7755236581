"""Responses, patches, maps and made images of channels of which it is known what moves them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from inarch.commands.explain.channels import (
    PATCHES,
    STAGE_CHANNELS,
    Responses,
    select_feature_maps,
    top_patches,
)
from inarch.commands.explain.maximisation import (
    MaximisationVerdict,
    StageChannels,
    synthesise_images,
)
from inarch.data.photos import Preprocessing
from inarch.models import Backbone, Block, build
from lively import enlivened
from tolerance import assert_same_computation, terms_of

SIDE = 32
PREPROCESSING = Preprocessing(image_size=SIDE)


class Colours(nn.Module):
    """Red, green and blue, averaged over fields of four pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(images, 4)


@pytest.fixture
def colours() -> Backbone:
    return Backbone({"stage1": [Block("block1", Colours(), 3, 4)]}).eval()


def spots() -> tuple[Tensor, list[tuple[int, int]]]:
    """Grey photos, each with a red square elsewhere, the later the redder."""
    images, places = torch.zeros(9, 3, SIDE, SIDE), []
    for at in range(9):
        top, left = 4 * (at % 7), 4 * (at % 5)
        images[at, 0, top : top + 4, left : left + 4] = at + 1
        places.append((top, left))
    return images, places


def test_patches_are_where_the_channel_responds_most(colours: Backbone) -> None:
    """Each of another photo, the strongest first, and never beyond the photo's edge."""
    images, places = spots()
    names = [f"{at}.jpg" for at in range(9)]
    share = 12 / SIDE
    patches = top_patches(Responses(colours, images), "stage1", 0, list(zip(names, names, strict=True)), share)
    assert [each.path for each in patches] == names[::-1][:PATCHES]
    assert [each.response for each in patches] == sorted((each.response for each in patches), reverse=True)
    for each in patches:
        top, left = places[int(each.path[0])]
        assert each.top * SIDE <= top
        assert (each.top + share) * SIDE >= top + 4
        assert each.left * SIDE <= left
        assert (each.left + share) * SIDE >= left + 4
        assert each.top >= 0
        assert each.left + share <= 1


def test_channels_that_never_change_are_not_alive(colours: Backbone) -> None:
    images, _ = spots()
    assert Responses(colours, images).alive("stage1").tolist() == [0]


def test_responses_are_the_maxima_of_the_maps() -> None:
    net = enlivened(build("googlenet_tiny", classes=3)).eval().backbone
    images = torch.randn(40, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    responses = Responses(net, images)
    for info in net.info:
        with torch.no_grad():
            feature_map = net.tapped(images, [info.name])[info.name]
        assert_same_computation(responses.values[info.name], feature_map.amax((2, 3)), terms=terms_of(net))


@pytest.mark.parametrize(
    ("name", "branches"),
    [
        ("googlenet_tiny", {"1x1", "3x3", "5x5", "pool"}),
        ("resnet_tiny", {"residual", "shortcut"}),
        ("inception_resnet_v2_tiny", {"residual"}),
    ],
)
def test_maps_of_every_stage_and_branch(name: str, branches: set[str]) -> None:
    """The branches are those of the block, and no hook stays behind."""
    net = enlivened(build(name, classes=3)).eval().backbone
    images = torch.randn(6, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    responses = Responses(net, images)
    maps = select_feature_maps(net, images[:1], responses, 0)
    assert not any(module._forward_hooks for module in net.modules())
    assert list(dict.fromkeys(each.stage for each in maps)) == [info.name for info in net.info]
    for info in net.info:
        own = [each for each in maps if each.stage == info.name and not each.branch]
        assert len(own) == min(STAGE_CHANNELS, info.channels)
    last = {each.branch for each in maps if each.stage == net.info[-1].name and each.branch}
    assert last == branches
    for each in maps:
        values = np.array(each.values)
        assert values.min() >= 0
        assert values.max() in (0, 255)


def test_an_image_for_a_plain_channel_is_its_colour(colours: Backbone) -> None:
    """Redder than grey photos, wherever it is shifted; and a photo that is all red cannot be beaten."""
    grey = torch.full((1, 3, SIDE, SIDE), 0.1)
    (made,) = synthesise_images(StageChannels(colours, "stage1", [0]), grey, PREPROCESSING, seed=0)
    assert made.verdict == MaximisationVerdict.BEATS
    assert made.kept > 0.9
    middle = slice(SIDE // 2 - 2, SIDE // 2 + 2)
    seen = np.asarray(Image.open(io.BytesIO(made.picture)))[middle, middle].mean((0, 1))
    assert seen[0] > 200
    assert seen[0] > seen[1] + 50
    red = (torch.tensor([1.0, 0, 0]) - torch.tensor(PREPROCESSING.mean)) / torch.tensor(PREPROCESSING.std)
    whole = red.reshape(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    (beaten,) = synthesise_images(StageChannels(colours, "stage1", [0]), whole, PREPROCESSING, seed=0)
    assert beaten.verdict == MaximisationVerdict.BEATEN
    assert beaten.over_best <= 1


def test_what_a_shift_destroys_is_said_to_be_lost() -> None:
    """A channel that likes one pattern of noise at one place; a flat photo moves it a little, and stays."""
    convolution = nn.Conv2d(3, 1, 16, stride=16, bias=False)
    noise = torch.randn(convolution.weight.shape, generator=torch.Generator().manual_seed(0))
    convolution.weight.data = noise - noise.mean() + 0.01
    net = Backbone({"stage1": [Block("block1", convolution, 1, 16)]}).eval()
    (made,) = synthesise_images(StageChannels(net, "stage1", [0]), torch.ones(1, 3, SIDE, SIDE), PREPROCESSING, seed=0)
    assert made.photo_kept == pytest.approx(1)
    assert made.over_best > 1
    assert made.verdict == MaximisationVerdict.FRAGILE


def test_made_images_follow_from_the_seed_and_leave_the_net_alone() -> None:
    net = enlivened(build("resnet_basic_tiny", classes=3)).backbone.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    best = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    channels = StageChannels(net, net.info[1].name, [0, 1])
    first, second = (synthesise_images(channels, best, PREPROCESSING, seed=3) for _ in range(2))
    assert first == second
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
