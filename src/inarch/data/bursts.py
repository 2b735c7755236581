"""Photos that one camera took within seconds of each other, by what EXIF says."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from inarch.data.header import Header

SECONDS = 2.0
"""From one photo of a burst to the next."""
STOPPED_CLOCK = 20
"""So many photos of one camera in the very same second mean that its clock stood still."""


def bursts_of(headers: Sequence[Header | None]) -> list[list[int]]:
    """Bursts of two photos or more, as indices, in the order in which they were taken.

    Args:
        headers: one for each photo; None, or one without a time, belongs to no burst.
    """
    cameras: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for index, header in enumerate(headers):
        if header is not None and header.taken is not None:
            cameras[header.camera].append((header.taken, index))
    bursts: list[list[int]] = []
    for shots in cameras.values():
        often = Counter(taken for taken, _ in shots)
        last = float("-inf")
        for taken, index in sorted(shot for shot in shots if often[shot[0]] < STOPPED_CLOCK):
            if taken - last > SECONDS:
                bursts.append([])
            bursts[-1].append(index)
            last = taken
    return sorted((burst for burst in bursts if len(burst) > 1), key=min)
