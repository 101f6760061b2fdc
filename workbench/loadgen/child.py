"""The life of the load child: load users, probe, wait for the start, let arrivals come, drain, report.

Decides nothing about the run: the runner gives the schedule, the start and, if it wants, an early end.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import gevent
import gevent.event
import locust

from workbench.loadgen.environment import make_environment
from workbench.loadgen.journey import Arrival
from workbench.loadgen.locustfiles import BrokenLocustfile, load_users
from workbench.loadgen.performer import Performer
from workbench.loadgen.pool import UserPool
from workbench.loadgen.probe import prepare_users, probe
from workbench.loadgen.propagation import Ids, propagate
from workbench.loadgen.recorder import Recorder
from workbench.loadgen.runner_link import RUNNER_GONE, RunnerLink
from workbench.loadgen.schedule import read_schedule
from workbench.loadgen.tally import Tally
from workbench.masking import Masks
from workbench.model.loadjob import Broken, Done, LoadJob, Progress, Ready, Warm

PROGRESS_S = 0.5
FLUSH_EVERY = 2
"""Rows are written with every second progress line."""

_CLOSE_S = 2.0
"""For on_stop of all users together, and for listeners of the end of the test."""

_DESCRIPTORS = 10_240
"""The most that macOS gives, whatever its hard limit says."""


def main(arguments: list[str]) -> int:
    """Run one job; return the exit status: 0 done, 2 broken locustfile, 3 the runner is gone, 4 other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the runner decides
    link = RunnerLink()
    try:
        (file,) = arguments
        return LoadChild(LoadJob.model_validate_json(Path(file).read_bytes()), link).run()
    except BrokenLocustfile as error:
        link.send(Broken(message=error.message, invalid_input=True, file=error.file, line=error.line))
        return 2
    except Exception as error:  # noqa: BLE001 - the edge of this process
        traceback.print_exc()
        link.send(Broken(message=f"{type(error).__name__}: {error}", invalid_input=False))
        return 4


