"""Migrations lead to the schema that the code expects, keep what is there, and refuse what they do not know."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, inspect, select, text

from target_services.chassis import migrations as chassis_migrations
from target_services.chassis.database import Database
from target_services.chassis.database_errors import Cause, DatabaseUnavailable
from target_services.chassis.migrations import SchemaRefused
from tests.integration.databases import Databases
from tests.unit.shop.schemas import SCHEMAS, migrations

T = TypeVar("T")

SCHEMA = MetaData()
NOTES = Table(
    "notes",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("words", String, nullable=False),
    Column("written_ns", BigInteger, nullable=False),
)
_FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    number = sa.Column("id", sa.Integer, primary_key=True)
    op.create_table("notes", number, sa.Column("words", sa.String, nullable=False))
"""
_SECOND = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.add_column("notes", sa.Column("written_ns", sa.BigInteger, nullable=False, server_default="7"))
    with op.batch_alter_table("notes") as notes:
        notes.alter_column("written_ns", server_default=None)
"""
_BROKEN = _SECOND + "    raise RuntimeError('the power went')\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return Databases.url(tmp_path)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Makes packages of revisions."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, *revisions: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for number, revision in enumerate(revisions, 1):
            (folder / f"{number:04}_step.py").write_text(revision)
        importlib.invalidate_caches()
        return name

    yield make
    for name in [name for name in sys.modules if (tmp_path / name).is_dir()]:
        del sys.modules[name]


def _opened(url: str, schema: MetaData, package: str, work: Callable[[Connection], T]) -> T:
    async def run() -> T:
        database = Database(url, schema, migrations=package)
        try:
            await database.open()
            return await database.write(work)
        finally:
            await database.close()

    return asyncio.run(run())


def _differences(schema: MetaData, connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), schema))


@pytest.mark.parametrize("service", SCHEMAS)
def test_the_revisions_lead_to_the_schema(service: str, url: str) -> None:
    """Of each service: nothing is missing, nothing is left over."""
    assert _opened(url, SCHEMAS[service], migrations(service), partial(_differences, SCHEMAS[service])) == []


def test_a_forgotten_revision_is_seen(url: str, package: Callable[..., str]) -> None:
    """The comparison above can fail: here the schema has a column that no revision adds."""
    assert _opened(url, SCHEMA, package("one", _FIRST), partial(_differences, SCHEMA)) != []


def test_an_old_database_is_brought_forward_with_its_data(url: str, package: Callable[..., str]) -> None:
    """A row written at the first revision is there at the second, with the new column."""
    insert = text("INSERT INTO notes (id, words) VALUES (1, 'hello')")
    _opened(url, SCHEMA, package("one", _FIRST), lambda connection: connection.execute(insert))
    two = package("two", _FIRST, _SECOND)
    rows = _opened(url, SCHEMA, two, lambda connection: connection.execute(select(NOTES)).all())
    assert [tuple(row) for row in rows] == [(1, "hello", 7)]
    assert _opened(url, SCHEMA, two, partial(_differences, SCHEMA)) == []


def test_a_migration_that_fails_leaves_the_schema_of_before(url: str, package: Callable[..., str]) -> None:
    """The old version of the service can still use it."""
    one = package("one", _FIRST)
    _opened(url, SCHEMA, one, lambda _: None)
    with pytest.raises(RuntimeError, match="the power went"):
        _opened(url, SCHEMA, package("broken", _FIRST, _BROKEN), lambda _: None)
    columns = _opened(url, SCHEMA, one, lambda connection: inspect(connection).get_columns("notes"))
    assert {column["name"] for column in columns} == {"id", "words"}


def test_a_database_newer_than_the_code_is_refused(url: str, package: Callable[..., str]) -> None:
    """The message names both revisions and what helps; nothing is changed."""
    two = package("two", _FIRST, _SECOND)
    _opened(url, SCHEMA, two, lambda _: None)
    with pytest.raises(SchemaRefused, match=r"revision 0002, and this service knows 0001.* run that version"):
        _opened(url, SCHEMA, package("one", _FIRST), lambda _: None)
    assert _opened(url, SCHEMA, two, partial(_differences, SCHEMA)) == []


def test_somebody_elses_database_is_refused(url: str, package: Callable[..., str]) -> None:
    """Tables without a revision: the message names them."""

    async def made_by_another() -> None:
        database = Database(url, SCHEMA)
        await database.open()
        await database.close()

    asyncio.run(made_by_another())
    with pytest.raises(SchemaRefused, match=r"tables \(notes\) and no revision"):
        _opened(url, SCHEMA, package("one", _FIRST), lambda _: None)


def test_processes_that_open_it_at_once_make_it_once(url: str) -> None:
    """Four processes, one new database: none stumbles over the tables of another."""
    with ProcessPoolExecutor(4, get_context("forkserver")) as processes:
        list(processes.map(_open_orders, [url] * 8))
    assert _opened(url, SCHEMAS["orders"], migrations("orders"), partial(_differences, SCHEMAS["orders"])) == []


def _open_orders(url: str) -> None:
    async def run() -> None:
        database = Database(url, SCHEMAS["orders"], migrations=migrations("orders"))
        try:
            await _until_open(database)
        finally:
            await database.close()

    asyncio.run(run())


async def _until_open(database: Database) -> None:
    """Try again as a service does: on a busy machine a revision may take longer than others are told to wait."""
    for _ in range(30):
        try:
            return await database.open()
        except DatabaseUnavailable as error:
            if error.cause not in (Cause.SLOW, Cause.LOCKED):
                raise
        await asyncio.sleep(0.5)
    return await database.open()


def test_databases_that_one_process_opens_at_once_do_not_meet(tmp_path: Path) -> None:
    """Revisions of five services in five threads: each makes its own tables."""

    async def opened(service: str) -> tuple[str, list[object]]:
        database = Database(Databases.url(tmp_path, service), SCHEMAS[service], migrations=migrations(service))
        await _until_open(database)
        try:
            return service, await database.read(partial(_differences, SCHEMAS[service]))
        finally:
            await database.close()

    async def all_opened() -> list[tuple[str, list[object]]]:
        return await asyncio.gather(*(opened(service) for service in SCHEMAS))

    assert asyncio.run(all_opened()) == [(service, []) for service in SCHEMAS]


def test_a_database_at_the_newest_revision_is_left_alone(url: str) -> None:
    """Nothing is written, so a database that is full or read-only can still be opened."""
    _opened(url, SCHEMAS["orders"], migrations("orders"), lambda _: None)

    async def is_current() -> bool:
        database = Database(url, MetaData())
        await database.open()
        try:
            return await database.read(partial(chassis_migrations.is_current, package=migrations("orders")))
        finally:
            await database.close()

    assert asyncio.run(is_current())
