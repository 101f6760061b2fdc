"""The notifications process: its address space, its settings, its start."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Query
from fastapi.responses import JSONResponse
from starlette.responses import Response

from target_services.chassis.consumer import Again, Consumer, Dead
from target_services.chassis.cursors import Cursors
from target_services.chassis.database import Database
from target_services.chassis.dead_letters import DeadLetters
from target_services.chassis.envelope import Envelope
from target_services.chassis.inbox import Inbox
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Background, Chassis, run
from target_services.chassis.settings import BrokerUrl, DatabaseUrl, ServiceSettings
from target_services.notifications.domain import DEAD_LETTERS, INBOX, ORDER_CONFIRMED, SCHEMA, Notifications, notify

Customer = Annotated[str, Header(alias="x-customer-id", pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Cursor = Annotated[str | None, Query(max_length=200, description="the `next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, description="most entries of a page")]

_START = (-1, "")


class Settings(ServiceSettings):
    """What notifications has to be told."""

    database_url: DatabaseUrl
    broker_url: BrokerUrl | None = None


def routes(app: FastAPI, notifications: Notifications, consumer: Consumer) -> None:
    """Add the API of notifications."""
    of_customer = Cursors("notifications", int, str)
    of_letters = Cursors("dead-letters", int, str)

    @app.post("/v1/events", status_code=202)
    async def deliver(event: Envelope) -> Response:
        """Take a message in. It counts as delivered also where it can only be kept as a dead letter."""
        verdict = await consumer.receive(event.model_dump_json().encode())
        if isinstance(verdict, Again):
            detail = "the message could not be taken in now"
            raise Problem(503, detail, slug="deliver-again", headers={"retry-after": "1"})
        return JSONResponse({"id": event.id, "state": "dead" if isinstance(verdict, Dead) else "done"}, 202)

    @app.get("/v1/notifications")
    async def list_notifications(customer: Customer, cursor: Cursor = None, limit: Limit = 20) -> Response:
        after = _START if cursor is None else of_customer.read(cursor)
        found = await notifications.of(customer, after, limit + 1)
        following = of_customer.page(found, limit, lambda one: (one.created_ns, one.id))
        return JSONResponse({"notifications": [one.document() for one in found[:limit]], "next": following})

    @app.get("/v1/dead-letters")
    async def list_dead_letters(cursor: Cursor = None, limit: Limit = 20) -> Response:
        after = _START if cursor is None else of_letters.read(cursor)
        found = await notifications.dead_letters(after, limit + 1)
        following = of_letters.page(found, limit, lambda one: (one.died_ns, one.id))
        return JSONResponse({"dead_letters": [one.document() for one in found[:limit]], "next": following})


def build(settings: Settings) -> RequestScope:
    """Put notifications together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA)
    dead_letters = DeadLetters(database, DEAD_LETTERS)
    consumer = Consumer(
        database,
        Inbox(database, INBOX),
        dead_letters,
        notify,
        tracer=chassis.tracing.tracer,
        registry=chassis.metrics.registry,
    )
    on_their_way, background = nothing_on_its_way, list[Background]()
    if settings.broker_url is not None:
        from target_services.chassis.consumer_rabbitmq import RabbitConsumer  # noqa: PLC0415 - only with a broker

        rabbit = RabbitConsumer(settings.broker_url, "notifications", (ORDER_CONFIRMED,), consumer.receive)
        on_their_way, background = rabbit.on_their_way, [rabbit.run]
    notifications = Notifications(database, dead_letters, on_their_way)
    return chassis.application(
        lambda app: routes(app, notifications, consumer),
        database=database,
        audited=notifications,
        background=background,
    )


async def nothing_on_its_way() -> int:
    """Without a broker a message is either with its sender or has had its effect."""
    return 0


def main() -> None:
    """Run notifications until SIGTERM."""
    run(Settings, build)
