"""The payment provider's process: its address space, its settings, its start."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response

from target_services.chassis.database import Database
from target_services.chassis.openapi import answers
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import DatabaseUrl, ServiceSettings
from target_services.provider.domain import SCHEMA, Charge, KeyReused, Provider
from target_services.provider.shapes import KEPT_BY_KEY, ChargeRequest, ChargeShown, Key, KeyInPath


class Settings(ServiceSettings):
    """What the provider has to be told."""

    database_url: DatabaseUrl
    provider_declines: float = Field(default=0.0, ge=0, le=1, description="share of cards without enough money")


def routes(app: FastAPI, provider: Provider) -> None:
    """Add the provider's API."""

    @app.post(
        "/v1/charges",
        **answers(
            ChargeShown,
            201,
            problems={402: "card-declined", 409: "idempotency-key-reused charge-voided"},
            links={"find": KEPT_BY_KEY, "refund": KEPT_BY_KEY},
        ),
    )
    async def charge(request: ChargeRequest, key: Key) -> Response:
        """Take money from a card, once per key."""
        try:
            charge = await provider.charge(key, **request.model_dump())
        except KeyReused:
            raise Problem(409, "this key is in use for another charge", slug="idempotency-key-reused") from None
        if charge.state == "declined":
            raise Problem(402, "the card was declined", slug="card-declined", id=charge.id)
        if charge.state == "voided":
            raise Problem(409, "this key was given up before it was charged", slug="charge-voided", id=charge.id)
        return _shown(charge, 201)

    @app.get("/v1/charges/{key}", **answers(ChargeShown, problems={404: "unknown-charge"}))
    async def find(key: KeyInPath) -> Response:
        """Show what became of a key."""
        return _shown(await provider.find(key))

    @app.post("/v1/charges/{key}/refund", **answers(ChargeShown))
    async def refund(key: KeyInPath) -> Response:
        """Give the money back, once; a key that was never charged will not be from now on."""
        return _shown(await provider.refund(key))


def _shown(charge: Charge | None, status: int = 200) -> Response:
    if charge is None:
        raise Problem(404, "there is no charge of this key", slug="unknown-charge")
    return JSONResponse({name: getattr(charge, name) for name in ChargeShown.model_fields}, status)


def build(settings: Settings) -> RequestScope:
    """Put the provider together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.provider.migrations")
    provider = Provider(database, declines=settings.provider_declines)
    return chassis.application(lambda app: routes(app, provider), database=database, audited=provider)


def main() -> None:
    """Run the provider until SIGTERM."""
    run(Settings, build)
