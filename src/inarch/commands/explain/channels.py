"""Feature maps of a photo, by stage and by branch, and the patches with the strongest response of single channels."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inarch.commands.explain.depth import BATCH
from inarch.commands.explain.records import ChannelFeatureMap, Patch
from inarch.models import Backbone, evaluating
from inarch.models.shapes import Images

STAGE_CHANNELS = 6
"""The channels that are shown of a stage; one is shown of a branch."""
PATCHES = 6
"""The patches that are shown of a channel, each of another photo."""


class Responses:
    """The strongest response of every channel of every stage in every photo, and its position."""

    def __init__(self, backbone: Backbone, images: Images) -> None:
        names = [info.name for info in backbone.info]
        values: dict[str, list[Tensor]] = {name: [] for name in names}
        places: dict[str, list[Tensor]] = {name: [] for name in names}
        with evaluating(backbone), torch.no_grad():
            for some in images.split(BATCH):
                for name, feature_map in backbone.tapped(some, names).items():
                    strongest, at = feature_map.flatten(2).max(2)
                    values[name].append(strongest)
                    side = feature_map.shape[3]
                    middles = (torch.stack([at // side, at % side], 2) + 0.5) / side
                    places[name].append(middles)
        self.values = {name: torch.cat(each).numpy() for name, each in values.items()}
        """By stage, (n, channels)."""
        self.places = {name: torch.cat(each).numpy() for name, each in places.items()}
        """By stage, (n, channels, 2): down and across, as fractions of the photo's side."""

    def alive(self, stage: str) -> NDArray[np.intp]:
        """The channels whose response differs between photos."""
        return np.flatnonzero(np.ptp(self.values[stage], axis=0) > 0)


def top_patches(
    responses: Responses, stage: str, channel: int, photos: Sequence[tuple[str, str]], share: float
) -> tuple[Patch, ...]:
    """The patches that a channel responds to most, each of another photo, the strongest first.

    Args:
        responses: of the photos.
        stage: whose channel.
        channel: its number.
        photos: path and class of each.
        share: side of a patch, as a fraction of the photo's side.
    """
    values, places = responses.values[stage][:, channel], responses.places[stage][:, channel]
    patches = []
    for at in np.argsort(-values, kind="stable")[:PATCHES].tolist():
        top, left = (float(np.clip(middle - share / 2, 0, 1 - share)) for middle in places[at])
        path, label = photos[at]
        patches.append(Patch(path, label, float(values[at]), top, left, share))
    return tuple(patches)


@torch.no_grad()
def select_feature_maps(
    backbone: Backbone, image: Images, responses: Responses, place: int
) -> tuple[ChannelFeatureMap, ...]:
    """Feature maps of one photo: the most salient channels of every stage, then one of each branch of its last block.

    A channel's salience is the distance of its strongest response from the mean over all photos, in standard
    deviations. Of branches, whose statistics over all photos are unknown, the channel with the largest mean is taken.

    Args:
        backbone: in evaluation mode.
        image: normalised, (1, 3, side, side).
        responses: of all photos.
        place: the photo's place among them.
    """
    maps = []
    with evaluating(backbone), _keeping_branches(backbone) as kept:
        tapped = backbone.tapped(image, [info.name for info in backbone.info])
    for stage, feature_map in tapped.items():
        values = responses.values[stage]
        standing = (values[place] - values.mean(0)) / np.maximum(values.std(0), np.finfo(np.float32).tiny)
        standing[values.std(0) == 0] = -np.inf
        for channel in np.argsort(-standing, kind="stable")[:STAGE_CHANNELS].tolist():
            maps.append(ChannelFeatureMap(stage, "", "", channel, _quantise_feature_map(feature_map[0, channel])))
        block, branches = kept.get(stage, ("", {}))
        for branch, branch_map in branches.items():
            channel = int(branch_map[0].mean((1, 2)).argmax())
            maps.append(ChannelFeatureMap(stage, block, branch, channel, _quantise_feature_map(branch_map[0, channel])))
    return tuple(maps)


@contextmanager
def _keeping_branches(backbone: Backbone) -> Iterator[Mapping[str, tuple[str, Mapping[str, Tensor]]]]:
    """Inside the ``with``, the outputs of the branches of each stage's last branched block are kept: by stage, the
    block's name and the feature maps by branch."""
    kept: dict[str, tuple[str, dict[str, Tensor]]] = {}
    handles = []
    for stage, blocks in backbone.stages.items():
        branched = [(name, branches) for name, block in blocks.named_children() if (branches := _branches(block))]
        if branched:
            name, branches = branched[-1]
            kept[stage] = (name, {})
            handles += [
                branch.register_forward_hook(partial(_keep_output, kept[stage][1], path))
                for path, branch in branches.items()
            ]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def _keep_output(maps: dict[str, Tensor], path: str, module: nn.Module, given: object, put_out: Tensor) -> None:
    maps[path] = put_out.clone()  # later layers may work in place


def _branches(block: nn.Module) -> dict[str, nn.Module]:
    """The parallel paths of a block, by name; empty if there is only one."""
    children = dict(block.named_children())
    if isinstance(branches := children.get("branches"), nn.ModuleDict):
        return dict(branches.items())
    return {name: children[name] for name in ("residual", "shortcut") if name in children}


def _quantise_feature_map(feature_map: Tensor, longest: int = 28) -> tuple[tuple[int, ...], ...]:
    """The values scaled to 0 at the minimum and 255 at the maximum, averaged to ``longest`` a side at most."""
    finest = min(longest, *feature_map.shape)
    small = nn.functional.adaptive_avg_pool2d(feature_map[None, None], finest)[0, 0].double()
    spread = float(small.max() - small.min())
    scaled = (small - small.min()) / spread if spread > 0 else torch.zeros_like(small)
    return tuple(tuple(int(value) for value in row) for row in (255 * scaled).round().tolist())
