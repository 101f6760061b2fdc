"""A running system: where everything listens. Both runtimes return it; after that no code asks which one it is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.faults.base import Ability
from workbench.model.faults.resource_actions import ResourceType
from workbench.model.makers import Servers
from workbench.model.names import EdgeName, Name
from workbench.model.planes import PlaneName
from workbench.model.runtimes import Profile, RuntimeName
from workbench.model.tools import Tool


class InsideAddress(Frozen):
    """Where an edge is for containers: only the relay tells us what they meet there."""

    listener: str = Field(description="host:port that the caller uses")
    upstream: str = Field(description="host:port of the callee")
    relay: str = Field(description="host:port of the relay on this machine")


class EdgeAddress(Frozen):
    """An edge's listener in the fault plane, and what is behind it."""

    listener: str = Field(description="host:port that the caller uses")
    upstream: str = Field(description="host:port of the callee, or of the port of it that the edge is `to`")
    protocol: Literal["http", "tcp"]
    inside: InsideAddress | None = Field(default=None, description="the same, as containers see it")


class ResourceAddress(Frozen):
    """Something that services keep their work in, and where each of them takes disturbances of it."""

    kind: ResourceType
    disturb: dict[Name, str] = Field(description="URL by service")
    of: list[Name] = Field(default_factory=list, description="the services that use it")
    server: str | None = Field(
        default=None, description="container:port of the real server, where Toxiproxy stands in front of it"
    )


class ProcessId(Frozen):
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started_s: float = Field(description="start time as the operating system gives it, in seconds since 1970")


class RunningStack(Frozen):
    """`stack.json`, written when everything is ready."""

    version: Literal[1] = 1
    stack_id: str
    runtime: RuntimeName = RuntimeName.NATIVE
    profile: Profile = Profile.CORE
    system: Name
    system_file: str
    bugs: list[str] = Field(default_factory=list)
    port_base: int
    services: dict[Name, str] = Field(description="base URLs")
    ports: dict[Name, dict[Name, str]] = Field(
        default_factory=dict, description="further ports of services by name, as host:port"
    )
    edges: dict[EdgeName, EdgeAddress]
    resources: dict[Name, ResourceAddress] = Field(default_factory=dict, description="what can be disturbed")
    control_url: str = Field(description="of the supervisor")
    fault_plane: PlaneName = Field(default=PlaneName.BUILTIN, description="what injects faults on edges")
    plane_url: str
    recordings: str | None = Field(
        default=None,
        description="folder of this machine that the fault plane sees as /recordings, where it sees no other",
    )
    collector_url: str
    tools: dict[Tool, str] = Field(default_factory=dict, description="base URLs of the real tools beside it")
    token: str
    abilities: list[Ability]
    owned: bool = Field(description="started by `run` and gone with it; a stack from `up` stays")
    processes: dict[str, ProcessId] = Field(default_factory=dict)
    ready_after_s: float = Field(default=0.0, description="what starting took")

    @property
    def servers(self) -> Servers:
        """The resources with Toxiproxy in front of them."""
        return {name: resource.of for name, resource in self.resources.items() if resource.server is not None}

    @property
    def supervisor(self) -> ProcessId | None:
        return self.processes["supervisor"] if "supervisor" in self.processes else None
