from __future__ import annotations

from collections.abc import Callable

from tests.integration.shop.stack import Shop

FALLBACKS = 'workbench_fallback_total{edge="catalog:inventory",kind="without-badge"}'
ADMITTED = 'workbench_decisions_total{decision="breaker.admitted",edge="catalog:inventory"}'
FAILED = 'workbench_decisions_total{decision="breaker.counted_failure",edge="catalog:inventory"}'
COUNTED = 'workbench_decisions_total{decision="breaker.counted_failure",edge="gateway:%s"}'
PROBES = 'workbench_breaker_transitions_total{edge="catalog:inventory",to="half_open"}'


def test_without_inventory_products_have_no_badge(make_shop: Callable[..., Shop]) -> None:
    """Inventory is down: products are shown without stock, soon without even asking; the badge comes back."""
    shop = make_shop()
    flags = shop.folder / "flags.json"
    flags.write_text('{"hedged-reads": false}')
    shop.extra["catalog"] = {"FLAGS_FILE": str(flags)}
    shop.start("catalog", "gateway", "inventory")
    shop.product_with_badge(3)
    shop.stop("inventory")
    admitted, failed, fallbacks = (shop.metric("catalog", line) for line in (ADMITTED, FAILED, FALLBACKS))
    for _ in range(15):
        product = shop.ask("GET", "/v1/products/3", service="catalog")
        assert (product.status, product.body["stock"], product.body["degraded"]) == (200, None, True)
    assert shop.metric("catalog", FALLBACKS) - fallbacks == 15
    sent, probes = shop.metric("catalog", ADMITTED) - admitted, shop.metric("catalog", PROBES)
    assert sent == 10 - failed + probes, "an open breaker sends nothing but probes, a closed one opens after ten"
    shop.start("inventory")
    shop.product_with_badge(3)


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


def test_clients_in_a_hurry_keep_nobody_else_out(make_shop: Callable[..., Shop]) -> None:
    """However little time they give, what they did not wait for does not speak against catalog and users."""
    shop = make_shop()
    shop.start("catalog", "gateway")
    for number in range(60):
        hurry = {"x-deadline-ms": str(5 + number % 8)}
        shop.ask("GET", f"/v1/products/{number + 1}", headers=hurry)
        shop.ask("POST", "/v1/sessions", {"name": f"nobody-{number}", "password": "x"}, headers=hurry)
    assert [shop.metric("gateway", COUNTED % callee) for callee in ("catalog", "users")] == [0, 0]
    assert shop.log_in().status == 201
