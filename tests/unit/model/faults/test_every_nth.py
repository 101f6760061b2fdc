"""F11 every_nth: the Nth of each key, again and again."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from workbench.model.faults.base import HitAttempt
from workbench.model.faults.eligibility import Key
from workbench.model.faults.every_nth import EveryNth
from workbench.model.faults.seeded import Draw


def fault(**fields: Any) -> EveryNth:
    return EveryNth.model_validate({"id": "f", "edge": "a:b", "n": 3} | fields)


def test_the_last_of_each_n_is_hit_whatever_its_ordinal() -> None:
    assert [fault().hits(1, 100 - nth, nth) for nth in range(7)] == [False, False, True, False, False, True, False]
    assert fault().counts_by == Key(by="edge")


def test_it_is_expected_to_hit_its_part() -> None:
    assert fault().part_hit == pytest.approx(1 / 3)
    assert fault(share="50%").part_hit == pytest.approx(1 / 6)


def test_it_answers_and_is_felt_by_its_status() -> None:
    assert fault(status=500).action(Draw(1, "f", 0)).status == 500
    assert fault(status=500).felt(HitAttempt(5, 500, "complete"), None)
    assert not fault().felt(HitAttempt(5, None, "client_gone"), None)


@pytest.mark.parametrize("fields", [{"n": 1}, {"n": 0}, {"status": 302}, {"connection_share": "10%"}])
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        fault(**fields)


def test_it_says_what_it_does() -> None:
    assert fault(per={"by": "path"}).describe() == "answers every request number 3 of each path with 503"
