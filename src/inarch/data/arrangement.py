"""Options of the way in which photos are arranged in folders or listed in a manifest."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from inarch.errors import UserError
from inarch.options.option import Option, check_options


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """Where the labels of photos are, if that is not the usual place.

    Examples:
        >>> names = inarch.Arrangement(labels_from=r"^([a-z]+)")
        >>> inarch.TrainOptions(arrangement=names).arrangement.depth is None
        True
    """

    labels_from: Annotated[
        str | None,
        Option(
            "Labels are in the names of the files: a pattern (a regular expression), whose first group or, without "
            "one, whose match is the label; with a slash in it, it is matched with the path.",
            metavar="PATTERN",
            in_estimator=False,
        ),
    ] = None
    depth: Annotated[
        int | None,
        Option(
            "The class folders are so many folders down, below train, val and test if there are such folders; by "
            "default 1.",
            metavar="N",
            kind="depth",
            minimum=1,
            in_estimator=False,
        ),
    ] = None
    image_column: Annotated[
        str | None,
        Option(
            "The manifest's column of paths; by default path, or a common name.", metavar="NAME", in_estimator=False
        ),
    ] = None
    label_column: Annotated[
        str | None,
        Option(
            "The manifest's column of labels; by default label, or a common name.", metavar="NAME", in_estimator=False
        ),
    ] = None
    root: Annotated[
        Path | None,
        Option(
            "The folder to which paths in a manifest are relative; by default the manifest's own.", in_estimator=False
        ),
    ] = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.labels_from is not None:
            if self.depth is not None:
                raise UserError("Labels come from folders (depth) or from names (labels_from): choose one of them.")
            try:
                re.compile(self.labels_from)
            except re.error as error:
                raise UserError(f"labels_from is no regular expression: {self.labels_from!r} ({error}).") from error


USUAL = Arrangement()
