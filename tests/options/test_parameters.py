"""The estimator takes its parameters from the record, none of them listed twice."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid

from inarch.commands.train.estimator import ImageClassifier
from inarch.data.augmentation import Augmentation
from inarch.errors import UserError
from inarch.options.option import option_fields
from inarch.options.parameters import options_from
from inarch.storage.cache_folder import default_cache_folder
from inarch.transfer.options import TrainOptions

TAKEN = [each.path[-1] for each in option_fields(TrainOptions) if each.option.in_estimator]


def test_parameters_are_the_options_that_make_sense_in_memory() -> None:
    """By keyword alone, with the record's defaults; what is about folders and splits is none."""
    parameters = inspect.signature(ImageClassifier).parameters
    assert [*parameters] == TAKEN
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert parameters["time_budget"].default == TrainOptions().time_budget
    assert {"flip", "seed", "device", "cache"} <= set(TAKEN)
    assert not {"group_by", "near_duplicates", "unlabelled", "resume"} & set(TAKEN)
    with pytest.raises(TypeError, match="nonsense"):
        ImageClassifier(nonsense=1)


def test_what_is_set_reaches_the_record(tmp_path: Path) -> None:
    """In the record inside, too; what is not set has the default, even one that differs from machine to machine."""
    plain = ImageClassifier()
    assert options_from(plain, TrainOptions) == TrainOptions(cache=default_cache_folder())
    given = clone(plain).set_params(flip=False, seed=3, cache=str(tmp_path), strategy="probe", time_budget=5.0)
    expected = TrainOptions(
        augmentation=replace(Augmentation(), flip=False), seed=3, cache=tmp_path, strategy="probe", time_budget=5.0
    )
    assert options_from(given, TrainOptions) == expected
    assert given.get_params()["cache"] == str(tmp_path)


def test_searches_can_vary_every_parameter() -> None:
    """As scikit-learn's searches do: by cloning and setting; a wrong value is refused when it is used."""
    search = GridSearchCV(ImageClassifier(), {"class_weighting": ["none", "loss"], "flip": [True, False]})
    tried = [clone(search.estimator).set_params(**each) for each in ParameterGrid(search.param_grid)]
    assert len({str(options_from(each, TrainOptions)) for each in tried}) == 4
    with pytest.raises(UserError, match="No class weighting is called"):
        options_from(ImageClassifier(class_weighting="lots"), TrainOptions)
