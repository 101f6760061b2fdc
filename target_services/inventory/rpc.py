"""Inventory over gRPC: messages in, messages out; everything else is in `api`."""

from __future__ import annotations

from pydantic import TypeAdapter

from target_services.chassis.grpc_server import GrpcService
from target_services.inventory import api, domain, shapes
from target_services.inventory.domain import Inventory
from target_services.protos.inventory_pb2 import (
    DESCRIPTOR,
    GetStockRequest,
    Reservation,
    ReservationKey,
    ReserveRequest,
    Stock,
)

_KEY: TypeAdapter[str] = TypeAdapter(shapes.ReservationKey)


def service(inventory: Inventory) -> GrpcService:
    """Return inventory as a gRPC service."""

    async def get_stock(request: GetStockRequest) -> Stock:
        return Stock(product_id=request.product_id, on_hand=await api.stock(inventory, request.product_id))

    async def reserve(request: ReserveRequest) -> Reservation:
        with api.checked():
            key = _KEY.validate_python(request.key)
            wanted = shapes.ReservationRequest(product_id=request.product_id, quantity=request.quantity)
        return _message(await api.reserve(inventory, key, wanted))

    async def confirm(request: ReservationKey) -> Reservation:
        return _message(await api.confirm(inventory, _key(request)))

    async def release(request: ReservationKey) -> Reservation:
        return _message(await api.release(inventory, _key(request)))

    return GrpcService(
        DESCRIPTOR.services_by_name["Inventory"],
        {"GetStock": get_stock, "Reserve": reserve, "Confirm": confirm, "Release": release},
    )


def _key(request: ReservationKey) -> str:
    with api.checked():
        return _KEY.validate_python(request.key)


def _message(held: domain.Reservation) -> Reservation:
    return Reservation(id=held.id, state=held.state, product_id=held.product_id, quantity=held.quantity)
