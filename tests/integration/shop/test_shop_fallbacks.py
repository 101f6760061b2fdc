from __future__ import annotations

from collections.abc import Callable

from tests.integration.shop.stack import Shop, wait_until

FALLBACKS = 'workbench_fallback_total{edge="catalog:inventory",kind="without-badge"}'


def test_without_inventory_products_have_no_badge(make_shop: Callable[..., Shop]) -> None:
    """Inventory is down: products are shown without stock, soon without even asking; the badge comes back."""
    shop = make_shop()
    shop.start("catalog", "gateway", "inventory")
    assert shop.ask("GET", "/v1/products/3").body["degraded"] is False
    shop.stop("inventory")
    for _ in range(15):
        product = shop.ask("GET", "/v1/products/3")
        assert (product.status, product.body["stock"], product.body["degraded"]) == (200, None, True)
    assert shop.metric("catalog", FALLBACKS) == 15
    refused = 'workbench_edge_attempts_total{edge="catalog:inventory",outcome="connect_refused"}'
    assert shop.metric("catalog", refused) == 10, "an open breaker sends nothing, a closed one opens after ten"
    shop.start("inventory")
    wait_until("a product with its badge", lambda: not shop.ask("GET", "/v1/products/3").body["degraded"])


def test_without_catalog_the_last_good_page_is_shown(make_shop: Callable[..., Shop]) -> None:
    """What was seen before is served with its age; what was not is a 503 with Retry-After."""
    shop = make_shop()
    shop.start("catalog", "gateway", "inventory")
    fresh = shop.ask("GET", "/v1/products").body
    shop.stop("catalog")
    stale = shop.ask("GET", "/v1/products")
    assert stale.status == 200
    assert (stale.body["items"], stale.body["degraded"]) == (fresh["items"], True)
    assert stale.body["age_s"] >= 0
    unseen = shop.ask("GET", "/v1/products/77")
    assert (unseen.status, unseen.headers["retry-after"]) == (503, "1")
