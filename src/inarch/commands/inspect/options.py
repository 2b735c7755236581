"""The options of `inspect` and `models`."""

from dataclasses import dataclass
from typing import Annotated

from inarch.commands.command import FORMAT, JSON, TEXT, Output
from inarch.errors import UserError
from inarch.options.device import AUTO, CpuDevice
from inarch.options.option import Option, check_options

FORMS = (TEXT, JSON, "svg", "png", "html", "mermaid")
"""In which a model can be drawn."""


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """The questions about a model."""

    against: Annotated[str | None, Option("Say how it differs from this one.", metavar="MODEL|BUNDLE")] = None
    variants: Annotated[bool, Option("How it departs from its paper, its siblings, how it can be varied.")] = False
    measure: Annotated[bool, Option("Run it, too: milliseconds of layers, effective receptive fields, gradients.")] = (
        False
    )
    image_size: Annotated[int | None, Option("Pixels a side; by default what the model is made for.")] = None
    layers: Annotated[bool, Option("With text: every layer, not just stages.")] = False
    part: Annotated[
        str,
        Option(
            "With svg or png: model for the whole at a glance, a stage or a block by its name; by default every layer.",
            metavar="NAME",
        ),
    ] = ""
    colour: Annotated[
        str,
        Option(
            "With svg or png: macs, parameters or memory; with --measure ms, onnx-ms or gradient, too.",
            metavar="QUANTITY",
        ),
    ] = "macs"
    device: CpuDevice = AUTO

    def __post_init__(self) -> None:
        check_options(self)
        given = {"--against": self.against, "--variants": self.variants}
        given |= {"--layers": self.layers, "--measure": self.measure}
        asked = [option for option, value in given.items() if value]
        if self.variants and self.image_size is not None:
            raise UserError("With --variants every model is measured at its own image size; leave --image-size out.")
        if len(asked) > 1 and (self.against or self.variants):
            raise UserError(f"{' and '.join(asked)} answer different questions; ask one at a time.")

    def check_form(self, form: str) -> None:
        """Refuse what only a picture can show, where no picture was asked for.

        Raises:
            UserError: a part or a colour was asked for.
        """
        if (self.part or self.colour != "macs") and form not in ("svg", "png"):
            raise UserError(
                f"--part and --colour are for --format svg and png, not {form}; the html page has both inside."
            )


@dataclass(frozen=True, kw_only=True)
class InspectOutput(Output):
    """A model can be drawn as well as printed."""

    format: Annotated[str, Option(f"{FORMAT} With --against or --variants text or json.", choices=FORMS)] = TEXT
