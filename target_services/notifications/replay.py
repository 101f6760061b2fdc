"""Takes dead letters in once more: `python -m target_services.notifications.replay [ID ...]`, all without an ID.

It works on the service's database (DATABASE_URL), beside the running service. A letter that can be acted upon by
now has its effect once and is gone; any other stays, and is named with its cause. Exit status 1 when one stays.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry
from pydantic_settings import BaseSettings, SettingsConfigDict

from target_services.chassis.consumer import Consumer, Done
from target_services.chassis.database import Database
from target_services.chassis.dead_letters import DeadLetters
from target_services.chassis.inbox import Inbox
from target_services.chassis.settings import DatabaseUrl, load_settings
from target_services.notifications.domain import DEAD_LETTERS, INBOX, SCHEMA, notify

_PAGE = 100


class ReplaySettings(BaseSettings):
    """What the command has to be told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: DatabaseUrl


async def replay(url: str, letter_ids: Sequence[str]) -> int:
    """Replay these dead letters, or all. Returns how many stay dead."""
    database = Database(url, SCHEMA, migrations="target_services.notifications.migrations")
    await database.open()
    try:
        letters = DeadLetters(database, DEAD_LETTERS)
        consumer = Consumer(
            database, Inbox(database, INBOX), letters, notify, tracer=NoOpTracer(), registry=CollectorRegistry()
        )
        stay = 0
        for letter_id in letter_ids or await _all(database, letters):
            stay += not await _replayed(consumer, letter_id)
        return stay
    finally:
        await database.close()


async def _all(database: Database, letters: DeadLetters) -> list[str]:
    found: list[str] = []
    after = (-1, "")
    while page := await database.read(lambda connection, a=after: letters.page(connection, a, _PAGE)):  # type: ignore[misc]
        found += [letter.id for letter in page]
        after = (page[-1].died_ns, page[-1].id)
    return found


async def _replayed(consumer: Consumer, letter_id: str) -> bool:
    verdict = await consumer.replay(letter_id)
    match verdict:
        case None:
            sys.stderr.write(f"{letter_id}: there is no such dead letter\n")
        case Done():
            sys.stdout.write(f"{letter_id}: {'had its effect before' if verdict.duplicate else 'done'}\n")
        case _:
            sys.stderr.write(f"{letter_id}: stays dead: {verdict.cause}\n")
    return isinstance(verdict, Done)


def main() -> None:
    """Replay the dead letters named on the command line, or all."""
    raise SystemExit(min(1, asyncio.run(replay(load_settings(ReplaySettings).database_url, sys.argv[1:]))))


if __name__ == "__main__":
    main()
