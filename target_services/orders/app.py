"""The orders process: its address space, its edges, its settings, its start."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationInfo, field_validator
from starlette.responses import Response

from target_services.chassis.database import Database
from target_services.chassis.disturbed_messages import DisturbedPublisher
from target_services.chassis.draining import Draining
from target_services.chassis.flags import Flag
from target_services.chassis.lease import Lease
from target_services.chassis.openapi import answers
from target_services.chassis.outbox import PARKED_KEPT_S
from target_services.chassis.outbox_relay import Relay, RelayMetrics
from target_services.chassis.problems import MEDIA_TYPE
from target_services.chassis.pruning import prune_now_and_then
from target_services.chassis.publisher import Publisher
from target_services.chassis.publisher_http import HttpPublisher
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import BaseUrl, BrokerUrl, DatabaseUrl, ServiceSettings
from target_services.orders import listing
from target_services.orders.account import OrderAccount
from target_services.orders.domain import Orders
from target_services.orders.listing import OrderLists
from target_services.orders.model import OrderRequest
from target_services.orders.remote import Inventory, Payments
from target_services.orders.saga import Saga
from target_services.orders.shapes import NOT_PLACED, THE_ORDER, Customer, Key, OrderBody, OrderId, OrderShown
from target_services.orders.store import OrderStore
from target_services.orders.tables import LEASES, SCHEMA
from target_services.orders.worker import Worker


class Settings(ServiceSettings):
    """What orders has to be told."""

    database_url: DatabaseUrl
    orders_inventory_url: BaseUrl
    orders_payments_url: BaseUrl
    orders_notifications_url: BaseUrl | None = Field(default=None, description="where messages go without a broker")
    broker_url: BrokerUrl | None = Field(default=None, validate_default=True, description="where messages go")
    orders_worker_per_s: float = Field(default=15.0, gt=0, le=1000, description="most queued orders tried a second")

    @field_validator("broker_url")
    @classmethod
    def _messages_go_somewhere(cls, broker_url: str | None, info: ValidationInfo) -> str | None:
        if broker_url is None and info.data.get("orders_notifications_url", ...) is None:
            raise ValueError("must be set where ORDERS_NOTIFICATIONS_URL is not: messages have to go somewhere")
        return broker_url


def routes(app: FastAPI, orders: Orders) -> None:
    """Add the API of orders."""

    @app.post(
        "/v1/orders",
        **answers(
            OrderShown, 201, 202, problems=NOT_PLACED, headers=("idempotent-replayed",), links={"find": THE_ORDER}
        ),
    )
    async def place(body: OrderBody, key: Key, customer: Customer) -> Response:
        """Order something, once per key. 202: it is not finished yet, and will be without being asked again."""
        placed = await orders.place(key, OrderRequest(customer=customer, **body.model_dump()))
        media_type = MEDIA_TYPE if placed.status >= 400 else "application/json"
        headers = {"idempotent-replayed": "true"} if placed.replayed else {}
        return Response(placed.body, placed.status, headers=headers, media_type=media_type)

    @app.get("/v1/orders/{order_id}", **answers(OrderShown, problems={404: "unknown-order"}))
    async def find(order_id: OrderId, customer: Customer) -> Response:
        """Show how far a customer's order has come."""
        return JSONResponse((await orders.find(order_id, customer)).document())


def build(settings: Settings) -> RequestScope:
    """Put orders together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.orders.migrations")
    store = OrderStore(database)
    inventory = chassis.edge(
        "orders:inventory",
        settings.orders_inventory_url,
        timeout_s=0.6,
        retry=Retry(
            attempts=3, backoff=Backoff(first_s=0.030, most_s=0.120), budget=RetryBudget(per_call=0.5, burst=10)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0, slow=13, slow_s=0.5),
        bulkhead=48,
        fallback="queue-for-later",
    )
    payments = chassis.edge(
        "orders:payments",
        settings.orders_payments_url,
        timeout_s=0.5,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.040, most_s=0.080), budget=RetryBudget(per_call=0.5, burst=10)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0, slow=13, slow_s=0.45),
        bulkhead=48,
        fallback="queue-for-later",
    )
    saga = Saga(store, Inventory(inventory), Payments(payments))
    worker = Worker(store, saga, chassis.tracing.tracer, per_second=settings.orders_worker_per_s)
    relay = Relay(
        database,
        store.outbox,
        Lease(database, LEASES, "outbox"),
        DisturbedPublisher(_publisher(settings, chassis), chassis.disturbances),
        tracer=chassis.tracing.tracer,
        metrics=RelayMetrics(chassis.metrics.registry),
    )
    orders = Orders(store, saga, queues_at_once=lambda: chassis.flags.is_on(Flag.NEW_CHECKOUT_FLOW))
    lists = OrderLists(database)

    def api(app: FastAPI) -> None:
        routes(app, orders)
        listing.routes(app, lists)

    async def prune(draining: Draining) -> None:
        await prune_now_and_then(database, store.outbox.prune, "parked messages", draining, keep_s=PARKED_KEPT_S)

    return chassis.application(
        api, database=database, audited=OrderAccount(database), background=[worker.run, relay.run, prune]
    )


def _publisher(settings: Settings, chassis: Chassis) -> Publisher:
    """Return the way that messages take: through the broker where there is one, else straight to notifications."""
    if settings.broker_url is not None:
        from target_services.chassis.publisher_rabbitmq import RabbitPublisher  # noqa: PLC0415 - only with a broker

        return RabbitPublisher(settings.broker_url)
    # One attempt: the relay comes back by itself, at growing distances.
    notifications = chassis.edge(
        "orders:notifications",
        settings.orders_notifications_url or "",
        timeout_s=0.8,
        retry=Retry(attempts=1, budget=RetryBudget(per_call=0.0, burst=1)),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=2.0),
        bulkhead=16,
    )
    return HttpPublisher(notifications, at_once=16)


def main() -> None:
    """Run orders until SIGTERM."""
    run(Settings, build)
