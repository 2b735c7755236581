"""Bursts: photos that one camera took within seconds of each other, according to EXIF."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from inarch.data.header import Header


def bursts_of(headers: Sequence[Header | None]) -> list[list[int]]:
    """Bursts of two photos or more, as indices, in the order of their times.

    Args:
        headers: one for each photo; None, or one without a time, belongs to no burst.
    """
    apart = 2.0  # seconds between successive photos of a burst, at most
    stopped = 20  # with so many photos of one camera in the very same second, its clock is taken to be broken
    cameras: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for index, header in enumerate(headers):
        if header is not None and header.taken is not None:
            cameras[header.camera].append((header.taken, index))
    bursts: list[list[int]] = []
    for shots in cameras.values():
        often = Counter(taken for taken, _ in shots)
        last = float("-inf")
        for taken, index in sorted(shot for shot in shots if often[shot[0]] < stopped):
            if taken - last > apart:
                bursts.append([])
            bursts[-1].append(index)
            last = taken
    return sorted((burst for burst in bursts if len(burst) > 1), key=min)
