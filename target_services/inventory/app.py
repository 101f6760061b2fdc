"""The inventory process: its address space, its settings, its start."""

from __future__ import annotations

import time
from typing import Annotated

import structlog
from fastapi import FastAPI, Header, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import DatabaseUrl, ServiceSettings
from target_services.goods import STOCK_OF_EACH
from target_services.inventory.domain import SCHEMA, Inventory, KeyReused, OutOfStock, Reservation

Key = Annotated[str, Header(alias="idempotency-key", pattern=r"^[A-Za-z0-9_-]{1,100}$")]
ProductId = Annotated[int, Path(ge=1, le=2**31 - 1)]

_EXPIRY_CHECK_S = 5.0

_log = structlog.get_logger(__name__)


class Settings(ServiceSettings):
    """What inventory has to be told."""

    database_url: DatabaseUrl
    inventory_stock_of_each: int = Field(
        default=STOCK_OF_EACH, ge=0, description="what a new database starts with, of each product"
    )


class ReservationRequest(BaseModel):
    """What to set aside."""

    product_id: int = Field(ge=1, le=2**31 - 1)
    quantity: int = Field(ge=1, le=100)


def routes(app: FastAPI, inventory: Inventory) -> None:
    """Add the API of inventory."""

    @app.get("/v1/stock/{product_id}")
    async def stock(product_id: ProductId) -> Response:
        on_hand = await inventory.on_hand(product_id)
        if on_hand is None:
            raise Problem(404, "there is no such product", slug="unknown-product")
        return JSONResponse({"product_id": product_id, "on_hand": on_hand})

    @app.post("/v1/reservations")
    async def reserve(request: ReservationRequest, key: Key) -> Response:
        try:
            held = await inventory.reserve(key, request.product_id, request.quantity)
        except OutOfStock:
            raise Problem(409, "there is not that much in stock", slug="out-of-stock") from None
        except KeyReused:
            raise Problem(409, "this key is in use for another reservation", slug="idempotency-key-reused") from None
        return _shown(held, 201)

    @app.post("/v1/reservations/{key}/confirm")
    async def confirm(key: str) -> Response:
        try:
            return _shown(await inventory.confirm(key))
        except OutOfStock:
            raise Problem(409, "the reservation lapsed and the goods are gone", slug="out-of-stock") from None

    @app.post("/v1/reservations/{key}/release")
    async def release(key: str) -> Response:
        return _shown(await inventory.release(key))


def _shown(reservation: Reservation | None, status: int = 200) -> Response:
    if reservation is None:
        raise Problem(404, "there is no reservation of this key", slug="unknown-reservation")
    document = {
        "id": reservation.id,
        "state": reservation.state,
        "product_id": reservation.product_id,
        "quantity": reservation.quantity,
    }
    return JSONResponse(document, status)


async def _expire_now_and_then(inventory: Inventory, draining: Draining) -> None:
    while not await draining.wait(_EXPIRY_CHECK_S):
        try:
            if lapsed := await inventory.expire(time.time_ns()):
                _log.info("reservations lapsed", count=lapsed)
        except SQLAlchemyError:
            _log.exception("reservations could not be checked")


def build(settings: Settings) -> RequestScope:
    """Put inventory together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.inventory.migrations")
    inventory = Inventory(database, stock_of_each=settings.inventory_stock_of_each)
    return chassis.application(
        lambda app: routes(app, inventory),
        database=database,
        audited=inventory,
        prepare=inventory.fill,
        background=[lambda draining: _expire_now_and_then(inventory, draining)],
    )


def main() -> None:
    """Run inventory until SIGTERM."""
    run(Settings, build)
