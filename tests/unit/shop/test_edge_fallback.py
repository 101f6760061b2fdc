from __future__ import annotations

import asyncio

import pytest

from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.resilience.outcomes import CallFailed, Outcome
from tests.unit.shop.edges import Bench, answer, failed, outcomes


async def _plan_b(_: CallFailed) -> str:
    return "plan b"


def test_the_fallback_answers_after_all_retries() -> None:
    """Three attempts fail, then the fallback; the call keeps its failure and the fallback has a span and a count."""
    bench = Bench(failed(Outcome.TIMEOUT))
    assert asyncio.run(bench.ask(fallback=_plan_b)) == "plan b"
    assert len(bench.wire.sent) == 3
    call, fallback = bench.spans(attempts=False)
    assert outcomes([call]) == ["timeout"]
    assert fallback.attributes == {
        "workbench.edge": "orders:payments",
        "workbench.call_id": (call.attributes or {})["workbench.call_id"],
        "workbench.fallback": "plan-b",
    }
    assert bench.count("fallback_total", kind="plan-b") == 1


def test_no_fallback_when_the_call_succeeds() -> None:
    """A healthy callee leaves no trace of plan b."""
    bench = Bench(answer(body={"a": 1}))
    assert asyncio.run(bench.ask(fallback=_plan_b)) == {"a": 1}
    assert bench.count("fallback_total", kind="plan-b") == 0


def test_planted_fallback_off_fails_the_call(planted: None) -> None:
    """The bug: nothing stands in, neither inside a call nor after one."""
    bugs.plant({Bug.FALLBACK_OFF})
    bench = Bench(failed())
    with pytest.raises(CallFailed) as caught:
        asyncio.run(bench.ask(fallback=_plan_b))
    with pytest.raises(CallFailed):
        asyncio.run(bench.edge.fall_back(caught.value, _plan_b))
    assert bench.count("fallback_total", kind="plan-b") == 0
