"""Sizes as people write them: ``500M``, ``20G``, ``1.5T``."""

import re

from inarch.errors import UserError

BYTES = {"m": 10**6, "g": 10**9, "t": 10**12}


def bytes_of(text: str) -> int:
    """The bytes in ``text``.

    Raises:
        UserError: it is not a number with M, G or T behind it, or less than a megabyte.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mgt])b?", text.strip().lower())
    size = int(float(found[1]) * BYTES[found[2]]) if found else 0
    if size < BYTES["m"]:
        raise UserError(f"{text!r} is not a size; write it as 500M, 20G or 1T, of at least 1M.")
    return size
