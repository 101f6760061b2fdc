"""The catalog process: its address space, its edges, its settings, its start."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.responses import Response

from target_services.catalog.domain import FRESH_S, KEEP_S, Catalog
from target_services.catalog.search import Search
from target_services.catalog.shapes import PageQuery, ProductId, ProductPage, ProductShown
from target_services.catalog.tables import SCHEMA
from target_services.chassis.database import Database
from target_services.chassis.flags import Flag
from target_services.chassis.openapi import answers
from target_services.chassis.problems import Problem
from target_services.chassis.request_scope import RequestScope
from target_services.chassis.resilience.breaker import BreakerPolicy
from target_services.chassis.resilience.budget import RetryBudget
from target_services.chassis.resilience.grpc_wire import GrpcWire
from target_services.chassis.resilience.hedge import Hedge
from target_services.chassis.resilience.retry import Backoff, Retry
from target_services.chassis.service import Chassis, run
from target_services.chassis.settings import CacheUrl, DatabaseUrl, GrpcTarget, ServiceSettings


class Settings(ServiceSettings):
    """What catalog has to be told."""

    database_url: DatabaseUrl
    catalog_inventory_target: GrpcTarget
    cache_url: CacheUrl | None = Field(default=None, description="Redis to cache in; unset: in the process")


def routes(app: FastAPI, catalog: Catalog) -> None:
    """Add the API of catalog."""

    @app.get("/v1/products", **answers(ProductPage, problems={400: "bad-cursor"}))
    async def products(query: Annotated[PageQuery, Query()]) -> Response:
        """List products, searched, filtered and sorted."""
        search = Search(
            q=" ".join(query.q.lower().split()),
            category=query.category,
            material=query.material,
            min_price_cents=query.min_price_cents,
            max_price_cents=query.max_price_cents,
            sort=query.sort,
        )
        return JSONResponse(await catalog.page(search, query.cursor, query.limit))

    @app.get("/v1/products/{product_id}", **answers(ProductShown, problems={404: "unknown-product"}))
    async def product(product_id: ProductId) -> Response:
        """Show a product, with how much there is of it where that can be told."""
        found = await catalog.product(product_id)
        if found is None:
            raise Problem(404, "there is no such product", slug="unknown-product")
        return JSONResponse(found)


def build(settings: Settings) -> RequestScope:
    """Put catalog together."""
    chassis = Chassis(settings)
    database = Database(settings.database_url, SCHEMA, migrations="target_services.catalog.migrations")
    cache = chassis.cache("catalog", settings.cache_url, fresh_s=FRESH_S, keep_s=KEEP_S)
    inventory = chassis.edge(
        "catalog:inventory",
        GrpcWire(settings.catalog_inventory_target),
        timeout_s=0.4,
        hedge=Hedge(
            least_s=0.020,
            most_s=0.200,
            budget=RetryBudget(per_call=0.05, burst=5),
            enabled=lambda: chassis.flags.is_on(Flag.HEDGED_READS),
        ),
        retry=Retry(
            attempts=2, backoff=Backoff(first_s=0.030, most_s=0.060), budget=RetryBudget(per_call=0.5, burst=10)
        ),
        breaker=BreakerPolicy(failures=10, window=16, reset_s=4.0, slow=13, slow_s=0.35),
        bulkhead=64,
        fallback="without-badge",
    )
    catalog = Catalog(database, cache, inventory)
    return chassis.application(lambda app: routes(app, catalog), database=database, prepare=catalog.fill)


def main() -> None:
    """Run catalog until SIGTERM."""
    run(Settings, build)
