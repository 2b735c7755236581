"""The scikit-learn face: scikit-learn's own checks, where photos allow them, and what its users rely on."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score, cross_validate
from sklearn.utils import estimator_checks

import inarch
from inarch.commands.train.estimator import ImageClassifier
from inarch.errors import OutputError, PhotosError, UnknownNameError, UserError
from tolerance import assert_same_probabilities, terms_of
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
    assert probabilities.sum(1) == pytest.approx(1)
    assert (fitted.predict(paths) == fitted.classes_[probabilities.argmax(1)]).all()
    assert fitted.score(paths, labels) > 0.9
    assert fitted.strategy_ == "probe"


@pytest.mark.slow
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
    opened, named = Image.open(tmp_path / "photo.png"), tmp_path / "photo.png"
    np.testing.assert_array_equal(fitted.predict_proba([opened]), fitted.predict_proba([named]))


def test_grey_arrays_are_photos(fitted: ImageClassifier) -> None:
    """(h, w) is the same as three equal channels."""
    grey = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    in_colour = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(fitted.predict_proba([grey]), fitted.predict_proba([in_colour]))


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


@pytest.mark.slow
def test_groups_stay_together(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """Noise whose label is that of its group: learned by heart where groups are parted, chance where they are not."""
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (12, 40, 40, 3), dtype=np.uint8)
    groups = np.repeat(np.arange(12), 4)
    labels = np.repeat(np.arange(12) % 2, 4)
    paths = [np.clip(pictures[group] + draw.integers(0, 3, (40, 40, 3)), 0, 255).astype(np.uint8) for group in groups]
    by_itself = clone(estimator).fit(paths, labels)
    together = clone(estimator).fit(paths, labels, groups=groups)
    (parted,), (kept,) = by_itself.candidates_, together.candidates_
    assert parted.accuracy.value > 0.95
    assert kept.accuracy.value < 0.8
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clone(estimator).fit(paths, labels, groups=groups[1:])


@pytest.mark.slow
def test_photos_count_by_their_weights(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """Of photos that are each there under two labels, those that weigh more decide."""
    paths, labels = photos
    other = [CLASSES[(CLASSES.index(label) + 1) % 3] for label in labels]
    twice, both = [*paths, *paths], [*labels, *other]
    heavy, light = [9.0] * len(paths), [1.0] * len(paths)
    true = clone(estimator).fit(twice, both, sample_weight=[*heavy, *light])
    false = clone(estimator).fit(twice, both, sample_weight=[*light, *heavy])
    assert true.score(paths, labels) > 0.9
    assert false.score(paths, other) > 0.9
    assert 0.75 < true.predict_proba(paths).max(1).mean() < 0.97  # nine of ten: calibration counts them so, too
    assert any("count by their sample weights" in note for note in true.notes_)


@pytest.mark.slow
def test_weights_of_zero_leave_photos_out(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """The very same classifier; they need not even be readable."""
    paths, labels = photos
    groups = [*range(len(paths)), 0, 1]
    weights = [*np.linspace(1, 2, len(paths)), 0, 0]
    with_them = clone(estimator).fit(
        [*paths, "none.jpg", paths[0]], [*labels, "red", "violet"], groups=groups, sample_weight=weights
    )
    without = clone(estimator).fit(paths, labels, groups=groups[:-2], sample_weight=weights[:-2])
    assert with_them.classes_.tolist() == without.classes_.tolist() == list(CLASSES)
    np.testing.assert_array_equal(with_them.predict_proba(paths), without.predict_proba(paths))


def test_equal_weights_change_nothing(
    estimator: ImageClassifier, fitted: ImageClassifier, photos: tuple[list[str], list[str]]
) -> None:
    """Whatever they are, and whatever the strategy, which else has to be one that honours them."""
    paths, labels = photos
    equal = clone(estimator).fit(paths, labels, sample_weight=np.full(len(paths), 0.3))
    np.testing.assert_array_equal(equal.predict_proba(paths), fitted.predict_proba(paths))
    weights = np.linspace(1, 2, len(paths))
    for name in ("auto", "finetune", "scratch"):
        with pytest.raises(UserError, match=f"strategy='{name}' was asked for: other strategies would ignore"):
            clone(estimator).set_params(strategy=name).fit(paths, labels, sample_weight=weights)
    for wrong, said in (
        (-weights, "not negative"),
        (0 * weights, "not all 0"),
        (weights[1:], "24 photos and 23 sample"),
    ):
        with pytest.raises(UserError, match=said):
            clone(estimator).fit(paths, labels, sample_weight=wrong)


def test_metadata_is_routed(estimator: ImageClassifier, photos: tuple[list[str], list[str]]) -> None:
    """Whoever asks for groups in `cross_validate` has them reach the fits."""
    paths, labels = (np.array(each) for each in photos)
    groups = np.arange(len(paths)) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(estimator).set_fit_request(groups=True)
        came = cross_validate(routed, paths, labels, cv=GroupKFold(2), params={"groups": groups}, return_estimator=True)
    assert [each.score(paths, labels) > 0.6 for each in came["estimator"]] == [True, True]
    assert routed.get_metadata_routing().fit.requests == {"groups": True, "sample_weight": None}


def test_what_was_fitted_can_be_saved_as_a_bundle(
    fitted: ImageClassifier, photos: tuple[list[str], list[str]], tmp_path: Path, tiny: Trained
) -> None:
    """The same answers, the same rule; no figure is there that was not measured, and that is said."""
    fitted.save(tmp_path / "saved")
    saved = inarch.load(tmp_path / "saved", target_accuracy=0.0)
    assert saved.classes == tuple(fitted.classes_)
    answers = saved.predict(photos[0])
    found = [[dict(each.ranking)[name] for name in saved.classes] for each in answers]
    assert_same_probabilities(found, fitted.predict_proba(photos[0]), terms=terms_of(saved.torch()))
    assert saved.evaluate(tiny.photos / "val").accuracy.value > 0.8
    assert saved.torch()(saved.transform(photos[0][0])[None]).shape == (1, 3)
    report = saved.report
    assert (report.evaluation, report.gap_at, report.calibration_error_before) == (None, None, None)
    assert (report.root, report.samples) == ("", ())
    assert "test accuracy is unknown" in report.notes[0]
    assert "test accuracy not measured" in repr(saved)
    card = (tmp_path / "saved" / "README.md").read_text("utf-8")
    assert "**Test accuracy was not measured**" in card
    assert str(fitted.candidates_[0].accuracy) in card
    assert not (tmp_path / "saved" / "report.html").exists()
    again = ImageClassifier(model=str(tmp_path / "saved"), strategy="probe", cache=tiny.cache).fit(*photos)
    assert again.score(*photos) > 0.9


def test_what_cannot_be_saved_is_said(estimator: ImageClassifier, fitted: ImageClassifier, tmp_path: Path) -> None:
    """Before it was fitted; over something else; classes that a list of lines cannot hold."""
    with pytest.raises(NotFittedError):
        estimator.save(tmp_path / "saved")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="not a bundle"):
        fitted.save(tmp_path / "mine")
    pictures = [_pixels(40), 255 - _pixels(40), _pixels(41), 255 - _pixels(41)]
    odd = clone(estimator).fit(pictures, ["one\nline", "b", "one\nline", "b"])
    with pytest.raises(PhotosError, match="must be one line"):
        odd.save(tmp_path / "odd")


@pytest.mark.slow
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
    own = fitted.answers(photos[0], target_accuracy=0.6)
    strange = fitted.answers(list(noise), target_accuracy=0.6)
    assert own.dtype == strange.dtype == bool
    assert own.mean() > 0.6 > 0.1 > strange.mean()
    assert fitted.answers(photos[0], target_accuracy=0.9).sum() <= own.sum()
    assert fitted.answers([]).shape == (0,)
    with pytest.raises(UserError, match="target accuracy"):
        fitted.answers(photos[0], target_accuracy=1.5)
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
        with pytest.raises(UserError, match=r"this is one photo, .*: put it into a list"):
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
