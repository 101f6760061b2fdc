"""Whether this process can do its own work: it has begun, it is not leaving, and its database is there.

It never asks a dependency: if it did, one sick callee would take all its callers out of service.

    not begun --database opened and filled--> ready <--database away, back--> not ready --SIGTERM--> leaving

A service whose database is away when it starts is alive and not ready, and tries again until it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from target_services.chassis.database import Database
from target_services.chassis.database_errors import DatabaseUnavailable
from target_services.chassis.draining import Draining
from target_services.chassis.problems import Problem

_TRY_AGAIN_S = 0.5

_log = structlog.get_logger(__name__)


class Readiness:
    """What a service's readiness hangs on."""

    def __init__(self, draining: Draining, database: Database | None) -> None:
        self._draining = draining
        self._database = database
        self._begun = asyncio.Event()

    def has_begun(self) -> bool:
        """Tell whether the service has what it needs to answer requests."""
        return self._begun.is_set()

    async def problem(self) -> Problem | None:
        """Return why the service is not ready, if it is not."""
        if self._draining.begun:
            return Problem(503, "the service is leaving", slug="draining")
        if not self.has_begun() or not (self._database is None or await self._database.is_there()):
            return Problem(503, "the service's database cannot be used", slug="database-away")
        return None

    async def begin(self, start: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Start, and return a task that has ended; or, when the database is away, one that goes on trying."""
        try:
            await start()
        except DatabaseUnavailable as error:
            _log.error("not ready", reason=str(error), detail=error.detail)
            return asyncio.create_task(self._begin_later(start))
        self._begun.set()
        return asyncio.create_task(self.wait())

    async def wait(self) -> None:
        """Wait until the service has begun."""
        await self._begun.wait()

    async def _begin_later(self, start: Callable[[], Awaitable[None]]) -> None:
        while not self.has_begun():
            await asyncio.sleep(_TRY_AGAIN_S)
            try:
                await start()
            except DatabaseUnavailable:
                continue  # the database has said so in the log
            except Exception:  # noqa: BLE001 - it has to be told from a process that waits
                _log.exception("cannot start")
                continue
            self._begun.set()
            _log.warning("ready")
