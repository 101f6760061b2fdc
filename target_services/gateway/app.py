"""The gateway process: its address space, its edges, its settings, its start."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.outcomes import NEVER_SENT
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.resilience.wire import Answer
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import BaseUrl, ServiceSettings
from target_services.gateway.domain import CUSTOMER_HEADER, Gateway

Key = Annotated[str, Header(alias="idempotency-key", pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Customer = Annotated[str, Header(alias=CUSTOMER_HEADER, pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ProductId = Annotated[int, Path(ge=1, le=2**31 - 1)]

_PASSED_ON = ("retry-after", "location", "idempotent-replayed")
_DEADLINE_S = 4.0


class Settings(ServiceSettings):
    """What the gateway has to be told."""

    gateway_catalog_url: BaseUrl
    gateway_orders_url: BaseUrl


class OrderRequest(BaseModel):
    """What a user wants to buy, at the price that was shown."""

    product_id: int = Field(ge=1)
    quantity: int = Field(ge=1, le=10)
    unit_price_cents: int = Field(gt=0)
    card: str = Field(pattern=r"^tok_[a-z0-9_]{1,40}$")


def routes(app: FastAPI, gateway: Gateway) -> None:
    """Add the shop's public API."""

    @app.get("/v1/products")
    async def products(request: Request) -> Response:
        query = request.url.query
        return _shown(await gateway.browse(f"/v1/products?{query}" if query else "/v1/products"))

    @app.get("/v1/products/{product_id}")
    async def product(product_id: ProductId) -> Response:
        return _shown(await gateway.browse(f"/v1/products/{product_id}"))

    @app.post("/v1/orders")
    async def place_order(order: OrderRequest, key: Key, customer: Customer) -> Response:
        return _shown(await gateway.place_order(order.model_dump(), key, customer))

    @app.get("/v1/orders/{order_id}")
    async def find_order(order_id: Annotated[str, Path(pattern=r"^ord_[0-9a-f]{16}$")], customer: Customer) -> Response:
        return _shown(await gateway.order(order_id, customer))


def _shown(answer: Answer) -> Response:
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    media_type = answer.headers.get("content-type", "application/json")
    return Response(answer.body, answer.status, headers=headers, media_type=media_type)


def build(settings: Settings) -> RequestScope:
    """Put the gateway together."""
    chassis = Chassis(settings)
    catalog = chassis.edge(
        "gateway:catalog",
        settings.gateway_catalog_url,
        timeout_s=1.0,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.2, burst=20)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0, slow=13, slow_s=0.9),
        bulkhead=128,
        fallback="stale-catalog",
    )
    # An order can take seconds when payments is slow, so a second attempt is made only where the first one
    # never reached orders. Everything else is the user's to repeat, with the same key.
    orders = chassis.edge(
        "gateway:orders",
        settings.gateway_orders_url,
        timeout_s=3.0,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.2, burst=20)
        ),
        retry_on=NEVER_SENT,
        breaker=BreakerPolicy(failures=15, window=20, reset_s=4.0),
        bulkhead=128,
    )
    gateway = Gateway(catalog, orders)
    return chassis.application(lambda app: routes(app, gateway), longest_s=_DEADLINE_S)


def main() -> None:
    """Run the gateway until SIGTERM."""
    run(Settings, build)
