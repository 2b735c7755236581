"""Photos from Python: every kind is taken in one way, and everything else is refused in words."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inarch.bundle.predictor import Predictor
from inarch.commands.predict.predict import predict
from inarch.commands.train.estimator import ImageClassifier
from inarch.data.pictures import several
from inarch.errors import UserError
from trained import Trained


class Table:
    """As much of a DataFrame as is used of one."""

    def __init__(self, **columns: list[object]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> list[object]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))


def test_every_kind_of_photo_has_one_answer(tiny: Trained) -> None:
    """A file, its bytes, an open file, an image, its pixels: one photo, one answer."""
    path = next((tiny.photos / "val" / "red").glob("*.png"))
    with Image.open(path) as opened:
        opened.load()
        pixels = np.asarray(opened.convert("RGB"))
        turned = opened.getexif().get(0x0112, 1) != 1
        predictor = Predictor(tiny.bundle, target_accuracy=0.0)
        with path.open("rb") as file:
            kinds = [path, str(path), path.read_bytes(), bytearray(path.read_bytes()), file, opened]
            answers = [each.ranking for each in predictor.predict(kinds)]
    assert all(each == answers[0] for each in answers)
    upright = pixels if not turned else np.zeros((9, 9, 3), np.uint8)
    whole = np.dstack([upright, np.full(upright.shape[:2], 255, np.uint8)])
    first, second = predictor.predict([upright, whole])
    assert first.ranking == second.ranking
    grey = upright[..., :1]
    assert len({each.ranking for each in predictor.predict([grey, grey[..., 0]])}) == 1


def test_one_photo_and_several_are_told_apart(tiny: Trained) -> None:
    """Without a list around it, a picture is one photo; a stack of them, a column and a table are several."""
    picture = np.zeros((8, 8, 3), np.uint8)
    path = next((tiny.photos / "val" / "red").glob("*.png"))
    for one in (picture, picture[..., 0], Image.fromarray(picture), io.BytesIO(path.read_bytes())):
        assert len(predict(tiny.bundle, one)) == 1
    column = np.array([[str(path)], [str(path)]])
    for both in (np.stack([picture, picture]), column, column.astype(object), Table(photo=[path, path])):
        assert len(predict(tiny.bundle, both)) == 2  # type: ignore[arg-type]


def _tried(cases: list[str], *words: object) -> list[str]:
    """What each call ends with, in a process without the suite's own checks of types."""
    code = f"""
import sys
from pathlib import Path
import numpy as np, inarch
from inarch import ImageClassifier, TrainOptions
from inarch.errors import UserError
bundle = sys.argv[1]
for case in {cases!r}:
    try:
        print(repr(eval(case)))
    except UserError as error:
        print("UserError:", " ".join(str(error).split()))
    except Exception as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_what_is_no_photo_is_a_mistake(tiny: Trained) -> None:
    """In place of all photos, and as one of them; in place of the labels, too."""
    wrong = ["7", "None", "{'photo': 1}", "2.5", "object()"]
    calls = [
        "list(inarch.Predictor(bundle).predict({}))",
        "list(inarch.Predictor(bundle).predict([{}]))",
        "inarch.load(bundle).predict({})",
        "ImageClassifier().fit({}, ['a', 'b'])",
        "ImageClassifier().fit(['a.png', 'b.png'], {})",
        "ImageClassifier().fit([{0}, {0}], ['a', 'b'])",
    ]
    ended = _tried([call.format(each) for call in calls for each in wrong], tiny.bundle)
    assert len(ended) == len(calls) * len(wrong)
    assert [each for each in ended if not each.startswith("UserError: ")] == []


def test_an_open_text_file_and_a_wide_table_are_mistakes(tiny: Trained) -> None:
    """Each is said as what it is."""
    with pytest.raises(UserError, match="opened as text"):
        list(Predictor(tiny.bundle).predict(io.StringIO("text")))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="has 2: photo, label"):
        several(Table(photo=["a"], label=["b"]))


MISSING = (None, float("nan"), np.nan, np.float64("nan"), np.datetime64("NaT"), "", " ")


@given(st.lists(st.sampled_from(["ants", "bees"]), min_size=1), st.sampled_from(MISSING), st.data())
def test_a_missing_label_is_named(labels: list[str], gap: object, data: st.DataObject) -> None:
    """None is a label to NumPy, and NaN becomes the text 'nan'."""
    place = data.draw(st.integers(0, len(labels)))
    given: list[object] = [*labels[:place], gap, *labels[place:]]
    wanted = [[each] for each in given] if data.draw(st.booleans()) else given
    with pytest.raises(UserError, match=f"label {place} is missing"):
        ImageClassifier().fit([Path("a.png")] * len(given), np.array(wanted, dtype=object))


def test_labels_of_several_kinds_are_a_mistake() -> None:
    """Text and numbers have no common order."""
    with pytest.raises(UserError, match="make all of them text"):
        ImageClassifier().fit(["a.png", "b.png"], ["a", 1])


@pytest.mark.slow
def test_an_option_of_another_type_is_a_mistake(tmp_path: Path) -> None:
    """One sentence, as on the command line."""
    said = {
        "seed=None": "A seed is a whole number; None was asked for.",
        "seed=1.5": "A seed is a whole number; 1.5 was asked for.",
        "seed='1'": "A seed is a whole number; '1' was asked for.",
        "seed=True": "A seed is a whole number; True was asked for.",
        "time_budget='soon'": "'soon' is not a duration; write it as 90s, 10m or 1h.",
        "time_budget=[60]": "A time budget is a number of seconds above 0; [60] was asked for.",
        "image_size='96'": "An image size in pixels is a whole number; '96' was asked for.",
        "model=18": "A model is text; 18 was asked for.",
        "strategy=3": "A strategy is text; 3 was asked for.",
    }
    ended = _tried([f"TrainOptions({each})" for each in said], tmp_path)
    assert ended == [f"UserError: {each}" for each in said.values()]


@pytest.mark.slow
def test_options_take_the_notation_of_the_command_line(tmp_path: Path) -> None:
    """And NumPy's numbers, and paths as text."""
    ended = _tried(
        [
            "TrainOptions(time_budget='60s').time_budget",
            "TrainOptions(cache_size='2G').cache_size",
            "TrainOptions(seed=np.int64(3)).seed == 3",
            "TrainOptions(cache='~/cache').cache == Path('~/cache').expanduser()",
        ],
        tmp_path,
    )
    assert ended == ["60.0", "2000000000", "True", "True"]
