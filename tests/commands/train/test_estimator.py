"""The scikit-learn face: scikit-learn's own checks, where photos allow them, and what its users rely on."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import estimator_checks

from inarch.commands.train.estimator import ImageClassifier
from inarch.errors import PhotosError, UnknownNameError, UserError
from trained import CLASSES, Trained

CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)
"""Those of scikit-learn's that feed no tables of numbers, which are no photos, nor arguments of wrong types, which the
types checked under test refuse."""


@pytest.fixture(scope="module")
def estimator(tiny: Trained) -> ImageClassifier:
    """Grafts the tiny bundle's backbone; not fitted."""
    return ImageClassifier(model=str(tiny.bundle), strategy="probe", cache=tiny.cache)


@pytest.fixture(scope="module")
def photos(tiny: Trained) -> tuple[list[str], list[str]]:
    """Paths and labels of the training photos."""
    paths = sorted((tiny.photos / "train").rglob("*.*"))
    return [str(path) for path in paths], [path.parent.name for path in paths]


@pytest.fixture(scope="module")
def fitted(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> ImageClassifier:
    """The estimator, fitted on them."""
    return clone(estimator).fit(*photos)


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learn_checks(check: str) -> None:
    """Parameters, cloning, tags and repr, as scikit-learn checks them."""
    getattr(estimator_checks, check)("ImageClassifier", ImageClassifier())


def test_right_on_what_it_has_seen(fitted: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """Labels come back as they went in; probabilities add up to 1, in the order of ``classes_``."""
    paths, labels = photos
    probabilities = fitted.predict_proba(paths)
    assert fitted.classes_.tolist() == sorted(CLASSES)
    assert probabilities.shape == (len(paths), len(CLASSES))
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (fitted.predict(paths) == fitted.classes_[probabilities.argmax(1)]).all()
    assert fitted.score(paths, labels) > 0.9
    assert fitted.strategy_ == "probe"


def test_works_in_cross_validation(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """Soft pictures of three colours are told apart on folds that were not learned from."""
    paths, labels = (np.array(each) for each in photos)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    assert cross_val_score(estimator, paths, labels, cv=folds).mean() > 0.8


def test_pixels_are_as_good_as_files(fitted: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """A photo gives the same answer as a file, as a PIL image that lies on its side, and as an array of its pixels."""
    paths = [path for path in photos[0] if path.endswith("png")]
    expected = fitted.predict_proba(paths)
    images = [Image.open(path) for path in paths]
    assert len({image.getexif().get(ExifTags.Base.Orientation) for image in images}) > 3
    np.testing.assert_array_equal(fitted.predict_proba(images), expected)
    upright = [np.asarray(ImageOps.exif_transpose(image)) for image in images]
    np.testing.assert_array_equal(fitted.predict_proba(upright), expected)
    np.testing.assert_array_equal(fitted.predict_proba(list(map(Path, paths))), expected)


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16", "P"])
def test_images_of_every_mode_are_as_good_as_files(fitted: ImageClassifier, mode: str, tmp_path: Path) -> None:
    """Grey, see-through, of 16 bits, with a palette: decoded by the same rules."""
    pixels = np.random.default_rng(0).integers(0, 65535 if mode == "I;16" else 255, (40, 50), dtype=np.uint16)
    image = Image.fromarray(pixels) if mode == "I;16" else Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    if mode == "RGBA":
        image.putalpha(100)
    image.save(tmp_path / "photo.png")
    answers = fitted.predict_proba([Image.open(tmp_path / "photo.png"), tmp_path / "photo.png"])
    np.testing.assert_array_equal(answers[0], answers[1])


def test_grey_arrays_are_photos(fitted: ImageClassifier) -> None:
    """(h, w) is the same as three equal channels."""
    grey = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    answers = fitted.predict_proba([grey, np.repeat(grey[..., None], 3, axis=2)])
    np.testing.assert_array_equal(answers[0], answers[1])


def test_labels_may_be_numbers(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """10 comes after 9, as scikit-learn sorts them, not before it, as text would be."""
    paths, names = photos
    number = dict(zip(sorted(CLASSES), (9, 10, 11), strict=True))
    labels = [number[name] for name in names]
    fitted = clone(estimator).fit(paths, labels)
    assert fitted.classes_.tolist() == [9, 10, 11]
    assert fitted.score(paths, labels) > 0.9


def test_survives_pickling(fitted: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """Parallel searches send estimators to other processes."""
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(photos[0][:3]), fitted.predict_proba(photos[0][:3]))


def test_fitting_again_forgets(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """The same fit, whatever was fitted before."""
    paths, labels = photos
    twice = clone(estimator).fit(paths[:16], labels[:16]).fit(paths, labels)
    once = clone(estimator).fit(paths, labels)
    np.testing.assert_array_equal(twice.predict_proba(paths), once.predict_proba(paths))


def test_what_is_unlike_the_photos_is_not_answered(
    fitted: ImageClassifier, photos: tuple[list[str], list[str]], tiny: Trained
) -> None:
    """By the rule of a bundle with the same net: photos of the classes are answered more often than noise."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 48, 3), dtype=np.uint8)
    own = fitted.answers(photos[0], goal=0.6)
    strange = fitted.answers(list(noise), goal=0.6)
    assert own.dtype == strange.dtype == bool
    assert own.mean() > 0.6 > 0.1 > strange.mean()
    assert fitted.answers(photos[0], goal=0.9).sum() <= own.sum()
    assert fitted.answers([]).shape == (0,)
    with pytest.raises(UserError, match="goal"):
        fitted.answers(photos[0], goal=1.5)
    with pytest.raises(NotFittedError):
        clone(fitted).answers(photos[0])


def test_no_photos_have_no_answers(fitted: ImageClassifier) -> None:
    """But still three columns."""
    assert fitted.predict_proba([]).shape == (0, 3)


def _noise(side: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).random((side, side, 3))


def _pixels(side: int) -> NDArray[np.uint8]:
    return (255 * _noise(side)).astype(np.uint8)


def test_mistakes_are_said(estimator: ImageClassifier, fitted: ImageClassifier, tmp_path: Path) -> None:
    """In the words of scikit-learn where it has some, else in ours: what, where, and what would do."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with pytest.raises(NotFittedError):
        estimator.predict([broken])
    with pytest.raises(PhotosError, match=r"broken\.jpg: It is not an image"):
        fitted.predict([broken])
    with pytest.raises(PhotosError, match=r"nowhere\.jpg: It cannot be opened"):
        clone(estimator).fit([tmp_path / "nowhere.jpg", broken], ["a", "b"])
    with pytest.raises(UserError, match=r"Photo 0 is neither .* but an array of float64 of shape \(4, 4, 3\)"):
        fitted.predict([_noise(4)])
    with pytest.raises(UserError, match=r"Photo 1 is neither .* of shape \(0, 4, 3\)"):
        fitted.predict([_pixels(4), _pixels(4)[:0]])
    for single in (str(broken), _pixels(4), Image.fromarray(_pixels(4))):
        with pytest.raises(UserError, match=r"this is a single one, .*: put it into a list"):
            fitted.predict(single)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(estimator).fit([broken], ["a", "b"])
    with pytest.raises(UserError, match="at least two classes; there is 1"):
        clone(estimator).fit([broken], ["a"])
    with pytest.raises(UnknownNameError, match="Did you mean 'probe'"):
        clone(estimator).set_params(strategy="prob").fit([broken, broken], ["a", "b"])


def test_an_unreadable_photo_is_named(
    estimator: ImageClassifier, photos: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    """Leaving it out silently would give fewer answers than photos."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with pytest.raises(PhotosError, match=r"broken\.jpg: It is not an image"):
        clone(estimator).fit([*photos[0], broken], [*photos[1], "red"])
