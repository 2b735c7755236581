"""Which processor computes, by its name. `inarch.training.device` knows which of them this machine has."""

import re
from typing import Annotated

from inarch.errors import UnknownNameError, UserError
from inarch.options.option import Option

AUTO, CPU = "auto", "cpu"
ACCELERATORS = ("cuda", "mps", "xpu")
NAMES = (AUTO, CPU, *ACCELERATORS)
FORM = re.compile(r"(?P<kind>[a-z]+)(:(?P<number>\d+))?")


def check_device(name: str) -> None:
    """Refuse what names no processor, whether or not this machine has it.

    Raises:
        UnknownNameError: no kind of processor has that name; offers the nearest one.
        UserError: a processor of which there is one has a number.
    """
    form = FORM.fullmatch(name)
    if form is None or form["kind"] not in NAMES:
        raise UnknownNameError("device", name, NAMES)
    if form["number"] is not None and form["kind"] in (AUTO, CPU, "mps"):
        raise UserError(f"There is one device {form['kind']}, so it has no number; {name} was asked for.")


def check_cpu(name: str) -> None:
    """Refuse everything but the CPU: this command computes nothing on an accelerator.

    Raises:
        UnknownNameError: no kind of processor has that name.
        UserError: it is not the CPU.
    """
    check_device(name)
    if name not in (AUTO, CPU):
        raise UserError(
            f"This command computes on the CPU alone, by ONNX Runtime; device {name} was asked for. Training "
            "(`inarch train`) takes an accelerator."
        )


Device = Annotated[
    str,
    Option(
        "Processor that trains: auto takes the accelerator if PyTorch finds one, else the CPU.",
        metavar="auto|cpu|cuda[:N]|mps|xpu[:N]",
        verify=check_device,
    ),
]
"""The option of commands that train: ``device: Device = AUTO``."""

CpuDevice = Annotated[
    str, Option("Processor; this command computes on the CPU.", choices=(AUTO, CPU), verify=check_cpu)
]
"""The option of commands that compute on the CPU alone."""
