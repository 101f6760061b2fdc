"""The ledger: double entry. Money is never made or lost, it goes from account to account.

A transaction is a few entries that add up to zero in one currency, or it is not posted. Its id can be posted
once, so that doing something twice cannot be booked twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from target_services.payments.tables import LEDGER


class Account(StrEnum):
    """Where money is, or what it is for."""

    RECEIVABLE = "customer-receivable"
    CLEARING = "provider-clearing"
    REVENUE = "revenue"
    REFUNDS = "refunds"


@dataclass(frozen=True, slots=True)
class Entry:
    """An amount on an account: debits are above zero, credits below."""

    account: Account
    amount_cents: int
    currency: str


class Unbalanced(Exception):
    """The entries are no transaction."""


def capture(amount_cents: int, currency: str) -> list[Entry]:
    """Return what it means that a customer pays: he owes for what he bought, and the provider owes in his place."""
    return [
        *_move(amount_cents, currency, debit=Account.RECEIVABLE, credit=Account.REVENUE),
        *_move(amount_cents, currency, debit=Account.CLEARING, credit=Account.RECEIVABLE),
    ]


def refund(amount_cents: int, currency: str) -> list[Entry]:
    """Return what it means that a customer gets his money back."""
    return [
        *_move(amount_cents, currency, debit=Account.REFUNDS, credit=Account.RECEIVABLE),
        *_move(amount_cents, currency, debit=Account.RECEIVABLE, credit=Account.CLEARING),
    ]


def check(entries: Sequence[Entry]) -> None:
    """Raise Unbalanced unless the entries add up to zero in each currency, and each moves something."""
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.currency] += entry.amount_cents
    if not entries or any(sums.values()) or not all(entry.amount_cents for entry in entries):
        raise Unbalanced(f"{len(entries)} entries that add up to {dict(sums)}")


def post(connection: Connection, transaction_id: str, entries: Sequence[Entry]) -> None:
    """Book a transaction. Raises Unbalanced, or IntegrityError when its id has been posted."""
    check(entries)
    at_ns = time.time_ns()
    rows = [
        {
            "transaction_id": transaction_id,
            "line": line,
            "account": entry.account,
            "amount_cents": entry.amount_cents,
            "currency": entry.currency,
            "at_ns": at_ns,
        }
        for line, entry in enumerate(entries, 1)
    ]
    connection.execute(_INSERT, rows)


_INSERT = LEDGER.insert()


def _move(amount_cents: int, currency: str, *, debit: Account, credit: Account) -> list[Entry]:
    return [Entry(debit, amount_cents, currency), Entry(credit, -amount_cents, currency)]
