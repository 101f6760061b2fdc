"""F11 fail_first: the first of each key."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import Ability, HitAttempt
from workbench.model.faults.eligibility import Key
from workbench.model.faults.fail_first import FailFirst
from workbench.model.faults.seeded import Draw, is_hit


def fault(**fields: Any) -> FailFirst:
    return FailFirst.model_validate({"id": "f", "edge": "a:b", "count": 2, "per": {"by": "trace"}} | fields)


def test_the_first_of_each_key_fail_whatever_their_ordinal() -> None:
    assert [fault().hits(1, ordinal, nth) for ordinal, nth in ((0, 0), (7, 1), (8, 2), (9, 0))] == [
        True,
        True,
        False,
        True,
    ]


def test_a_share_of_them_is_drawn() -> None:
    some = fault(share=0.5)
    assert [some.hits(3, i, 0) for i in range(50)] == [is_hit(3, "f", i, 0.5) for i in range(50)]


def test_it_answers_as_http_status_does() -> None:
    answer = fault(status=429, retry_after="1s").action(Draw(1, "f", 0))
    assert (answer.status, ("retry-after", "1") in answer.headers) == (429, True)
    assert fault().felt(HitAttempt(5, 503, "complete"), None)
    assert not fault().felt(HitAttempt(5, 200, "complete"), None)


def test_counted_by_edge_it_has_to_be_able_to_give_its_evidence() -> None:
    with pytest.raises(ValidationError, match="below its min_evidence of 10; set `min_evidence: 2`"):
        fault(per={"by": "edge"})
    assert fault(per={"by": "edge"}, min_evidence=2).counts_by == Key()
    assert fault(per={"by": "edge"}, count=10).count == 10


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 0},
        {"status": 200},
        {"per": {"by": "header"}},
        {"per": {"by": "path", "header": "x"}},
        {"connection_share": 0.5},
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


def test_it_needs_seeds_and_says_what_it_does() -> None:
    assert {Ability.HTTP, Ability.SEEDED} <= fault().abilities_needed()
    assert fault().describe() == "answers the first 2 requests of each trace with 503"
    by_header = fault(count=1, per={"by": "header", "header": "idempotency-key"})
    assert by_header.describe() == "answers the first request of each value of idempotency-key with 503"
