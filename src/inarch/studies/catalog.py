"""Every study by its name, the cheapest first."""

from collections.abc import Mapping
from types import MappingProxyType

from inarch.errors import UnknownNameError
from inarch.studies.claims import (
    activation,
    auxiliary_gradients,
    bottleneck_cost,
    extraction_finetuning,
    finetuning_scratch,
    frozen_statistics,
    gradients_skip,
    gradients_vanish,
    identity_shortcut,
    initialisation,
    lesion,
    preactivation,
    reduction_cost,
    transfer_overfitting,
    zero_start,
)
from inarch.studies.study import Study

_ALL = (
    reduction_cost,
    bottleneck_cost,
    gradients_skip,
    gradients_vanish,
    zero_start,
    identity_shortcut,
    preactivation,
    auxiliary_gradients,
    initialisation,
    activation,
    lesion,
    frozen_statistics,
    finetuning_scratch,
    extraction_finetuning,
    transfer_overfitting,
)
STUDIES: Mapping[str, Study] = MappingProxyType({each.STUDY.claim.name: each.STUDY for each in _ALL})


def study_called(name: str) -> Study:
    """The study of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STUDIES:
        raise UnknownNameError("study", name, STUDIES)
    return STUDIES[name]
