"""Users and the arrivals they take: a free user takes one, else a new user is made, else the arrival waits.

Waiting is first in, first out for each journey, and it counts: latency is measured from the intended start.
Knows nothing of schedules and clocks other than the order of arrivals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

import gevent

from workbench.loadgen.journey import Arrival, Finished, Session
from workbench.loadgen.performer import Performer

UNFAIR_NS = 1_000_000_000
"""A freed user serves its own journey unless an arrival of another one has waited so much longer."""


class UserPool:
    """Users of all journeys, `max_users` of them together. `report` is told of every journey that ended."""

    def __init__(self, performer: Performer, journeys: int, max_users: int, report: Callable[[Finished], None]) -> None:
        self.users = 0
        self._performer = performer
        self._max_users = max_users
        self._report = report
        self._free: list[deque[Session]] = [deque() for _ in range(journeys)]
        self._waiting: list[deque[Arrival]] = [deque() for _ in range(journeys)]
        self._busy: dict[Session, tuple[Any, Arrival]] = {}
        self._ended = False

    @property
    def queued(self) -> int:
        """Arrivals that wait for a user."""
        return sum(map(len, self._waiting))

    @property
    def in_flight(self) -> int:
        """Arrivals that a user carries out."""
        return len(self._busy)

    @property
    def idle(self) -> bool:
        """Nothing is in flight and nothing waits."""
        return not self._busy and not self.queued

    def prepare(self, journey: int, count: int) -> list[Any]:
        """Start to make users ahead of time; return the greenlets."""
        count = min(count, self._max_users - self.users)
        sessions = [self._performer.session(journey) for _ in range(count)]
        self.users += len(sessions)
        return [session.spawn(self._prepare, session) for session in sessions]

    def _prepare(self, session: Session) -> None:
        try:
            self._performer.make_user(session)
        except BaseException as error:  # noqa: BLE001 - user code
            self._performer.complain(f"{session.idle.name}: on_start", session.number, error)
        following = self._next(session)
        if following is not None:
            self._serve(session, following)

    def dispatch(self, arrival: Arrival) -> None:
        """Give an arrival to a user, or let it wait."""
        free = self._free[arrival.journey]
        if free:
            self._start(free.popleft(), arrival)
        elif self.users < self._max_users or self._make_room():
            self._start_new(arrival)
        else:
            arrival.dispatched = monotonic_ns()
            self._waiting[arrival.journey].append(arrival)

    def _start_new(self, arrival: Arrival) -> None:
        self.users += 1
        self._start(self._performer.session(arrival.journey), arrival)

    def _start(self, session: Session, arrival: Arrival) -> None:
        self._busy[session] = session.spawn(self._serve, session, arrival), arrival

    def _serve(self, session: Session, arrival: Arrival) -> None:
        """Carry out an arrival, and then those that wait for a user like this one."""
        greenlet = gevent.getcurrent()
        following: Arrival | None = arrival
        while following is not None:
            following.dispatched = following.dispatched or monotonic_ns()
            self._busy[session] = greenlet, following
            finished = self._performer.perform(session, following)
            if self._ended:
                return
            self._report(finished)
            following = self._next(session)
        del self._busy[session]

    def _next(self, session: Session) -> Arrival | None:
        """Return the next arrival for this user, if it should serve one; else it is free, or gone."""
        heads = [queue[0] for queue in self._waiting if queue]
        oldest = min(heads, key=lambda arrival: arrival.intended, default=None)
        usable = session.user is not None and not session.retired
        own = self._waiting[session.number]
        if usable and own and oldest is not None and own[0].intended - oldest.intended <= UNFAIR_NS:
            return own.popleft()
        if usable and oldest is None:
            self._free[session.number].append(session)
            return None
        self._retire(session)
        if oldest is not None:
            self._start_new(self._waiting[oldest.journey].popleft())
        return None

    def _retire(self, session: Session) -> None:
        self.users -= 1
        session.spawn(self._performer.close, session)

    def _make_room(self) -> bool:
        """Let a free user of another journey go."""
        most = max(self._free, key=len)
        if not most:
            return False
        self._retire(most.popleft())
        return True

    def cut(self) -> list[Finished]:
        """End everything; return what was unfinished. User code that ignores its end is left to the exit."""
        self._ended = True
        busy, self._busy = self._busy, {}
        unfinished: list[Finished] = []
        for session, (_, arrival) in busy.items():
            if session.journey is not None:
                unfinished.append(self._performer.cut(session, session.journey))
            else:
                unfinished.append(self._performer.never_started(arrival))
                session.cut = True
        for queue in self._waiting:
            unfinished += [self._performer.never_started(arrival) for arrival in queue]
            queue.clear()
        gevent.killall([greenlet for greenlet, _ in busy.values()], block=False)
        return unfinished

    def close(self, within_s: float) -> None:
        """Call on_stop of all free users, at the same time, within a deadline."""
        self._ended = True
        sessions = [session for queue in self._free for session in queue]
        for queue in self._free:
            queue.clear()
        gevent.joinall([session.spawn(self._performer.close, session) for session in sessions], timeout=within_s)
