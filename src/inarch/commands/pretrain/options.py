"""The options of `pretrain`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from inarch.options.device import AUTO, Device
from inarch.options.option import Option, check_options


@dataclass(frozen=True, kw_only=True)
class PretrainOptions:
    """Everything that a recipe leaves open."""

    data: Annotated[Path, Option("Folder in which the recipe's photos lie.")] = Path("data")
    device: Device = AUTO

    def __post_init__(self) -> None:
        check_options(self)
