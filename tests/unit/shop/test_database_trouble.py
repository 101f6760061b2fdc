"""What the log tells of a database in trouble: at once, now and then, and when it is over; never a line per request."""

from __future__ import annotations

from structlog.testing import capture_logs

from target_services.chassis.database_errors import Cause, DatabaseUnavailable, Trouble
from tests.unit.shop.clocks import FakeClock


def test_trouble_is_told_now_and_then_and_its_end_once() -> None:
    """A hundred failures in ten seconds are two lines or three; a single success between failures is no end."""
    clock = FakeClock()
    trouble = Trouble(clock)
    with capture_logs() as lines:
        for _ in range(100):
            trouble.seen(DatabaseUnavailable(Cause.LOCKED, "database is locked"))
            trouble.over()
            clock.forward(0.1)
        clock.forward(2)
        trouble.over()
        trouble.over()
    told = [(line["event"], line["failures"]) for line in lines]
    assert {event for event, _ in told[:-1]} == {"database unavailable"}
    assert len(told) in (3, 4)
    assert told[-1][0] == "database works again"
    assert told[0][1] == 1
    assert told[-1][1] == 100


def test_another_cause_is_told_at_once() -> None:
    """Locked, then full."""
    trouble = Trouble(FakeClock())
    with capture_logs() as lines:
        for cause in (Cause.LOCKED, Cause.LOCKED, Cause.FULL):
            trouble.seen(DatabaseUnavailable(cause))
    assert [line["cause"] for line in lines] == ["locked", "full"]
