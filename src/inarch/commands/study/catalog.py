"""Every study by its name, the cheapest first."""

from collections.abc import Mapping
from types import MappingProxyType

from inarch.commands.study.claims import (
    activation,
    auxiliary_accuracy,
    auxiliary_gradients,
    backpropagation,
    bottleneck_cost,
    coadaptation,
    crossover,
    degradation,
    extraction_finetuning,
    few_labels,
    finetuning_scratch,
    frozen_statistics,
    general_specific,
    gradients_skip,
    gradients_vanish,
    grid_reduction,
    identity_shortcut,
    initialisation,
    lesion,
    optimiser,
    parallel_scales,
    preactivation,
    reduction_accuracy,
    reduction_attributions,
    reduction_compresses,
    reduction_cost,
    time_to_accuracy,
    transfer_overfitting,
    zero_start,
)
from inarch.commands.study.study import Study
from inarch.errors import UnknownNameError

STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        each.STUDY.claim.name: each.STUDY
        for each in (
            backpropagation,
            reduction_cost,
            bottleneck_cost,
            gradients_skip,
            gradients_vanish,
            zero_start,
            identity_shortcut,
            preactivation,
            auxiliary_gradients,
            grid_reduction,
            initialisation,
            activation,
            optimiser,
            lesion,
            reduction_compresses,
            parallel_scales,
            frozen_statistics,
            few_labels,
            reduction_accuracy,
            reduction_attributions,
            general_specific,
            coadaptation,
            auxiliary_accuracy,
            degradation,
            time_to_accuracy,
            finetuning_scratch,
            extraction_finetuning,
            transfer_overfitting,
            crossover,
        )
    }
)


def find_study(name: str) -> Study:
    """The study of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in STUDIES:
        raise UnknownNameError("study", name, STUDIES)
    return STUDIES[name]
