"""F14 slow_start: asked to end and started again after a while."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.model.faults.process_actions import End
from workbench.model.faults.slow_start import SlowStart
from workbench.model.units import NS_PER_S


def fault(**fields: object) -> SlowStart:
    return SlowStart.model_validate({"id": "f", "service": "payments", "delay": "5s"} | fields)


def test_it_is_asked_to_end_and_started_again_after_the_delay() -> None:
    assert End("SIGTERM", again_after_ns=5 * NS_PER_S) == fault().action()
    assert "ends and is started again 5s later" == fault().describe()


def test_the_delay_is_counted_on_and_no_more() -> None:
    assert 5 * NS_PER_S == fault().disturbs_ns(60 * NS_PER_S)
    assert 3 == fault().disturbs_ns(3)


@pytest.mark.parametrize("delay", ["0s", 5, "soon", None])
def test_a_delay_that_is_none_is_refused(delay: object) -> None:
    with pytest.raises(ValidationError):
        fault(delay=delay)
