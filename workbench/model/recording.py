"""What travels between the runner and a process that keeps rows of a run: fault plane, collector. No behaviour."""

from __future__ import annotations

from pydantic import Field

from workbench.model.base import Frozen
from workbench.model.events import Clock


class RecordingOrder(Frozen):
    """Body of PUT /recording."""

    directory: str = Field(pattern="^/", description="absolute path of the folder of raw tables")
    run_id: str = Field(min_length=1)
    canary: str = Field(default="", description="token that marks the workbench's own requests")


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


class Health(Frozen):
    """Answer to GET /health."""

    ok: bool
    monotonic_ns: int


class Refusal(Frozen):
    """Body of every answer with an error status."""

    error: str
    status: int
    problems: list[str] = Field(default_factory=list)
