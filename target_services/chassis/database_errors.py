"""Why a database cannot be used, in one set of words for every kind of database."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

import structlog
from sqlalchemy.exc import SQLAlchemyError

_SAY_AGAIN_S = 5.0
_OVER_S = 1.0

_log = structlog.get_logger(__name__)


class Cause(StrEnum):
    """What is wrong with the database. The words are shown to callers and stand in the log."""

    AWAY = "away"
    READ_ONLY = "read-only"
    FULL = "full"
    LOCKED = "locked"
    SLOW = "too slow"
    DAMAGED = "damaged"


class DatabaseUnavailable(SQLAlchemyError):
    """The database could not do its part, and it is not the fault of who asked.

    `may_have_acted`: it is open whether the transaction was committed; otherwise it certainly was not. It is a
    SQLAlchemyError, so that whoever guards against those guards against this.
    """

    def __init__(self, cause: Cause, detail: str = "", *, may_have_acted: bool = False) -> None:
        super().__init__(f"the database is {cause}")
        self.cause = cause
        self.detail = detail
        self.may_have_acted = may_have_acted


class OutcomeUnknown(Exception):
    """The connection was lost in a commit. Raised by backends, from the driver's error."""


class Trouble:
    """Puts into the log what is wrong with a database: at once, then now and then, and when it is over."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._cause: Cause | None = None
        self._failures = 0
        self._said_s = self._seen_s = 0.0

    def seen(self, error: DatabaseUnavailable) -> DatabaseUnavailable:
        """Take note of a failure, and return it."""
        self._failures += 1
        self._seen_s = self._clock_s()
        if error.cause is not self._cause or self._seen_s - self._said_s >= _SAY_AGAIN_S:
            self._cause, self._said_s = error.cause, self._seen_s
            _log.error("database unavailable", cause=error.cause.value, detail=error.detail, failures=self._failures)
        return error

    def over(self) -> None:
        """Take note of a success. Trouble is over when none was seen for a while."""
        if self._cause is not None and self._clock_s() - self._seen_s >= _OVER_S:
            _log.warning("database works again", failures=self._failures)
            self._cause, self._failures = None, 0
