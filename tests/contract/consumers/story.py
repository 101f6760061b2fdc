"""One thing that a consumer needs of a provider: what it sends, what it relies on, and what it makes of the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pact import Pact, generate, match
from pact.match import AbstractMatcher

from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.edge import Edge
from target_services.chassis.resilience.retry import Retry
from target_services.chassis.resilience.wire import Wire
from target_services.chassis.service import Chassis
from target_services.chassis.settings import ServiceSettings

PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Story:
    """What one interaction is.

    `given` are the provider's states with their parameters. `answer` tells only what the consumer reads; values are
    examples or matchers of pact. `ask` is the consumer's own code, on an edge that leads to the mock; what it returns
    has to be `understood`.
    """

    what: str
    method: str
    path: Any
    status: int
    answer: Any
    ask: Callable[[Edge], Awaitable[object]]
    understood: object
    given: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    answer_headers: Mapping[str, Any] = field(default_factory=dict)


def made_up(example: str, by_state: str) -> AbstractMatcher[str]:
    """Return text that the provider makes up: an example for the mock, and where a provider's state tells the real one.

    `by_state` has the names of what the state returns in it, such as /v1/orders/${order_id}.
    """
    return match.type(example, generator=generate.provider_state(by_state))


def one_of(*words: str) -> AbstractMatcher[str]:
    """Return the words that a consumer knows for a field; the first is the example."""
    return match.regex(words[0], regex=f"^({'|'.join(words)})$")


def problem(name: str) -> dict[str, object]:
    """Return what a consumer reads of a problem: its type."""
    return {"type": f"urn:shop:problem:{name}"}


def play(consumer: str, provider: str, story: Story, folder: Path) -> object:
    """Let the consumer ask the mock, add the interaction to the pact in `folder`, and return what was understood.

    Raises AssertionError where the consumer did not ask what the story tells.
    """
    pact = Pact(consumer, provider).with_specification("V4")
    interaction = pact.upon_receiving(story.what)
    for state, parameters in story.given.items():
        interaction.given(state, dict(parameters))
    interaction.with_request(story.method, story.path)
    interaction.with_headers(dict(story.headers), "Request")
    for name, value in story.query.items():
        interaction.with_query_parameter(name, value)
    if story.body is not None:
        interaction.with_body(story.body, "application/json", "Request")
    interaction.will_respond_with(story.status)
    interaction.with_headers(dict(story.answer_headers), "Response")
    interaction.with_body(story.answer, PROBLEM if story.status >= 400 else "application/json", "Response")
    with pact.serve(raises=False) as mock:
        try:
            understood = asyncio.run(asked(consumer, provider, str(mock.url).rstrip("/"), story.ask))
        finally:
            assert mock.matched, "\n".join(map(str, mock.mismatches))
    pact.write_file(folder)
    return understood


async def asked(consumer: str, provider: str, callee: str | Wire, ask: Callable[[Edge], Awaitable[object]]) -> object:
    """Let the consumer's code ask over an edge like its own; `callee` is a URL, or a wire that leads elsewhere."""
    chassis = Chassis(ServiceSettings(service_name=consumer, port=1))
    edge = chassis.edge(
        f"{consumer}:{provider}",
        callee,
        timeout_s=60.0,
        retry=Retry(attempts=1, budget=RetryBudget(per_call=0, burst=1)),
        breaker=BreakerPolicy(failures=20, window=20),
        bulkhead=1,
        fallback="none",
    )
    await edge.wire.open()
    try:
        return await ask(edge)
    finally:
        await edge.wire.close()
