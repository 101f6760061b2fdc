"""What travels between the collector's API and its client. Shared by both sides, so it holds no behaviour."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from workbench.model.base import Frozen
from workbench.model.loadjob import Progress
from workbench.model.stack import ResourceAddress
from workbench.model.system import System


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    return text


ProcessName = Annotated[str, Field(min_length=1)]
Pid = Annotated[int, Field(gt=0)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Target(Frozen):
    """A service to be scraped."""

    metrics_url: str = Field(pattern=r"^https?://")


class FaultSources(Frozen):
    """Who has faults that are on, and says so when asked with the token of the stack."""

    lists: list[str] = Field(default_factory=list, description="URLs of the faults of a plane, or of the supervisor")
    resources: dict[str, ResourceAddress] = Field(default_factory=dict, description="what services disturb themselves")


class LivePage(Frozen):
    """What the live page is about, and who may see it."""

    token: str = Field(min_length=16)
    stack_id: str
    system: System
    state: str = Field(pattern="^/", description="absolute path of the folder that a run holds")
    reports: str = Field(pattern="^/", description="where runs are kept, until one is kept elsewhere")
    recordings: str | None = Field(
        default=None, pattern="^/", description="where a fault plane that sees no run directory writes its rows"
    )
    faults: FaultSources = Field(default_factory=FaultSources, description="those that are on while no run goes on")


class Targets(Frozen):
    """Body of PUT /targets: replaces what was watched before."""

    services: dict[str, Target] = Field(default_factory=dict)
    processes: dict[ProcessName, Pid] = Field(default_factory=dict)
    masks: list[Pattern] = Field(
        default_factory=list, description="regular expressions; what they match is masked in everything kept"
    )

    spans_to: str | None = Field(
        default=None, pattern=r"^https?://", description="OTLP/HTTP address that all spans are forwarded to"
    )
    relay: str | None = Field(
        default=None, pattern=r"^[\w.-]+:\d+$", description="host:port of the relay through which containers ask"
    )

    live: LivePage | None = Field(default=None, description="without it no live page is served")


class SliCount(Frozen):
    """What users of a run had so far, by one SLO."""

    good: int
    total: int


class RunNow(Frozen):
    """Body of PUT /run: how the run that goes on stands. Served to scrapers, and never stored."""

    slis: dict[str, SliCount] = Field(default_factory=dict, description="by SLO")
    objectives: dict[str, float] = Field(default_factory=dict, description="by SLO: the share that is to be good")
    faults: dict[str, str] = Field(default_factory=dict, description="all of the run's: id to target")
    on: list[str] = Field(default_factory=list, description="ids of the faults that are on")
    run: str | None = Field(default=None, description="id of the run; None when it has ended")
    scenario: str = ""
    phases: list[str] = Field(default_factory=list, description="all of the run's")
    phase: str | None = Field(default=None, description="the one that goes on")
    journeys: list[str] = Field(default_factory=list, description="all that users make")
    progress: Progress | None = Field(default=None, description="of the load, as it told last")


class LiveSample(Frozen):
    """The latest finite value of one `workbench_` metric."""

    service: str
    name: str
    labels: dict[str, str]
    value: float
    at_ns: int


class Samples(Frozen):
    """Answer to GET /samples."""

    samples: list[LiveSample]
