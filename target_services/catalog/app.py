"""The catalog process: its address space, its edges, its settings, its start."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Query
from fastapi.responses import JSONResponse
from starlette.responses import Response

from target_services.catalog.domain import LARGEST_ID, SCHEMA, Catalog
from target_services.chassis.database import Database
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import BaseUrl, DatabaseUrl, ServiceSettings

ProductId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


class Settings(ServiceSettings):
    """What catalog has to be told."""

    database_url: DatabaseUrl
    catalog_inventory_url: BaseUrl


def routes(app: FastAPI, catalog: Catalog) -> None:
    """Add the API of catalog."""

    @app.get("/v1/products")
    async def products(
        cursor: Annotated[str | None, Query(max_length=100)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Response:
        page = await catalog.page(cursor, limit)
        return JSONResponse({"items": page.items, "next_cursor": page.next_cursor, "degraded": False})

    @app.get("/v1/products/{product_id}")
    async def product(product_id: ProductId) -> Response:
        found = await catalog.product(product_id)
        if found is None:
            raise Problem(404, "there is no such product", slug="unknown-product")
        return JSONResponse(found)


def build(settings: Settings) -> RequestScope:
    """Put catalog together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.catalog.migrations")
    inventory = chassis.edge(
        "catalog:inventory",
        settings.catalog_inventory_url,
        timeout_s=0.4,
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.030, most_s=0.060), budget=RetryBudget(per_call=0.5, burst=10)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0, slow=13, slow_s=0.35),
        bulkhead=64,
        fallback="without-badge",
    )
    catalog = Catalog(database, inventory)
    return chassis.application(lambda app: routes(app, catalog), database=database, prepare=catalog.fill)


def main() -> None:
    """Run catalog until SIGTERM."""
    run(Settings, build)
