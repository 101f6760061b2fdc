from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from target_services.chassis.database import Database
from target_services.provider.domain import SCHEMA, KeyReused, Provider
from tests.unit.shop.databases import with_database


def test_one_key_is_one_charge(tmp_path: Path) -> None:
    """Five times at once and once more: the same charge each time, and one in the books."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        charges = await asyncio.gather(*(provider.charge("k1", 500, "tok_visa") for _ in range(5)))
        assert {charge.id for charge in charges} == {(await provider.charge("k1", 500, "tok_visa")).id}
        assert len([row async for page in provider.effects(0) for row in page]) == 1

    with_database(tmp_path, SCHEMA, test)


def test_the_test_card_is_declined_and_takes_no_money(tmp_path: Path) -> None:
    """Always, and it does not show up as an effect."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        assert (await provider.charge("k1", 500, "tok_declined")).state == "declined"
        assert [row async for page in provider.effects(0) for row in page] == []

    with_database(tmp_path, SCHEMA, test)


def test_a_refund_happens_once_and_only_to_money_that_was_taken(tmp_path: Path) -> None:
    """Captured becomes refunded and stays so; declined stays declined; unknown stays unknown."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        await provider.charge("taken", 500, "tok_visa")
        await provider.charge("declined", 500, "tok_declined")
        states = [
            charge and charge.state
            for charge in [await provider.refund(k) for k in ("taken", "taken", "declined", "no")]
        ]
        assert states == ["refunded", "refunded", "declined", None]

    with_database(tmp_path, SCHEMA, test)


def test_a_key_belongs_to_its_amount(tmp_path: Path) -> None:
    """The same key for another amount is refused."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        await provider.charge("k1", 500, "tok_visa")
        with pytest.raises(KeyReused):
            await provider.charge("k1", 501, "tok_visa")

    with_database(tmp_path, SCHEMA, test)
