"""Lock-out: a name that too many wrong passwords were tried for takes none at all until the window is over.

An attempt is counted before the password is checked, so that a thousand guesses at once are a thousand attempts.
Names that nobody has are counted alike, so that a lock tells nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, or_

from target_services.chassis.database import Database
from target_services.users.tables import ATTEMPTS


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """`attempts` wrong passwords within a window of `window_s`, counted from the first of them."""

    attempts: int = 10
    window_s: float = 300.0


class Lockout:
    """Counts attempts, in the transaction that it is given."""

    def __init__(self, database: Database, policy: LockoutPolicy) -> None:
        self._policy = policy
        self._window_ns = int(policy.window_s * 1e9)
        one_more = {"count": ATTEMPTS.c.count + 1}
        self._count = database.insert(ATTEMPTS).on_conflict_do_update(index_elements=["name_digest"], set_=one_more)

    def count(self, connection: Connection, name: str, now_ns: int) -> bool:
        """Count an attempt; tell whether it may succeed."""
        # A clock that was set back must not lock anybody out for longer than the window.
        connection.execute(_FORGET, {"before": now_ns - self._window_ns, "after": now_ns})
        row = {"name_digest": _digest(name), "count": 1, "since_ns": now_ns}
        count = connection.execute(self._count.returning(ATTEMPTS.c.count), row).scalar_one()
        return int(count) <= self._policy.attempts

    def take_back(self, connection: Connection, name: str) -> None:
        """Uncount an attempt whose password was never looked at: too much was to do, and nobody learned anything."""
        connection.execute(_TAKE_BACK, {"of": _digest(name)})

    def clear(self, connection: Connection, name: str) -> None:
        """Forget the attempts, because one was right."""
        connection.execute(_CLEAR, {"of": _digest(name)})


_FORGET = delete(ATTEMPTS).where(
    or_(ATTEMPTS.c.since_ns <= bindparam("before"), ATTEMPTS.c.since_ns > bindparam("after"))
)
_TAKE_BACK = (
    ATTEMPTS.update()
    .where(ATTEMPTS.c.name_digest == bindparam("of"), ATTEMPTS.c.count > 0)
    .values(count=ATTEMPTS.c.count - 1)
)
_CLEAR = delete(ATTEMPTS).where(ATTEMPTS.c.name_digest == bindparam("of"))


def _digest(name: str) -> str:
    """People type passwords into the field of the name; those must not stand in a table."""
    return hashlib.sha256(name.encode()).hexdigest()
