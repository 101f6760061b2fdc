"""What travels through the load child: an arrival, the journey it becomes, the session that does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gevent

SETUP = -1
"""Arrival number of what a user does outside journeys (on_start, on_stop, background work)."""

_KEY = "workbench.session"


@dataclass(slots=True)
class Arrival:
    """One line of the schedule. Times are absolute, in ns of the monotonic clock."""

    number: int
    journey: int
    intended: int
    dispatched: int = 0
    """When it was taken up; 0 as long as it was not."""


@dataclass(slots=True, eq=False)
class Journey:
    """One arrival being carried out, and what its requests told so far."""

    arrival: Arrival
    name: str
    trace_id: str
    started: int
    failure: str | None = None
    """First request that failed, in words."""
    unanswered: bool = False
    """A request failed in a way that does not say whether it took effect."""
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """What a journey came to."""

    journey: int
    outcome: str
    error: str | None
    response_ns: int
    """From the intended start."""
    lag_ns: int
    service_ns: int


@dataclass(slots=True, eq=False)
class Session:
    """One simulated user. `user` is None until it was made (or when making it failed)."""

    number: int
    """Of its journey in the job."""
    idle: Journey
    """What requests outside journeys are written down under."""
    user: Any = None
    journey: Journey | None = None
    retired: bool = False
    """It asked to be stopped; no more journeys."""
    cut: bool = False
    """Its journey was written down as unfinished, whatever still becomes of it."""
    tree: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tree[_KEY] = self

    def spawn(self, function: Any, *args: Any) -> Any:
        """Start a greenlet that belongs to this session, as do all greenlets and threads started from it."""
        greenlet = gevent.Greenlet(function, *args)
        greenlet.spawn_tree_locals = self.tree
        greenlet.start()
        return greenlet


def current_journey() -> Journey | None:
    """Return the journey that the running greenlet works for, if any."""
    tree = getattr(gevent.getcurrent(), "spawn_tree_locals", None)
    session: Session | None = tree.get(_KEY) if tree else None
    if session is None:
        return None
    return session.journey or session.idle
