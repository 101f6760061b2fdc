"""F13 brownout: so many at a time, more slowly."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import HitAttempt
from workbench.model.faults.brownout import Brownout
from workbench.model.faults.seeded import Draw

MS = 1_000_000


def fault(**fields: Any) -> Brownout:
    return Brownout.model_validate({"id": "f", "edge": "a:b", "concurrent": 4, "service_time": "20ms"} | fields)


def test_it_admits_as_declared_and_refuses_with_a_hint() -> None:
    action = fault(queue=8, retry_after="2s").action(Draw(1, "f", 0))
    assert (action.concurrent, action.queue, action.service_ns) == (4, 8, 20 * MS)
    assert action.refusal.status == 503
    assert ("retry-after", "2") in action.refusal.headers


@pytest.mark.parametrize(
    ("attempt", "felt"),
    [
        (HitAttempt(1, 503, "complete"), True),
        (HitAttempt(16 * MS, 200, "complete"), True),
        (HitAttempt(15 * MS, 200, "complete"), False),
        (HitAttempt(15 * MS, None, "client_gone"), True),
        (HitAttempt(15 * MS, None, "upstream_gone"), False),
    ],
)
def test_who_was_refused_or_held_has_felt_it(attempt: HitAttempt, felt: bool) -> None:
    assert felt is fault().felt(attempt, None)


def test_a_timeout_below_the_service_time_is_waited_for() -> None:
    assert fault(service_time="1s").felt(HitAttempt(80 * MS, None, "cut"), 100 * MS)


@pytest.mark.parametrize("fields", [{"concurrent": 0}, {"queue": -1}, {"service_time": "0s"}, {"status": 200}])
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


def test_it_says_what_it_does() -> None:
    assert fault(queue=8).describe() == (
        "takes 4 requests at a time, 20ms longer for each, lets 8 wait, and refuses others with 503"
    )
