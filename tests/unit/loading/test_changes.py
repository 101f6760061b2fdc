"""What was asked of a finished run can be asked otherwise; what was done to it cannot be changed any more."""

from __future__ import annotations

import pytest

from tests import histories
from workbench.errors import InvalidInput
from workbench.loading.changes import with_limits


def refused(**changes: str) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        with_limits(histories.record(), {path.replace("__", "."): value for path, value in changes.items()})
    return [str(problem) for problem in raised.value.problems]


def test_a_limit_is_changed_and_nothing_else() -> None:
    record = histories.record()
    changed = with_limits(record, {"expect.breaker_opens.within": "1s", "slos.checkout-availability.target": "80%"})
    assert ("1s", "80%") == (str(changed.scenario.expect[0].within), str(changed.scenario.slos[0].target))  # type: ignore[union-attr]
    back = {"expect.breaker_opens.within": "3s", "slos.checkout-availability.target": "null"}
    assert record == with_limits(changed, back)
    assert record == with_limits(record, {})


@pytest.mark.parametrize(
    "path", ["faults__0__delay", "load__arrivals__rate", "seed", "phases__0__duration", "abort_when"]
)
def test_what_was_done_cannot_be_changed(path: str) -> None:
    where = path.replace("__", ".")
    assert [f"--set: {where}: only limits can be changed afterwards: expect, slos, steady_state"] == refused(
        **{path: "1"}
    )


def test_all_problems_are_told_at_once() -> None:
    found = refused(seed="1", expect__opens__within="1s", slos__0__target="much")
    assert 2 == len(found), "what cannot be carried out comes first; values are looked at once all paths hold"
    assert ["--set: slos.0.target: 'much' is not a share; write \"99.9%\" or a number from 0 to 1"] == refused(
        slos__0__target="much"
    )


def test_a_limit_cannot_be_taken_away_so_that_nothing_is_judged() -> None:
    assert any("nothing is judged" in text for text in refused(expect="[]", slos="[]", steady_state="[]"))


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    (found,) = refused(expect__breaker_open__within="1s")
    assert "there is no 'expect.breaker_open'; did you mean 'breaker_opens'" in found
