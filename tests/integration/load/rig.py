"""Runs a real load child on a locustfile given as text, and reads the rows that it wrote."""

from __future__ import annotations

import csv
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.adapters.locust_load import LocustLoad
from workbench.model.loadjob import Done, JobJourney, LoadJob, Probed
from workbench.model.slo import Slo
from workbench.model.tables import REQUESTS

DEADLINE_S = 60.0
PRELUDE = "from locust import FastHttpUser, HttpUser, SequentialTaskSet, TaskSet, User, events, task\n"


@dataclass
class Rig:
    """`users` are the classes of the locustfile that make the journeys; a journey is named as its class."""

    folder: Path
    host: str
    load: LocustLoad = field(default_factory=LocustLoad)
    job: LoadJob | None = None

    def launch(
        self,
        locustfile: str,
        arrivals: Sequence[tuple[float, int]],
        *users: str,
        probe_journeys: int = 0,
        max_users: int = 50,
        drain_s: float = 10.0,
        seed: int = 1,
        slis: Sequence[Slo] = (),
        files: Mapping[str, Path] = MappingProxyType({}),
        before_start: Callable[[Path], None] = lambda _: None,
    ) -> None:
        """Start a child and do not wait. `arrivals` are (seconds since run zero, number of the user)."""
        raw = self.folder / "raw"
        raw.mkdir(exist_ok=True)
        file = self.folder / "locustfile.py"
        file.write_text(PRELUDE + textwrap.dedent(locustfile))
        schedule = self.folder / "schedule.csv"
        schedule.write_text("".join(f"{round(at * 1e9)},{number}\n" for at, number in arrivals))
        self.job = LoadJob(
            run_id="run-1",
            seed=seed,
            journeys=[
                JobJourney(name=user, locustfile=str(files.get(user, file)), user=user, host=self.host, weight=1)
                for user in users
            ],
            schedule_file=str(schedule),
            rows_file=str(raw / "requests.csv"),
            urls={"shop": "http://127.0.0.1:1"},
            max_users=max_users,
            drain_s=drain_s,
            probe_journeys=probe_journeys,
            slis=list(slis),
        )
        before_start(file)
        self.load.start(self.job, self.folder / "job.json")

    def start(self, locustfile: str, arrivals: Sequence[tuple[float, int]], *users: str, **settings: Any) -> Probed:
        """Start a child up to the end of its probe."""
        self.launch(locustfile, arrivals, *users, **settings)
        return self.load.wait_probed(DEADLINE_S)

    def begin(self) -> int:
        """Give run zero, a moment from now; return it."""
        self.load.wait_ready(DEADLINE_S)
        zero = time.monotonic_ns() + 50_000_000
        self.load.begin(zero)
        return zero

    def run(self, locustfile: str, arrivals: Sequence[tuple[float, int]], *users: str, **settings: Any) -> Done:
        """Run a job to its own end."""
        self.start(locustfile, arrivals, *users, **settings)
        self.begin()
        return self.load.wait_done(DEADLINE_S)

    @property
    def log(self) -> str:
        return (self.folder / "job.log").read_text()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows, numbers as numbers, empty fields as None."""
        return [_typed(row) for row in csv.reader((self.folder / "raw" / "requests.csv").read_text().splitlines())]

    @property
    def journeys(self) -> list[dict[str, Any]]:
        return sorted((r for r in self.rows if r["kind"] == "journey"), key=lambda row: row["arrival"])

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["kind"] == "request"]

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Outcome and error of every journey, in the order of arrivals."""
        return [(row["outcome"], row["error"]) for row in self.journeys]

    def wait_for(self, what: str, condition: Any) -> None:
        """Wait until something is so, with a deadline."""
        until = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < until, f"waited {DEADLINE_S:g} s until {what}; log:\n{self.log}"
            time.sleep(0.02)


def _typed(values: list[str]) -> dict[str, Any]:
    assert len(values) == len(REQUESTS.columns), values
    return {
        column.name: None if value == "" else value if column.type == "VARCHAR" else int(value)
        for column, value in zip(REQUESTS.columns, values, strict=True)
    }
