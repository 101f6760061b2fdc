"""An edge: everything between "ask the callee" and the wire, in one order, visible in one place.

    deadline -> fallback -> hedge -> retry with budget -> breaker -> bulkhead -> per-attempt timeout -> wire

A call keeps the outcome of its last attempt. It ends as `rejected_breaker` or `rejected_bulkhead` only when the
mechanism ended it before an attempt did, as `retry_budget` when a retry was wanted and the budget was exhausted, and
as `deadline` when its own time was over, whoever noticed that first: this side, or the callee that was told of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from opentelemetry.trace import Tracer

from target_services.chassis import correlation
from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.resilience import deadline as deadlines
from target_services.chassis.resilience.breaker import Breaker, BreakerOpen, Permit
from target_services.chassis.resilience.bulkhead import Bulkhead, BulkheadFull
from target_services.chassis.resilience.decisions import Decision, Observer, nobody
from target_services.chassis.resilience.edge_metrics import EdgeMetrics
from target_services.chassis.resilience.edge_spans import CallSpan, fallback_span
from target_services.chassis.resilience.hedge import Hedge
from target_services.chassis.resilience.outcomes import (
    CALL_ONLY,
    CALLEE_FAILED,
    MAY_HAVE_ACTED,
    NEVER_SENT,
    SAYS_NOTHING,
    TRANSIENT,
    AttemptFailed,
    CallFailed,
    Outcome,
)
from target_services.chassis.resilience.retry import Retry
from target_services.chassis.resilience.wire import Answer, Call, Wire

T = TypeVar("T")
Read = Callable[[Answer], T]
"""Turns an answer into what was asked for. Raises ValueError, KeyError or TypeError if it makes no sense."""

_REJECTED = frozenset({Outcome.REJECTED_BREAKER, Outcome.REJECTED_BULKHEAD})


class Edge:
    """Calls one callee."""

    def __init__(
        self,
        name: str,
        wire: Wire,
        *,
        timeout_s: float,
        retry: Retry,
        breaker: Breaker,
        bulkhead: Bulkhead,
        fallback: str | None = None,
        hedge: Hedge | None = None,
        retry_on: frozenset[Outcome] = TRANSIENT,
        tracer: Tracer,
        metrics: EdgeMetrics,
        decided: Observer = nobody,
    ) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.retry = retry
        self.breaker = breaker
        self.bulkhead = bulkhead
        self.fallback = fallback
        self.hedge = hedge
        self._retry_on = retry_on
        self.wire = wire
        self._decided = decided
        self._tracer = tracer
        self._metrics = metrics

    async def call(
        self, call: Call, read: Read[T], *, fallback: Callable[[CallFailed], Awaitable[T]] | None = None
    ) -> T:
        """Ask the callee. Raises CallFailed when it cannot be had and there is no fallback."""
        try:
            return await self._observed(call, read)
        except CallFailed as failure:
            if fallback is None:
                raise
            return await self.fall_back(failure, fallback)

    async def fall_back(self, failure: CallFailed, fallback: Callable[[CallFailed], Awaitable[T]]) -> T:
        """Do without the callee. For callers with something to do between the failure and the fallback."""
        if is_planted(Bug.FALLBACK_OFF):
            raise failure
        assert self.fallback is not None, f"{self.name} declares no fallback"
        with fallback_span(self._tracer, self.fallback, failure):
            self._decided(Decision.FALLBACK_SERVED, kind=self.fallback, instead_of=failure.outcome.value)
            return await fallback(failure)

    async def _observed(self, call: Call, read: Read[T]) -> T:
        span = CallSpan(self._tracer, self.name)
        outcome = Outcome.CANCELLED
        try:
            with span.current():
                result, outcome = await self._within_deadline(call, read, span)
        except AttemptFailed as failure:
            outcome = failure.outcome
            raise CallFailed(
                self.name, span.id, outcome, attempts=span.attempts, may_have_acted=span.may_have_acted
            ) from failure
        else:
            return result
        finally:
            span.end(outcome)
            self._metrics.call_ended(outcome)

    async def _within_deadline(self, call: Call, read: Read[T], span: CallSpan) -> tuple[T, Outcome]:
        deadline = deadlines.current.get()
        if deadline.has_passed_beyond_a_hop():
            self._decided(Decision.DEADLINE_REFUSED)
            raise AttemptFailed(Outcome.DEADLINE)
        remaining_s = deadline.remaining_s()
        try:
            async with asyncio.timeout(remaining_s if math.isfinite(remaining_s) else None):
                return await self._hedged(call, read, span)
        except TimeoutError:
            self._decided(Decision.DEADLINE_EXPIRED)
            raise AttemptFailed(Outcome.DEADLINE) from None
        except AttemptFailed as failure:
            if failure.outcome is Outcome.DEADLINE:  # the callee was the first to notice
                self._decided(Decision.DEADLINE_EXPIRED)
            raise

    async def _hedged(self, call: Call, read: Read[T], span: CallSpan) -> tuple[T, Outcome]:
        if self.hedge is None or not call.reads:
            return await self._with_retries(call, read, span)
        return await self.hedge.run(
            lambda: self._with_retries(call, read, span),
            lambda: self._through_breaker(call, read, span),  # no retries: they double what is added already
            observer=self._decided,
        )

    async def _with_retries(self, call: Call, read: Read[T], span: CallSpan) -> tuple[T, Outcome]:
        last: AttemptFailed | None = None

        async def attempt(_: int) -> tuple[T, Outcome]:
            nonlocal last
            try:
                return await self._through_breaker(call, read, span)
            except AttemptFailed as failure:
                last = failure if failure.outcome not in CALL_ONLY else last
                raise

        def retryable(failure: AttemptFailed) -> bool:
            return failure.outcome in self._retry_on and (call.repeatable or failure.outcome in NEVER_SENT)

        remaining_s = deadlines.current.get().remaining_s
        try:
            return await self.retry.run(
                attempt, retryable=retryable, remaining_s=remaining_s, at_most=call.attempts, observer=self._decided
            )
        except AttemptFailed as failure:
            if last is not None and failure.outcome in _REJECTED:
                raise last from failure
            raise

    async def _through_breaker(self, call: Call, read: Read[T], span: CallSpan) -> tuple[T, Outcome]:
        try:
            permit = self.breaker.admit()
        except BreakerOpen:
            raise AttemptFailed(Outcome.REJECTED_BREAKER) from None
        try:
            with self.bulkhead.slot():
                result = await self._attempt(call, read, span)
        except BulkheadFull:
            permit.left_out()
            self._decided(Decision.BULKHEAD_REJECTED)
            raise AttemptFailed(Outcome.REJECTED_BULKHEAD) from None
        except AttemptFailed as failure:
            _report(permit, failure.outcome)
            raise
        except BaseException:
            permit.left_out()
            raise
        permit.succeeded()
        return result

    async def _attempt(self, call: Call, read: Read[T], span: CallSpan) -> tuple[T, Outcome]:
        timeout_s = self._attempt_timeout_s()
        patience_s = math.inf if timeout_s is None else timeout_s
        left_s = deadlines.current.get().remaining_s()
        attempt = span.start_attempt(call.method, self.wire.attributes(call))
        headers = self._headers(call, min(left_s, patience_s))
        attempt.inject(headers)
        outcome, status = Outcome.CANCELLED, None
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._exchange(call, headers, hurried=left_s < patience_s)
            status = answer.status
            outcome = Outcome.OK if status < 400 else Outcome.CLIENT_ERROR
            return read(answer), outcome
        except AttemptFailed as failure:
            outcome, status = failure.outcome, failure.status
            if outcome is Outcome.TIMEOUT:  # a wire that keeps the time itself
                self._decided(Decision.TIMEOUT_EXPIRED)
            raise
        except TimeoutError:
            outcome = Outcome.TIMEOUT
            self._decided(Decision.TIMEOUT_EXPIRED)
            raise AttemptFailed(outcome) from None
        except (ValueError, KeyError, TypeError) as error:
            outcome = Outcome.INVALID
            raise AttemptFailed(outcome, status=status, detail=str(error)) from error
        finally:
            span.may_have_acted |= outcome in MAY_HAVE_ACTED
            attempt.end(outcome, status)
            self._metrics.attempt_ended(outcome)

    async def _exchange(self, call: Call, headers: dict[str, str], *, hurried: bool) -> Answer:
        """Send a call. `hurried`: the callee gets less time than this edge would give it.

        Only then is it the caller's doing that the time was over. A callee that says so of the time which the edge
        grants to everybody is too slow.
        """
        try:
            return await self.wire.exchange(call, headers)
        except AttemptFailed as failure:
            if failure.outcome is not Outcome.DEADLINE or hurried:
                raise
            raise AttemptFailed(
                Outcome.SERVER_ERROR, status=failure.status, retry_after_s=failure.retry_after_s
            ) from failure

    def _attempt_timeout_s(self) -> float | None:
        if is_planted(Bug.TIMEOUT_MISSING) and self.name == "orders:payments":
            return None
        return self.timeout_s

    def _headers(self, call: Call, waits_s: float) -> dict[str, str]:
        headers = dict(call.headers)
        if call.idempotency_key is not None:
            headers["idempotency-key"] = call.idempotency_key
        if (request := correlation.current.get()) is not None:
            headers[correlation.HEADER] = request
        if math.isfinite(waits_s):
            headers[deadlines.HEADER] = deadlines.to_header(waits_s)
        return headers


def _report(permit: Permit, outcome: Outcome) -> None:
    if outcome in CALLEE_FAILED:
        permit.failed()
    elif outcome in SAYS_NOTHING:
        permit.left_out()
    else:
        permit.succeeded()
