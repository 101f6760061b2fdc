"""Customers who do what most of them do not; scenarios name these classes in their mix."""
# ruff: noqa: INP001 - a locustfile is no module of a package

from __future__ import annotations

from typing import Any

from target_services.journeys import Checkout as _Checkout


class DeclinedCards(_Checkout):
    """Checks out like everybody; every other order is cancelled, because its card is declined."""

    def _ask(self, method: str, path: str, name: str, **options: Any) -> tuple[int, dict[str, Any]]:
        if "card" in options.get("json", {}) and self._rng.random() < 0.5:
            options["json"]["card"] = "tok_declined"
        return super()._ask(method, path, name, **options)


class FewProducts(_Checkout):
    """Buys what everybody buys: one of three products."""

    def _product(self, product_id: int) -> dict[str, Any]:
        return super()._product(1 + product_id % 3)
