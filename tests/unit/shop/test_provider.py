from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from target_services.chassis.database import Database
from target_services.provider.domain import SCHEMA, KeyReused, Provider, _draw
from tests.unit.shop.databases import with_database


def test_one_key_is_one_charge(tmp_path: Path) -> None:
    """Five times at once and once more: the same charge each time, and one in the books."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        charges = await asyncio.gather(*(provider.charge("k1", 500, "EUR", "tok_visa") for _ in range(5)))
        assert {charge.id for charge in charges} == {(await provider.charge("k1", 500, "EUR", "tok_visa")).id}
        assert len([row async for page in provider.effects(0) for row in page]) == 1

    with_database(tmp_path, SCHEMA, test)


def test_the_test_card_is_declined_and_takes_no_money(tmp_path: Path) -> None:
    """Always, and it does not show up as an effect."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        assert (await provider.charge("k1", 500, "EUR", "tok_declined")).state == "declined"
        assert [row async for page in provider.effects(0) for row in page] == []

    with_database(tmp_path, SCHEMA, test)


def test_a_refund_happens_once_and_only_to_money_that_was_taken(tmp_path: Path) -> None:
    """Captured becomes refunded and stays so; declined stays declined."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        await provider.charge("taken", 500, "EUR", "tok_visa")
        await provider.charge("declined", 500, "EUR", "tok_declined")
        states = [(await provider.refund(key)).state for key in ("taken", "taken", "declined")]
        assert states == ["refunded", "refunded", "declined"]
        assert await provider.totals() == {"captured_cents": 500, "refunded_cents": 500}

    with_database(tmp_path, SCHEMA, test)


def test_a_key_belongs_to_its_amount(tmp_path: Path) -> None:
    """The same key for another amount or card is refused."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        await provider.charge("k1", 500, "EUR", "tok_visa")
        for amount, card in ((501, "tok_visa"), (500, "tok_other")):
            with pytest.raises(KeyReused):
                await provider.charge("k1", amount, "EUR", card)

    with_database(tmp_path, SCHEMA, test)


def test_what_was_given_up_is_not_charged_late(tmp_path: Path) -> None:
    """A refund of an unknown key keeps it from being charged, also by a charge that is already being worked on."""

    async def test(database: Database) -> None:
        provider = Provider(database)
        late = asyncio.create_task(provider.charge("k1", 500, "EUR", "tok_visa"))
        await asyncio.sleep(0)
        assert (await provider.refund("k1")).state == "voided"
        assert (await late).state == "voided"
        assert await provider.totals() == {"captured_cents": 0, "refunded_cents": 0}

    with_database(tmp_path, SCHEMA, test)


def test_a_share_of_cards_is_declined(tmp_path: Path) -> None:
    """Half of them, drawn by key: the same ones each time."""

    async def test(database: Database) -> None:
        provider = Provider(database, declines=0.5)
        keys = [f"k{number}" for number in range(40)]
        states = [(await provider.charge(key, 500, "EUR", "tok_visa")).state for key in keys]
        assert states == ["declined" if _draw(key) < 0.5 else "captured" for key in keys]
        assert 8 <= states.count("declined") <= 32

    with_database(tmp_path, SCHEMA, test)
