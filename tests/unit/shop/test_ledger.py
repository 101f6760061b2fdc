from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from target_services.chassis.database import Database
from target_services.chassis.money import MOST_CENTS
from target_services.payments import ledger
from target_services.payments.ledger import Account, Entry, Unbalanced
from target_services.payments.tables import LEDGER, SCHEMA
from tests.unit.shop.databases import with_database

AMOUNTS = st.integers(1, MOST_CENTS)
ENTRIES = st.lists(st.builds(Entry, st.sampled_from(Account), st.integers(-3, 3), st.sampled_from(("EUR", "USD"))))


@given(AMOUNTS)
def test_every_transaction_adds_up_to_zero(amount: int) -> None:
    """Captures and refunds of any amount, and both together leave no account with anything but what they are for."""
    both = ledger.capture(amount, "EUR") + ledger.refund(amount, "EUR")
    for entries in (ledger.capture(amount, "EUR"), ledger.refund(amount, "EUR"), both):
        ledger.check(entries)
    balance = {account: sum(e.amount_cents for e in both if e.account is account) for account in Account}
    assert balance == {
        Account.RECEIVABLE: 0,
        Account.CLEARING: 0,
        Account.REVENUE: -amount,
        Account.REFUNDS: amount,
    }


@given(ENTRIES)
def test_nothing_else_is_a_transaction(entries: list[Entry]) -> None:
    """Whatever does not add up in each currency, or moves nothing, is refused."""
    adds_up = all(
        sum(entry.amount_cents for entry in entries if entry.currency == currency) == 0 for currency in ("EUR", "USD")
    )
    if adds_up and entries and all(entry.amount_cents for entry in entries):
        ledger.check(entries)
    else:
        with pytest.raises(Unbalanced):
            ledger.check(entries)


def test_a_transaction_is_posted_once_or_not_at_all(tmp_path: Path) -> None:
    """A second time, or unbalanced: refused, and the books are as before."""

    async def test(database: Database) -> None:
        entries = ledger.capture(500, "EUR")
        await database.write(lambda connection: ledger.post(connection, "t1", entries))
        with pytest.raises(IntegrityError):
            await database.write(lambda connection: ledger.post(connection, "t1", entries))
        with pytest.raises(Unbalanced):
            await database.write(lambda connection: ledger.post(connection, "t2", entries[:1]))
        rows = await database.read(lambda connection: connection.execute(select(LEDGER.c.amount_cents)).scalars().all())
        assert sorted(rows) == [-500, -500, 500, 500]

    with_database(tmp_path, SCHEMA, test)
