"""Which processor computes: the one place that knows what there is. No torch."""

from typing import Annotated

from inarch.errors import UserError
from inarch.options.option import Option

AUTO, CPU = DEVICES = ("auto", "cpu")


def resolve_device(name: str) -> str:
    """The device that ``name`` stands for; ``auto`` is the fastest that is supported.

    Raises:
        UserError: it is not supported.
    """
    if name not in DEVICES:
        raise UserError(f"This version computes on the CPU alone: a device is cpu or auto; {name} was asked for.")
    return CPU


Device = Annotated[
    str,
    Option("Processor; auto takes the fastest that is supported.", choices=DEVICES, verify=resolve_device),
]
"""The option of every command that computes: ``device: Device = AUTO``."""
