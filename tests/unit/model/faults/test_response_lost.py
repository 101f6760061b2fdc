"""F9 response_lost: what the caller gets in place of the answer, and how that is felt."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.actions import Answer, Close, Delay, Lose, Swallow
from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.response_lost import ResponseLost
from workbench.model.faults.seeded import Draw

MS = 1_000_000


def fault(**fields: Any) -> ResponseLost:
    return ResponseLost.model_validate({"id": "f", "edge": "a:b"} | fields)


def test_what_takes_the_answer_s_place() -> None:
    draw = Draw(1, "f", 0)
    assert fault().action(draw) == Lose(Swallow())
    assert fault(answer="closed").action(draw) == Lose(Close(reset=False))
    assert fault(answer="late", delay="2s").action(draw) == Delay(2_000 * MS, "response")
    for fields, status in (({}, 502), ({"status": 504}, 504)):
        action = fault(answer="replaced", **fields).action(draw)
        assert isinstance(action, Lose)
        assert isinstance(action.instead, Answer)
        assert action.instead.status == status


@pytest.mark.parametrize(
    "fields",
    [
        {"answer": "late"},
        {"answer": "late", "delay": "0s"},
        {"answer": "dropped", "delay": "1s"},
        {"answer": "closed", "status": 500},
        {"answer": "replaced", "status": 200},
        {"answer": "replaced", "delay": "1s"},
        {"answer": "gone"},
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


@pytest.mark.parametrize(
    ("fields", "attempt", "felt"),
    [
        ({}, HitAttempt(400 * MS, None, "client_gone"), True),
        ({}, HitAttempt(399 * MS, None, "client_gone"), False),
        ({}, HitAttempt(400 * MS, 200, "complete"), False),
        ({"answer": "closed"}, HitAttempt(5, None, "cut"), True),
        ({"answer": "closed"}, HitAttempt(5, None, "client_gone"), False),
        ({"answer": "closed"}, HitAttempt(5, 200, "cut"), False),
        ({"answer": "replaced"}, HitAttempt(5, 502, "complete"), True),
        ({"answer": "replaced", "status": 504}, HitAttempt(5, 502, "complete"), False),
        ({"answer": "late", "delay": "100ms"}, HitAttempt(80 * MS, 200, "complete"), True),
        ({"answer": "late", "delay": "100ms"}, HitAttempt(79 * MS, 200, "complete"), False),
        ({"answer": "late", "delay": "10s"}, HitAttempt(400 * MS, 200, "complete"), True),
        ({"answer": "late", "delay": "10s"}, HitAttempt(5, None, "client_gone"), True),
    ],
)
def test_how_it_is_felt_with_a_timeout_of_500_ms(fields: dict[str, Any], attempt: HitAttempt, felt: bool) -> None:
    assert felt is fault(**fields).felt(attempt, 500 * MS)


def test_without_a_known_timeout_a_dropped_answer_has_no_shortest_wait() -> None:
    assert fault().felt(HitAttempt(5, None, "client_gone"), None)


def test_it_needs_http_and_says_what_it_does() -> None:
    assert Ability.HTTP in fault().abilities_needed()
    assert fault().describe() == "acts, and its answer never arrives"
    late = fault(answer="late", delay="2s", share="30%")
    assert late.describe() == "acts, and answers 2s late (30% of requests)"
    assert fault(answer="replaced").describe() == "acts, and the caller gets 502 in place of its answer"
