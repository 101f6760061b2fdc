"""Forgets rows that have been kept for long enough, a few at a time, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Column, Connection, Table, select

from target_services.chassis.ages import Ages
from target_services.chassis.database import Database
from target_services.chassis.draining import Draining

_EVERY_S = 600.0
_AT_ONCE = 500

_log = structlog.get_logger(__name__)

Prune = Callable[[Connection, int], int]
"""Deletes some rows that are older than this stamp (ns); returns how many."""


async def prune_now_and_then(
    database: Database, prune: Prune, what: str, draining: Draining, *, keep_s: float, every_s: float = _EVERY_S
) -> None:
    """Work until draining begins."""
    ages = Ages()
    while not await draining.wait(every_s):
        try:
            if count := await pruned(database, prune, ages.stamp_of(int(keep_s * 1e9))):
                _log.info("pruned", what=what, count=count)
        except Exception:  # noqa: BLE001 - whatever is wrong, it must not be the last time
            _log.exception("could not be pruned", what=what)


async def pruned(database: Database, prune: Prune, before_ns: int) -> int:
    """Delete all rows that are older than this stamp; returns how many there were."""
    count = 0
    while some := await database.write(lambda connection: prune(connection, before_ns)):
        count += some
    return count


def older(table: Table, unique: Column[str], created: Column[int], *also: object) -> Prune:
    """Return what deletes rows by the stamp in `created`. `also`: further conditions."""

    def prune(connection: Connection, before_ns: int) -> int:
        some = select(unique).where(created < before_ns, *also).limit(_AT_ONCE)  # type: ignore[arg-type]
        return connection.execute(table.delete().where(unique.in_(some))).rowcount

    return prune
