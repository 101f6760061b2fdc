"""F14 restart: asked to end and started again at once."""

from __future__ import annotations

from workbench.model.faults.process_actions import End
from workbench.model.faults.restart import SHORTEST_START_NS, Restart


def fault() -> Restart:
    return Restart.model_validate({"id": "f", "service": "payments"})


def test_it_is_asked_to_end_and_started_again_at_once() -> None:
    assert End("SIGTERM", again_after_ns=0) == fault().action()
    assert "is restarted" == fault().describe()


def test_only_the_time_of_a_start_is_counted_on() -> None:
    assert SHORTEST_START_NS == fault().disturbs_ns(60 * 10**9)
    assert 5 == fault().disturbs_ns(5)
