"""Everything that inarch raises on purpose.

InarchError
├── UserError                  the caller's mistake: one sentence, exit code 2
│   ├── UnknownNameError       no model, stage, strategy … of that name
│   ├── PhotosError            the photos cannot be used as they are
│   │   └── UnreadableImageError   one file cannot be read as an image
│   ├── WeightsError           a weights file cannot be read
│   │   └── WeightsMismatchError   it can be read, but does not fit the model
│   ├── BundleError            a bundle is missing, incomplete or altered
│   ├── OutputError            the result cannot be written where it was asked for
│   └── MissingExtraError      a package is not installed that an extra of inarch brings
└── WorkError                  the work itself failed: exit code 1
    └── FrozenTensorChangedError       a tensor that was frozen has changed
"""

import difflib
from collections.abc import Collection, Sequence


class InarchError(Exception):
    """The root of the tree: catch this to catch everything that inarch raises on purpose."""


class UserError(InarchError, ValueError):
    """A mistake that the caller can mend; its message says what was asked, what exists, what to do."""


MANY = 30
"""The most names in a sentence that are useful."""


class UnknownNameError(UserError):
    """A name that is not in a table.

    Args:
        kind: the kind of name, in the singular ("model", "stage").
        name: the requested name.
        known: every existing name.
    """

    def __init__(self, kind: str, name: str, known: Collection[str]) -> None:
        lowered = {each.lower(): each for each in known}
        close = difflib.get_close_matches(name.lower(), lowered, n=1)
        hint = f" Did you mean {lowered[close[0]]!r}?" if close else ""
        super().__init__(f"No {kind} is called {name!r}.{hint} {_describe_known(name, sorted(known))}")


def _describe_known(name: str, names: Sequence[str]) -> str:
    """All names, or if there are many, those most similar to ``name``."""
    if len(names) <= MANY:
        return f"Known: {', '.join(names)}."
    similar = difflib.get_close_matches(name, names, n=8, cutoff=0.0)
    return f"{len(names)} are known, the nearest: {', '.join(similar)}."


class PhotosError(UserError):
    """The photos cannot be used as they are."""


class UnreadableImageError(PhotosError):
    """One file cannot be read as an image; the message is the reason, without the file's name."""


class WeightsError(UserError):
    """A weights file cannot be read."""


class WeightsMismatchError(WeightsError):
    """A weights file was read, but does not fit the model; carries the account of every name.

    Args:
        problems: one line per weight that does not fit.
        hint: what the caller can do about it.
    """

    SHOWN = 12

    def __init__(self, problems: Sequence[str], hint: str) -> None:
        self.problems, self.hint = tuple(problems), hint
        noun = "weight does" if len(problems) == 1 else "weights do"
        shown = [f"- {line}" for line in problems[: self.SHOWN]]
        if len(problems) > self.SHOWN:
            shown.append(f"- … and {len(problems) - self.SHOWN} more")
        super().__init__("\n".join([f"{len(problems)} {noun} not fit:", *shown, hint]))


class BundleError(UserError):
    """A bundle is missing, incomplete or altered."""


class OutputError(UserError):
    """The result cannot be written where it was asked for."""


def install_command(extra: str) -> str:
    """The command that installs an extra of inarch; in double quotes, which every shell takes."""
    return f'pip install "inarch[{extra}]"'


class MissingExtraError(UserError, ImportError):
    """A package is not installed; the message has the command that installs it.

    Args:
        package: the missing package, by its import name.
        extra: the extra of inarch that has it.
        instead: an alternative for the caller, as the end of "or …".
    """

    def __init__(self, package: str, extra: str, instead: str = "") -> None:
        otherwise = f", or {instead}" if instead else ""
        super().__init__(f"This needs {package}, which is not installed: run {install_command(extra)}{otherwise}.")
        self.name = package


class WorkError(InarchError, RuntimeError):
    """The work itself failed; nothing that the caller asked for was wrong."""


class FrozenTensorChangedError(WorkError):
    """A tensor that was frozen has changed."""
