"""What inventory promises, whoever asks over whatever wire: inputs that are checked, refusals that are problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import ValidationError

from target_services.chassis.problems import Problem
from target_services.inventory.domain import Inventory, KeyReused, OutOfStock, Reservation
from target_services.inventory.shapes import ReservationRequest

T = TypeVar("T")


async def stock(inventory: Inventory, product_id: int) -> int:
    """Return how many of a product can be sold right now."""
    return _known(await inventory.on_hand(product_id), "there is no such product", "unknown-product")


async def reserve(inventory: Inventory, key: str, request: ReservationRequest) -> Reservation:
    """Set goods aside, once per key."""
    with _refusals("there is not that much in stock"):
        return await inventory.reserve(key, request.product_id, request.quantity)


async def confirm(inventory: Inventory, key: str) -> Reservation:
    """Sell what is reserved."""
    with _refusals("the reservation lapsed and the goods are gone"):
        return _known(await inventory.confirm(key), "there is no reservation of this key", "unknown-reservation")


async def release(inventory: Inventory, key: str) -> Reservation:
    """Put back what is reserved, or was sold; or see to it that it never will be."""
    return await inventory.release(key)


@contextmanager
def checked() -> Iterator[None]:
    """Make a problem of what pydantic finds wrong, as the framework does for HTTP."""
    try:
        yield
    except ValidationError as error:
        problems = [{"at": "/".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        raise Problem(422, "the request is not valid", slug="invalid-request", problems=problems) from None


def _known(found: T | None, detail: str, slug: str) -> T:
    if found is None:
        raise Problem(404, detail, slug=slug)
    return found


@contextmanager
def _refusals(sold_out: str) -> Iterator[None]:
    try:
        yield
    except OutOfStock:
        raise Problem(409, sold_out, slug="out-of-stock") from None
    except KeyReused:
        raise Problem(409, "this key is in use for another reservation", slug="idempotency-key-reused") from None
