"""The inventory process: its address space, its settings, its start."""

from __future__ import annotations

import time

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response

from target_services.chassis.database import Database
from target_services.chassis.draining import Draining
from target_services.chassis.openapi import answers
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import DatabaseUrl, ServiceSettings
from target_services.goods import STOCK_OF_EACH
from target_services.inventory import api, listing, rpc
from target_services.inventory.domain import SCHEMA, Inventory, Reservation
from target_services.inventory.shapes import (
    KEPT_BY_KEY,
    Key,
    KeyInPath,
    ProductId,
    ReservationRequest,
    ReservationShown,
    StockShown,
)

_EXPIRY_CHECK_S = 5.0

_log = structlog.get_logger(__name__)


class Settings(ServiceSettings):
    """What inventory has to be told."""

    database_url: DatabaseUrl
    grpc_port: int | None = Field(default=None, ge=1, le=65535, description="where to listen for gRPC; unset: nowhere")
    inventory_stock_of_each: int = Field(
        default=STOCK_OF_EACH, ge=0, description="what a new database starts with, of each product"
    )


def routes(app: FastAPI, inventory: Inventory, stock_list: listing.StockList) -> None:
    """Add the API of inventory."""
    listing.routes(app, stock_list)

    @app.get("/v1/stock/{product_id}", **answers(StockShown, problems={404: "unknown-product"}))
    async def stock(product_id: ProductId) -> Response:
        """Show how many of a product can be sold right now."""
        return JSONResponse({"product_id": product_id, "on_hand": await api.stock(inventory, product_id)})

    @app.post(
        "/v1/reservations",
        **answers(
            ReservationShown,
            201,
            problems={409: "out-of-stock idempotency-key-reused"},
            links={"confirm": KEPT_BY_KEY, "release": KEPT_BY_KEY},
        ),
    )
    async def reserve(request: ReservationRequest, key: Key) -> Response:
        """Set goods aside, once per key."""
        return _shown(await api.reserve(inventory, key, request), 201)

    @app.post(
        "/v1/reservations/{key}/confirm",
        **answers(ReservationShown, problems={404: "unknown-reservation", 409: "out-of-stock"}),
    )
    async def confirm(key: KeyInPath) -> Response:
        """Sell what is set aside."""
        return _shown(await api.confirm(inventory, key))

    @app.post("/v1/reservations/{key}/release", **answers(ReservationShown))
    async def release(key: KeyInPath) -> Response:
        """Put back what is set aside, or was sold. A request for it that comes later finds it released."""
        return _shown(await api.release(inventory, key))


def _shown(reservation: Reservation, status: int = 200) -> Response:
    return JSONResponse({name: getattr(reservation, name) for name in ReservationShown.model_fields}, status)


async def expire_now_and_then(inventory: Inventory, draining: Draining, *, every_s: float = _EXPIRY_CHECK_S) -> None:
    """Put back what has been held for too long, until draining begins."""
    while not await draining.wait(every_s):
        try:
            if lapsed := await inventory.expire(time.time_ns()):
                _log.info("reservations lapsed", count=lapsed)
        except Exception:  # noqa: BLE001 - whatever is wrong, it must not be the last time
            _log.exception("reservations could not be checked")


def build(settings: Settings) -> RequestScope:
    """Put inventory together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.inventory.migrations")
    inventory = Inventory(database, stock_of_each=settings.inventory_stock_of_each)
    grpc_port = settings.grpc_port
    return chassis.application(
        lambda app: routes(app, inventory, listing.StockList(database)),
        grpc=chassis.grpc_server(grpc_port, rpc.service(inventory)) if grpc_port is not None else None,
        database=database,
        audited=inventory,
        prepare=inventory.fill,
        background=[lambda draining: expire_now_and_then(inventory, draining)],
    )


def main() -> None:
    """Run inventory until SIGTERM."""
    run(Settings, build)
