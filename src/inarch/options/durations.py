"""Times as people write them: ``90s``, ``10m``, ``1h``."""

import re

from inarch.errors import UserError

SECONDS = {"s": 1, "m": 60, "h": 3600}
LONGEST = 1e9
"""Of whatever unit: thirty years of seconds."""


def seconds_of(text: str) -> float:
    """The seconds in ``text``.

    Raises:
        UserError: it is not a number with s, m or h behind it, or nothing is left of it.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    if not found or not 0 < float(found[1]) <= LONGEST:
        raise UserError(f"{text!r} is not a duration; write it as 90s, 10m or 1h.")
    return float(found[1]) * SECONDS[found[2] or "s"]
