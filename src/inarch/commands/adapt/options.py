"""The options of `adapt`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from inarch.commands.adapt.recipe import AdaptRecipe
from inarch.errors import UserError
from inarch.options.device import AUTO, Device
from inarch.options.kinds import Cache, CacheSize, Seed
from inarch.options.notation import DURATION
from inarch.options.option import Option, check_options
from inarch.storage.cache_folder import DEFAULT_SIZE, default_cache_folder

METHOD_NAMES = ("adabn", "coral", "mcc", "dann")
VALIDATOR_NAMES = ("agreement", "information", "certainty", "density")


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """How to adapt.

    Examples:
        >>> inarch.AdaptOptions(methods=("coral", "mcc"), time_budget=120.0).validator is None
        True
    """

    source: Annotated[
        Path | str | None, Option("The labelled photos that the bundle was trained on, if they have moved.")
    ] = None
    oracle: Annotated[
        Path | str | None,
        Option("Labelled photos of the new domain: accuracies are printed, and nothing is chosen by them."),
    ] = None
    labelled: Annotated[
        Path | str | None,
        Option(
            "Labelled photos of the new domain for training, except for their test or val split; where they "
            "have none and there is no --oracle, a fifth becomes the test set."
        ),
    ] = None
    methods: Annotated[
        tuple[str, ...],
        Option(
            "Without labels; may be given more than once.",
            name="method",
            kind="adaptation method",
            choices=METHOD_NAMES,
        ),
    ] = METHOD_NAMES
    validator: Annotated[
        str | None,
        Option(
            "The label-free criterion of choice: by default agreement, or information for fewer than two methods.",
            choices=VALIDATOR_NAMES,
        ),
    ] = None
    time_budget: Annotated[float, Option("For all methods together.", notation=DURATION)] = 600.0
    """Seconds."""
    seed: Seed = 0
    device: Device = AUTO
    cache: Cache = field(default_factory=default_cache_folder)
    cache_size: CacheSize = DEFAULT_SIZE
    recipe: AdaptRecipe = field(default_factory=AdaptRecipe)
    """How every method learns, for studies and tests; the command line has no option for it."""

    def __post_init__(self) -> None:
        check_options(self)
        if self.validator == "agreement" and len(self.methods) < 2:
            raise UserError("Agreement compares two methods at least; name more methods, or another validator.")
