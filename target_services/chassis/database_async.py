"""A database server on an async driver: the same work on SQLAlchemy's bridge from sync calls to async ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import create_async_engine

T = TypeVar("T")

_CONNECTIONS = 10


class AsyncBackend:
    """A pool of connections to a server."""

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(url, pool_size=_CONNECTIONS, max_overflow=0, pool_timeout=5)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work in a transaction that is committed at its end, or rolled back on an error."""
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work in which each statement sees what is committed."""
        async with self._autocommit.connect() as connection:
            return await connection.run_sync(work)

    async def is_there(self) -> bool:
        """Answer that it is: `read` has just asked the server."""
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
