"""Quantities are parsed once, and what they print can be read back as the same quantity."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from workbench.model.units import ByteRate, Duration, Rate, Ratio, Size

CENTURY_NS = 100 * 365 * 24 * 3600 * 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0s", 0),
        ("250ms", 250_000_000),
        ("1.5s", 1_500_000_000),
        (" 2 m ", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("7us", 7_000),
        ("3ns", 3),
        ("0.1s", 100_000_000),
    ],
)
def test_a_duration_is_read(text: str, ns: int) -> None:
    assert ns == Duration.parse(text)


@pytest.mark.parametrize("raw", ["5", 5, 5.0, True, None, "", "s", "-1s", "1.s", ".5s", "1e3s", "1 day", "1s2", "٣s"])
def test_a_duration_needs_a_number_and_a_unit(raw: object) -> None:
    """A bare number is refused: its unit could be guessed wrong."""
    with pytest.raises(ValueError, match="is not a duration; write a number and a unit"):
        Duration.parse(raw)


@given(st.integers(0, CENTURY_NS))
def test_a_printed_duration_is_the_same_duration(ns: int) -> None:
    """To the nanosecond, also where a float would have lost some."""
    assert ns == Duration.parse(str(Duration(ns)))


@given(st.integers(0, CENTURY_NS))
def test_a_duration_prints_its_largest_whole_unit(ns: int) -> None:
    """What a person reads is as short as it can be without losing anything."""
    sizes = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
    unit = str(Duration(ns)).lstrip("0123456789")
    whole = [name for name, size in sizes.items() if ns % size == 0]
    assert (whole[0] if ns else "s") == unit


def test_a_duration_longer_than_a_century_is_refused() -> None:
    """Twice the longest one still is an int64, as every table keeps it."""
    assert 2 * CENTURY_NS < 2**63
    with pytest.raises(ValueError, match="longer than a century"):
        Duration.parse(f"{CENTURY_NS + 1}ns")


def test_seconds_and_milliseconds_of_a_duration() -> None:
    assert (1.5, 1500.0) == (Duration.parse("1500ms").s, Duration.parse("1500ms").ms)
    assert Duration.parse("1500ms") == Duration.of_seconds(1.5)


@pytest.mark.parametrize(("text", "per_s"), [("24/s", 24.0), ("600/m", 10.0), ("1 / h", 1 / 3600), ("0.5/s", 0.5)])
def test_a_rate_is_read(text: str, per_s: float) -> None:
    assert per_s == Rate.parse(text)


@pytest.mark.parametrize("raw", ["24", 24, "0/s", "0.0/s", "-1/s", "/s", "1/d", "1e3/s", True, None])
def test_a_rate_needs_a_number_above_zero_and_a_unit(raw: object) -> None:
    with pytest.raises(ValueError, match="is not a rate; write a number above zero per unit of time"):
        Rate.parse(raw)


@given(st.floats(1e-9, 1e18))
def test_a_printed_rate_can_be_read_back(rate: float) -> None:
    """Also a very high and a very low one, which Python would print with an exponent."""
    assert math.isclose(rate, Rate.parse(str(Rate(rate))), rel_tol=1e-11)


@pytest.mark.parametrize(("raw", "share"), [("99.9%", 0.999), (0.999, 0.999), (1, 1.0), (0, 0.0), (" 5 % ", 0.05)])
def test_a_ratio_is_read(raw: object, share: float) -> None:
    assert share == Ratio.parse(raw)


@pytest.mark.parametrize("raw", ["0.5", "half", True, None, ["50%"]])
def test_a_ratio_written_as_text_needs_a_percent_sign(raw: object) -> None:
    with pytest.raises(ValueError, match="is not a share; write"):
        Ratio.parse(raw)


@pytest.mark.parametrize("raw", ["100.1%", 1.01, -0.01, math.nan, math.inf])
def test_a_ratio_is_a_part_of_a_whole(raw: object) -> None:
    with pytest.raises(ValueError, match="is not between 0 and 100 %"):
        Ratio.parse(raw)


@given(st.integers(0, 10**12).map(lambda n: n / 10**12))
def test_a_printed_ratio_is_the_same_ratio(share: float) -> None:
    """99.99999 % is not 100 %."""
    assert share == Ratio.parse(str(Ratio(share)))


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Duration, Duration(90_000_000_000), '"90s"'),
        (Rate, Rate(0.1 / 3600), '"0.0000277777777778/s"'),
        (Ratio, Ratio(0.9999999), '"99.99999%"'),
    ],
)
def test_json_holds_what_a_person_would_write(unit: Any, value: object, text: str) -> None:
    """So that run.json can be read by a person, and by us again."""
    adapter: TypeAdapter[Any] = TypeAdapter(unit)
    assert text == adapter.dump_json(value).decode()
    assert str(value) == str(adapter.validate_json(text))
    assert type(value) is type(adapter.validate_json(text))


@pytest.mark.parametrize("unit", [Duration, Rate])
@given(text=st.from_regex(r"\s?\d{1,3}(\.\d{1,3})? ?(/ ?)?[a-z%]{1,2}", fullmatch=True))
def test_the_json_schema_allows_what_is_read(unit: Any, text: str) -> None:
    """An editor that checks the schema accepts the same text as the loader (the schema lets a rate of zero pass)."""
    pattern = TypeAdapter(unit).json_schema()["pattern"]
    try:
        TypeAdapter(unit).validate_python(text)
    except ValidationError as error:
        if "above zero" not in str(error):
            assert re.search(pattern, text) is None
    else:
        assert re.search(pattern, text) is not None


@pytest.mark.parametrize(
    ("text", "rate"), [("50KB/s", 50_000), ("1.5MB/s", 1_500_000), (" 7 B / s ", 7), ("1GB/s", 10**9), ("0.9B/s", 1)]
)
def test_a_rate_of_bytes_is_read(text: str, rate: int) -> None:
    assert rate == ByteRate.parse(text)


@given(st.integers(1, 10**12))
def test_a_rate_of_bytes_prints_what_reads_back(rate: int) -> None:
    assert rate == ByteRate.parse(str(ByteRate(rate)))


@pytest.mark.parametrize("raw", [50, "50", "50KB", "50/s", "50kb/s", "KB/s", "-1B/s", "1KiB/s", None])
def test_a_rate_of_bytes_needs_a_unit(raw: object) -> None:
    with pytest.raises(ValueError, match="is not a rate of bytes; write a number and B, KB, MB or GB per second"):
        ByteRate.parse(raw)


@pytest.mark.parametrize("raw", ["0B/s", "0.4B/s", "1001GB/s"])
def test_a_rate_of_bytes_has_bounds(raw: str) -> None:
    with pytest.raises(ValueError, match="is not between 1B/s and 1000GB/s"):
        ByteRate.parse(raw)


@pytest.mark.parametrize(
    ("text", "size", "said"),
    [
        ("0B", 0, "0B"),
        ("512KiB", 512 * 1024, "512KiB"),
        (" 1.5 GiB ", 3 * 2**29, "1536MiB"),
        ("1024MiB", 2**30, "1GiB"),
        ("1025B", 1025, "1025B"),
    ],
)
def test_sizes_are_read_and_written(text: str, size: int, said: str) -> None:
    read = Size.parse(text)
    assert (size, said, f"Size({said!r})") == (read, str(read), repr(read))
    assert read == Size.parse(str(read)) == Size.parse(read)


@pytest.mark.parametrize("raw", [5, "5", "5MB", "5 mib", "", None, "1048577GiB", "\n5B"])
def test_what_is_no_size_is_refused(raw: object) -> None:
    with pytest.raises(ValueError, match=r"size|pebibyte"):
        Size.parse(raw)
