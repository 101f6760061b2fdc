from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from target_services import goods
from target_services.catalog.domain import SCHEMA, Catalog
from target_services.chassis.cursors import BadCursor
from target_services.chassis.database import Database
from target_services.chassis.resilience.outcomes import Outcome
from tests.unit.shop.databases import with_database
from tests.unit.shop.edges import Bench, Step, answer, failed


def _with_catalog(folder: Path, test: Callable[[Catalog], Awaitable[None]], *inventory: Step) -> None:
    async def filled(database: Database) -> None:
        catalog = Catalog(database, Bench(*inventory, name="catalog:inventory", attempts=1).edge)
        await catalog.fill()
        await test(catalog)

    with_database(folder, SCHEMA, filled)


def test_the_price_list_is_long_and_always_the_same() -> None:
    """At least 500 products, all different, with prices that make sense."""
    products = goods.price_list()
    assert len({product.name for product in products}) == len(products) == goods.COUNT >= 500
    assert [product.id for product in products] == list(range(1, goods.COUNT + 1))
    assert all(500 <= product.price_cents < 20_000 for product in products)
    assert products == goods.price_list()


def test_cursors_lead_through_all_products_once(tmp_path: Path) -> None:
    """From the first page to the one without a next."""

    async def test(catalog: Catalog) -> None:
        page, seen = await catalog.page(None, 70), list[object]()
        while True:
            seen += [item["id"] for item in page.items]
            if page.next_cursor is None:
                break
            page = await catalog.page(page.next_cursor, 70)
        assert seen == list(range(1, goods.COUNT + 1))

    _with_catalog(tmp_path, test, answer())


@pytest.mark.parametrize("cursor", ["", "MTIz", "YWZ0ZXI6LTE", "YmVmb3JlOjU", "YWZ0ZXI6OTk5OTk5OTk5OTk5", "\u00e9"])
def test_a_foreign_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    """Cursors are opaque: what we did not give out, we do not take."""

    async def test(catalog: Catalog) -> None:
        with pytest.raises(BadCursor):
            await catalog.page(cursor, 10)

    _with_catalog(tmp_path, test, answer())


@pytest.mark.parametrize(("on_hand", "level"), [(11, "in_stock"), (10, "low"), (1, "low"), (0, "sold_out")])
def test_a_product_has_a_badge(tmp_path: Path, on_hand: int, level: str) -> None:
    """The badge says how much is there; the product is not degraded."""

    async def test(catalog: Catalog) -> None:
        product = await catalog.product(5)
        assert product is not None
        assert product["stock"] == {"level": level, "on_hand": on_hand}
        assert product["degraded"] is False

    _with_catalog(tmp_path, test, answer(200, {"on_hand": on_hand}))


@pytest.mark.parametrize("inventory", [failed(Outcome.CONNECT_REFUSED), answer(200, {"on_hand": "many"})])
def test_without_inventory_there_is_no_badge(tmp_path: Path, inventory: Step) -> None:
    """Everything else of the product is there, and it says that it is degraded."""

    async def test(catalog: Catalog) -> None:
        product = await catalog.product(5)
        assert product is not None
        assert (product["id"], product["stock"], product["degraded"]) == (5, None, True)
        assert product["price_cents"] == goods.price_list()[4].price_cents

    _with_catalog(tmp_path, test, inventory)
