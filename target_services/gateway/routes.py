"""The shop's public API. Who may ask for what stands in `access`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI, Header, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from target_services.chassis.resilience.wire import Answer
from target_services.gateway.domain import Gateway
from target_services.gateway.guard import Guard, Subject, guarded_by

Key = Annotated[str, Header(alias="idempotency-key", pattern=r"^[A-Za-z0-9_-]{8,64}$")]
ProductId = Annotated[int, Path(ge=1, le=2**31 - 1)]
OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-f]{16}$")]
Document = Annotated[dict[str, Any], Body()]
"""A JSON object that is looked into only by the service that it is for."""

_PASSED_ON = ("retry-after", "location", "idempotent-replayed", "www-authenticate")


class OrderRequest(BaseModel):
    """What a user wants to buy, at the price that was shown."""

    product_id: int = Field(ge=1, le=2**31 - 1)
    quantity: int = Field(ge=1, le=10)
    unit_price_cents: int = Field(gt=0, le=10_000_000)
    card: str = Field(pattern=r"^tok_[a-z0-9_]{1,40}$")


def add(app: FastAPI, gateway: Gateway, guard: Guard) -> None:
    """Add the API, each route of it behind the guard."""
    app.router.route_class = guarded_by(guard)
    _browsing(app, gateway)
    _people(app, gateway)
    _orders(app, gateway)
    _administration(app, gateway)


def _browsing(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/products")
    async def products(request: Request) -> Response:
        query = request.url.query
        return _shown(await gateway.browse(f"/v1/products?{query}" if query else "/v1/products"))

    @app.get("/v1/products/{product_id}")
    async def product(product_id: ProductId) -> Response:
        return _shown(await gateway.browse(f"/v1/products/{product_id}"))


def _people(app: FastAPI, gateway: Gateway) -> None:
    @app.post("/v1/accounts")
    async def sign_up(body: Document) -> Response:
        return _shown(await gateway.enter("/v1/accounts", body))

    @app.post("/v1/sessions")
    async def log_in(body: Document) -> Response:
        return _shown(await gateway.enter("/v1/sessions", body))

    @app.post("/v1/sessions/refresh")
    async def refresh(body: Document) -> Response:
        return _shown(await gateway.enter("/v1/sessions/refresh", body))

    @app.get("/v1/account")
    async def account(subject: Subject) -> Response:
        return _shown(await gateway.account(subject))

    @app.patch("/v1/account")
    async def change_account(body: Document, subject: Subject) -> Response:
        return _shown(await gateway.account(subject, change=body))


def _orders(app: FastAPI, gateway: Gateway) -> None:
    @app.post("/v1/orders")
    async def place_order(order: OrderRequest, key: Key, subject: Subject) -> Response:
        return _shown(await gateway.place_order(order.model_dump(), key, subject))

    @app.get("/v1/orders")
    async def own_orders(request: Request, subject: Subject) -> Response:
        return _shown(await gateway.orders_of(subject, request.url.query))

    @app.get("/v1/orders/{order_id}")
    async def find_order(order_id: OrderId, subject: Subject) -> Response:
        return _shown(await gateway.order(order_id, subject))


def _administration(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/admin/orders")
    async def all_orders(request: Request) -> Response:
        return _shown(await gateway.all_orders(request.url.query))

    @app.get("/v1/admin/accounts")
    async def accounts(request: Request) -> Response:
        return _shown(await gateway.accounts(request.url.query))


def _shown(answer: Answer) -> Response:
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    media_type = answer.headers.get("content-type", "application/json")
    return Response(answer.body, answer.status, headers=headers, media_type=media_type)
