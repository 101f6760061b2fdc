"""What the runner and its load child say to each other: one job file in, JSON lines out, one line in.

The child prints `warm`, `probed` and `ready`, waits for `{"start_ns": ...}` on stdin (absolute monotonic time of run
zero), then prints `progress` twice a second and `done` at the end. When stdin closes the runner is gone: the child
stops arrivals, writes what it has and exits. SIGTERM stops arrivals, drains and exits 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from workbench.model.base import Frozen
from workbench.model.slo import Slo


class JobJourney(Frozen):
    """One journey: a Locust `User` class."""

    name: str
    locustfile: str = Field(description="absolute path")
    user: str
    host: str = Field(description="base URL given to the class")
    weight: float


class LoadJob(Frozen):
    """Everything the load child needs to know."""

    run_id: str
    seed: int
    journeys: list[JobJourney] = Field(description="in the order of the schedule's journey numbers")
    schedule_file: str = Field(description="CSV: intended start in ns since run zero, number of the journey")
    rows_file: str = Field(description="where `requests` rows are appended")
    urls: dict[str, str] = Field(description="base URL of every service, for locustfiles that need more than host")
    max_users: int
    drain_s: float
    probe_journeys: int = Field(description="journeys run one after the other before `ready`, to measure their cost")
    masks: list[str] = Field(default_factory=list, description="what these patterns match is masked in every row")
    slis: list[Slo] = Field(description="counted live, for the abort guard and the display")


class StartSignal(Frozen):
    """The one line the child reads from stdin."""

    start_ns: int = Field(description="absolute monotonic time of run zero")


class Warm(Frozen):
    """As many journeys as the probe has were run, so that it does not measure what is done only once."""

    event: Literal["warm"] = "warm"


class Probed(Frozen):
    """The journeys of the probe are done; the runner reads how much CPU they cost."""

    event: Literal["probed"] = "probed"
    journeys: int
    failed: int
    first_error: str | None


class Ready(Frozen):
    """Users are made; the child waits for the start signal."""

    event: Literal["ready"] = "ready"


class Progress(Frozen):
    """How it goes. Counts are totals since run zero; quantiles are over the last 5 s, None without samples."""

    event: Literal["progress"] = "progress"
    at_ns: int
    planned: int
    dispatched: int
    finished: int
    in_flight: int
    queued: int
    users: int
    outcomes: dict[str, int]
    p95_ns: int | None
    lag_p99_ns: int | None
    slis: dict[str, tuple[int, int]] = Field(description="SLO name to (good, total)")
    journeys: dict[str, dict[str, int]] = Field(description="journey to its outcomes")
    rows_error: str | None = Field(description="rows can no longer be written, such as: no space left")


class Done(Frozen):
    """All rows are on disk."""

    event: Literal["done"] = "done"
    journeys: int
    unfinished: int
    rows: int
    dropped: int
    clock_start: tuple[int, int] = Field(description="(monotonic, wall) in ns")
    clock_end: tuple[int, int]


class Broken(Frozen):
    """The child cannot go on. `invalid_input`: it is the user's locustfile."""

    event: Literal["broken"] = "broken"
    message: str
    invalid_input: bool
    file: str | None = None
    line: int | None = None


LoadMessage = Annotated[Warm | Probed | Ready | Progress | Done | Broken, Field(discriminator="event")]
MESSAGE = TypeAdapter[LoadMessage](LoadMessage)
"""Reads one line of the child's stdout."""
