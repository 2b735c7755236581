"""The command line's view of a command, and the switches that all commands have."""

import codecs
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar

import typer

from inarch.errors import UserError
from inarch.options.option import Option, check_options
from inarch.progress import Progress, ignore_progress, progress

FIRST_STEPS, YOUR_CLASSIFIER, UNDERSTAND = "First steps", "Your classifier", "Understand models"
TEXT, JSON = "text", "json"
FORMAT = "How results are printed."

BundleArgument = Annotated[Path, typer.Argument(help="A bundle that `inarch train` wrote; it stays as it is.")]
PhotosArgument = Annotated[
    Path,
    typer.Argument(help="Labelled photos: a folder of class folders, one of train/ val/ test/, or a CSV manifest."),
]

R = TypeVar("R")


def is_utf8(stream: object) -> bool:
    """Whether a stream takes any character; what has no encoding takes text as it is."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return codecs.lookup(encoding).name == "utf-8"


@dataclass(frozen=True)
class Command:
    """One command: its function, and where ``inarch --help`` lists it."""

    run: Callable[..., None]
    """Takes arguments, records of options and an `Output`, calls one function, prints; its docstring is its help."""
    panel: str = YOUR_CLASSIFIER
    place: int = 100
    """Commands of one panel are listed by this number, then by name."""
    results: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """For JSON: each schema's name and version (``inarch.train/1``), and the path of its record's class."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """How a command shows what it does; a command that has other formats has a record that offers them."""

    format: Annotated[str, Option(FORMAT, choices=(TEXT, JSON))] = TEXT
    json: Annotated[bool, Option("Short for --format json.")] = False
    quiet: Annotated[bool, Option("Print errors and results only: no progress, no remarks.")] = False

    def __post_init__(self) -> None:
        check_options(self)
        if self.json and self.format not in (TEXT, JSON):
            raise UserError(f"--json and --format {self.format} were asked for; leave out one of them.")

    @property
    def form(self) -> str:
        """The format that was asked for, in either way."""
        return JSON if self.json else self.format

    @property
    def is_text(self) -> bool:
        """Whether people read it."""
        return self.form == TEXT

    def progress(self) -> AbstractContextManager[Progress]:
        """A bar on a terminal for as long as the ``with`` lasts."""
        return nullcontext(ignore_progress) if self.quiet else progress()

    def say(self, text: str, *, err: bool = False) -> None:
        """Print a remark, which is no result; to stderr where another format than text has stdout for itself."""
        if not self.quiet:
            typer.echo(text, err=err or not self.is_text)

    def show(self, result: R, to_text: Callable[[R], str], schema: str, *, lines: bool = False) -> None:
        """Print a result, as text or as JSON.

        Args:
            result: the record that the command's function returned.
            to_text: makes lines of it.
            schema: the name and version of its JSON.
            lines: whether one result of several is printed, and JSON has to put each on a line of its own.
        """
        if self.form == JSON:
            from inarch.storage.serialisation import to_printed_json

            text = to_printed_json(result, schema, indent=None if lines else 2)
        else:
            text = to_text(result)
        self.write(text)

    def write(self, text: str) -> None:
        """Print a result that is text already; JSON is ASCII alone where the stream is not UTF-8."""
        if self.form == JSON and not is_utf8(sys.stdout):
            from inarch.storage.serialisation import to_ascii

            text = to_ascii(text)
        typer.echo(text, nl=not text.endswith("\n"))
