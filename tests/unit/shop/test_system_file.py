"""What the shop says of itself holds against the formats of those who read it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML
from sqlalchemy import MetaData

import target_services
from target_services import goods
from target_services.chassis import bugs
from target_services.chassis.database import Database
from target_services.chassis.request_scope import RequestScope
from target_services.users import demo
from tests.unit.shop.asgi import ask_once
from tests.unit.shop.schemas import SCHEMAS, migrations
from workbench.model.policies import EdgePolicy, Policies
from workbench.model.slo import SloDocument
from workbench.model.system import System

FOLDER = Path(target_services.__file__).parent


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


SYSTEM = System.model_validate(_yaml(FOLDER / "system.yaml"))


def _application(service: str) -> RequestScope:
    module = importlib.import_module(f"target_services.{service}.app")
    of_protocol = {"http": "http://127.0.0.1:1", "tcp": "127.0.0.1:1"}
    urls = {edge.env.lower(): of_protocol[edge.protocol] for edge in SYSTEM.edges if edge.caller == service}
    settings = module.Settings(
        service_name=service,
        port=1,
        workbench_stack="test",
        workbench_token=SecretStr("secret"),
        **({} if service == "gateway" else {"database_url": "sqlite:////nowhere.db"}),
        **urls,
    )
    application = module.build(settings)
    assert isinstance(application, RequestScope)
    return application


@pytest.mark.parametrize("service", SCHEMAS)
def test_every_service_brings_its_database_forward(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens its database with the schema and the revisions that are its own."""
    module = importlib.import_module(f"target_services.{service}.app")
    opened: list[tuple[MetaData, str | None]] = []

    def database(url: str, schema: MetaData, *, migrations: str | None = None) -> Database:
        opened.append((schema, migrations))
        return Database(url, schema, migrations=migrations)

    monkeypatch.setattr(module, "Database", database)
    _application(service)
    assert opened == [(SCHEMAS[service], migrations(service))]


def test_every_service_with_a_database_is_known() -> None:
    """All but the gateway, which keeps nothing."""
    assert {*SCHEMAS} == {*SYSTEM.services} - {"gateway"}


@pytest.mark.parametrize("service", SYSTEM.services)
def test_every_service_can_be_started_as_it_says(service: str) -> None:
    """`run` names a function that exists, and its module is preloaded."""
    run = SYSTEM.services[service].run
    assert run is not None
    module, _, function = run.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert module in SYSTEM.preload


def test_everything_that_is_preloaded_exists() -> None:
    """A module that cannot be imported would fail the start of the whole system."""
    for module in SYSTEM.preload:
        importlib.import_module(module)


def test_policies_are_exported_for_every_edge_and_no_other() -> None:
    """The answers of all services together name exactly the edges of the system."""
    policies: dict[str, object] = {}
    for service in SYSTEM.services:
        reply = ask_once(_application(service), "GET", "/policies")
        policies |= Policies.model_validate(reply.json()).edges
    assert set(policies) == {edge.name for edge in SYSTEM.edges}


def test_no_attempt_outlasts_the_attempt_that_it_is_part_of() -> None:
    """The timeout of an inner edge is shorter than that of the edge it serves."""
    policies: dict[str, EdgePolicy] = {}
    for service in SYSTEM.services:
        reply = ask_once(_application(service), "GET", "/policies")
        policies |= Policies.model_validate(reply.json()).edges
    nested = {
        "payments:provider": "orders:payments",
        "catalog:inventory": "gateway:catalog",
        "orders:payments": "gateway:orders",
        "orders:inventory": "gateway:orders",
    }
    for inner, outer in nested.items():
        below, above = policies[inner].timeout, policies[outer].timeout
        assert below is not None
        assert above is not None
        assert below < above


def test_bugs_are_listed_with_their_meaning() -> None:
    """The system file and the services name the same bugs, in the same words."""
    assert SYSTEM.bugs == {bug.value: meaning for bug, meaning in bugs.MEANINGS.items()}


def test_objectives_are_what_the_workbench_can_judge() -> None:
    """OpenSLO documents over the journeys, each named like its file; those of customers have both kinds."""
    paths = sorted(path for pattern in SYSTEM.slos for path in FOLDER.glob(pattern))
    slos = {path.stem: SloDocument.model_validate(_yaml(path)).to_slo() for path in paths}
    customers = ("account", "browse", "checkout")
    assert set(slos) >= {f"{journey}-{what}" for journey in customers for what in ("availability", "latency")}
    for name, slo in slos.items():
        assert slo.name == name
        assert slo.journey in SYSTEM.journeys


def test_audit_and_flush_ask_for_the_token() -> None:
    """Without it they answer 401, with a wrong one too."""
    app = _application("orders")
    for method, path in (("GET", "/audit"), ("POST", "/flush")):
        assert ask_once(app, method, path).status == 401
        assert ask_once(app, method, path, authorization="Bearer wrong").status == 401
    assert ask_once(app, "POST", "/flush", authorization="Bearer secret").json() == {"flushed": True}


def test_outside_the_workbench_there_is_no_audit() -> None:
    """A shop that runs for real does not tell what it has done."""
    from target_services.provider.app import Settings, build  # noqa: PLC0415 - like the services above

    settings = Settings(service_name="provider", port=1, database_url="sqlite:////nowhere.db")
    assert ask_once(build(settings), "GET", "/audit").status == 404


def test_the_journeys_know_the_shop_that_they_visit() -> None:
    """They are loaded by a process that has nothing of the shop, so what they know of it is written down twice."""
    told = dict(re.findall(r"^(_[A-Z]+) = (.*?)(?:  #.*)?$", (FOLDER / "journeys.py").read_text(), re.MULTILINE))
    assert int(told["_PRODUCTS"]) == goods.COUNT
    assert told["_ACCOUNTS"] == SYSTEM.services["users"].environment["DEMO_ACCOUNTS"]
    assert told["_PASSWORD"].strip('"') == demo.PASSWORD
