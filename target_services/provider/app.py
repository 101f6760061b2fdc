"""The payment provider's process: its address space, its settings, its start."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

from target_services.chassis.database import Database
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import DatabaseUrl, ServiceSettings
from target_services.provider.domain import SCHEMA, Charge, KeyReused, Provider

Key = Annotated[str, Header(alias="idempotency-key", min_length=1, max_length=200)]


class Settings(ServiceSettings):
    """What the provider has to be told."""

    database_url: DatabaseUrl


class ChargeRequest(BaseModel):
    """What to take from which card."""

    amount_cents: int = Field(gt=0)
    card: str = Field(min_length=1, max_length=64)


def routes(app: FastAPI, provider: Provider) -> None:
    """Add the provider's API."""

    @app.post("/v1/charges")
    async def charge(request: ChargeRequest, key: Key) -> Response:
        try:
            charge = await provider.charge(key, request.amount_cents, request.card)
        except KeyReused:
            raise Problem(409, "this key is in use for another charge", slug="idempotency-key-reused") from None
        if charge.state == "declined":
            raise Problem(402, "the card was declined", slug="card-declined", id=charge.id)
        return _shown(charge, 201)

    @app.get("/v1/charges/{key}")
    async def find(key: str) -> Response:
        return _shown(await provider.find(key))

    @app.post("/v1/charges/{key}/refund")
    async def refund(key: str) -> Response:
        return _shown(await provider.refund(key))


def _shown(charge: Charge | None, status: int = 200) -> Response:
    if charge is None:
        raise Problem(404, "there is no charge of this key", slug="unknown-charge")
    document = {"id": charge.id, "state": charge.state, "amount_cents": charge.amount_cents}
    return JSONResponse(document, status)


def build(settings: Settings) -> RequestScope:
    """Put the provider together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.provider.migrations")
    provider = Provider(database)
    return chassis.application(lambda app: routes(app, provider), database=database, audited=provider)


def main() -> None:
    """Run the provider until SIGTERM."""
    run(Settings, build)
