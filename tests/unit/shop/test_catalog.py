from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from target_services import goods
from target_services.catalog.domain import Catalog
from target_services.catalog.remote import Badges
from target_services.catalog.search import Search, Sort
from target_services.catalog.tables import SCHEMA
from target_services.chassis import bugs
from target_services.chassis.bugs import Bug
from target_services.chassis.cache import Cache
from target_services.chassis.cache_memory import MemoryStore
from target_services.chassis.cursors import BadCursor
from target_services.chassis.database import Database
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.outcomes import Outcome
from target_services.chassis.resilience.wire import Answer
from target_services.goods import Product
from target_services.protos.inventory_pb2 import Stock
from tests.unit.shop.databases import with_database
from tests.unit.shop.edges import Bench, Step, answer, failed

PRODUCTS = goods.price_list()


def _with_catalog(folder: Path, test: Callable[[Catalog], Awaitable[None]], *inventory: Step) -> None:
    async def filled(database: Database) -> None:
        cache = Cache("test", MemoryStore(), fresh_s=60, keep_s=60, registry=CollectorRegistry())
        catalog = Catalog(database, cache, Bench(*inventory, name="catalog:inventory", attempts=1).edge)
        await catalog.fill()
        await test(catalog)

    with_database(folder, SCHEMA, filled)


async def _walk(catalog: Catalog, search: Search, limit: int) -> list[dict[str, Any]]:
    """Return all products of a search, page by page."""
    page, seen = await catalog.page(search, None, limit), list[dict[str, Any]]()
    while True:
        seen += page["items"]
        if page["next_cursor"] is None:
            return seen
        assert len(page["items"]) == limit
        page = await catalog.page(search, page["next_cursor"], limit)


def _badge(on_hand: int) -> Answer:
    return Answer(200, {}, Stock(product_id=5, on_hand=on_hand).SerializeToString())


def test_the_price_list_is_long_and_always_the_same() -> None:
    """A thousand products, all different, with prices that make sense."""
    assert len({product.name for product in PRODUCTS}) == len(PRODUCTS) == goods.COUNT == 1000
    assert [product.id for product in PRODUCTS] == list(range(1, goods.COUNT + 1))
    assert all(500 <= product.price_cents < 20_000 for product in PRODUCTS)
    assert goods.price_list() == PRODUCTS


def test_cursors_lead_through_all_products_once(tmp_path: Path) -> None:
    """From the first page to the one without a next."""

    async def test(catalog: Catalog) -> None:
        seen = await _walk(catalog, Search(), 70)
        assert [item["id"] for item in seen] == list(range(1, goods.COUNT + 1))

    _with_catalog(tmp_path, test, answer())


_words = st.sampled_from(["oak", "LAMP", "oak lamp", "lamp fjord", "a", "%", "_", "nothing"])
_searches = st.builds(
    Search,
    q=st.just("") | _words,
    category=st.none() | st.sampled_from(["lamp", "vase", "car"]),
    material=st.none() | st.sampled_from(["oak", "stone"]),
    min_price_cents=st.none() | st.integers(0, 20_000),
    max_price_cents=st.none() | st.integers(0, 20_000),
    sort=st.sampled_from(Sort),
)


def _expected(search: Search) -> list[int]:
    """Search the price list without a database."""

    def fits(product: Product) -> bool:
        return (
            all(word in product.name.lower() for word in search.q.lower().split())
            and search.category in (None, product.category)
            and search.material in (None, product.material)
            and (search.min_price_cents is None or product.price_cents >= search.min_price_cents)
            and (search.max_price_cents is None or product.price_cents <= search.max_price_cents)
        )

    order: dict[Sort, Callable[[Product], Any]] = {
        Sort.ID: lambda product: product.id,
        Sort.NAME: lambda product: product.name,
        Sort.PRICE: lambda product: (product.price_cents, product.id),
        Sort.PRICE_DESCENDING: lambda product: (-product.price_cents, product.id),
    }
    return [product.id for product in sorted(filter(fits, PRODUCTS), key=order[search.sort])]


def test_every_search_finds_what_it_says_in_its_order(tmp_path: Path) -> None:
    """Words, filters and orders of all kinds, walked page by page, against a search of the list in memory."""

    async def test(catalog: Catalog) -> None:
        loop = asyncio.get_running_loop()

        @settings(max_examples=60, deadline=None, database=None)
        @given(search=_searches, limit=st.integers(20, 100))
        def check(search: Search, limit: int) -> None:
            walk = asyncio.run_coroutine_threadsafe(_walk(catalog, search, limit), loop)
            assert [item["id"] for item in walk.result(30)] == _expected(search)

        await asyncio.to_thread(check)

    _with_catalog(tmp_path, test, answer())


