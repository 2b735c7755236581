"""Shares as people write them: ``0.95``."""

from inarch.errors import UserError


def share_of(option: str, share: float | None) -> float | None:
    """The share that was given for ``option``, or None.

    Raises:
        UserError: it is not between 0 and 1.
    """
    if share is not None and not 0 < share < 1:
        raise UserError(f"{option} takes a share between 0 and 1, such as 0.95; {share} was asked for.")
    return share
