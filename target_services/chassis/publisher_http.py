"""Publishing without a broker: the consumer is asked directly, through the same chain as every other callee."""

from __future__ import annotations

from target_services.chassis.outbox import Message
from target_services.chassis.publisher import Away, NotNow, Poison
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.outcomes import AttemptFailed, CallFailed, Outcome
from target_services.chassis.resilience.wire import Answer, Call

_OF_THIS_MESSAGE = frozenset({Outcome.SERVER_ERROR, Outcome.RATE_LIMITED, Outcome.INVALID})
"""Ends that may be this message's own; all others tell that nobody can be reached."""

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
            if failure.outcome in _OF_THIS_MESSAGE:
                raise NotNow(str(failure), after_s=_asked_for_s(failure)) from failure
            raise Away(str(failure)) from failure
        if refusal is not None:
            raise Poison(refusal)

    async def close(self) -> None:
        """Nothing is held: the connections are the chassis's."""


def _refusal(answer: Answer) -> str | None:
    """Return why the message was refused for good, or None when it has arrived."""
    if 200 <= answer.status < 300:
        return None
    if answer.status in _JUDGED:
        return f"answered {answer.status} {answer.body[:300].decode(errors='replace')}"
    raise ValueError(f"answered {answer.status}")


def _asked_for_s(failure: CallFailed) -> float:
    cause = failure.__cause__
    return (cause.retry_after_s or 0.0) if isinstance(cause, AttemptFailed) else 0.0
