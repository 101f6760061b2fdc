"""A system under test as one file: its services, its edges, its journeys, and how it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workbench.model.base import Frozen, Misfits, Place
from workbench.model.faults.resource_actions import ResourceType
from workbench.model.integrity import Conserved, Saga, parts
from workbench.model.names import EdgeName, JourneyName, Name
from workbench.model.policies import EdgePolicy
from workbench.model.units import Duration

_PLACEHOLDERS = (
    "{port}, {port:NAME} (of `ports`), {python}, {data} (folder of this service), {system} (folder of this file), "
    "{url:SERVICE}"
)
_LAST_OFFSET = 99


class Service(Frozen):
    """One process of the system."""

    run: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:\w+$",
        description="importable function `package.module:function`, started in a forked process; fastest to start",
        examples=["target_services.orders.app:main"],
    )
    command: list[str] | None = Field(
        default=None,
        min_length=1,
        description=f"command and arguments. Placeholders: {_PLACEHOLDERS}",
        examples=[["{python}", "-m", "uvicorn", "app:app", "--port", "{port}"]],
    )
    port: int | None = Field(
        default=None, ge=0, le=_LAST_OFFSET, description="offset in the port block; default: by position"
    )
    ports: dict[Name, Annotated[int, Field(ge=0, le=_LAST_OFFSET)]] = Field(
        default_factory=dict,
        description="further ports by name, as offsets in the port block",
        examples=[{"grpc": 8}],
    )
    environment: dict[str, str] = Field(
        default_factory=dict, description=f"variables of this service. Placeholders: {_PLACEHOLDERS}"
    )
    ready: str = Field(default="/", pattern="^/", description="answers 2xx once the service can work")
    metrics: str | None = Field(default=None, pattern="^/", description="Prometheus text exposition")
    policies: str | None = Field(default=None, pattern="^/", description="answers the service's edge policies as JSON")
    audit: str | None = Field(default=None, pattern="^/", description="answers what the service has done, as JSON")
    disturb: str | None = Field(
        default=None,
        pattern="^/",
        description="takes disturbances of its database, broker or cache (docs/how-to/disturb-a-resource.md)",
    )
    traces: bool = Field(
        default=False,
        description="sends OTLP/HTTP spans to OTEL_EXPORTER_OTLP_ENDPOINT and passes W3C trace context on",
    )
    flush: str | None = Field(default=None, pattern="^/", description="POST makes it send all spans it still holds")

    @model_validator(mode="after")
    def _one_way_to_start(self) -> Service:
        if (self.run is None) == (self.command is None):
            raise ValueError("give either `run` (an importable function) or `command` (a list), not both or none")
        return self


class Edge(Frozen):
    """One caller -> callee dependency; gets a listener of its own in the fault plane."""

    caller: Name
    callee: Name
    env: str = Field(
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="variable of the caller that receives the listener: its base URL, on a tcp edge `host:port`",
    )
    protocol: Literal["http", "tcp"] = "http"
    to: Name | None = Field(
        default=None, description="one of the callee's `ports` by name; default: its `port`", examples=["grpc"]
    )
    policy: EdgePolicy | None = Field(
        default=None, description="what the caller does on this edge, for callers that do not export it"
    )

    @property
    def name(self) -> EdgeName:
        return f"{self.caller}:{self.callee}"


class Resource(Frozen):
    """What services keep their work in."""

    kind: ResourceType
    of: list[Name] = Field(min_length=1, description="the services that use it; each uses one of a kind at the most")
    receivers: list[Name] = Field(
        default_factory=list, description="of a broker: those of them that messages are delivered to; default: all"
    )
    server: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9-]*:[0-9]+$",
        description="container:port of the real server, in profile full; Toxiproxy stands in front of it",
        examples=["postgres:5432"],
    )
    environment: dict[str, str] = Field(
        default_factory=dict,
        description="variables of its services where they use that server. Placeholders: {address}, {password}",
        examples=[{"DATABASE_URL": "postgresql://orders:{password}@{address}/orders"}],
    )


class Journey(Frozen):
    """What one simulated user does once: a Locust `User` class."""

    locustfile: str = Field(description="path relative to this file")
    user: str = Field(description="name of the class")
    description: str = ""


class System(Frozen):
    """What is under test. A file `system.yaml`."""

    version: Literal[1]
    name: Name
    title: str = ""
    services: dict[Name, Service] = Field(min_length=1, max_length=100)
    edges: list[Edge] = Field(default_factory=list, max_length=90)
    resources: dict[Name, Resource] = Field(
        default_factory=dict,
        description="databases, brokers and caches that can be disturbed",
        examples=[{"orders-db": {"kind": "database", "of": ["orders"]}}],
    )
    sagas: dict[Name, Saga] = Field(
        default_factory=dict, description="by kind of record in the audits, such as `order`: what belongs to its ends"
    )
    conserved: dict[Name, Conserved] = Field(
        default_factory=dict, description="rules about the totals of the audits, by a name such as `money`"
    )
    entry: Name = Field(description="service that users talk to; journeys get its URL as host")
    journeys: dict[JourneyName, Journey] = Field(min_length=1)
    slos: list[str] = Field(default_factory=list, description="OpenSLO v1 files, relative to this file; globs allowed")
    compose: str | None = Field(
        default=None,
        description="compose file with a container per service, relative to this file (docs/how-to/docker.md)",
        examples=["compose.yaml"],
    )
    preload: list[str] = Field(
        default_factory=list, description="modules imported once before services are forked (for `run`)"
    )
    bugs: dict[Name, str] = Field(
        default_factory=dict,
        description="defects that can be planted with --bug: name and what it does; passed in WORKBENCH_BUGS",
    )
    ready_within: Duration = Field(default=Duration.parse("30s"), description="deadline for all services to be ready")
    masks: list[str] = Field(
        default_factory=list,
        description="regular expressions; what they match is masked in everything that is kept",
    )

    @model_validator(mode="after")
    def _names_resolve(self) -> System:
        problems = [*self._edge_problems(), *self._port_problems(), *self._resource_problems()]
        problems += self._total_problems()
        if self.entry not in self.services:
            problems.append((("entry",), f"there is no service {self.entry!r}; there are: {', '.join(self.services)}"))
        for index, mask in enumerate(self.masks):
            try:
                re.compile(mask)
            except re.error as error:
                problems.append((("masks", index), f"{mask!r} is not a regular expression: {error}"))
        if problems:
            raise Misfits(problems)
        return self

    def _edge_problems(self) -> Iterator[tuple[Place, str]]:
        seen: set[EdgeName] = set()
        variables: set[tuple[Name, str]] = set()
        for index, edge in enumerate(self.edges):
            for key, end in (("caller", edge.caller), ("callee", edge.callee)):
                if end not in self.services:
                    yield ("edges", index, key), f"there is no service {end!r}; there are: {', '.join(self.services)}"
            if edge.name in seen:
                yield ("edges", index), f"edge {edge.name} is declared twice"
            elif (edge.caller, edge.env) in variables:
                yield ("edges", index, "env"), f"variable {edge.env} of {edge.caller} is that of another edge too"
            if edge.to is not None and edge.callee in self.services and edge.to not in self.services[edge.callee].ports:
                known = ", ".join(self.services[edge.callee].ports) or "none"
                yield ("edges", index, "to"), f"{edge.callee} has no port {edge.to!r}; its `ports` are: {known}"
            seen.add(edge.name)
            variables.add((edge.caller, edge.env))

    def _port_problems(self) -> Iterator[tuple[Place, str]]:
        holders: dict[int, str] = {}
        for name, service in self.services.items():
            own: list[tuple[Place, int, str]] = [
                (("services", name, "ports", port), offset, f"{name} {port}") for port, offset in service.ports.items()
            ]
            if service.port is not None:
                own.insert(0, (("services", name, "port"), service.port, name))
            for place, offset, holder in own:
                if offset in holders:
                    yield place, f"port offset {offset} is that of {holders[offset]} too"
                holders.setdefault(offset, holder)

    def _resource_problems(self) -> Iterator[tuple[Place, str]]:
        users: dict[tuple[Name, ResourceType], Name] = {}
        for name, resource in self.resources.items():
            if name in self.services:
                yield ("resources", name), f"{name!r} is the name of a service; give the resource another one"
            for index, service in enumerate(resource.receivers):
                if service not in resource.of:
                    yield ("resources", name, "receivers", index), f"{service} is not among those that use it (`of`)"
            for index, service in enumerate(resource.of):
                place: Place = ("resources", name, "of", index)
                if service not in self.services:
                    yield place, f"there is no service {service!r}; there are: {', '.join(self.services)}"
                elif (service, resource.kind) in users:
                    yield place, f"{service} has a {resource.kind} already: {users[service, resource.kind]}"
                users.setdefault((service, resource.kind), name)

    def _total_problems(self) -> Iterator[tuple[Place, str]]:
        audited = [name for name, service in self.services.items() if service.audit is not None]
        for name, rule in self.conserved.items():
            for _, service, total in map(parts, rule.terms):
                if service not in audited:
                    known = ", ".join(audited) or "none"
                    yield (
                        ("conserved", name),
                        f"{service}.{total}: no service {service!r} has an `audit`; those that have are: {known}",
                    )

    def edge(self, name: EdgeName) -> Edge | None:
        """Return the edge of that name, if there is one."""
        return next((edge for edge in self.edges if edge.name == name), None)
