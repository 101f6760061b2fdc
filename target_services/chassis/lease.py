"""A lease: the right to do what only one process may do at a time, for as long as its holder shows life.

No wall clock is asked, so none can jump. The holder raises a counter. Whoever wants the lease watches the
counter, and takes over when it has stood still for the lease's length on the watcher's own monotonic clock;
the holder, on its own, stops in time: it counts from before it wrote, the watcher from after it read.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table, select

from target_services.chassis.database import Database

LENGTH_S = 2.0
"""After a crash nobody does the work for so long."""

_NOBODY = ""


def lease_table(schema: MetaData) -> Table:
    """Add the table of leases to a schema: one row per kind of work."""
    return Table(
        "leases",
        schema,
        Column("name", String, primary_key=True),
        Column("owner", String, nullable=False, doc="empty when it was given back"),
        Column("beat", BigInteger, nullable=False),
    )


class Lease:
    """One process's share in the lease on some work."""

    def __init__(
        self,
        database: Database,
        table: Table,
        name: str,
        *,
        length_s: float = LENGTH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = database
        self._table = table
        self._name = name
        self._length_s = length_s
        self._clock = clock
        self._owner = uuid.uuid4().hex
        self._until_s = -math.inf
        self._watched: tuple[str, int] | None = None
        self._watched_since_s = 0.0

    def remaining_s(self) -> float:
        """Return for how long it is certainly ours, if nothing is done; 0 or less when it is not."""
        return self._until_s - self._clock()

    async def keep(self) -> bool:
        """Take it, or renew it when half of it is over. Tells whether it is ours for that long at least."""
        if self.remaining_s() > self._length_s / 2:
            return True
        before_s = self._clock()
        if not await self._db.write(self._take):
            self._until_s = -math.inf
            return False
        self._until_s = before_s + self._length_s
        return self.remaining_s() > self._length_s / 2

    async def give_back(self) -> None:
        """Let the next one begin at once."""
        self._until_s = -math.inf
        free = self._table.update().values(owner=_NOBODY, beat=self._table.c.beat + 1)
        mine = (self._table.c.name == self._name) & (self._table.c.owner == self._owner)
        await self._db.write(lambda connection: connection.execute(free.where(mine)))

    def _take(self, connection: Connection) -> bool:
        table = self._table
        row = connection.execute(select(table.c.owner, table.c.beat).where(table.c.name == self._name)).one_or_none()
        if row is None:
            first = self._db.insert(table).on_conflict_do_nothing()
            return connection.execute(first, {"name": self._name, "owner": self._owner, "beat": 1}).rowcount == 1
        owner, beat = str(row.owner), int(row.beat)
        if owner not in (self._owner, _NOBODY) and not self._stood_still(owner, beat):
            return False
        seen = (table.c.name == self._name) & (table.c.owner == owner) & (table.c.beat == beat)
        take = table.update().where(seen).values(owner=self._owner, beat=beat + 1)
        return connection.execute(take).rowcount == 1

    def _stood_still(self, owner: str, beat: int) -> bool:
        if self._watched != (owner, beat):
            self._watched = (owner, beat)
            self._watched_since_s = self._clock()
        return self._clock() - self._watched_since_s > self._length_s
