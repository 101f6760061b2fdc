"""Feature flags, switched by writing a file while the services run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.integration.shop.stack import Shop, wait_until


def _switch(file: Path, **flags: bool) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps({name.replace("_", "-"): on for name, on in flags.items()}))
    new.rename(file)


def test_the_stale_fallback_is_switched_off_and_on(make_shop: Callable[..., Shop], tmp_path: Path) -> None:
    """Catalog is gone: its last good page, then a 503, then the page again; a broken file changes nothing."""
    flags = tmp_path / "flags.json"
    shop = make_shop(extra={"gateway": {"FLAGS_FILE": str(flags)}})
    shop.start("users", "catalog", "gateway", "inventory")
    assert shop.ask("GET", "/v1/products").status == 200
    shop.stop("catalog")
    assert shop.ask("GET", "/v1/products").body["degraded"] is True
    _switch(flags, stale_fallback=False)
    wait_until("no stale pages", lambda: shop.ask("GET", "/v1/products").status == 503)
    flags.write_text("{")
    wait_until("the log to say so", lambda: "flags not read" in _asked(shop))
    assert shop.ask("GET", "/v1/products").status == 503
    _switch(flags, stale_fallback=True)
    wait_until("stale pages", lambda: shop.ask("GET", "/v1/products").status == 200)


def _asked(shop: Shop) -> str:
    shop.ask("GET", "/v1/products")
    return shop.log("gateway")


def test_the_new_checkout_flow_answers_at_once_and_finishes_later(
    make_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    """Switched on, an order is accepted with 202 and confirmed by the worker."""
    flags = tmp_path / "flags.json"
    _switch(flags, new_checkout_flow=True)
    shop = make_shop(extra={"orders": {"FLAGS_FILE": str(flags)}})
    shop.start("provider", "payments", "inventory", "orders", "users", "catalog", "gateway")
    placed = shop.order(str(uuid.uuid4()))
    assert placed.status == 202
    wait_until("the order to be confirmed", lambda: shop.state(placed.body["id"]) == "confirmed")
    _switch(flags, new_checkout_flow=False)
    wait_until("an order that is finished at once", lambda: shop.order(str(uuid.uuid4())).status == 201)
