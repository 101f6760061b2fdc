"""Brings a database to the schema of the code: by the revisions in the service's own package, never by guessing.

    upgrade(connection, "target_services.orders.migrations")

The revisions are Alembic's (`0001_initial.py` and so on). Its command line, its ini file and its `env.py` are not
used: a service migrates itself when it opens its database, in one transaction, so that a crash leaves the schema of
before. Whoever calls sees to it that only one process does so at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from threading import Lock
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

HEAD = "head"

_one_at_a_time = Lock()  # `alembic.op`, which revisions import, is one for all threads


class SchemaRefused(Exception):
    """The database has a schema that this service cannot bring forward. The message says why and what helps."""


def is_current(connection: Connection, package: str) -> bool:
    """Tell whether nothing has to be done. Raises SchemaRefused when nothing can be done."""
    scripts = _scripts(package)
    tables = _tables(connection)  # before the revision: whoever makes both meanwhile is not taken for a stranger
    found = MigrationContext.configure(connection).get_current_heads()
    _check(scripts, found, tables)
    return set(found) == set(scripts.get_heads())


def upgrade(connection: Connection, package: str, to: str = HEAD) -> None:
    """Bring the database to a revision, in the transaction of the connection. Raises SchemaRefused."""
    scripts = _scripts(package)

    def steps(found: Any, _: MigrationContext) -> Iterable[RevisionStep]:
        _check(scripts, found, _tables(connection))
        return scripts._upgrade_revs(to, found)  # noqa: SLF001 - as its own command does

    with _one_at_a_time:
        context = MigrationContext.configure(connection, opts={"fn": steps})
        with Operations.context(context):
            context.run_migrations()


def _scripts(package: str) -> ScriptDirectory:
    folder = str(files(package))
    return ScriptDirectory(folder, version_locations=[folder])


def _tables(connection: Connection) -> list[str]:
    return sorted(set(inspect(connection).get_table_names()) - {"alembic_version"})


def _check(scripts: ScriptDirectory, found: Iterable[str], tables: list[str]) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if unknown := sorted(set(found) - known):
        raise SchemaRefused(
            f"the database is at revision {', '.join(unknown)}, and this service knows {', '.join(sorted(known))}: "
            "a newer version has used it; run that version, or restore a copy from before"
        )
    if tables and not found:
        raise SchemaRefused(
            f"the database has tables ({', '.join(tables)}) and no revision: this service has not made it; "
            "give it a database of its own"
        )
