"""A system under test as one file: its services, its edges, its journeys, and how it starts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from workbench.model.base import Frozen
from workbench.model.names import EdgeName, JourneyName, Name
from workbench.model.policies import EdgePolicy
from workbench.model.units import Duration

_PLACEHOLDERS = "{port}, {python}, {data} (folder of this service), {system} (folder of this file), {url:SERVICE}"


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
    port: int | None = Field(default=None, ge=0, lt=100, description="offset in the port block; default: by position")
    environment: dict[str, str] = Field(
        default_factory=dict, description=f"variables of this service. Placeholders: {_PLACEHOLDERS}"
    )
    ready: str = Field(default="/", pattern="^/", description="answers 2xx once the service can work")
    metrics: str | None = Field(default=None, pattern="^/", description="Prometheus text exposition")
    policies: str | None = Field(default=None, pattern="^/", description="answers the service's edge policies as JSON")
    audit: str | None = Field(default=None, pattern="^/", description="answers what the service has done, as JSON")
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
        description="variable of the caller that receives the listener's base URL",
    )
    protocol: Literal["http", "tcp"] = "http"
    policy: EdgePolicy | None = Field(
        default=None, description="what the caller does on this edge, for callers that do not export it"
    )

    @property
    def name(self) -> EdgeName:
        return f"{self.caller}:{self.callee}"


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
    services: dict[Name, Service] = Field(min_length=1)
    edges: list[Edge] = Field(default_factory=list)
    entry: Name = Field(description="service that users talk to; journeys get its URL as host")
    journeys: dict[JourneyName, Journey] = Field(min_length=1)
    slos: list[str] = Field(default_factory=list, description="OpenSLO v1 files, relative to this file; globs allowed")
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
        problems = [
            f"edge {edge.name}: there is no service {end!r}"
            for edge in self.edges
            for end in (edge.caller, edge.callee)
            if end not in self.services
        ]
        names = [edge.name for edge in self.edges]
        problems += [f"edge {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
        if self.entry not in self.services:
            problems.append(f"entry: there is no service {self.entry!r}")
        ports = [service.port for service in self.services.values() if service.port is not None]
        problems += [f"port offset {port} is used twice" for port in sorted({p for p in ports if ports.count(p) > 1})]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def edge(self, name: EdgeName) -> Edge | None:
        """Return the edge of that name, if there is one."""
        return next((edge for edge in self.edges if edge.name == name), None)
