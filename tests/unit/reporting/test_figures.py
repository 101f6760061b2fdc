"""Numbers as a reader of a report sees them."""

from __future__ import annotations

import pytest

from workbench.model.verdict import Limit, NoData, ProbeError, Value
from workbench.pages import words
from workbench.reporting import figures


def test_a_share_is_written_in_percent_and_a_multiple_as_one() -> None:
    """A ratio with a limit above 1 is how many times as long, not 130 %."""
    share = Limit(comparison="at_least", number=0.95, unit="ratio")
    times = Limit(comparison="at_most", number=2.0, unit="ratio")
    assert figures.measured(Value(number=0.998, unit="ratio"), share) == "99.8 %"
    assert figures.measured(Value(number=1.3, unit="ratio"), times) == "1.3×"
    assert (figures.bound(share), figures.bound(times)) == ("≥ 95 %", "≤ 2×")


def test_what_is_missing_is_not_zero() -> None:
    """No data and a probe that failed are said, and differ."""
    assert figures.measured(NoData(reason="nothing"), None) == "no data"
    assert figures.measured(ProbeError(reason="broken"), None) == "not measured"


def test_an_interval_without_width_is_one_number() -> None:
    """20 ms to 20 ms is 20 ms."""
    limit = Limit(comparison="at_most", number=1e8, unit="ns")
    assert figures.interval((2e7, 2e7), "ns", limit) == "20 ms"
    assert figures.interval((2e7, 3e7), "ns", limit) == "20 ms to 30 ms"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (85, "85 s"), (119, "119 s"), (120, "2 min"), (200, "3 min 20 s"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_lengths_are_written_for_people(seconds: int, text: str) -> None:
    """Seconds up to two minutes, then minutes, then hours."""
    assert figures.length(seconds * 1_000_000_000) == text


def test_cut_text_shows_that_it_was_cut() -> None:
    """An ellipsis counts as a character; short text is not touched."""
    assert words.shortened("abcdef", 6) == "abcdef"
    assert words.shortened("abcdefg", 6) == "abcde…"
