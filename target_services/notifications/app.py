"""The notifications process: its address space, its settings, its start."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from target_services.chassis.consumer import Again, Consumer, Dead, Receive
from target_services.chassis.cursors import Cursor, Cursors, Limit
from target_services.chassis.database import Database
from target_services.chassis.dead_letters import DeadLetters
from target_services.chassis.disturbed_messages import DisturbedDeliveries
from target_services.chassis.draining import Draining
from target_services.chassis.envelope import Envelope
from target_services.chassis.inbox import KEPT_S, Inbox
from target_services.chassis.openapi import answers
from target_services.chassis.problems import Problem
from target_services.chassis.pruning import prune_now_and_then
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Background, Chassis, run
from target_services.chassis.settings import BrokerUrl, DatabaseUrl, ServiceSettings
from target_services.notifications.domain import DEAD_LETTERS, INBOX, ORDER_CONFIRMED, SCHEMA, Notifications, notify
from target_services.notifications.shapes import Customer, DeadLetterPage, Delivered, NotificationPage

OF_CUSTOMER = Cursors("notifications", int, str)
OF_DEAD_LETTERS = Cursors("dead-letters", int, str)


class Settings(ServiceSettings):
    """What notifications has to be told."""

    database_url: DatabaseUrl
    broker_url: BrokerUrl | None = None


def routes(app: FastAPI, notifications: Notifications, receive: Receive) -> None:
    """Add the API of notifications."""

    @app.post("/v1/events", **answers(Delivered, 202, problems={500: "message-failed", 503: "deliver-again"}))
    async def deliver(event: Envelope, request: Request) -> Response:
        """Take a message in. It counts as delivered also where it can only be kept as a dead letter."""
        verdict = await receive(await request.body())  # as it came, should it become a dead letter
        if isinstance(verdict, Again):
            later = {"retry-after": "1"}
            if verdict.counts:
                raise Problem(500, "the message could not be acted upon", slug="message-failed", headers=later)
            raise Problem(503, "the message could not be taken in now", slug="deliver-again", headers=later)
        return JSONResponse({"id": event.id, "state": "dead" if isinstance(verdict, Dead) else "done"}, 202)

    @app.get("/v1/notifications", **answers(NotificationPage, problems={400: "bad-cursor"}))
    async def list_notifications(customer: Customer, cursor: Cursor = None, limit: Limit = 20) -> Response:
        """List what a customer was told, the oldest first."""
        found = await notifications.of(customer, _place(OF_CUSTOMER, cursor), limit + 1)
        following = OF_CUSTOMER.page(found, limit, lambda one: (one.created_ns, one.id))
        return JSONResponse({"items": [one.document() for one in found[:limit]], "next_cursor": following})

    @app.get("/v1/dead-letters", **answers(DeadLetterPage, problems={400: "bad-cursor"}))
    async def list_dead_letters(cursor: Cursor = None, limit: Limit = 20) -> Response:
        """List the messages that could not be acted upon, the oldest first."""
        found = await notifications.dead_letters(_place(OF_DEAD_LETTERS, cursor), limit + 1)
        following = OF_DEAD_LETTERS.page(found, limit, lambda one: (one.died_ns, one.id))
        return JSONResponse({"items": [one.document() for one in found[:limit]], "next_cursor": following})


def _place(cursors: Cursors, cursor: str | None) -> tuple[int, str]:
    """Return the place that a page comes after."""
    if cursor is None:
        return -1, ""
    at_ns, last = cursors.read(cursor)
    return at_ns, last


def build(settings: Settings) -> RequestScope:
    """Put notifications together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.notifications.migrations")
    dead_letters, inbox = DeadLetters(database, DEAD_LETTERS), Inbox(database, INBOX)
    consumer = Consumer(
        database,
        inbox,
        dead_letters,
        notify,
        tracer=chassis.tracing.tracer,
        registry=chassis.metrics.registry,
    )
    deliveries = DisturbedDeliveries(consumer.receive, chassis.disturbances)

    async def prune(draining: Draining) -> None:
        await prune_now_and_then(database, inbox.prune, "inbox", draining, keep_s=KEPT_S)

    on_their_way, background = nothing_on_its_way, list[Background]([prune])
    if settings.broker_url is not None:
        from target_services.chassis.consumer_rabbitmq import RabbitConsumer  # noqa: PLC0415 - only with a broker

        rabbit = RabbitConsumer(
            settings.broker_url,
            "notifications",
            (ORDER_CONFIRMED,),
            deliveries.receive,
            is_down=deliveries.is_down,
            reaching=deliveries.reaching,
        )
        on_their_way, background = rabbit.on_their_way, [prune, rabbit.run]
    notifications = Notifications(database, dead_letters, on_their_way)
    return chassis.application(
        lambda app: routes(app, notifications, deliveries.receive_if_up),
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
