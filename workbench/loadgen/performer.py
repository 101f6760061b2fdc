"""Makes users, lets them carry out journeys, writes down what came of it. User code may do what it likes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns
from typing import Any

from locust import User
from locust.exception import StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet

from workbench.loadgen.journey import SETUP, Arrival, Finished, Journey, Session
from workbench.loadgen.locustfiles import line_in
from workbench.loadgen.outcomes import outcome_of, text_of
from workbench.loadgen.passes import Picker, one_pass
from workbench.loadgen.propagation import Ids
from workbench.loadgen.recorder import Recorder
from workbench.model.loadjob import JobJourney

UNFINISHED = "unfinished"
"""Error of a journey that was cut: at the end of the drain, or because the runner had gone."""

_COMPLAINTS = 5
"""So many distinct exceptions of user code are shown on stderr; the rows have all of them."""


class Performer:
    """`users` are the classes of `journeys`, in the same order."""

    def __init__(
        self,
        journeys: Sequence[JobJourney],
        users: Sequence[Any],
        *,
        environment: Any,
        recorder: Recorder,
        ids: Ids,
        seed: int,
    ) -> None:
        self._journeys = journeys
        self._users = users
        self._environment = environment
        self._recorder = recorder
        self._ids = ids
        self._seed = seed
        self._complaints: set[str] = set()

    def session(self, number: int) -> Session:
        """Return a session of one journey whose user is still to be made."""
        now = monotonic_ns()
        arrival = Arrival(SETUP, number, now, now)
        return Session(number, Journey(arrival, self._journeys[number].name, self._ids.trace_id(), now))

    def make_user(self, session: Session) -> None:
        """Construct the user and call its on_start, in a greenlet of the session. Raises what those raise."""
        user = self._users[session.number](self._environment)
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001 - a task may call self.wait()
        user._taskset_instance = DefaultTaskSet(user)  # noqa: SLF001
        user.on_start()
        session.user = user

    def perform(self, session: Session, arrival: Arrival) -> Finished:
        """Carry out one journey. Never raises: whatever happens is its outcome."""
        journey = Journey(arrival, self._journeys[arrival.journey].name, self._ids.trace_id(), monotonic_ns())
        raised: BaseException | None = None
        try:
            if session.user is None:
                self.make_user(session)
                journey.started = monotonic_ns()
            session.journey = journey
            session.user.outcome = session.user.ack = None
            one_pass(session.user, Picker(self._seed, arrival.number))
        except (StopUser, StopTest) as stop:
            session.retired = True
            raised = stop if session.user is None else None
        except BaseException as error:  # noqa: BLE001 - user code: gevent.Timeout and SystemExit included
            raised = error
            self.complain(journey.name, session.number, error)
        outcome, error_text = outcome_of(
            getattr(session.user, "outcome", None),
            failure=journey.failure,
            unanswered=journey.unanswered,
            raised=raised,
        )
        return self._finish(session, journey, outcome, error_text)

    def cut(self, session: Session, journey: Journey) -> Finished:
        """Write a journey down as unfinished: nobody knows what came of it."""
        finished = self._finish(session, journey, "indeterminate", UNFINISHED)
        session.cut = True
        return finished

    def never_started(self, arrival: Arrival) -> Finished:
        """Write down an arrival that was still waiting for a user."""
        now = monotonic_ns()
        arrival.dispatched = arrival.dispatched or now
        journey = Journey(arrival, self._journeys[arrival.journey].name, self._ids.trace_id(), now)
        return self._finish(self.session(arrival.journey), journey, "indeterminate", UNFINISHED)

    def _finish(self, session: Session, journey: Journey, outcome: str, error: str | None) -> Finished:
        ended = monotonic_ns()
        session.journey = None
        if not session.cut:
            self._recorder.journey(journey, ended, outcome, error, getattr(session.user, "ack", None))
        arrival = journey.arrival
        return Finished(
            arrival.journey,
            outcome,
            error,
            ended - arrival.intended,
            arrival.dispatched - arrival.intended,
            ended - journey.started,
        )

    def close(self, session: Session) -> None:
        """Let a user go: its on_stop, if it has one. Runs in a greenlet of the session."""
        user, session.user = session.user, None
        if user is None or type(user).on_stop is User.on_stop:
            return
        try:
            user.on_stop()
        except BaseException as error:  # noqa: BLE001 - user code
            self.complain(f"{session.idle.name}: on_stop", session.number, error)

    def complain(self, where: str, number: int, error: BaseException) -> None:
        """Show the first few distinct exceptions of user code."""
        file = Path(self._journeys[number].locustfile)
        text = f"{where}: {text_of(error)} ({file.name}:{line_in(file, error)})"
        if text not in self._complaints and len(self._complaints) < _COMPLAINTS:
            self._complaints.add(text)
            print(text, file=sys.stderr, flush=True)  # noqa: T201 - stderr is this process's log
