"""The inbox: which messages have had their effect. Written in the transaction of the effect, so both are or neither.

A message that is delivered twice is recognised by its id. A row is kept for longer than anybody may deliver its message
again: senders forget what they have parked sooner than that.
"""

from __future__ import annotations

import time

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table

from target_services.chassis.bugs import Bug, is_planted
from target_services.chassis.database import Database
from target_services.chassis.outbox import PARKED_KEPT_S
from target_services.chassis.pruning import Prune, older

KEPT_S = 2 * PARKED_KEPT_S


def inbox_table(schema: MetaData) -> Table:
    """Add the table of the inbox to a schema."""
    return Table(
        "inbox",
        schema,
        Column("message_id", String, primary_key=True),
        Column("received_ns", BigInteger, nullable=False),
    )


class Inbox:
    """The messages that one service has taken in."""

    def __init__(self, database: Database, table: Table) -> None:
        self._first = database.insert(table).on_conflict_do_nothing()
        self.prune: Prune = older(table, table.c.message_id, table.c.received_ns)

    def is_first(self, connection: Connection, message_id: str) -> bool:
        """Write a message down. Tells whether its effect is still to be had, in this very transaction."""
        row = {"message_id": message_id, "received_ns": time.time_ns()}
        first = connection.execute(self._first, row).rowcount == 1
        return first or is_planted(Bug.CONSUMER_NOT_IDEMPOTENT)
