"""The addresses for those who operate a service: health, metrics, policies, audit, flush, disturbances."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.responses import Response

from target_services.chassis import audit
from target_services.chassis.disturbances import (
    Different,
    Disturbance,
    Disturbances,
    Impossible,
    Unknown,
    Wanted,
    exempt,
)
from target_services.chassis.metrics import ServiceMetrics
from target_services.chassis.problems import Problem
from target_services.chassis.readiness import Readiness
from target_services.chassis.tracing import Tracing

_NOT_IN_FORCE = "there is no such disturbance; it may have ended by itself"

Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


@dataclass(frozen=True, slots=True)
class Operated:
    """What the addresses show."""

    service: str
    metrics: ServiceMetrics
    tracing: Tracing
    readiness: Readiness
    policies: Callable[[], dict[str, object]]
    audited: audit.Audited | None
    disturbances: Disturbances


def add(app: FastAPI, operated: Operated) -> None:
    """Add the addresses that every service has."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:
        return JSONResponse({"alive": True})

    @router.get("/readyz")
    async def readyz() -> Response:
        if (problem := await operated.readiness.problem()) is not None:
            raise problem
        return JSONResponse({"ready": True})

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        body, media_type = operated.metrics.render(request.headers.get("accept", ""))
        return Response(body, media_type=media_type)

    @router.get("/policies")
    async def policies() -> Response:
        return JSONResponse(operated.policies())

    app.include_router(router)


def add_for_workbench(app: FastAPI, operated: Operated, token: str) -> None:
    """Add the addresses that exist only under the workbench, and ask for its token."""

    def authorised(authorization: Annotated[str, Header()] = "") -> None:
        if not secrets.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise Problem(401, "a bearer token is needed", headers={"www-authenticate": "Bearer"})

    router = APIRouter(include_in_schema=False, dependencies=[Depends(authorised)])

    @router.post("/flush")
    async def flush() -> Response:
        flushed = await operated.tracing.flush()
        return JSONResponse({"flushed": flushed}, 200 if flushed else 503)

    audited = operated.audited
    if audited is not None:

        @router.get("/audit")
        async def account(since_ns: Annotated[int, Query(ge=0)] = 0) -> Response:
            exempt.set(True)  # for this request
            pieces = audit.document(operated.service, audited, since_ns)
            return StreamingResponse(pieces, media_type="application/json")

    _add_disturbances(router, operated.disturbances)
    app.include_router(router)


def _add_disturbances(router: APIRouter, disturbances: Disturbances) -> None:
    @router.get("/disturbances")
    async def in_force() -> Response:
        return _listed(disturbances.all())

    @router.delete("/disturbances")
    async def end_all() -> Response:
        return _listed(await disturbances.end_all())

    @router.put("/disturbances/{name}")
    async def begin_or_renew(name: Name, wanted: Wanted, if_match: Annotated[str, Header()] = "") -> Response:
        try:
            return JSONResponse((await disturbances.put(name, wanted, only_renew=if_match == "*")).document())
        except (Unknown, Impossible, Different) as error:
            raise _not_put(error) from None

    @router.get("/disturbances/{name}")
    async def one(name: Name) -> Response:
        try:
            return JSONResponse(disturbances.get(name).document())
        except Unknown:
            raise _not_in_force() from None

    @router.delete("/disturbances/{name}")
    async def end(name: Name) -> Response:
        try:
            return JSONResponse((await disturbances.end(name)).document())
        except Unknown:
            raise _not_in_force() from None


def _listed(disturbances: list[Disturbance]) -> Response:
    return JSONResponse({"disturbances": [one.document() for one in disturbances]})


def _not_put(error: Unknown | Impossible | Different) -> Problem:
    if isinstance(error, Unknown):
        return Problem(412, _NOT_IN_FORCE, slug="unknown-disturbance")
    if isinstance(error, Impossible):
        return Problem(422, str(error), slug="impossible-disturbance")
    return Problem(409, "this id belongs to a disturbance of other content", slug="disturbance-differs")


def _not_in_force() -> Problem:
    return Problem(404, _NOT_IN_FORCE, slug="unknown-disturbance")
