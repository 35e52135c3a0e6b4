"""Numbers as people read them."""

import pytest

from argosy.report import units

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        (units.count, 0, "0"),
        (units.count, 9_999, "9,999"),
        (units.count, 12_345, "12.3 k"),
        (units.count, 1_501_440, "1.5 M"),
        (units.count, 6.74e9, "6.74 B"),
        (units.size, 999, "999 B"),
        (units.size, 11_722_221, "11.7 MB"),
        (units.duration, 0.0182, "18.2 ms"),
        (units.duration, 2.371, "2.37 s"),
        (units.duration, 59.99, "1 min 00 s"),
        (units.duration, 135, "2 min 15 s"),
        (units.duration, 3600, "1 h 00 min"),
        (units.duration, 100_000, "1 d 3 h"),
        (units.share, 0.8312, "83 %"),
        (units.share, 0.00139, "0.14 %"),
        (units.share, 0, "0 %"),
    ],
)
def test_numbers(unit: object, value: float, expected: str) -> None:
    assert callable(unit)
    assert unit(value).replace(units.SPACE, " ") == expected
