"""Images that are made to move one channel, and whether they say anything.

An image is climbed from faint noise by its spectrum, jittered on the way (Olah et al. 2017, Feature Visualization,
section "The Enemy of Feature Visualization"; distill 10.23915/distill.00007), within the range of real pixels. It is
scored: an image that moves the channel less than a photo does shows nothing new, and one whose effect is gone after a
shift by a few pixels is noise that this grid happens to like.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from inarch.commands.explain.records import SynthesisedImage
from inarch.data.photos import Preprocessing
from inarch.models import Backbone, evaluating
from inarch.models.shapes import Images
from inarch.report.raster import png

STEPS, RATE = 96, 0.05
STARTS = (0.05, 0.5)
"""How strong the noise is that a climb starts from; the next is tried where a channel answers nothing at all."""
JITTER = 4
"""Pixels by which an image is shifted on the way at most, and by which its effect is tested."""
SURVIVES = 0.5
"""Of the response, at least, after a shift: or as much as the best photo keeps, where that is less."""
SHIFTS = tuple((down, right) for down in (-JITTER, 0, JITTER) for right in (-JITTER, 0, JITTER) if down or right)
BEATS, FRAGILE = "beats the best photo and survives shifts", "lost after a shift"
BEATEN, UNMOVED = "beaten by the best photo", "not moved by any noise that a climb could start from"


def synthesise_images(
    backbone: Backbone,
    stage: str,
    channels: Sequence[int],
    best: Images,
    preprocessing: Preprocessing,
    seed: int,
) -> tuple[SynthesisedImage, ...]:
    """One image for each of some channels of a stage.

    Args:
        backbone: its weights stay as they are.
        stage: whose channels.
        channels: their numbers, c of them.
        best: the photo that moves each most, normalised, (c, 3, side, side).
        preprocessing: how pixels become what the net takes.
        seed: of the noise and the shifts.
    """
    mean, std = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    draws = torch.Generator().manual_seed(seed)
    with evaluating(backbone):
        pixels = torch.zeros_like(best)
        unmoved = torch.arange(len(channels))
        for noise in STARTS:
            pixels[unmoved], highest = _maximise_activations(
                backbone, stage, [channels[at] for at in unmoved.tolist()], (mean, std), best.shape[-1], noise, draws
            )
            unmoved = unmoved[highest <= 0]
            if not len(unmoved):
                break
        made = (pixels - mean) / std
        own, photos = (_responses(backbone, stage, channels, each) for each in (made, best))
        kept, photos_kept = (_measure_shifted_responses(backbone, stage, channels, each) for each in (made, best))
    images = []
    for at in range(len(channels)):
        left, left_of_photo = (
            float(after[at] / before[at].clamp(min=1e-12)) for after, before in ((kept, own), (photos_kept, photos))
        )
        beats = bool(own[at] > photos[at])
        verdict = BEATS if left >= min(SURVIVES, left_of_photo) else FRAGILE
        if not beats:
            verdict = UNMOVED if own[at] <= 0 else BEATEN
        images.append(
            SynthesisedImage(
                png((255 * pixels[at]).round().byte().permute(1, 2, 0).numpy()),
                float(own[at]),
                float(own[at] / photos[at].clamp(min=1e-12)),
                left,
                left_of_photo,
                verdict,
            )
        )
    return tuple(images)


def _maximise_activations(
    backbone: Backbone,
    stage: str,
    channels: Sequence[int],
    normalisation: tuple[Tensor, Tensor],
    side: int,
    noise: float,
    draws: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Pixels from 0 to 1, (c, 3, side, side), and how large each channel's central value became, (c,)."""
    mean, std = normalisation
    rows, columns = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
    scale = side / (rows.square() + columns.square()).sqrt().clamp(min=1 / side)  # each wave alike to the eye
    spectrum = noise * torch.randn(len(channels), 3, *scale.shape, 2, generator=draws)
    spectrum.requires_grad_(True)
    optimiser = torch.optim.Adam([spectrum], RATE)
    best, highest = torch.zeros(len(channels), 3, side, side), torch.full((len(channels),), -torch.inf)
    for _ in range(STEPS):
        waves = torch.view_as_complex(spectrum) * scale
        pixels = torch.fft.irfft2(waves, (side, side)).sigmoid()
        down, right = (torch.randint(-JITTER, JITTER + 1, (2,), generator=draws)).tolist()
        shifted = pixels.roll((down, right), (2, 3))
        feature_map = backbone.tapped((shifted - mean) / std, [stage])[stage]
        central = _central_values(feature_map, channels)
        higher = central.detach() > highest
        best[higher], highest[higher] = shifted.detach()[higher], central.detach()[higher]
        whole = feature_map[torch.arange(len(channels)), list(channels)].mean((1, 2))
        climbed = central + torch.where(central > 0, 0.0, whole)  # a value that ReLU has cut off has no slope
        (spectrum.grad,) = torch.autograd.grad(-climbed.sum(), [spectrum])
        optimiser.step()
    return best, highest


def _central_values(feature_map: Tensor, channels: Sequence[int]) -> Tensor:
    """Of the image of each channel its central value, (c,)."""
    places = torch.arange(len(channels))
    return feature_map[places, list(channels), feature_map.shape[2] // 2, feature_map.shape[3] // 2]


@torch.no_grad()
def _responses(backbone: Backbone, stage: str, channels: Sequence[int], images: Images) -> Tensor:
    """The strongest response anywhere in each channel's image, (c,)."""
    feature_map = backbone.tapped(images, [stage])[stage]
    return feature_map[torch.arange(len(channels)), list(channels)].flatten(1).max(1).values


def _measure_shifted_responses(backbone: Backbone, stage: str, channels: Sequence[int], images: Images) -> Tensor:
    """The mean of the strongest responses to the shifted images; what comes in at the edge is the edge repeated."""
    padded = torch.nn.functional.pad(images, (JITTER,) * 4, mode="replicate")
    side = images.shape[-1]
    responses = [
        _responses(backbone, stage, channels, padded[:, :, JITTER + down :, JITTER + right :][:, :, :side, :side])
        for down, right in SHIFTS
    ]
    return torch.stack(responses).mean(0)
