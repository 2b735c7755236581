"""The transform of a model is the one decode, normalised, whatever a photo comes as."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from inarch.data.decode import decode, decode_or_error
from inarch.data.photos import Preprocessing
from inarch.errors import UnreadableImageError, UserError
from inarch.models import build
from inarch.training.pixels import normalise_pixels
from inarch.training.transform import PhotoTransform, transform_for
from photos import smooth
from tolerance import assert_same_computation
from trained import Trained

PREPROCESSING = Preprocessing(image_size=48, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25), interpolation="bicubic")


def _jpeg(path: Path, image: Image.Image, orientation: int = 1) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(path, "JPEG", quality=85, exif=exif)
    return path


def _png(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, "PNG", **options)
    return path


PHOTOS: dict[str, Callable[[Path], Path]] = {
    "as a camera holds it": lambda path: _jpeg(path, Image.fromarray(smooth(1, 97, 61)), orientation=6),
    "mirrored": lambda path: _jpeg(path, Image.fromarray(smooth(2, 61, 50)), orientation=7),
    "large enough to be decoded at a fraction": lambda path: _jpeg(path, Image.fromarray(smooth(3, 801, 450)), 3),
    "for print": lambda path: _jpeg(path, Image.fromarray(smooth(4, 90, 77)).convert("CMYK")),
    "grey": lambda path: _jpeg(path, Image.fromarray(smooth(5, 49, 200)).convert("L")),
    "of 16 bits": lambda path: _png(path, Image.fromarray(smooth(6, 70, 53)[..., 0].astype(np.uint16) * 257)),
    "with a palette and a hole": lambda path: _png(
        path, Image.fromarray(smooth(7, 64, 49)).convert("P", palette=Image.Palette.ADAPTIVE), transparency=3
    ),
    "see-through": lambda path: _png(path, Image.fromarray(np.dstack([smooth(8, 50, 90), smooth(9, 50, 90)[..., 0]]))),
    "smaller than the net's images": lambda path: _png(path, Image.fromarray(smooth(10, 17, 23))),
}


@pytest.fixture
def transform() -> PhotoTransform:
    return PhotoTransform(PREPROCESSING)


@pytest.mark.parametrize("kind", PHOTOS)
def test_every_kind_of_photo_is_decoded_once_and_for_all(kind: str, transform: PhotoTransform, tmp_path: Path) -> None:
    """A path, its text, the bytes and the opened image give what training sees, to the bit; the image stays."""
    path = PHOTOS[kind](tmp_path / "photo")
    square = decode(path, PREPROCESSING)
    expected = normalise_pixels(torch.from_numpy(square[None]).permute(0, 3, 1, 2), PREPROCESSING)[0]
    with Image.open(path) as image:
        before = image.size, image.mode
        for photo in (path, str(path), path.read_bytes(), image):
            assert torch.equal(transform(photo), expected)
        assert (image.size, image.mode) == before
        image.load()
        if kind != "large enough to be decoded at a fraction":
            assert torch.equal(transform(image), expected)
    by_hand = (square / 255 - PREPROCESSING.mean) / PREPROCESSING.std
    assert_same_computation(expected.permute(1, 2, 0), by_hand, terms=4)  # in single precision and in double


def test_pixels_are_as_good_as_the_photo_that_they_are_of(transform: PhotoTransform) -> None:
    """Plain tensors and torchvision's, one by one and in batches, coloured and grey."""
    pixels = [smooth(seed, 75, 52) for seed in range(3)]
    expected = torch.stack([transform(Image.fromarray(each)) for each in pixels])
    batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
    assert torch.equal(transform(batch), expected)
    assert torch.equal(transform(batch[0]), expected[0])
    assert torch.equal(transform(batch[None])[0], expected)
    image = transform(tv_tensors.Image(batch[1]))
    assert isinstance(image, tv_tensors.Image)
    assert torch.equal(image, expected[1])
    assert torch.equal(transform(batch[:, :1]), transform(batch[:, :1].expand(-1, 3, -1, -1)))


def test_it_composes_as_torchvisions_transforms_do(tiny: Trained) -> None:
    """In a `Compose`, in a data set, in a loader; labels pass; it prints what it does."""
    transform = transform_for(build("resnet_basic_tiny"))
    flipped = v2.Compose([v2.RandomHorizontalFlip(p=1.0), transform])
    photo = Image.fromarray(smooth(1, 90, 90))
    assert torch.equal(flipped(photo), transform(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    image, label = transform(photo, torch.tensor(2))
    assert image.shape == (3, 64, 64)
    assert label == 2
    photos = ImageFolder(str(tiny.photos / "train"), transform)
    images, labels = next(iter(DataLoader(photos, batch_size=5)))
    assert images.shape == (5, 3, 64, 64)
    assert images.is_contiguous()
    assert labels.tolist() == [0] * 5
    assert repr(transform) == (
        "PhotoTransform(image_size=64, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), interpolation=bilinear)"
    )


def test_each_model_has_its_own() -> None:
    """By the row of its architecture: Inception nets are normalised by a half."""
    assert transform_for(build("inception_v3_tiny", device="meta")).mean == (0.5, 0.5, 0.5)
    assert transform_for(build("resnet20", device="meta")).image_size == 32


def test_what_is_no_photo_is_refused(transform: PhotoTransform, tmp_path: Path) -> None:
    """Pixels that were scaled already would be scaled twice."""
    (tmp_path / "text.jpg").write_text("no photo", encoding="utf-8")
    with pytest.raises(UnreadableImageError, match="not an image"):
        transform(tmp_path / "text.jpg")
    with pytest.raises(UserError, match=r"not a tensor of torch.float32 of shape \(3, 9, 9\): give the photo"):
        transform(torch.zeros(3, 9, 9))
    with pytest.raises(UserError, match=r"of shape \(9, 9, 3\)"):
        transform(torch.zeros(9, 9, 3, dtype=torch.uint8))


def test_a_jpeg_that_is_open_can_be_read_on(transform: PhotoTransform) -> None:
    """Whoever opened it decodes it afterwards as if nothing had happened."""
    stream = io.BytesIO()
    Image.fromarray(smooth(3, 800, 450)).save(stream, "JPEG")
    image = Image.open(stream)
    transform(image)
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(stream.getvalue()))))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow may warn of damaged metadata
def test_hard_images_are_no_harder_here(shared_data: Callable[[str], Path], transform: PhotoTransform) -> None:
    """Of a hundred odd files each gives what decoding gives, or the same refusal."""
    files = [path for path in sorted(shared_data("hard_images").rglob("*")) if path.is_file()]
    for path in files:
        expected = decode_or_error(path, PREPROCESSING)
        if isinstance(expected, UnreadableImageError):
            with pytest.raises(UnreadableImageError) as refused:
                transform(path)
            assert str(refused.value) == str(expected), path
        else:
            pixels = torch.from_numpy(expected[None]).permute(0, 3, 1, 2)
            assert torch.equal(transform(path), normalise_pixels(pixels, PREPROCESSING)[0]), path
    assert len(files) > 50
