"""The payments process: its address space, its edges, its settings, its start."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.responses import Response

from target_services.chassis.database import Database
from target_services.chassis.openapi import answers
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import BaseUrl, DatabaseUrl, ServiceSettings
from target_services.payments.domain import Payments
from target_services.payments.reconciler import Reconciler
from target_services.payments.shapes import KEPT_BY_KEY, CaptureRequest, CaptureShown, Key, KeyInPath
from target_services.payments.store import Capture, CaptureStore, KeyReused
from target_services.payments.tables import SCHEMA


class Settings(ServiceSettings):
    """What payments has to be told."""

    database_url: DatabaseUrl
    payments_provider_url: BaseUrl


def routes(app: FastAPI, payments: Payments) -> None:
    """Add the API of payments."""

    @app.post(
        "/v1/captures",
        **answers(
            CaptureShown,
            201,
            problems={402: "payment-declined", 409: "idempotency-key-reused payment-voided"},
            links={"find": KEPT_BY_KEY, "refund": KEPT_BY_KEY},
        ),
    )
    async def capture(request: CaptureRequest, key: Key) -> Response:
        """Take money from a card through the provider, once per key."""
        try:
            capture = await payments.capture(key, **request.model_dump())
        except KeyReused:
            raise Problem(409, "this key is in use for another capture", slug="idempotency-key-reused") from None
        if capture.state == "declined":
            raise Problem(402, "the payment was declined", slug="payment-declined", id=capture.id)
        if capture.state in ("voided", "refunded"):
            raise Problem(409, "nothing is captured under this key any more", slug="payment-voided", id=capture.id)
        return _shown(capture, 201)

    @app.get("/v1/captures/{key}", **answers(CaptureShown, problems={404: "unknown-capture"}))
    async def find(key: KeyInPath) -> Response:
        """Show what became of a key."""
        return _shown(await payments.find(key))

    @app.post("/v1/captures/{key}/refund", **answers(CaptureShown))
    async def refund(key: KeyInPath) -> Response:
        """Give the money back, once; a key that was never captured will not be from now on."""
        return _shown(await payments.refund(key))


def _shown(capture: Capture | None, status: int = 200) -> Response:
    if capture is None:
        raise Problem(404, "there is no capture of this key", slug="unknown-capture")
    return JSONResponse({name: getattr(capture, name) for name in CaptureShown.model_fields}, status)


def build(settings: Settings) -> RequestScope:
    """Put payments together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.payments.migrations")
    # However many attempts there is time for: the deadline that orders sends along ends them with its own
    # attempt. The provider may fail often and still be worth asking, so four in five have to fail before it is
    # left alone.
    provider = chassis.edge(
        "payments:provider",
        settings.payments_provider_url,
        timeout_s=0.4,
        retry=Retry(
            attempts=3, backoff=Backoff(first_s=0.030, most_s=0.150), budget=RetryBudget(per_call=1.0, burst=20)
        ),
        breaker=BreakerPolicy(failures=32, window=40, reset_s=2.0),
        bulkhead=48,
    )
    store = CaptureStore(database)
    payments = Payments(store, provider)
    return chassis.application(
        lambda app: routes(app, payments),
        database=database,
        audited=store,
        background=[Reconciler(store, payments).run],
    )


def main() -> None:
    """Run payments until SIGTERM."""
    run(Settings, build)
