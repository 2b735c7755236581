"""Checks of options that several commands share."""

import math

from inarch.errors import UserError

LARGEST_SEED = 2**31 - 1


def check_seed_and_time(seed: int, time_budget: float) -> None:
    """Refuse what no run can start from.

    Raises:
        UserError: the seed is no whole number that every library takes, or the budget no time.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"A seed is a whole number from 0 to {LARGEST_SEED}; {seed} was asked for.")
    if not (time_budget > 0 and math.isfinite(time_budget)):
        raise UserError(f"A time budget is a number of seconds above 0; {time_budget} was asked for.")
