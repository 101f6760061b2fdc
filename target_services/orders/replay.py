"""Has parked messages published again: `python -m target_services.orders.replay [ID ...]`, all without an ID.

A message is parked when its consumer refuses it for good. The command works on the service's database (DATABASE_URL),
beside the running service, whose relay then publishes. What is refused again is parked again. `--list` shows what is
parked, and why. Exit status 1 where an ID is none of a parked message.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from pydantic_settings import BaseSettings, SettingsConfigDict

from target_services.chassis.database import Database
from target_services.chassis.outbox import Outbox
from target_services.chassis.settings import DatabaseUrl, load_settings
from target_services.orders.tables import OUTBOX, SCHEMA


class ReplaySettings(BaseSettings):
    """What the command has to be told."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: DatabaseUrl


async def replay(url: str, arguments: Sequence[str]) -> int:
    """Unpark these messages, or all, or list them. Returns how many of them are not parked."""
    database, outbox = Database(url, SCHEMA, migrations="target_services.orders.migrations"), Outbox(OUTBOX)
    await database.open()
    try:
        parked = await database.read(outbox.parked)
        if list(arguments) == ["--list"]:
            sys.stdout.writelines(f"{message_id}: {cause}\n" for message_id, cause in parked)
            return 0
        missing = 0
        for message_id in arguments or [message_id for message_id, _ in parked]:
            if await database.write(lambda connection, m=message_id: outbox.unpark(connection, m)):  # type: ignore[misc]
                sys.stdout.write(f"{message_id}: to be published again\n")
            else:
                sys.stderr.write(f"{message_id}: there is no such parked message\n")
                missing += 1
        return missing
    finally:
        await database.close()


def main() -> None:
    """Do what the command line says."""
    raise SystemExit(min(1, asyncio.run(replay(load_settings(ReplaySettings).database_url, sys.argv[1:]))))


if __name__ == "__main__":
    main()
