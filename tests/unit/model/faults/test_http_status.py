"""F8 http_status: an error in the callee's place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.actions import Answer
from workbench.model.faults.base import HitAttempt
from workbench.model.faults.http_status import HttpStatus
from workbench.model.faults.seeded import Draw


def fault(**fields: Any) -> HttpStatus:
    return HttpStatus.model_validate({"id": "f", "edge": "a:b", "status": 503} | fields)


def test_it_answers_with_the_status_and_says_that_it_is_injected() -> None:
    answer = fault().action(Draw(1, "f", 0))
    assert isinstance(answer, Answer)
    assert (503, (("content-type", "application/problem+json"),)) == (answer.status, answer.headers)
    assert {"status": 503, "fault": "f"}.items() <= json.loads(answer.body).items()


@pytest.mark.parametrize(("given", "seconds"), [("2s", "2"), ("1100ms", "2"), ("1ms", "1")])
def test_retry_after_is_in_whole_seconds_and_never_too_early(given: str, seconds: str) -> None:
    answer = fault(status=429, retry_after=given).action(Draw(1, "f", 0))
    assert ("retry-after", seconds) in answer.headers


@pytest.mark.parametrize(("status", "felt"), [(503, True), (500, False), (200, False), (None, False)])
def test_it_was_felt_by_whoever_got_that_status(status: int | None, felt: bool) -> None:
    assert felt is fault().felt(HitAttempt(5_000_000, status, "complete"), None)


@pytest.mark.parametrize("status", [399, 600, 200])
def test_only_errors_can_be_answered(status: int) -> None:
    with pytest.raises(ValidationError):
        fault(status=status)


def test_it_says_what_it_does() -> None:
    assert "answers 503 (30% of requests)" == fault(share="30%").describe()
    flapping = fault(schedule={"period": "4s", "duty": "25%"})
    assert "answers 503, on for 25% of every 4s" == flapping.describe()