class LoadChild:
    """One job from beginning to end."""

    def __init__(self, job: LoadJob, link: RunnerLink) -> None:
        self._job = job
        self._link = link
        self._stopping: Any = gevent.event.Event()
        self._cutting: Any = gevent.event.Event()
        self._clock_start = (monotonic_ns(), time_ns())
        self._dispatched = 0
        self._stopped_ns: int | None = None
        ids = Ids(job.run_id, job.seed)
        propagate(job.run_id, ids)
        self._schedule = read_schedule(Path(job.schedule_file), len(job.journeys))
        self._recorder = Recorder(Path(job.rows_file), Masks(job.masks))
        locust.events.request.add_listener(self._recorder.on_request)  # first: before listeners of the locustfile
        users = load_users(job.journeys)
        self._environment = make_environment(job, users)
        self._performer = Performer(
            job.journeys, users, environment=self._environment, recorder=self._recorder, ids=ids, seed=job.seed
        )
        self._tally = Tally([journey.name for journey in job.journeys], job.slis)
        self._pool = UserPool(self._performer, len(users), job.max_users, self._tally.add)

    def run(self) -> int:
        """Go through all stages. An end asked for at any stage leads to the last one."""
        gevent.signal_handler(signal.SIGTERM, self._on_sigterm)
        gevent.spawn(self._watch_runner)
        zero = self._get_ready()
        if zero is not None:
            self._carry_out(zero)
        return self._finish()

    def _get_ready(self) -> int | None:
        """Probe, make users, and wait for the start; return run zero, or None if it is to end here."""
        if not self._unless_stopped(gevent.spawn(self._rehearse)):
            return None
        self._link.send(Ready())
        if not self._unless_stopped(self._link.start):
            return None
        start_ns: int = self._link.start.get().start_ns
        return start_ns

    def _rehearse(self) -> None:
        _raise_descriptor_limit()
        self._environment.events.test_start.fire(environment=self._environment)
        probe(self._performer, self._job.journeys, self._job.probe_journeys)
        self._link.send(Warm())
        probed, lasted_s = probe(self._performer, self._job.journeys, self._job.probe_journeys)
        self._link.send(probed)
        self._recorder.muted = False
        prepare_users(self._pool, self._schedule, lasted_s, len(self._job.journeys))
        gc.collect()
        gc.freeze()

    def _carry_out(self, zero: int) -> None:
        """Let arrivals come until the schedule or the runner ends it, then drain."""
        teller = gevent.spawn(self._tell, zero)
        pacer = gevent.spawn(self._pace, zero)
        self._unless_stopped(pacer)
        pacer.kill()
        self._stopped_ns = monotonic_ns() - zero
        deadline = monotonic_ns() + int(self._job.drain_s * 1e9)
        while not self._pool.idle and monotonic_ns() < deadline and not self._cutting.wait(0.02):
            pass
        teller.kill()

    def _pace(self, zero: int) -> None:
        """Walk the schedule. Arrivals that are overdue are dispatched at once, one after the other."""
        for number, (intended, journey) in enumerate(zip(self._schedule.intended, self._schedule.journey, strict=True)):
            while (delay := zero + intended - monotonic_ns()) > 0:
                gevent.sleep(delay / 1e9)
            self._pool.dispatch(Arrival(number, journey, zero + intended))
            self._dispatched = number + 1

    def _tell(self, zero: int) -> None:
        tick = 0
        while True:
            gevent.sleep(PROGRESS_S)
            tick += 1
            if tick % FLUSH_EVERY == 0:
                self._recorder.writer.flush()
            self._progress(zero)

    def _progress(self, zero: int) -> None:
        p95_ns, lag_p99_ns = self._tally.tick()
        now = monotonic_ns() - zero
        self._link.send(
            Progress(
                at_ns=now,
                planned=self._schedule.due(now if self._stopped_ns is None else self._stopped_ns),
                dispatched=self._dispatched,
                finished=self._tally.finished,
                in_flight=self._pool.in_flight,
                queued=self._pool.queued,
                users=self._pool.users,
                outcomes=self._tally.outcomes,
                p95_ns=p95_ns,
                lag_p99_ns=lag_p99_ns,
                slis=self._tally.slis,
                journeys=self._tally.journeys,
                rows_error=self._recorder.writer.error,
            )
        )

    def _finish(self) -> int:
        """Let users go, or cut what is still going on; then write all rows."""
        unfinished = self._pool.cut()
        for journey in unfinished:
            self._tally.add(journey)
        if not self._cutting.is_set():
            gevent.spawn(self._close).join(timeout=_CLOSE_S)
        self._recorder.muted = True
        writer = self._recorder.writer
        writer.close()
        self._link.send(
            Done(
                journeys=self._tally.finished,
                unfinished=len(unfinished),
                rows=writer.rows,
                dropped=writer.dropped,
                clock_start=self._clock_start,
                clock_end=(monotonic_ns(), time_ns()),
            )
        )
        return RUNNER_GONE if self._link.gone.is_set() else 0

    def _close(self) -> None:
        events = self._environment.events
        events.test_stopping.fire(environment=self._environment)
        self._pool.close(_CLOSE_S)
        events.test_stop.fire(environment=self._environment)

    def _unless_stopped(self, awaited: Any) -> bool:
        """Wait; return False if the end was asked for first. Raises what the awaited thing failed with."""
        gevent.wait([awaited, self._stopping], count=1)
        if not awaited.ready():
            return False
        awaited.get()
        return not self._stopping.is_set()

    def _on_sigterm(self) -> None:
        """Let journeys finish at the first one, cut them at the second one."""
        if self._stopping.is_set():
            self._cutting.set()
        self._stopping.set()

    def _watch_runner(self) -> None:
        self._link.gone.wait()
        print("the runner is gone: writing what there is", file=sys.stderr, flush=True)  # noqa: T201
        self._stopping.set()
        self._cutting.set()


def _raise_descriptor_limit() -> None:
    """Every user has a socket or more, and some systems start with 256 descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
