"""Runs a coroutine with an open database of its own, of the kind that the test runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import MetaData

from target_services.chassis.database import Database
from tests.integration.databases import Databases

T = TypeVar("T")


def with_database(folder: Path, schema: MetaData, test: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        database = Database(Databases.url(folder), schema)
        await database.open()
        try:
            return await test(database)
        finally:
            await database.close()

    return asyncio.run(run())
