"""What travels between the collector's API and its client. Shared by both sides, so it holds no behaviour."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from workbench.model.base import Frozen
from workbench.model.events import Clock


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


class Targets(Frozen):
    """Body of PUT /targets: replaces what was watched before."""

    services: dict[str, Target] = Field(default_factory=dict)
    processes: dict[ProcessName, Pid] = Field(default_factory=dict)
    masks: list[Pattern] = Field(
        default_factory=list, description="regular expressions; what they match is masked in everything kept"
    )


class RecordingOrder(Frozen):
    """Body of PUT /recording; the fault plane's has the same form."""

    directory: str = Field(pattern="^/", description="absolute path of the folder of raw tables")
    run_id: str = Field(min_length=1)
    canary: str = Field(default="", description="means something to the fault plane only")


class RecordingStarted(Frozen):
    """Answer to PUT /recording."""

    clock: Clock


class RecordingState(Frozen):
    """Answer to GET /recording. Rows are those in the files; tables are missing while nothing is recorded."""

    active: bool
    rows: dict[str, int]
    dropped: dict[str, int]
    error: str | None


class RecordingEnd(Frozen):
    """Answer to DELETE /recording: what is in the files, and what could not be kept."""

    clock: Clock
    rows: dict[str, int]
    dropped: dict[str, int]
    error: str | None


class LiveSample(Frozen):
    """The latest finite value of one `workbench_` metric."""

    service: str
    name: str
    labels: dict[str, str]
    value: float
    at_ns: int


class Live(Frozen):
    """Answer to GET /live."""

    samples: list[LiveSample]


class Health(Frozen):
    """Answer to GET /health."""

    ok: bool
    monotonic_ns: int


class Refusal(Frozen):
    """Body of every answer with an error status."""

    error: str
    status: int
    problems: list[str] = Field(default_factory=list)
