"""Numbers are read and written as people write them."""

import pytest

from inarch.errors import UserError
from inarch.options.notation import DURATION, SHARE, SIZE, bytes_of, seconds_of, share_of


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1.5 H", 5400), ("2", 2)])
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """Seconds, minutes, hours."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0.0m", "-1s", "10min", "nan", "inf", "1e3", "9" * 400 + "h", "m", "1:30"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """With the ways to write one."""
    with pytest.raises(UserError, match="is not a duration; write it as 90s, 10m or 1h"):
        seconds_of(text)


@pytest.mark.parametrize(("text", "size"), [("500M", 5 * 10**8), ("20g", 2 * 10**10), ("1.5 TB", 15 * 10**11)])
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    """In powers of ten."""
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "0.1M", "-1G", "20", "20K", "9" * 20 + "T"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """With the ways to write one."""
    with pytest.raises(UserError, match="is not a size; write it as 500M, 20G or 1T"):
        bytes_of(text)


@pytest.mark.parametrize(
    ("notation", "number"), [(DURATION, 90.0), (DURATION, 600.0), (SIZE, 2 * 10**10), (SHARE, 0.95)]
)
def test_what_is_written_is_read_again(notation: object, number: float) -> None:
    """As the same number, which makes sense, and shown in the way of the examples."""
    assert notation.read(notation.write(number)) == number  # type: ignore[attr-defined]
    assert notation.accepts(number)  # type: ignore[attr-defined]


def test_the_shortest_way_is_taken() -> None:
    """Whole numbers of the largest unit."""
    assert [DURATION.write(each) for each in (5.0, 90.0, 600.0, 3600.0, 0.5)] == ["5s", "90s", "10m", "1h", "0.5s"]
    assert [SIZE.write(each) for each in (5 * 10**8, 2 * 10**10, 10**12)] == ["500M", "20G", "1T"]


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 95.0, float("nan")])
def test_shares_lie_between(share: float) -> None:
    """Ends excluded; text that is no number is refused as such."""
    assert not SHARE.accepts(share)
    with pytest.raises(UserError, match="'most' is not a share"):
        share_of("most")