@pytest.mark.parametrize(
    "cursor", ["", "MTIz", "YWZ0ZXI6LTE", "W10", "WyJhIiwxLDJd", "YmVmb3JlOjU", "bnVsbA", "\u00e9", "W1tdLHt9LDFd"]
)
def test_a_foreign_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    """Cursors are opaque: what we did not give out, we do not take."""

    async def test(catalog: Catalog) -> None:
        with pytest.raises(BadCursor):
            await catalog.page(Search(), cursor, 10)

    _with_catalog(tmp_path, test, answer())


@pytest.mark.parametrize("sort", Sort)
def test_a_cursor_beyond_all_products_is_refused(tmp_path: Path, sort: Sort) -> None:
    """On every database, before it is asked."""

    async def test(catalog: Catalog) -> None:
        search = Search(sort=sort)
        first = "oak" if sort is Sort.NAME else 1
        for values in ((first, 2**31), (2**31, 1)):
            with pytest.raises(BadCursor):
                await catalog.page(search, search._cursors().after(*values), 10)
        assert (await catalog.page(search, search._cursors().after(first, 2**31 - 1), 10))["items"] is not None

    _with_catalog(tmp_path, test)


def test_a_cursor_of_another_search_is_refused(tmp_path: Path) -> None:
    """It would lead to a place that means nothing there."""

    async def test(catalog: Catalog) -> None:
        cursor = (await catalog.page(Search(sort=Sort.PRICE), None, 10))["next_cursor"]
        with pytest.raises(BadCursor):
            await catalog.page(Search(sort=Sort.PRICE, q="oak"), cursor, 10)

    _with_catalog(tmp_path, test, answer())


@pytest.mark.parametrize(("on_hand", "level"), [(11, "in_stock"), (10, "low"), (1, "low"), (0, "sold_out")])
def test_a_product_has_a_badge(tmp_path: Path, on_hand: int, level: str) -> None:
    """The badge says how much is there; the product is not degraded."""

    async def test(catalog: Catalog) -> None:
        product = await catalog.product(5)
        assert product is not None
        assert product["stock"] == {"level": level, "on_hand": on_hand}
        assert product["degraded"] is False

    _with_catalog(tmp_path, test, _badge(on_hand))


@pytest.mark.parametrize("inventory", [failed(Outcome.CONNECT_REFUSED), answer(404), Answer(200, {}, b"\xff")])
def test_without_inventory_there_is_no_badge(tmp_path: Path, inventory: Step) -> None:
    """Everything else of the product is there, and it says that it is degraded."""

    async def test(catalog: Catalog) -> None:
        product = await catalog.product(5)
        assert product is not None
        assert (product["id"], product["stock"], product["degraded"]) == (5, None, True)
        assert (product["price_cents"], product["currency"]) == (PRODUCTS[4].price_cents, "EUR")

    _with_catalog(tmp_path, test, inventory)


def test_a_product_that_inventory_does_not_know_speaks_not_against_it() -> None:
    """It has no badge; nothing is tried again for it, and the breaker stays closed for all the others."""
    unknown = answer(404, {"type": "urn:shop:problem:unknown-product"})
    bench = Bench(unknown, _badge(11), name="catalog:inventory", breaker=BreakerPolicy(failures=1, window=1))

    async def test() -> None:
        badges = Badges(bench.edge)
        assert await badges.of(1001) is None
        assert await badges.of(5) == {"level": "in_stock", "on_hand": 11}

    asyncio.run(test())
    assert len(bench.wire.sent) == 2


def test_an_unknown_product_is_none(tmp_path: Path) -> None:
    async def test(catalog: Catalog) -> None:
        assert await catalog.product(goods.COUNT + 1) is None

    _with_catalog(tmp_path, test, answer())


def test_a_changed_price_list_is_taken_over(tmp_path: Path) -> None:
    """What the database had before is renewed, and not kept for having been there first."""

    async def test(database: Database) -> None:
        cache = Cache("test", MemoryStore(), fresh_s=60, keep_s=60, registry=CollectorRegistry())
        catalog = Catalog(database, cache, Bench(_badge(1), name="catalog:inventory").edge)
        await catalog.fill()
        await database.write(lambda connection: connection.exec_driver_sql("UPDATE products SET price_cents = 1"))
        await catalog.fill()
        product = await catalog.product(5)
        assert product is not None
        assert product["price_cents"] == PRODUCTS[4].price_cents

    with_database(tmp_path, SCHEMA, test)


@pytest.mark.usefixtures("planted")
def test_a_planted_leak_keeps_memory_for_each_page(tmp_path: Path) -> None:
    async def leaks(catalog: Catalog) -> None:
        await catalog.page(Search(), None, 1)
        assert 0 == sum(map(len, catalog._leaked))
        bugs.plant([Bug.MEMORY_LEAK])
        for _ in range(3):
            await catalog.page(Search(), None, 1)
        assert 3 * 2 * 2**20 == sum(map(len, catalog._leaked))

    _with_catalog(tmp_path, leaks)
