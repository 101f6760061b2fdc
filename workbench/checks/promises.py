"""What clients of this run were promised, read from the journeys' `ack` column, against what services account for.

Only keys of this run count, so earlier data does no harm. A promise whose outcome the client could not know
(`indeterminate`) may have been kept or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.model.audit import AuditRecord
from workbench.model.history import History

UNKNOWN = "indeterminate"
"""State of an `ack` whose client could not know: no answer came, or none in time."""

_ACKS = "SELECT ack, trace_id FROM journeys WHERE ack IS NOT NULL ORDER BY arrival"


@dataclass(frozen=True, slots=True)
class Promise:
    """What one client was told. `id` is None if it was told nothing."""

    key: str
    id: str | None
    state: str
    trace_id: str | None

    @property
    def acknowledged(self) -> bool:
        return self.id is not None and self.state != UNKNOWN


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An `ack` that is not what the protocol says."""

    text: str


def promises(history: History) -> Iterator[Promise | Unreadable]:
    """Yield every promise of the run, in bounded memory."""
    for text, trace_id in history.stream(_ACKS):
        yield _read(text, trace_id)


def _read(text: str, trace_id: str | None) -> Promise | Unreadable:
    try:
        said = json.loads(text)
        key, id_, state = said["key"], said.get("id"), said["state"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Unreadable(text)
    if not isinstance(key, str) or not isinstance(state, str) or not (id_ is None or isinstance(id_, (str, int))):
        return Unreadable(text)
    return Promise(key, None if id_ is None else str(id_), state, trace_id)


def missing_accounts(history: History) -> list[str]:
    """Return the services that give an account of themselves and did not after this run."""
    return sorted(set(history.run.audited) - set(history.audits_after))


def records_by_key(history: History, kind: str) -> dict[str, list[AuditRecord]]:
    """Return the records of one kind, of all services, by the key of the client's request."""
    found: dict[str, list[AuditRecord]] = {}
    for audit in history.audits_after.values():
        for record in audit.records:
            if record.kind == kind:
                found.setdefault(record.key, []).append(record)
    return found


def first_records(history: History) -> dict[str, AuditRecord]:
    """Return one record for each key, of any kind: who was told nothing is told apart by it."""
    found: dict[str, AuditRecord] = {}
    for audit in history.audits_after.values():
        for record in audit.records:
            found.setdefault(record.key, record)
    return found


def states_by_key(history: History, kind: str) -> dict[str, set[str]]:
    """Return the states of the effects of one kind, of all services, by the key of the client's request."""
    found: dict[str, set[str]] = {}
    for audit in history.audits_after.values():
        for effect in audit.effects:
            if effect.kind == kind:
                found.setdefault(effect.key, set()).add(effect.state)
    return found


def effects_by_key(history: History, kind: str) -> dict[str, set[str]]:
    """Return the ids of the effects of one kind, of all services, by the key of the client's request."""
    found: dict[str, set[str]] = {}
    for audit in history.audits_after.values():
        for effect in audit.effects:
            if effect.kind == kind:
                found.setdefault(effect.key, set()).add(effect.id)
    return found
