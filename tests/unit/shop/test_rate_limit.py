from __future__ import annotations

import asyncio

import pytest
from prometheus_client import Counter
from pydantic import TypeAdapter, ValidationError

from target_services.gateway.rate_limit import Rate, RateLimit


def _limit(rate: str) -> tuple[RateLimit, Counter]:
    refusals = Counter("refusals", "for the test", registry=None)
    return RateLimit(rate, refusals), refusals


def test_one_too_many_is_refused_with_the_time_to_wait() -> None:
    """The headers count down to 0; then 429 with Retry-After, and one more in the metric."""

    async def spend() -> None:
        limit, refusals = _limit("3/hour")
        left = [await limit.spend("acc_1") for _ in range(3)]
        assert [spent.headers["ratelimit-remaining"] for spent in left] == ["2", "1", "0"]
        assert {spent.headers["ratelimit-limit"] for spent in left} == {"3"}
        assert all(spent.refused is None for spent in left)
        spent = await limit.spend("acc_1")
        assert spent.refused is not None
        assert spent.refused.status == 429
        assert 1 <= int(spent.refused.headers["retry-after"]) <= 3600
        assert spent.refused.headers["retry-after"] == spent.headers["ratelimit-reset"]
        assert spent.headers["ratelimit-remaining"] == "0"
        counted = {sample.name: sample.value for family in refusals.collect() for sample in family.samples}
        assert counted["refusals_total"] == 1

    asyncio.run(spend())


def test_one_who_asks_too_often_does_not_take_it_from_others() -> None:
    """Each name has a window of its own."""

    async def spend() -> None:
        limit, _ = _limit("1/hour")
        assert (await limit.spend("acc_1")).refused is None
        assert (await limit.spend("acc_1")).refused is not None
        assert (await limit.spend("acc_2")).refused is None

    asyncio.run(spend())


def test_after_the_window_there_is_room_again() -> None:
    """Waiting as long as one is told to is enough."""

    async def spend() -> None:
        limit, _ = _limit("1/second")
        assert (await limit.spend("acc_1")).refused is None
        tries = [(await limit.spend("acc_1")).refused for _ in range(10)]  # two of them within one second
        refused = next(filter(None, tries), None)
        assert refused is not None
        for _ in range(10):
            await asyncio.sleep(int(refused.headers["retry-after"]))
            refused = (await limit.spend("acc_1")).refused
            if refused is None:
                return
        pytest.fail("never any room again")

    asyncio.run(spend())


@pytest.mark.parametrize("rate", ["100/second", "20 per 5 minutes", "1/day"])
def test_rates_in_words(rate: str) -> None:
    assert TypeAdapter(Rate).validate_python(rate) == rate


@pytest.mark.parametrize("rate", ["", "many", "100", "100/fortnight", "-1/second", "0/second"])
def test_what_is_not_a_rate(rate: str) -> None:
    """The message shows what one looks like."""
    with pytest.raises(ValidationError, match="100/second"):
        TypeAdapter(Rate).validate_python(rate)
