"""The scikit-learn face: scikit-learn's own checks, where photos allow them, and what its users rely on."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.utils import estimator_checks

from inarch.api.estimator import ImageClassifier
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


@pytest.mark.parametrize("kind", ["array", "grey and odd", "image", "path"])
def test_pixels_are_as_good_as_files(fitted: ImageClassifier, photos: tuple[list[str], list[str]], kind: str) -> None:
    """A photo gives the same answer as a file, as an array and as a PIL image."""
    plain = [path for path in photos[0] if path.endswith("png")][:4]
    images = [Image.open(path) for path in plain]
    for image in images:
        image.getexif().clear()
    if kind == "grey and odd":
        same = [np.asarray(image.convert("L")) for image in images]
        images = [image.convert("L") for image in images]
    else:
        same = {"array": list(map(np.asarray, images)), "image": images, "path": list(map(Path, plain))}[kind]
    expected = fitted.predict_proba(plain if kind == "path" else [np.asarray(each.convert("RGB")) for each in images])
    np.testing.assert_array_equal(fitted.predict_proba(same), expected)


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


def test_no_photos_have_no_answers(fitted: ImageClassifier) -> None:
    """But still three columns."""
    assert fitted.predict_proba([]).shape == (0, 3)


def _noise(side: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).random((side, side, 3))


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
    with pytest.raises(UserError, match=r"Photo 0 is neither .* but ndarray of float64 and shape \(4, 4, 3\)"):
        fitted.predict([_noise(4)])
    with pytest.raises(UserError, match="Pass a list of photos"):
        fitted.predict(str(broken))
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
