"""Activation maximisation: images that maximise one channel's response, and a score of them.

Gradient ascent from faint noise in the frequency domain, with jitter (Olah et al. 2017, Feature Visualization,
section "The Enemy of Feature Visualization"; distill 10.23915/distill.00007), within the range of real pixels. The
score has two parts: an image with a weaker response than a photo's shows nothing new, and one whose response is gone
after a shift by a few pixels is adversarial noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor

from inarch.commands.explain.records import SynthesisedImage
from inarch.data.photos import Preprocessing
from inarch.models import Backbone, evaluating
from inarch.models.shapes import Images
from inarch.report.raster import png


class MaximisationVerdict(StrEnum):
    """The score of a synthesised image."""

    BEATS = "stronger than the best photo and stable under shifts"
    FRAGILE = "lost under shifts"
    BEATEN = "weaker than the best photo"
    UNMOVED = "no response to any initial noise"


@dataclass(frozen=True, kw_only=True)
class AscentRecipe:
    """The numbers of the ascent and of its stability test."""

    steps: int = 96
    rate: float = 0.05
    """The learning rate of Adam."""
    starts: tuple[float, ...] = (0.05, 0.5)
    """Strengths of the initial noise; the next is tried if a channel has no response at all."""
    jitter: int = 4
    """The largest shift in pixels during ascent, and the shift of the stability test."""
    survives: float = 0.5
    """The fraction of the response that must remain after a shift; or as much as the best photo keeps, if that is
    less."""

    @property
    def shifts(self) -> tuple[tuple[int, int], ...]:
        """The shifts of the stability test, down and right."""
        ways = (-self.jitter, 0, self.jitter)
        return tuple((down, right) for down in ways for right in ways if down or right)


RECIPE = AscentRecipe()


@dataclass(frozen=True)
class StageChannels:
    """Some channels of one stage, c of them, each with an image of its own."""

    backbone: Backbone
    """In evaluation mode; its weights are not changed."""
    stage: str
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def at(self, places: Tensor) -> "StageChannels":
        """Some of them."""
        return replace(self, numbers=[self.numbers[place] for place in places.tolist()])

    def maps(self, images: Images) -> Tensor:
        """The map of each channel for its own image, (c, h, w)."""
        feature_map = self.backbone.tapped(images, [self.stage])[self.stage]
        return feature_map[torch.arange(len(self)), list(self.numbers)]

    @torch.no_grad()
    def strongest(self, images: Images) -> Tensor:
        """The strongest response anywhere in each channel's image, (c,)."""
        return self.maps(images).flatten(1).max(1).values

    def strongest_shifted(self, images: Images) -> Tensor:
        """The mean of the strongest responses to the shifted images; the edge pixels are repeated."""
        padded = torch.nn.functional.pad(images, (RECIPE.jitter,) * 4, mode="replicate")
        side = images.shape[-1]
        responses = [
            self.strongest(padded[:, :, RECIPE.jitter + down :, RECIPE.jitter + right :][:, :, :side, :side])
            for down, right in RECIPE.shifts
        ]
        return torch.stack(responses).mean(0)


def synthesise_images(
    channels: StageChannels, best: Images, preprocessing: Preprocessing, seed: int
) -> tuple[SynthesisedImage, ...]:
    """One image for each of some channels of a stage.

    Args:
        channels: c of them.
        best: the photo with the strongest response of each channel, normalised, (c, 3, side, side).
        preprocessing: the normalisation of the model.
        seed: of the noise and the shifts.
    """
    with evaluating(channels.backbone):
        made, pixels = _climb(channels, best.shape[-1], preprocessing, torch.Generator().manual_seed(seed))
        own, photos = (channels.strongest(each) for each in (made, best))
        kept, photos_kept = (channels.strongest_shifted(each) for each in (made, best))
    images = []
    for at in range(len(channels)):
        left, left_of_photo = (
            float(after[at] / before[at].clamp(min=1e-12)) for after, before in ((kept, own), (photos_kept, photos))
        )
        beats = bool(own[at] > photos[at])
        is_stable = left >= min(RECIPE.survives, left_of_photo)
        verdict = MaximisationVerdict.BEATS if is_stable else MaximisationVerdict.FRAGILE
        if not beats:
            verdict = MaximisationVerdict.UNMOVED if own[at] <= 0 else MaximisationVerdict.BEATEN
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


def _climb(
    channels: StageChannels, side: int, preprocessing: Preprocessing, draws: torch.Generator
) -> tuple[Images, Tensor]:
    """An image for each channel, (c, 3, side, side), normalised and as pixels from 0 to 1."""
    mean, std = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    pixels = torch.zeros(len(channels), 3, side, side)
    unmoved = torch.arange(len(channels))
    for noise in RECIPE.starts:
        start = noise * torch.randn(len(unmoved), 3, side, side // 2 + 1, 2, generator=draws)
        pixels[unmoved], highest = _maximise_activations(channels.at(unmoved), start, (mean, std), draws)
        unmoved = unmoved[highest <= 0]
        if not len(unmoved):
            break
    return (pixels - mean) / std, pixels


def _maximise_activations(
    channels: StageChannels, start: Tensor, normalisation: tuple[Tensor, Tensor], draws: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pixels from 0 to 1, (c, 3, side, side), and the final value of each channel's centre, (c,).

    ``start`` holds the initial waves, (c, 3, side, side // 2 + 1, 2).
    """
    mean, std = normalisation
    side = start.shape[2]
    rows, columns = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None]
    scale = side / (rows.square() + columns.square()).sqrt().clamp(min=1 / side)  # equal weight for the eye
    spectrum = start.requires_grad_(True)
    optimiser = torch.optim.Adam([spectrum], RECIPE.rate)
    best, highest = torch.zeros(len(channels), 3, side, side), torch.full((len(channels),), -torch.inf)
    for _ in range(RECIPE.steps):
        waves = torch.view_as_complex(spectrum) * scale
        pixels = torch.fft.irfft2(waves, (side, side)).sigmoid()
        down, right = (torch.randint(-RECIPE.jitter, RECIPE.jitter + 1, (2,), generator=draws)).tolist()
        shifted = pixels.roll((down, right), (2, 3))
        maps = channels.maps((shifted - mean) / std)
        central = maps[:, maps.shape[1] // 2, maps.shape[2] // 2]
        higher = central.detach() > highest
        best[higher], highest[higher] = shifted.detach()[higher], central.detach()[higher]
        whole = maps.mean((1, 2))
        climbed = central + torch.where(central > 0, 0.0, whole)  # a value that ReLU sets to 0 has no gradient
        (spectrum.grad,) = torch.autograd.grad(-climbed.sum(), [spectrum])
        optimiser.step()
    return best, highest
