"""A few journeys one after the other before the run: what they cost, and how many users will be needed."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import fmean
from time import monotonic_ns
from typing import Any

import gevent

from workbench.loadgen.journey import Arrival, Finished, Session
from workbench.loadgen.mix import in_proportion
from workbench.loadgen.performer import UNFINISHED, Performer
from workbench.loadgen.pool import UserPool
from workbench.loadgen.schedule import Schedule
from workbench.model.loadjob import JobJourney, Probed

PROBE_LIMIT_S = 30.0
"""A system that hangs must not hold up the runner for longer than this; the rest of the probe is left out."""

PREPARE_LIMIT_S = 15.0
"""Users whose on_start takes longer join when they are ready."""

_UNKNOWN_S = 0.1
"""Assumed length of a journey that the probe did not measure."""


def probe(performer: Performer, journeys: Sequence[JobJourney], count: int) -> tuple[Probed, dict[int, float]]:
    """Run journeys in the proportions of the mix; return what the runner is told, and seconds per journey."""
    sessions = {number: performer.session(number) for number in range(len(journeys))}
    finished: list[Finished] = []
    deadline = monotonic_ns() + int(PROBE_LIMIT_S * 1e9)
    for order, number in zip(range(count), in_proportion([journey.weight for journey in journeys]), strict=False):
        left_s = (deadline - monotonic_ns()) / 1e9
        if left_s <= 0:
            break
        finished.append(_perform(performer, sessions[number], Arrival(order, number, monotonic_ns()), left_s))
    for session in sessions.values():
        session.spawn(performer.close, session)
    failed = [one for one in finished if one.outcome in ("failed", "indeterminate")]
    first = next((f"{journeys[one.journey].name}: {one.error}" for one in failed), None)
    lasted = {
        number: fmean(one.service_ns for one in finished if one.journey == number) / 1e9
        for number in {one.journey for one in finished}
    }
    return Probed(journeys=len(finished), failed=len(failed), first_error=first), lasted


def _perform(performer: Performer, session: Session, arrival: Arrival, limit_s: float) -> Finished:
    arrival.dispatched = arrival.intended
    greenlet = session.spawn(performer.perform, session, arrival)
    greenlet.join(timeout=limit_s)
    if not greenlet.ready():
        greenlet.kill(block=False)
        lasted = monotonic_ns() - arrival.intended
        return Finished(arrival.journey, "indeterminate", UNFINISHED, lasted, 0, lasted)
    finished: Finished = greenlet.value
    return finished


def prepare_users(pool: UserPool, schedule: Schedule, lasted_s: dict[int, float], journeys: int) -> None:
    """Make the users that the busiest second needs by Little's law, with as many again in reserve."""
    making: list[Any] = []
    for number in range(journeys):
        peak = schedule.peak_per_s(number)
        length_s = lasted_s.get(number, _UNKNOWN_S)
        if peak:
            making += pool.prepare(number, ceil(2 * peak * length_s) + 1)
    gevent.joinall(making, timeout=PREPARE_LIMIT_S)
