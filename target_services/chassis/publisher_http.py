"""Publishing without a broker: the consumer is asked directly, through the same chain as every other callee."""

from __future__ import annotations

from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away, NotNow, Poison
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import AttemptFailed, CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call

_OF_THIS_MESSAGE = frozenset({Outcome.SERVER_ERROR, Outcome.RATE_LIMITED, Outcome.INVALID})
"""Ends that may be this message's own; all others tell that nobody can be reached."""

_UNAVAILABLE = 503
"""Whoever answers so can take in no message: the consumer's database is away, or something in between cannot go on."""

_JUDGED = frozenset({400, 413, 415, 422})
"""Answers that judge what was sent. Other ones from 400 on tell of the way to the consumer, which can be mended."""


class HttpPublisher:
    """Posts each message. Only a 2xx means that it has arrived."""

    def __init__(self, edge: Edge, *, at_once: int = 8) -> None:
        self.at_once = at_once
        self._edge = edge

    async def publish(self, message: Message) -> None:
        """Return when the message has arrived for certain. Raises NotNow, Away or Poison."""
        call = Call("POST", "/v1/events", message.document(), idempotency_key=message.id)
        try:
            refusal = await self._edge.call(call, _refusal)
        except CallFailed as failure:
            raise _told(failure) from failure
        if refusal is not None:
            raise Poison(refusal)

    async def close(self) -> None:
        """Nothing is held: the connections are the chassis's."""


def _told(failure: CallFailed) -> NotNow | Away:
    cause = failure.__cause__
    status, after_s = (cause.status, cause.retry_after_s) if isinstance(cause, AttemptFailed) else (None, None)
    if failure.outcome in _OF_THIS_MESSAGE and status != _UNAVAILABLE:
        return NotNow(str(failure), after_s=after_s or 0.0)
    return Away(str(failure))


def _refusal(answer: Answer) -> str | None:
    """Return why the message was refused for good, or None when it has arrived."""
    if 200 <= answer.status < 300:
        return None
    if answer.status in _JUDGED:
        return f"answered {answer.status} {answer.body[:300].decode(errors='replace')}"
    raise ValueError(f"answered {answer.status}")
