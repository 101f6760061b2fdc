"""The saga log: what was asked of whom for an order, and what came of it, each line in the transaction of its cause.

That a step is asked for is written down before it is asked, so a line without an answer to it means that nobody
knows. Nothing is ever changed in the log, and its key admits each line once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select

from target_services.orders.tables import SAGA_LOG


class Step(StrEnum):
    """What has to be done for an order, in this order. Compensation goes the other way."""

    RESERVE = "reserve"
    PAY = "pay"
    CONFIRM = "confirm"


class Direction(StrEnum):
    """Whether a step is done or undone."""

    DO = "do"
    UNDO = "undo"


class Progress(StrEnum):
    """What is known of a step. `REFUSED`: it certainly had no effect."""

    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    step: Step
    direction: Direction
    state: Progress


def asked(step: Step) -> Line:
    """Return the line that a step is about to be asked for."""
    return Line(step, Direction.DO, Progress.ASKED)


def done(step: Step) -> Line:
    """Return the line that a step had its effect."""
    return Line(step, Direction.DO, Progress.DONE)


def refused(step: Step) -> Line:
    """Return the line that a step will have no effect."""
    return Line(step, Direction.DO, Progress.REFUSED)


def undoing(step: Step) -> Line:
    """Return the line that the compensation of a step is about to be asked for."""
    return Line(step, Direction.UNDO, Progress.ASKED)


def undone(step: Step) -> Line:
    """Return the line that a step is compensated."""
    return Line(step, Direction.UNDO, Progress.DONE)


def left_to_undo(lines: Iterable[Line]) -> list[Step]:
    """Return the steps that have or may have had an effect, the last one first."""
    lines = set(lines)
    return [
        step
        for step in reversed(Step)
        if asked(step) in lines and refused(step) not in lines and undone(step) not in lines
    ]


def write(connection: Connection, order_id: str, lines: Sequence[Line]) -> None:
    """Add lines about an order."""
    at_ns = time.time_ns()
    rows = [
        {"order_id": order_id, "step": line.step, "direction": line.direction, "state": line.state, "at_ns": at_ns}
        for line in lines
    ]
    if rows:
        connection.execute(_INSERT, rows)


def read(connection: Connection, order_id: str) -> list[Line]:
    """Return all lines about an order, in no particular order: clocks may go back."""
    rows = connection.execute(_READ, {"of": order_id})
    return [Line(Step(step), Direction(direction), Progress(state)) for step, direction, state in rows]


_INSERT = SAGA_LOG.insert()
_READ = select(SAGA_LOG.c.step, SAGA_LOG.c.direction, SAGA_LOG.c.state).where(SAGA_LOG.c.order_id == bindparam("of"))
