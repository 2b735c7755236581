"""Everything that inarch raises on purpose.

InarchError
├── UserError                  the caller's mistake: one sentence, exit code 2
│   ├── UnknownNameError       no model, stage, strategy … of that name
│   ├── PhotosError            the photos cannot be used as they are
│   │   └── UnreadableImageError   one file cannot be read as an image
│   ├── WeightsError           a weights file cannot be read
│   │   └── WeightsMismatchError   it can be read, but does not fit the net
│   ├── BundleError            a bundle is missing, incomplete or altered
│   └── OutputError            the result cannot be written where it was asked for
└── WorkError                  the work itself failed: exit code 1
    └── FrozenMovedError       a tensor that was frozen has changed
"""

import difflib
from collections.abc import Collection, Sequence


class InarchError(Exception):
    """The root of the tree: catch this to catch everything that inarch raises on purpose."""


class UserError(InarchError, ValueError):
    """A mistake that the caller can mend; its message says what was asked, what exists, what to do."""


MANY = 30
"""Names beyond which a list in a sentence helps nobody."""


class UnknownNameError(UserError):
    """A name that is not in a table.

    Args:
        kind: what was looked up, in the singular ("model", "stage").
        name: what was asked for.
        known: every name that exists.
    """

    def __init__(self, kind: str, name: str, known: Collection[str]) -> None:
        lowered = {each.lower(): each for each in known}
        close = difflib.get_close_matches(name.lower(), lowered, n=1)
        hint = f" Did you mean {lowered[close[0]]!r}?" if close else ""
        super().__init__(f"No {kind} is called {name!r}.{hint} {_describe_known(name, sorted(known))}")


def _describe_known(name: str, names: Sequence[str]) -> str:
    """All names, or of many those that are most like ``name``."""
    if len(names) <= MANY:
        return f"Known: {', '.join(names)}."
    similar = difflib.get_close_matches(name, names, n=8, cutoff=0.0)
    return f"Of {len(names)} known, the nearest: {', '.join(similar)}."


class PhotosError(UserError):
    """The photos cannot be used as they are."""


class UnreadableImageError(PhotosError):
    """One file cannot be read as an image; the message is the reason, without the file's name."""


class WeightsError(UserError):
    """A weights file cannot be read."""


class WeightsMismatchError(WeightsError):
    """A weights file was read, but does not fit the net; carries the account of every name.

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


class WorkError(InarchError, RuntimeError):
    """The work itself failed; nothing that the caller asked for was wrong."""


class FrozenTensorChangedError(WorkError):
    """A tensor that was frozen has changed."""
